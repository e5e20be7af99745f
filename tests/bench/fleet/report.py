# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the fleet as tables, plots and claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from results import Claim, Plot, Table

COLUMNS = {
    "round": "round",
    "asked": "ask",
    "to_bridges": "to bridges",
    "crossed": "cross",
    "authority": "authority",
    "ok": "answered",
    "refused": "REFUSED",
    "servfail": "SERVFAIL",
    "lost": "lost",
    "dropped": "dropped",
    "p50": "p50 ms",
    "p99": "p99 ms",
    "p999": "p99.9 ms",
    "max": "max ms",
}
_LEGEND = (
    "to bridges, cross, authority: queries sent to the bridges of the own network, over the interconnect, to the "
    "authority. lost: clients without an answer within 5 s. dropped: datagrams that found a full socket. Clients do "
    "not ask again. at one instant: the own bridges are held until all have asked, 0.3 s at most, which is part of the "
    "latencies."
)
#: Where a query can be.
_STEPS = {"asked": "clients ask", "to_bridges": "to bridges", "crossed": "cross", "authority": "to the authority"}
_FAILED = {"lost": "lost", "refused": "REFUSED"}
_WAITS = {"p50": "p50", "p99": "p99", "max": "max"}
#: From here on a host asks again by itself and answers from expired records.
_MODERN = (2, 88)


def _expiry(row: dict[str, Any]) -> str:
    each = {key: row[key] / max(1, row["expiries"]) for key in ("to_bridges", "crossed", "authority")}
    return (
        f"expiry: {row['instances']} locals asked through {row['expiries']} expiries; for each "
        f"{each['to_bridges']:.1f} queries to bridges, {each['crossed']:.1f} across, {each['authority']:.1f} to the "
        f"authority; {row['waited']} lookups took as long as that takes."
    )


def _name(suite: dict[str, Any]) -> str:
    return f"{suite['suite']}, dnsmasq {suite['version']}"


def table(suite: dict[str, Any]) -> Table:
    memory = suite["memory"]
    notes = [
        f"{suite['instances']:,} locals in {memory['local_pss_mib']:.0f} MiB (Pss), 4 bridges in "
        f"{memory['bridges_pss_mib']:.0f} MiB; with the kernel "
        f"{memory['available_before_mib'] - memory['available_after_mib']:.0f} MiB of what was available.",
        *(_expiry(row) for row in suite["rounds"] if "expiries" in row),
        _LEGEND,
    ]
    rows = [[row[key] for key in COLUMNS] for row in suite["rounds"]]
    return Table(f"{_name(suite)}: {suite['instances']:,} hosts", list(COLUMNS.values()), rows, " ".join(notes))


def plots(suite: dict[str, Any], delay: float) -> Iterator[Plot]:
    """What is asked at each step, who gets no answer, how long the others wait."""

    def bars(title: str, unit: str, keys: dict[str, str], scale: str) -> Plot:
        series = [
            {"label": label, "values": {row["round"]: row[key] for row in suite["rounds"]}}
            for key, label in keys.items()
        ]
        return Plot(f"{_name(suite)}: {title}", unit, "bars", series, scale)

    yield bars("what is asked at each step", "queries", _STEPS, "log")
    yield bars("no answer within 5 s, no second try", "clients", _FAILED, "linear")
    yield bars(f"latency; the authority takes {delay:.0f} ms", "milliseconds", _WAITS, "log")


def claims(suite: dict[str, Any]) -> Iterator[Claim]:
    rows = {row["round"]: row for row in suite["rounds"]}
    name = _name(suite)
    version = tuple(int(part) for part in suite["version"].split(".")[:2])
    once = 1 if version >= _MODERN else 2
    for kind in ("cold 1", "cold at one instant"):
        yield Claim(f"{name}, {kind}: a name crosses once for each bridge", rows[kind]["crossed"], 2)
        yield Claim(
            f"{name}, {kind}: and reaches the authority once (before 2.88: twice)", rows[kind]["authority"], once
        )
    yield Claim(f"{name}, warm: nobody is asked", rows["warm"]["to_bridges"], 0)
    ours = [row for row in suite["rounds"] if not row["round"].startswith("defaults")]
    yield Claim(f"{name}: lookups without an answer in all rounds", sum(r["asked"] - r["ok"] for r in ours), 0)
    theirs = [row for row in suite["rounds"] if row["round"].startswith("defaults")]
    unanswered = sum(row["asked"] - row["ok"] for row in theirs)
    yield Claim(f"{name}: the same with dnsmasq's defaults", unanswered, 1, "at least")
