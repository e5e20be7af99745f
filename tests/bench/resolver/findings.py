# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the rounds to tables, plots and claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from caches import BARE, DEFAULTS, ECHO, KNOT, NSCD, RESOLVED, UNBOUND, Contender
from measure import WAYS, Figures
from results import Bench, Cell, Claim, Plot, Table, middle, percentile

SAME, OTHER = WAYS[:2]
#: How much slower than dnsmasq's best possible the deployed one may be.
LIMIT = 1.25
_POINTS = 300
_PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_RATIOS = "Each figure is the median over the rounds; each ratio is the median of the rounds' own ratios."
Look = Callable[[Figures], "float | None"]


def at(way: str, part: float = 0.5) -> Look:
    return lambda figures: figures.at(way, part)


def per_second(figures: Figures) -> float | None:
    return figures.per_second or None


def per_cpu_second(figures: Figures) -> float | None:
    return figures.per_cpu_second or None


def cpu_for_one(figures: Figures) -> float | None:
    return figures.cpu_for_one or None


class Story:
    """All rounds of all contenders with one number of hot names."""

    def __init__(self, names: int) -> None:
        self.names = names
        self.rounds: dict[Contender, list[Figures]] = {}

    def add(self, contender: Contender, figures: Figures) -> None:
        self.rounds.setdefault(contender, []).append(figures)

    def median(self, contender: Contender, look: Look) -> float | None:
        return middle([look(figures) for figures in self.rounds[contender]])

    def ratio(self, contender: Contender, other: Contender, look: Look) -> float | None:
        """Of the one to the other, round by round."""
        pairs = [
            (look(own), look(theirs)) for own, theirs in zip(self.rounds[contender], self.rounds[other], strict=True)
        ]
        return middle([own / theirs for own, theirs in pairs if own is not None and theirs])

    @property
    def asked(self) -> list[Contender]:
        return [each for each in self.rounds if not each.only_libc]


def latency_table(story: Story, way: str) -> Table:
    rows: list[list[Cell]] = [
        [
            each.label,
            *(story.median(each, at(way, part)) for part in _PARTS.values()),
            *(story.ratio(each, other, at(way)) for other in (ECHO, BARE, UNBOUND)),
            story.median(each, lambda figures: figures.went_upstream.get(way)),
        ]
        for each in story.asked
    ]
    columns = ["", *(f"{name} us" for name in _PARTS), "x echo", "x bare", "x unbound", "% asked upstream"]
    return Table(
        f"Cached latency over {way}, {story.names:,} hot names",
        columns,
        rows,
        f"One question under way at a time. {_RATIOS} The last column says how many of 100 questions the cache could "
        "not answer.",
    )


def load_table(story: Story) -> Table:
    rows: list[list[Cell]] = [
        [
            each.label,
            story.median(each, per_second),
            story.median(each, per_cpu_second),
            *(story.ratio(each, other, per_cpu_second) for other in (ECHO, BARE, UNBOUND)),
            story.median(each, cpu_for_one),
            story.ratio(each, BARE, cpu_for_one),
        ]
        for each in story.asked
    ]
    return Table(
        f"Throughput, dnsperf with 100 questions under way, {story.names:,} hot names",
        ["", "answers/s", "answers/CPU second", "x echo", "x bare", "x unbound", "CPU us alone", "x bare"],
        rows,
        "Answers with NOERROR only. A CPU second is one that the server's threads used; the ratios are those of "
        "answers/CPU second, so more is better. CPU us alone: what the server uses for one answer when nothing else is "
        f"asked meanwhile; of its ratio less is better. {_RATIOS}",
    )


def ways_table(story: Story) -> Table:
    ways = WAYS[2:]
    rows: list[list[Cell]] = [
        [each.label, *(story.median(each, at(way, part)) for way in ways for part in (0.5, 0.99))]
        for each in story.rounds
    ]
    return Table(
        f"As programs ask, {story.names:,} hot names: libc, dig and dnspython",
        ["", *(f"{way} {name} us" for way in ways for name in ("p50", "p99"))],
        rows,
        "getaddrinfo asks A and AAAA in each call, on the server's core; the echo's answers hold no address. nscd "
        "answers libc out of memory that it shares with the process, and nobody who asks over DNS.",
    )


def latency_plot(story: Story) -> Plot:
    series = [
        {"label": name, "values": {each.label: story.median(each, at(SAME, part)) for each in story.asked}}
        for name, part in _PARTS.items()
    ]
    return Plot(
        f"Cached latency over UDP, same core, {story.names:,} hot names", "microseconds", "bars", series, scale="log"
    )


def load_plot(story: Story) -> Plot:
    values = {each.label: story.median(each, per_cpu_second) for each in story.asked}
    title = f"Throughput per core, {story.names:,} hot names"
    return Plot(title, "answers per CPU second of the server", "bars", [{"label": "answers", "values": values}])


def thinned(values: Sequence[float]) -> list[float]:
    """So many of the values, evenly spread over their ranks: the curve is the same."""
    picked = [percentile(values, index / _POINTS) for index in range(_POINTS)] + [percentile(values, 0.999)]
    return [round(value, 2) for value in picked if value is not None]


def spread_plot(story: Story) -> Plot:
    series: list[dict[str, Any]] = []
    for each in story.asked:
        pooled = [took for figures in story.rounds[each] for took in figures.latencies[SAME]]
        series.append({"label": each.label, "values": thinned(pooled)})
    return Plot(
        f"How latencies spread, same core, {story.names:,} hot names",
        "microseconds",
        "ecdf",
        series,
        scale="log",
        note="All rounds together, up to the 99.9th percentile.",
    )


def claims(bench: Bench, stories: Sequence[Story], mine: Sequence[Contender]) -> None:
    """Each configuration with each number of hot names is held to the limit; the rivals meet the one with one zone."""
    for story in stories:
        for each in mine:
            bench.claims.append(
                Claim(
                    f"{each.label}, {story.names:,} hot names: cached p50 within {LIMIT} times bare dnsmasq's",
                    story.ratio(each, BARE, at(SAME)),
                    LIMIT,
                )
            )
        for rival in (KNOT, RESOLVED):
            bench.claims.append(
                Claim(
                    f"{story.names:,} hot names: {rival.label}'s cached p50 is at least the deployed one's",
                    story.ratio(rival, mine[0], at(SAME)),
                    1.0,
                    "at least",
                )
            )
            bench.claims.append(
                Claim(
                    f"{story.names:,} hot names: the deployed one answers at least as much per core as {rival.label}",
                    story.ratio(mine[0], rival, per_cpu_second),
                    1.0,
                    "at least",
                )
            )


def explained_table(story: Story) -> Table:
    rows: list[list[Cell]] = [
        [
            each.label,
            *(story.median(each, at(way)) for way in (SAME, OTHER)),
            story.ratio(each, BARE, at(SAME)),
            story.median(each, per_cpu_second),
            story.ratio(each, BARE, per_cpu_second),
            story.median(each, cpu_for_one),
            story.ratio(each, BARE, cpu_for_one),
        ]
        for each in story.asked
    ]
    return Table(
        "What each difference from bare dnsmasq costs",
        ["", "p50 us", "p50 us, other core", "p50 x bare", "answers/CPU second", "x bare", "CPU us alone", "x bare"],
        rows,
        _RATIOS,
    )


RIVALS = (DEFAULTS, UNBOUND, KNOT, RESOLVED, NSCD)
