# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a resolver answers rightly, from its cache, and fast.

Latency alone is no proof: a cached answer leaves dnsmasq's misses and upstream sends alone, and its TTL falls.
All I/O is passed in, so everything here is decided by what was seen. Runs under Python 3.6.
"""

import time

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.everywhere.dnsmasq.plugins.module_utils import _dns
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._proof import ROUNDS, TTL_STEP, Lookup, Server, Wrong

ARGUMENTS = {
    "queries": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "default": "A"},
            "expected": {"type": "list", "elements": "str"},
            "rcode": {"type": "str", "choices": ["NOERROR", "NXDOMAIN"]},
            "cached": {"type": "bool", "default": True},
            "reference": {"type": "list", "elements": "str"},
            "required": {"type": "bool", "default": True},
        },
    },
    "server": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 53},
    "transport": {"type": "str", "choices": ["udp", "tcp", "libc"], "default": "udp"},
    "samples": {"type": "int", "default": 20},
    "max_cached_ms": {"type": "float", "default": 1.0},
    "quantile": {"type": "str", "choices": ["min", "median", "p95", "p99", "max"], "default": "median"},
    "timeout": {"type": "float", "default": 2.0},
    "tries": {"type": "int", "default": 2},
}

LIBRARY = "dnspython >= 1.15 (python3-dnspython on Debian and SUSE, python3-dns on Red Hat)"
_RANGES = {"port": (1, 65535), "samples": (1, 10000), "tries": (1, 10)}
_LIMITS = {"max_cached_ms": 60000, "timeout": 60}  # above 0 and up to this


class Unproven(Exception):
    """What was asked for is not so; the message is one sentence, results holds the figures so far."""

    def __init__(self, message, results):
        super().__init__(message)
        self.results = results


def assess(params, ask=_dns.ask, clock=time.monotonic, sleep=time.sleep, libc=_dns.libc, nameservers=_dns.nameservers):
    """Ask all queries, judge all of them, and only then fail; the wait for a falling TTL happens once for all."""
    results = {
        "server": params["server"],
        "port": params["port"],
        "transport": params["transport"],
        "counters": False,
        "slowest_ms": None,
        "queries": [],
    }
    try:
        if not _dns.HAS_DNSPYTHON:
            raise ValueError(missing_required_lib(LIBRARY))
        _check(params)
        lookups = [
            _named("queries[%d]" % number, Lookup, query, params) for number, query in enumerate(params["queries"])
        ]
        if params["transport"] == "libc":
            _check_libc(params["server"], nameservers())
    except ValueError as error:
        raise Unproven(str(error), results) from error

    server = Server(params, ask, libc)
    results["counters"] = server.counts
    _each(lookups, lambda lookup: lookup.begin(server))
    unproven = [lookup for lookup in lookups if lookup.cached]
    for _round in range(ROUNDS):
        _each(unproven, lambda lookup: lookup.sample(server, clock))
        unproven = [lookup for lookup in unproven if lookup.failure is None]
        if not unproven:
            break
        sleep(max(0.0, max(lookup.since for lookup in unproven) + TTL_STEP - clock()))
        _each(unproven, lambda lookup: lookup.end(server))
        unproven = [lookup for lookup in unproven if lookup.failure is None and lookup.verdict.again]
    _each(lookups, lambda lookup: lookup.judge())

    results["queries"] = [lookup.result() for lookup in lookups]
    slow = [query["cached"]["max"] for query in results["queries"] if query["cached"]]
    results["slowest_ms"] = max(slow) if slow else None
    failures = ["%s: %s" % (lookup.question.label, lookup.failure) for lookup in lookups if lookup.failure]
    if failures:
        more = len(failures) - 1
        rest = "; %d more %s failed" % (more, "query" if more == 1 else "queries") if more else ""
        raise Unproven(failures[0] + rest, results)
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
        if not query["required"] and not query["reference"]:
            told = "queries[%d]: required is false for %s, which has no reference that could be silent: %s"
            raise ValueError(told % (number, repr(query["name"])[1:-1], "name one, or set it to true"))
    _named("server", _dns.parse_ip, params["server"])
    if params["transport"] == "libc" and params["port"] != 53:
        raise ValueError("port must be 53, not %d, because libc asks no other" % params["port"])


def _named(option, parse, *raw):
    try:
        return parse(*raw)
    except ValueError as error:
        raise ValueError("%s: %s" % (option, error)) from error


def _check_libc(server, found):
    if not found or _dns.parse_ip(found[0].split("%")[0]) != _dns.parse_ip(server):
        first = "%s first" % repr(found[0])[1:-1] if found else "no nameserver"
        raise ValueError("libc does not ask %s: /etc/resolv.conf names %s" % (server, first))


def _each(lookups, step):
    """One query's failure does not keep the others from being assessed."""
    for lookup in lookups:
        if lookup.failure is None:
            try:
                step(lookup)
            except (Wrong, _dns.NoAnswer) as error:
                lookup.failure = str(error)
