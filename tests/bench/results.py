# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every bench tells, in one shape: the machine, versions, commands, tables, plots and claims.

A bench makes a Bench, fills it while it measures, and ends with the exit code that Bench.finish gives.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

#: What benches write: numbers, and the page of them.
FOLDER = Path(os.environ["EVERYWHERE_WORK"]) / "bench"
Cell = str | int | float | None


def percentile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that `part` of 1 of the values do not exceed."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(part * len(ranked)))]


def middle(values: Sequence[float | None]) -> float | None:
    """The median of a figure over the rounds that have it."""
    found = [value for value in values if value is not None]
    return median(found) if found else None


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The options that every bench has."""
    made = argparse.ArgumentParser(
        prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, default=FOLDER / f"{name}.json", help="where the numbers go (%(default)s)")
    made.add_argument("--quick", action="store_true", help="a small sample, in less than a minute: it proves no claim")
    return made


def machine() -> dict[str, Any]:
    """Where it runs, and how busy that is at this moment."""
    # Not every processor has a model's name.
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "model": model[1] if model else platform.machine(),
        "memory_mib": int(memory[1]) // 1024 if memory else None,
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "load_after": None,
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


@dataclass(frozen=True)
class Table:
    title: str
    columns: list[str]
    rows: list[list[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Plot:
    """Series by kind: bars have `label` and `values` by group; lines `label`, `x`, `y`; ecdf `label` and `values`."""

    title: str
    unit: str
    kind: str
    series: list[dict[str, Any]]
    scale: str = "linear"
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence with its limit; `sense` is "at most" or "at least". What could not be measured does not hold."""

    claim: str
    measured: float | None
    limit: float
    sense: str = "at most"

    @property
    def holds(self) -> bool:
        if self.measured is None:
            return False
        return self.measured <= self.limit if self.sense == "at most" else self.measured >= self.limit


@dataclass
class Bench:
    """One bench's findings, gathered while it runs."""

    name: str
    title: str
    what: str
    rounds: int = 1
    versions: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    #: A small sample: the page says so, and nothing is claimed from it.
    quick: bool = False
    #: What others read from the file besides, under a name of its own.
    more: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)
    began: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.strftime('%H:%M:%S')}] {self.name}: {text}", flush=True)

    def finish(self, path: Path) -> int:
        """Print all of it, write it, and give the exit code: 1 if a claim does not hold."""
        self.machine["load_after"] = [round(load, 2) for load in os.getloadavg()]
        found = self.as_json()
        print(as_text(found), flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        print(f"\nnumbers: {path}", flush=True)
        return 0 if all(claim.holds for claim in self.claims) else 1

    def as_json(self) -> dict[str, Any]:
        return {
            **self.more,
            "name": self.name,
            "title": self.title,
            "what": self.what,
            "quick": self.quick,
            "machine": self.machine,
            "versions": self.versions,
            "commands": self.commands,
            "rounds": self.rounds,
            "seconds": round(time.monotonic() - self.began, 1),
            "tables": [asdict(table) for table in self.tables],
            "plots": [asdict(plot) for plot in self.plots],
            "claims": [asdict(claim) | {"holds": claim.holds} for claim in self.claims],
        }


def cell(value: Cell) -> str:
    """A number with as many digits as it can have a meaning for."""
    if value is None:
        return "-"
    if isinstance(value, float):
        size = abs(value)
        return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3}f}"
    return f"{value:,}" if isinstance(value, int) else value


def lines_of(columns: list[str], rows: list[list[Cell]]) -> list[str]:
    """The table as aligned text: words to the left, numbers to the right."""
    texts = [columns, *([cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    left = [all(isinstance(row[place], str) for row in rows) for place in range(len(columns))]
    return [
        "  ".join(
            text.ljust(width) if is_left else text.rjust(width)
            for text, width, is_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in texts
    ]


def as_text(found: dict[str, Any]) -> str:
    """A bench's JSON for the eye."""
    where = found["machine"]
    parts = [
        f"\n{found['title']}\n{found['what']}",
        f"machine: Linux {where['kernel']}, {where['cpus']} x {where['model']}, {where['memory_mib']} MiB, "
        f"load {where['load_before']} before and {where['load_after']} after, {where['date']}",
        f"rounds: {found['rounds']}, in {found['seconds']:.0f} s",
        "versions: " + ", ".join(f"{tool} {version}" for tool, version in found["versions"].items()),
        *(f"$ {command}" for command in found["commands"]),
    ]
    for table in found["tables"]:
        parts += ["", table["title"], *lines_of(table["columns"], table["rows"])]
        parts += [table["note"]] if table["note"] else []
    parts += [""] if found["claims"] else []
    for claim in found["claims"]:
        verdict = "holds" if claim["holds"] else "DOES NOT HOLD"
        measured, limit = cell(claim["measured"]), cell(claim["limit"])
        parts.append(f"{verdict}: {claim['claim']} ({measured}; limit: {claim['sense']} {limit})")
    return "\n".join(parts)
