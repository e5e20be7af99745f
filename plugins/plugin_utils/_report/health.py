# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a fleet was found to be, as data: every host judged, the ones that need somebody first."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

FORMAT = 1
#: What a host is, the worst first, and how the page calls it.
STATES = {
    "down": "does not answer",
    "wrong": "answers wrongly",
    "drift": "differs from the plan",
    "notice": "worth a look",
    "bare": "not deployed",
    "fine": "fine",
}
#: Above this share a cache drops names that it could have answered, and an upstream fails more than by chance.
EVICTED, FAILED = 0.05, 0.05
#: Fewer say nothing.
ENOUGH = 200

HostReport = dict[str, Any]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), 3) if known else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def hit_rate(counted: Mapping[str, Any] | None) -> float | None:
    """The share of questions that the cache answered."""
    return _share(counted["hits"], counted["hits"] + counted["misses"]) if counted else None


def _reached(entry: HostReport, result: Mapping[str, Any]) -> bool:
    if result.get("unreachable") or not result.get("provider"):
        entry["state"] = "down"
        why = str(result.get("msg") or "it was not asked").strip()
        entry["findings"].append(f"could not be asked: {why}")
        return False
    return True


def _looked_at(entry: HostReport, info: Mapping[str, Any]) -> None:
    """What resolver_info said."""
    dnsmasq = info["dnsmasq"]
    entry.update(
        provider=info["provider"],
        nameservers=info["nameservers"],
        dnsmasq=dnsmasq["version"] if dnsmasq["installed"] else None,
        package=dnsmasq["package"],
        updates=info["updates"],
        systemd=info["systemd"],
        os=" ".join(filter(None, (info["os"]["id"], info["os"]["version"]))),
    )
    if not dnsmasq["ours"]:
        entry["state"] = "bare"
        entry["findings"] += [info["obstacle"]] if info["obstacle"] else []
        return
    if info["nameservers"][:1] != ["127.0.0.1"]:
        entry["state"] = "wrong"
        first = info["nameservers"][0] if info["nameservers"] else "nobody"
        entry["findings"].append(f"{info['path']} names {first} first, and not 127.0.0.1")
    elif not info.get("up_to_date", True):
        entry["state"] = "drift"
        entry["findings"].append(f"not as deployed: {info['drift']}")
    _notice(entry, info["notes"])


def _notice(entry: HostReport, notes: list[str]) -> None:
    entry["findings"] += notes
    if notes and entry["state"] == "fine":
        entry["state"] = "notice"


def _asked(entry: HostReport, result: Mapping[str, Any]) -> None:
    """What query_latency measured."""
    queries = result.get("queries") or []
    failures = [f"{query['name']} {query['type']}: {query['failure']}" for query in queries if query["failure"]]
    if not queries and result.get("msg"):
        failures = [str(result["msg"])]
    if failures:
        entry["state"] = "wrong"
        entry["findings"] += failures
    cached = [query["cached"] for query in queries if query["cached"]]
    # dnsmasq caches neither SOA nor NS unless it is told to, so these were asked for where the answer is.
    entry["cold_ms"] = _median(query["cold_ms"] for query in queries if not query["cached"])
    entry["cached_ms"] = _median(figures["median"] for figures in cached)
    entry["p99_ms"] = max((figures["p99"] for figures in cached), default=None)
    entry["counted"] = counted = result.get("statistics")
    if counted:
        _counted(entry, counted)


def _counted(entry: HostReport, counted: Mapping[str, Any]) -> None:
    notes = []
    evicted = _share(counted["evictions"], counted["insertions"])
    if evicted and evicted > EVICTED and counted["insertions"] >= ENOUGH:
        notes.append(f"{evicted:.0%} of what its cache took in was dropped unexpired: raise cache_size")
    for server in counted["servers"]:
        failed = _share(server["failed"], server["sent"])
        if failed and failed > FAILED and server["sent"] >= ENOUGH:
            notes.append(f"{server['address']} failed {failed:.0%} of {server['sent']} queries")
    _notice(entry, notes)


def judged(host: str, plan: Mapping[str, Any], info: Mapping[str, Any], asked: Mapping[str, Any]) -> HostReport:
    """One host: what it is planned to be, what it said of itself, and what it answered."""
    entry: HostReport = {
        "host": host,
        "network": plan["network"],
        "tier": plan["tier"],
        "state": "fine",
        "findings": [],
        "provider": None,
        "nameservers": [],
        "dnsmasq": None,
        "package": None,
        "updates": None,
        "systemd": None,
        "os": None,
        "cold_ms": None,
        "cached_ms": None,
        "p99_ms": None,
        "counted": None,
    }
    if _reached(entry, info):
        _looked_at(entry, info)
        if entry["state"] != "bare":
            _asked(entry, asked)
    return entry


def _upstreams(entries: Iterable[HostReport]) -> list[dict[str, Any]]:
    """Each server that somebody asks, over all who ask it."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        for server in (entry["counted"] or {"servers": []})["servers"]:
            row = found.setdefault(
                server["address"], {"address": server["address"], "hosts": 0, "sent": 0, "failed": 0}
            )
            row["hosts"] += 1
            row["sent"] += server["sent"]
            row["failed"] += server["failed"]
    return sorted(found.values(), key=lambda row: (-row["failed"], -row["sent"], row["address"]))


def _tally(entries: Iterable[HostReport], key: str) -> dict[str, int]:
    return dict(Counter(str(entry[key]) for entry in entries if entry[key] is not None).most_common())


def summary(entries: list[HostReport]) -> dict[str, Any]:
    """The fleet in a few figures; None where nothing was measured."""
    counted = [entry["counted"] for entry in entries if entry["counted"]]
    total = {key: sum(each[key] for each in counted) for key in ("hits", "misses", "insertions", "evictions")}
    states = Counter(entry["state"] for entry in entries)
    return {
        "hosts": len(entries),
        "states": {state: states.get(state, 0) for state in STATES},
        "cached_ms": _median(entry["cached_ms"] for entry in entries),
        "cold_ms": _median(entry["cold_ms"] for entry in entries),
        "slowest_ms": max((entry["cached_ms"] for entry in entries if entry["cached_ms"] is not None), default=None),
        "hit_rate": hit_rate(total) if counted else None,
        "evicted": _share(total["evictions"], total["insertions"]),
        "upstreams": _upstreams(entries),
        "providers": _tally(entries, "provider"),
        "versions": _tally(entries, "dnsmasq"),
        "systems": _tally(entries, "os"),
    }


def in_order(entries: Iterable[HostReport]) -> list[HostReport]:
    """Who needs somebody first, then by network and name."""
    rank = {state: number for number, state in enumerate(STATES)}
    return sorted(entries, key=lambda entry: (rank[entry["state"]], entry["network"] or "", entry["host"]))
