# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drawings of the report, as SVG. By hand: a plotting library is one more thing to install on each controller."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

PLOT = (760, 280)
MARGIN = (48, 16, 40, 36)  # left, top, bottom, right of a plot
POINTS = 240
#: Pixels below which a drawing is scrolled, not made smaller.
NARROWEST = 560
#: Of half an ellipse, to measure it by.
STEPS = 360
#: More lines than boxes can be told apart by: where everybody reaches everybody a sentence says so.
MESH = 6


#: For what was not measured.
NOTHING = "\N{EN DASH}"


class Size(NamedTuple):
    """Of a network's box, and how far the boxes of a ring stand from its middle, for each of them."""

    width: int
    height: int
    aside: int
    above: int


ROOMY, COMPACT = Size(210, 96, 40, 26), Size(150, 78, 30, 22)
#: From so many on each box says less, so that it can be read.
MANY = 11


def size_for(number: int) -> Size:
    return COMPACT if number >= MANY else ROOMY


def clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


# --- the topology ---


def _hub(networks: Sequence[Mapping[str, Any]]) -> str | None:
    """The one that all others are linked to, where they are not all linked to each other."""
    degrees = {network["name"]: len(network["links"]) for network in networks}
    hubs = [name for name, degree in degrees.items() if degree == len(networks) - 1]
    return hubs[0] if len(hubs) == 1 and len(networks) > 2 else None


def places(networks: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """The middle of each network's box: a hub in the middle, the others around it."""
    names = [network["name"] for network in networks]
    hub = _hub(networks)
    ring = [name for name in names if name != hub]
    if len(ring) == 1:
        return {ring[0]: (0.0, 0.0)}
    if len(ring) == 2:  # one above the other: a phone is narrow
        above = 150.0 if hub else 80.0
        found = {ring[0]: (0.0, -above), ring[1]: (0.0, above)}
    else:
        found = dict(zip(ring, _around(len(ring), size_for(len(networks))), strict=True))
    return found | ({hub: (0.0, 0.0)} if hub else {})


def _around(number: int, size: Size) -> list[tuple[float, float]]:
    """So many places on an ellipse, from the left on, with the same room between boxes that are wider than high."""
    wide, high = max(340, number * size.aside), max(190, number * size.above)
    points = [
        (-wide * math.cos(step * math.pi / STEPS), -high * math.sin(step * math.pi / STEPS))
        for step in range(2 * STEPS)
    ]
    gone = [0.0]
    for (x, y), (to_x, to_y) in itertools.pairwise([*points, points[0]]):
        gone.append(gone[-1] + math.hypot((to_x - x) / size.width, (to_y - y) / size.height))
    return [points[bisect.bisect_left(gone, gone[-1] * at / number)] for at in range(number)]


def _owned(network: Mapping[str, Any]) -> str:
    zones = network["zones"]
    return (
        ", ".join(zones[:2]) + (f" and {len(zones) - 2:,} more" if len(zones) > 2 else "") if zones else "owns no zone"
    )


def _lines(network: Mapping[str, Any], compact: bool) -> list[str]:
    bridges = len(network["bridges"])
    hosts = f"{network['hosts']:,} host{'' if network['hosts'] == 1 else 's'}"
    if compact:
        return [f"{hosts}, {bridges} bridge{'' if bridges == 1 else 's'}" if bridges else hosts]
    answers = f", {bridges} of them {'a bridge' if bridges == 1 else 'bridges'}" if bridges else ""
    return [clipped(_owned(network), 30), hosts + answers]


def _box(network: Mapping[str, Any], x: float, y: float, size: Size) -> Markup:
    left, top = x - size.width / 2, y - size.height / 2
    troubled = network["troubled"]
    state = f"{troubled:,} need a look" if troubled else ("all fine" if network["hosts"] else "")
    compact = size is COMPACT
    lines = [("name", clipped(network["name"], 16 if compact else 24))]
    lines += [("line", line) for line in _lines(network, compact)] + [("state", state)]
    rows = [
        Markup('<text x="{:.0f}" y="{:.0f}" class="{}">{}</text>').format(x, top + 26 + 19 * number, css, line)
        for number, (css, line) in enumerate(lines)
    ]
    return Markup('<g class="{}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}" rx="10"/>{}</g>').format(
        "box troubled" if troubled else "box", f"{network['name']}: {', '.join(network['zones']) or 'owns no zone'}",
        left, top, size.width, size.height, Markup("").join(rows),
    )  # fmt: skip


def topology(networks: Sequence[Mapping[str, Any]]) -> Markup:
    """Networks as boxes, links as lines."""
    where = places(networks)
    pairs = {tuple(sorted((network["name"], other))) for network in networks for other in network["links"]}
    meshed = len(networks) > MESH and len(pairs) == len(networks) * (len(networks) - 1) / 2
    lines = [
        Markup('<line x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}"/>').format(*where[one], *where[other])
        for one, other in ([] if meshed else sorted(pairs))
    ]
    size = size_for(len(networks))
    boxes = [_box(network, *map(round, where[network["name"]]), size) for network in networks]
    reach_x = max(abs(x) for x, _y in where.values()) + size.width / 2 + 8
    reach_y = max(abs(y) for _x, y in where.values()) + size.height / 2 + 8
    told = "Every network reaches every other." if meshed else f"{len(networks)} networks, {len(pairs)} links."
    return Markup(
        '<svg class="topology" viewBox="{:.0f} {:.0f} {:.0f} {:.0f}" width="{:.0f}" style="min-width: {:.0f}px" '
        'role="img" aria-label="{}">{}{}</svg>'
    ).format(
        -reach_x,
        -reach_y,
        2 * reach_x,
        2 * reach_y,
        2 * reach_x,
        min(NARROWEST, 2 * reach_x),
        told,
        Markup("").join(lines),
        Markup("").join(boxes),
    )


# --- how long answers took ---


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = min(values), max(values)
    return math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(value: float | None) -> str:
    """Three figures, and no more than are there."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def distribution(series: Sequence[tuple[str, str, Sequence[float]]]) -> Markup:
    """How many of the hosts (up) took at most so long (to the right, each step ten times more).

    Each of the series is a label, a class for its colour and dashes, and values in milliseconds.
    """
    drawn = [(label, css, sorted(value for value in values if value > 0)) for label, css, values in series]
    drawn = [row for row in drawn if row[2]]
    if not drawn:
        return Markup("")
    low, high = _decades([value for _label, _css, values in drawn for value in (values[0], values[-1])])
    (width, height), (left, top, bottom, right) = PLOT, MARGIN

    def x(value: float) -> float:
        return left + (math.log10(value) - low) / (high - low) * (width - left - right)

    def y(share: float) -> float:
        return height - bottom - share * (height - top - bottom)

    parts = []
    for power in range(low, high + 1):
        at, label = x(10.0**power), f"{10.0**power:g} ms" if power < 3 else f"{10 ** (power - 3):,} s"
        parts.append(Markup('<line class="grid" x1="{0:.1f}" y1="{1}" x2="{0:.1f}" y2="{2}"/>').format(at, top, y(0)))
        parts.append(Markup('<text x="{:.1f}" y="{}" class="middle">{}</text>').format(at, height - 14, label))
    for percent in (0, 25, 50, 75, 100):
        at = y(percent / 100)
        parts.append(
            Markup('<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>').format(left, at, width - right, at)
        )
        parts.append(Markup('<text x="{}" y="{:.1f}" class="end">{} %</text>').format(left - 8, at + 4, percent))
    told = []
    for label, css, values in drawn:
        steps = min(POINTS, len(values))
        shares = [(number + 1) / steps for number in range(steps)]
        points = [(x(values[0]), y(0))]
        for share in shares:
            at = x(_quantile(values, share - 0.5 / steps))
            points += [(at, points[-1][1]), (at, y(share))]
        points.append((width - right, y(1)))
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(Markup('<polyline class="{}" points="{}"/>').format(css, path))
        half, most = milliseconds(_quantile(values, 0.5)), milliseconds(_quantile(values, 0.99))
        told.append(f"{label}: half of {len(values):,} hosts within {half} ms, 99 % within {most} ms")
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, height, "; ".join(told), Markup("").join(parts)
    )
