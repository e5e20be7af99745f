# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benches found, as plots: drawn for light and dark alike, and put into the page as they are."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

#: Stands for the colour of the page's text, which is another one by night.
_INK = "#010203"
_COLOURS = ("#4c8dd6", "#e08a3c", "#3f9d74", "#cc5a70", "#9474cc", "#a98f23", "#4fa3b3", "#8a8f98")
_STYLES = ("solid", "dashed", "dotted")
_INCHES = 7.0
mpl.rcParams.update(
    {
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK),
        # Text stays text, in the page's own letters.
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#8a8f98",
        "grid.alpha": 0.25,
        "axes.axisbelow": True,
    }
)


def _told(value: float | None) -> str:
    if value is None:
        return "none"
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def _plain(axis: Axis) -> None:
    """10,000 and not a power of ten."""
    axis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def _bars(axes: Axes, plot: dict[str, Any]) -> None:
    """Groups of horizontal bars, the first group uppermost, each bar with its value behind it."""
    series = plot["series"]
    groups = list(dict.fromkeys(group for each in series for group in each["values"]))
    height = 0.84 / len(series)
    for place, each in enumerate(series):
        rows = [index + (place - (len(series) - 1) / 2) * height for index in range(len(groups))]
        values = [each["values"].get(group) for group in groups]
        lengths = [value or 0 for value in values]
        colour = _COLOURS[place % len(_COLOURS)]
        bars = axes.barh(rows, lengths, height=height * 0.9, color=colour, label=each["label"])
        axes.bar_label(bars, labels=[_told(value) for value in values], padding=2, fontsize=7)
    axes.set_yticks(range(len(groups)), groups)
    axes.grid(visible=False, axis="y")
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.set_xlabel(plot["unit"])
    if plot["scale"] == "log":
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(left=0)
    _plain(axes.xaxis)


def _style(place: int) -> dict[str, Any]:
    return {"color": _COLOURS[place % len(_COLOURS)], "linestyle": _STYLES[place // len(_COLOURS) % len(_STYLES)]}


def _lines(axes: Axes, plot: dict[str, Any]) -> None:
    for place, each in enumerate(plot["series"]):
        axes.plot(each["x"], each["y"], marker="o", markersize=3, label=each["label"], **_style(place))
    axes.set_ylabel(plot["unit"])
    axes.set_yscale(plot["scale"])
    _plain(axes.yaxis)


def _ecdf(axes: Axes, plot: dict[str, Any]) -> None:
    """For each value the share of all that do not exceed it."""
    for place, each in enumerate(plot["series"]):
        ranked = sorted(each["values"])
        shares = [(index + 1) / len(ranked) for index in range(len(ranked))]
        axes.step(ranked, shares, where="post", label=each["label"], **_style(place))
    axes.set_xlabel(plot["unit"])
    axes.set_ylabel("share of all")
    axes.set_xscale(plot["scale"])
    _plain(axes.xaxis)
    axes.set_ylim(0, 1.01)


_KINDS = {"bars": _bars, "lines": _lines, "ecdf": _ecdf}


def _height(plot: dict[str, Any]) -> float:
    if plot["kind"] != "bars":
        return 4.0
    groups = {group for each in plot["series"] for group in each["values"]}
    return 1.0 + len(groups) * max(0.3, 0.17 * len(plot["series"]))


def figure_of(plot: dict[str, Any]) -> Figure:
    """Without a background: the page has one."""
    labels = len(plot["series"])
    columns = min(labels, 3)
    legend = 0.0 if labels < 2 else 0.25 + 0.19 * -(-labels // columns)
    figure = Figure(figsize=(_INCHES, _height(plot) + legend), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    _KINDS[plot["kind"]](axes, plot)
    if labels > 1:
        figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=8)
    return figure


def draw(plot: dict[str, Any], number: int) -> str:
    """The plot as SVG; the number makes its ids differ from those of the page's other plots."""
    text = io.StringIO()
    figure_of(plot).savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), number)


def _inline(svg: str, number: int) -> str:
    """The element alone, as wide as the page, with the page's colour and ids of its own."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', svg))

    def named(match: re.Match[str]) -> str:
        return f' id="plot{number}-{match[1]}"' if match[1] in used else ""

    svg = re.sub(r' id="([^"]*)"', named, svg)
    return re.sub(r'(url\(#|href="#)', rf"\1plot{number}-", svg)
