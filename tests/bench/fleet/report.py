# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the fleet as a table to read."""

from __future__ import annotations

from typing import Any

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
_LEGEND = """
to bridges, cross, authority: queries sent to the bridges of the own network, over the interconnect, to the authority.
lost: clients without an answer within 5 s. dropped: datagrams that found a full socket. Clients do not ask again.
at one instant: the own bridges are held until all have asked, 0.3 s at most, which is part of the latencies."""


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _lines(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]))
    return lines


def table(results: dict[str, Any]) -> str:
    parts = []
    for suite in results["suites"]:
        memory = suite["memory"]
        parts.append(
            f"\n{suite['suite']}, dnsmasq {suite['version']}: {suite['instances']} locals in "
            f"{memory['local_pss_mib']:.0f} MiB (Pss), 4 bridges in {memory['bridges_pss_mib']:.0f} MiB; with the "
            f"kernel {memory['available_before_mib'] - memory['available_after_mib']:.0f} MiB of what was available"
        )
        rows = [[_cell(row[key]) for key in COLUMNS] for row in suite["rounds"]]
        parts += _lines([list(COLUMNS.values()), *rows])
        for row in suite["rounds"]:
            if "expiries" in row:
                each = {key: row[key] / max(1, row["expiries"]) for key in ("to_bridges", "crossed", "authority")}
                parts.append(
                    f"expiry: {row['instances']} locals asked through {row['expiries']} expiries; for each "
                    f"{each['to_bridges']:.1f} queries to bridges, {each['crossed']:.1f} across, "
                    f"{each['authority']:.1f} to the authority; {row['waited']} lookups took as long as that takes"
                )
    return "\n".join([*parts, _LEGEND])
