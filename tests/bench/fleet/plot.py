# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the fleet as one picture: what is asked at each step, who gets no answer, how long the others wait."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

#: Where a query can be.
STEPS = {"asked": "clients ask", "to_bridges": "to bridges", "crossed": "cross", "authority": "to the authority"}
_COLOURS = ("#3b6ea8", "#7aa6c2", "#e0a458", "#b5483a")
_TINTS = {"p50": "#7aa6c2", "p99": "#3b6ea8", "max": "#1f3a5f"}


def _label(value: float | None) -> str:
    if value is None:
        return "nobody was answered"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{0 if value >= 10 else 2}f}"


def _bars(axes: Axes, names: list[str], series: dict[str, list[float | None]], colours: list[str], unit: str) -> None:
    """Groups of horizontal bars, the first name uppermost, each with its value behind it."""
    height = 0.84 / len(series)
    for place, (label, values) in enumerate(series.items()):
        rows = [index + (place - (len(series) - 1) / 2) * height for index in range(len(names))]
        bars = axes.barh(
            rows, [value or 0 for value in values], height=height * 0.92, color=colours[place], label=label
        )
        axes.bar_label(bars, labels=[_label(value) for value in values], padding=2, fontsize=6)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel(unit, fontsize=8)
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def draw(results: dict[str, Any], path: Path) -> Path:
    """One line of three pictures for each release."""
    suites = results["suites"]
    figure = Figure(figsize=(15, 0.5 + 4.4 * len(suites)), layout="constrained")
    panels = figure.subplots(len(suites), 3, squeeze=False)
    for line, suite in zip(panels, suites, strict=True):
        rows = suite["rounds"]
        names = [row["round"] for row in rows]
        _bars(
            line[0],
            names,
            {label: [row[key] for row in rows] for key, label in STEPS.items()},
            list(_COLOURS),
            "queries (logarithmic)",
        )
        line[0].set_xscale("symlog", linthresh=1)
        line[0].set_title(f"dnsmasq {suite['version']} ({suite['suite']}): {suite['instances']:,} hosts", fontsize=10)
        failed = {"lost": [row["lost"] for row in rows], "REFUSED": [row["refused"] for row in rows]}
        _bars(line[1], names, failed, ["#b5483a", "#e0a458"], "clients without an answer")
        line[1].set_xlim(0, suite["instances"] * 1.15)
        line[1].set_title("no answer within 5 s, no second try", fontsize=10)
        waits = {key: [row[key] for row in rows] for key in _TINTS}
        _bars(line[2], names, waits, list(_TINTS.values()), "milliseconds (logarithmic)")
        line[2].set_xscale("symlog", linthresh=1)
        line[2].set_title(f"latency; the authority takes {results['delay_ms']:.0f} ms", fontsize=10)
        for axes in line[1:]:
            axes.set_yticklabels([])
        for axes in line:
            axes.legend(fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    figure.savefig(path)
    return path
