# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan and a route in lines to read: zones that go the same way stand together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_UPSTREAMS = {"dhcp": "what DHCP handed out", "none": "nobody"}


def _who(hosts: list[str], made: dict[str, Any]) -> str:
    names = ", ".join(hosts) if len(hosts) < 4 else f"{hosts[0]} to {hosts[-1]}, {len(hosts)} hosts"
    return f"{names}: tier {made['tier']} in {made['network'] or 'no network'}"


def _ways(made: dict[str, Any]) -> Iterator[str]:
    ways: dict[tuple[str, ...], list[str]] = {}
    for rule in made["forwards"] + made["reverse"]:
        ways.setdefault((rule["owner"], rule["via"], *rule["servers"]), []).append(rule["zone"])
    for (owner, via, *servers), zones in ways.items():
        through = "" if via == owner else f", through {via}"
        yield f"{' '.join(zones)} ({owner}'s{through}) -> {', '.join(servers)}"


def _sizes(sizes: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sizes.items() if value is not None)


def format_plan(hosts: list[str], plan: dict[str, Any], route: list[dict[str, Any]]) -> list[str]:
    """The first line says whose it is; the others are indented below it."""
    upstream = plan["upstream"]
    without = f", without {', '.join(upstream['exclude'])}" if upstream["exclude"] else ""
    lines = [
        f"answers at {', '.join(plan['listen'])}",
        *_ways(plan),
        f"everything else -> {_UPSTREAMS.get(upstream['mode'], ', '.join(upstream['servers']))}{without}",
        f"sizes: {_sizes(plan['sizes'])}",
    ]
    lines += [f"answers what comes from {', '.join(plan['allow'])}"] if plan["allow"] else []
    for step in route:
        asks = ", ".join(step["asks"]) or _UPSTREAMS[step["to"]]
        where = f"{', '.join(step['at'])} ({step['network'] or 'no network'})"
        lines.append(f"{step['step']}. {where} -> {asks}: {step['because']}")
    return [_who(hosts, plan), *(f"  {line}" for line in lines)]


def format_plans(plans: Iterable[Mapping[str, Any]]) -> list[str]:
    """Of all plans, as derive_plans returns them."""
    return [line for entry in plans for line in format_plan(entry["hosts"], entry["plan"], entry["route"])]
