# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one page of HTML that asks nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report.charts import (
    NOTHING,
    distribution,
    milliseconds,
    topology,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report.health import STATES, hit_rate
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

TEMPLATE = Path(__file__).resolve().parents[3] / "playbooks" / "templates" / "report.html.j2"
#: Rows that are in the page as such; a script shows the others, a page of them at a time.
ROWS = 100
SLOWEST, UPSTREAMS, PROBLEMS, NAMED = 10, 20, 40, 6


def percent(share: float | None) -> str:
    if share is None:
        return NOTHING
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.{1 if share < 0.99 else 2}f} %"


def _row(entry: Mapping[str, Any]) -> list[Any]:
    """What a row of the table shows: words first, then what it is sorted by."""
    version = entry["dnsmasq"] or NOTHING
    return [
        entry["host"],
        f"{entry['network'] or NOTHING}{' (bridge)' if entry['tier'] == 'bridge' else ''}",
        entry["state"],
        entry["provider"] or NOTHING,
        version,
        ", ".join(entry["nameservers"]) or NOTHING,
        entry["cold_ms"],
        entry["cached_ms"],
        hit_rate(entry["counted"]),
        "; ".join(entry["findings"]),
    ]


def _problems(hosts: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same finding of many hosts is one."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in hosts:
        for text in entry["findings"]:
            found.setdefault((entry["state"], text), []).append(entry["host"])
    rank = {state: number for number, state in enumerate(STATES)}
    rows = sorted(found.items(), key=lambda item: (rank[item[0][0]], -len(item[1])))
    return [
        {"state": state, "text": text, "hosts": names[:NAMED], "more": max(0, len(names) - NAMED), "count": len(names)}
        for (state, text), names in rows
    ]


def _values(report: Mapping[str, Any], key: str) -> list[float]:
    return [entry[key] for entry in report["hosts"] if entry[key] is not None]


def _curves(report: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> list[tuple[str, str, list[float]]]:
    curves = [
        ("from the cache", "cached", _values(report, "cached_ms")),
        ("not from the cache", "cold", _values(report, "cold_ms")),
    ]
    if earlier:
        curves.append(("from the cache, before", "cached before", _values(earlier, "cached_ms")))
        curves.append(("not from the cache, before", "cold before", _values(earlier, "cold_ms")))
    return [curve for curve in curves if curve[2]]


def embedded(value: Any) -> Markup:
    """As data for the page's script: no text in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def page(report: Mapping[str, Any], earlier: Mapping[str, Any] | None, data: str) -> str:
    """The page of a report, beside an earlier one if there is one; `data` is the name of the file with the figures."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(ms=milliseconds, percent=percent, number=lambda value: f"{value:,}")
    rows = [_row(entry) for entry in report["hosts"]]
    problems = _problems(report["hosts"])
    slowest = sorted(_by_time(report), key=lambda entry: -entry["cached_ms"])[:SLOWEST]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        summary=report["summary"],
        earlier=earlier,
        states=STATES,
        topology=topology(report["networks"]) if report["networks"] else "",
        curves=_curves(report, earlier),
        plot=distribution(_curves(report, earlier)),
        problems=problems[:PROBLEMS],
        more_problems=max(0, len(problems) - PROBLEMS),
        slowest=slowest,
        upstreams=report["summary"]["upstreams"][:UPSTREAMS],
        more_upstreams=max(0, len(report["summary"]["upstreams"]) - UPSTREAMS),
        rows=rows[:ROWS],
        all_rows=embedded(rows),
        data=data,
    )


def _by_time(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in report["hosts"] if entry["cached_ms"] is not None]
