#!/usr/bin/python

# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: query_latency
short_description: Prove that a resolver answers rightly, from its cache, and fast
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
extends_documentation_fragment:
  - everywhere.dnsmasq.query
description:
  - Asks the resolver of the host where it runs, measures the answers, and fails unless every query is proven.
  - A query is asked once, its answer is compared with what is expected and with what O(queries[].reference) says, and
    then it is asked O(samples) times more for the cached answer.
  - Latency alone is no proof of a cache. dnsmasq counts what it could not answer from its cache and what it sent
    upstream (C(misses.bind) and C(servers.bind)). These must not move while the samples are taken, and after 1.1
    seconds, waited once for all queries together, the TTL must have fallen.
  - Other clients move the counters too. A measurement that they disturbed is repeated, three times at most. If the
    counters still moved, but by less than the number of samples, a falling TTL decides.
  - A TTL that does not fall is excused where the counters stand still, because the record is renewed every other
    second, has its TTL capped by C(max-ttl), or is a negative answer without a SOA. An answer with TTL 0 is excused
    where C(use-stale-cache) served it, which RV(queries[].evidence) says too.
  - A server that shows no counters (dnsmasq with C(no-ident), other software) is judged by its TTL and its time
    alone, and RV(queries[].evidence) says so.
  - All queries are assessed before the module fails. The message is about the first that failed and counts the
    others, and the figures of all of them are in the result.
attributes:
  check_mode:
    support: full
    description: Only asks, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
options:
  server:
    description:
      - The IPv4 or IPv6 address of the resolver to prove. Names are errors.
    type: str
    default: 127.0.0.1
  port:
    description:
      - The port of the resolver, V(1) to V(65535). Must be V(53) with O(transport=libc).
    type: int
    default: 53
  transport:
    description:
      - How the measured queries travel.
      - V(udp) asks as most clients do, and again over TCP where the answer is truncated. The time runs from sending
        the query to receiving the answer.
      - V(tcp) opens one connection for each query, as most clients do. The time includes opening it. dnsmasq forgets
        what it counts for TCP, so one query over UDP is asked between the readings of the counters.
      - V(libc) measures C(getaddrinfo()), which is what the processes on the host get. The first C(nameserver) of
        C(/etc/resolv.conf) must be O(server), and the counters of O(server) must show that the lookups reached it.
        Neither O(timeout) nor O(tries) applies to those lookups. TTLs are still asked over UDP.
    type: str
    choices: [udp, tcp, libc]
    default: udp
  samples:
    description:
      - How often each cached answer is asked for, V(1) to V(10000).
    type: int
    default: 20
  max_cached_ms:
    description:
      - The limit in milliseconds that O(quantile) of the cached answers must not exceed, above V(0) and up to
        V(60000).
    type: float
    default: 1.0
  quantile:
    description:
      - Which figure of the samples is held to O(max_cached_ms).
      - V(p95) and V(p99) are the percentiles by nearest rank.
    type: str
    choices: [min, median, p95, p99, max]
    default: median
  timeout:
    description:
      - How long one try waits for an answer, in seconds, above V(0) and up to V(60).
    type: float
    default: 2.0
  tries:
    description:
      - How often a query without an answer is asked in all, V(1) to V(10).
    type: int
    default: 2
  statistics:
    description:
      - Whether to read, before anything is asked, all that dnsmasq has counted since it started, into RV(statistics).
    type: bool
    default: false
requirements:
  - dnspython >= 1.15 on the host where the module runs (C(python3-dnspython) or C(python3-dns))
notes:
  - Queries desire recursion and carry no EDNS options, always the same, so they meet one entry of the cache.
seealso:
  - module: everywhere.dnsmasq.resolver_info
  - plugin: everywhere.dnsmasq.plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Prove that the host's own resolver caches a name
  everywhere.dnsmasq.query_latency:
    queries:
      - name: db.corp.example

- name: Prove the answer against the authority, and that a wrong name stays wrong
  everywhere.dnsmasq.query_latency:
    queries:
      - name: db.corp.example
        reference: [192.0.2.11, 192.0.2.12]
      - name: no-such-host.corp.example
        rcode: NXDOMAIN
      - name: corp.example
        type: MX
        expected: [10 mail.corp.example]
        cached: false

- name: Prove what the processes on this host get
  everywhere.dnsmasq.query_latency:
    transport: libc
    samples: 100
    quantile: p95
    queries:
      - name: db.corp.example
        expected: [192.0.2.80]

- name: Measure a resolver elsewhere, and keep the figures
  everywhere.dnsmasq.query_latency:
    server: 198.51.100.53
    max_cached_ms: 80
    queries:
      - name: db.corp.example
  register: bridge
"""

RETURN = r"""
server:
  description: The address of the resolver, from O(server).
  returned: always
  type: str
  sample: 127.0.0.1
port:
  description: The port of the resolver, from O(port).
  returned: always
  type: int
  sample: 53
transport:
  description: How the measured queries travelled, from O(transport).
  returned: always
  type: str
  sample: udp
counters:
  description: Whether the resolver shows the counters of dnsmasq.
  returned: always
  type: bool
  sample: true
slowest_ms:
  description: The slowest of all cached answers, in milliseconds. Null if none were measured.
  returned: always
  type: float
  sample: 0.214
statistics:
  description:
    - What the dnsmasq at O(server) has counted since it started. Null without O(statistics) or where nothing is shown.
  returned: always
  type: dict
  contains:
    cachesize: {description: How many names the cache holds at most., type: int, sample: 10000}
    insertions: {description: How many names were put into the cache., type: int, sample: 412}
    evictions: {description: How many of these took the place of one that had not expired., type: int, sample: 0}
    hits: {description: How many queries the cache answered., type: int, sample: 51882}
    misses: {description: How many were forwarded., type: int, sample: 398}
    servers:
      description: Each upstream.
      type: list
      elements: dict
      contains:
        address: {description: Its address and port., type: str, sample: "10.1.0.2#53"}
        sent: {description: How many queries were sent to it., type: int, sample: 231}
        failed: {description: How many of these it refused or could not answer., type: int, sample: 0}
queries:
  description: What was found of each query, in the order of O(queries). Empty if an option is wrong.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The name without its final dot., type: str, sample: db.corp.example}
    type: {description: The record type., type: str, sample: A}
    transport: {description: How it travelled., type: str, sample: udp}
    rcode:
      description: The response code. Null if there was no answer.
      type: str
      sample: NOERROR
    answers:
      description: The data of the records, sorted, names in lower case.
      type: list
      elements: str
      sample: [192.0.2.80]
    cold_ms:
      description: The time of the first ask, in milliseconds, cached or not. Null if there was no answer.
      type: float
      sample: 61.871
    cached:
      description: The distribution of the samples, in milliseconds. Null if none were taken.
      type: dict
      contains:
        min: {description: The fastest., type: float, sample: 0.087}
        median: {description: The median., type: float, sample: 0.103}
        p95: {description: The 95th percentile., type: float, sample: 0.188}
        p99: {description: The 99th percentile., type: float, sample: 0.214}
        max: {description: The slowest., type: float, sample: 0.214}
    ttls:
      description: The TTLs that were seen, in order, in seconds. A negative answer has that of its SOA.
      type: list
      elements: int
      sample: [300, 299]
    from_cache:
      description: Whether the answers are proven to come from the cache.
      type: bool
      sample: true
    evidence:
      description: What RV(queries[].from_cache) rests on. Null if the cache was not looked at.
      type: dict
      contains:
        counters: {description: Whether the counters could be read., type: bool, sample: true}
        misses: {description: How much C(misses.bind) moved. Null without counters., type: int, sample: 0}
        sent: {description: How many queries were sent upstream meanwhile. Null without counters., type: int, sample: 0}
        ttl_first: {description: The TTL of the first cached answer. Null if it has none., type: int, sample: 300}
        ttl_last: {description: The TTL after the wait. Null if it has none., type: int, sample: 299}
        stale:
          description: Whether expired answers were served from the cache (C(use-stale-cache)).
          type: bool
          sample: false
        words:
          description: The same as a clause to read.
          type: str
          sample: misses and upstream sends unchanged over 20 answers, TTL fell from 300 to 299
    skipped:
      description: Why this query was not asked, see O(queries[].required). Null if it was.
      type: str
    failure:
      description: Why this query failed. Null if it did not.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.check import ARGUMENTS, CheckFailed, assess


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        results = assess(module.params)
    except CheckFailed as error:
        module.fail_json(msg=str(error), changed=False, **error.results)
    module.exit_json(changed=False, **results)


if __name__ == "__main__":
    main()
