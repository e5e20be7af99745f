# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a resolver answers rightly, from its cache, and fast.

Latency alone is no proof: a cached answer leaves dnsmasq's misses and upstream sends alone, and its TTL falls.
All I/O is passed in, so everything here is decided by what was seen. Runs under Python 3.6.
"""

import time

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import wire
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.cache_proof import (
    PAUSE,
    ROUNDS,
    TTL_STEP,
    Lookup,
    Server,
    Wrong,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.query import (
    QUERY_SPEC,
    TRANSPORTS,
    contradictions,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import parse

ARGUMENTS = {
    "queries": {"type": "list", "elements": "dict", "required": True, "options": QUERY_SPEC},
    "server": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 53},
    "transport": {"type": "str", "choices": TRANSPORTS, "default": "udp"},
    "samples": {"type": "int", "default": 20},
    "max_cached_ms": {"type": "float", "default": 1.0},
    "quantile": {"type": "str", "choices": ["min", "median", "p95", "p99", "max"], "default": "median"},
    "timeout": {"type": "float", "default": 2.0},
    "tries": {"type": "int", "default": 2},
    "statistics": {"type": "bool", "default": False},
}

LIBRARY = "dnspython >= 1.15 (python3-dnspython on Debian and SUSE, python3-dns on Red Hat)"
_RANGES = {"port": (1, 65535), "samples": (1, 10000), "tries": (1, 10)}
_LIMITS = {"max_cached_ms": 60000, "timeout": 60}  # above 0 and up to this


class CheckFailed(Exception):
    """What was asked for is not so; the message is one sentence, results holds the figures so far."""

    def __init__(self, message, results):
        super().__init__(message)
        self.results = results


def assess(params, ask=wire.ask, clock=time.monotonic, sleep=time.sleep, libc=wire.libc, resolv_conf=parse.read):
    """Ask all queries, judge all of them, and only then fail; the wait for a falling TTL happens once for all."""
    results = {
        "server": params["server"],
        "port": params["port"],
        "transport": params["transport"],
        "counters": False,
        "slowest_ms": None,
        "statistics": None,
        "queries": [],
    }
    try:
        if not wire.HAS_DNSPYTHON:
            raise ValueError(missing_required_lib(LIBRARY))
        _check(params)
        lookups = [_lookup(number, query, params) for number, query in enumerate(params["queries"])]
        read = resolv_conf() if any(lookup.way["transport"] == "libc" for lookup in lookups) else None
        for lookup in lookups:
            if lookup.way["transport"] == "libc":
                _check_libc(lookup.way["server"], read["nameservers"])
    except ValueError as error:
        raise CheckFailed(str(error), results) from error

    if params["statistics"]:  # before anything is asked that it would count
        where = (params["server"], params["port"], "udp", params["timeout"], 1)
        results["statistics"] = wire.statistics(lambda question: ask(question, *where))
    servers = {}
    for lookup in lookups:
        key = (lookup.way["server"], lookup.way["transport"])
        if key not in servers:
            servers[key] = Server(lookup.way, ask, libc, bool(read) and "use-vc" in read["options"])
        lookup.server = servers[key]
    results["counters"] = all(server.counts for server in servers.values())
    _each(lookups, lambda lookup: lookup.begin(lookup.server))
    unproven = [lookup for lookup in lookups if lookup.cached]
    for _round in range(ROUNDS):
        _each(unproven, lambda lookup: lookup.sample(lookup.server, clock))
        unproven = [lookup for lookup in unproven if lookup.failure is None]
        if not unproven:
            break
        _await_falling(unproven, clock, sleep)
        _each(unproven, lambda lookup: lookup.end(lookup.server))
        unproven = [lookup for lookup in unproven if lookup.failure is None and lookup.verdict.again]
    _each(lookups, lambda lookup: lookup.judge())

    results["queries"] = [lookup.result() for lookup in lookups]
    slow = [query["cached"]["max"] for query in results["queries"] if query["cached"]]
    results["slowest_ms"] = max(slow) if slow else None
    failures = ["%s: %s" % (lookup.question.label, lookup.failure) for lookup in lookups if lookup.failure]
    if failures:
        more = len(failures) - 1
        rest = "; %d more %s failed" % (more, "query" if more == 1 else "queries") if more else ""
        raise CheckFailed(failures[0] + rest, results)
    return results


def _check(params):
    """What the argument specification cannot say."""
    for name, (low, high) in sorted(_RANGES.items()):
        if not low <= params[name] <= high:
            raise ValueError("%s must be %d to %d, not %s" % (name, low, high, params[name]))
    for name, high in sorted(_LIMITS.items()):
        if not 0 < params[name] <= high:
            raise ValueError("%s must be above 0 and at most %d, not %s" % (name, high, params[name]))
    if not params["queries"]:
        raise ValueError("queries is empty: name at least one to prove")
    for number, query in enumerate(params["queries"]):
        for option, reason in contradictions(query):
            told = "queries[%d]: %s of %s is %r, which %s"
            raise ValueError(told % (number, option, repr(query["name"])[1:-1], query[option], reason))
    _named("server", wire.parse_ip, params["server"])
    if params["transport"] == "libc" and params["port"] != 53:
        raise ValueError("port must be 53, not %d, because libc asks no other" % params["port"])


def _lookup(number, query, params):
    """With the options as they hold for this query."""
    own = {option: query[option] for option in ("server", "transport") if query[option] is not None}
    if "server" in own:
        _named("queries[%d]: server" % number, wire.parse_ip, own["server"])
    if own.get("transport") == "libc" and params["port"] != 53:
        raise ValueError("queries[%d]: port must be 53, not %d, for libc asks no other" % (number, params["port"]))
    return _named("queries[%d]" % number, Lookup, query, dict(params, **own))


def _await_falling(lookups, clock, sleep):
    """TTLs are whole seconds, so at a server all fall at once: until the last one that was asked for has, or should."""
    last = {id(lookup.server): lookup for lookup in sorted(lookups, key=lambda lookup: lookup.since)}
    end = max(lookup.since for lookup in lookups) + TTL_STEP
    for _look in range(int(TTL_STEP / PAUSE) + 1):
        if clock() >= end or all(lookup.has_fallen(lookup.server) for lookup in last.values()):
            break
        sleep(max(0.0, min(PAUSE, end - clock())))


def _named(option, parse, *raw):
    try:
        return parse(*raw)
    except ValueError as error:
        raise ValueError("%s: %s" % (option, error)) from error


def _check_libc(server, found):
    if not found or wire.parse_ip(found[0].split("%")[0]) != wire.parse_ip(server):
        first = "%s first" % repr(found[0])[1:-1] if found else "no nameserver"
        raise ValueError("libc does not ask %s: /etc/resolv.conf names %s" % (server, first))


def _each(lookups, step):
    """One query's failure does not keep the others from being assessed."""
    for lookup in lookups:
        if lookup.failure is None:
            try:
                step(lookup)
            except (Wrong, wire.NoAnswer) as error:
                lookup.failure = str(error)
