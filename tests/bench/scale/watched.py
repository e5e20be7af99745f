# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that may use some cores and a limited time, and what it and its children needed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
PAUSE = 0.1  # seconds between two looks at the memory


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock and of the processor, and the most memory in MiB at one time."""

    wall: float
    processor: float
    memory: float


class TooSlowError(Exception):
    """The command was ended when its time was over."""


def run(argv: Sequence[str], cores: Iterable[int], limit: float, environment: dict[str, str], output: Path) -> Cost:
    """The command's cost; its output goes to the file. A failure ends the bench with the end of that."""
    before, began, memory = _spent(), time.monotonic(), 0
    with output.open("wb") as out:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", ",".join(map(str, cores)), *argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
        )
        try:
            while True:
                memory = max(memory, sum(map(_resident, tree(process.pid))))
                try:
                    code = process.wait(PAUSE)
                    break
                except subprocess.TimeoutExpired:
                    if time.monotonic() - began > limit:
                        raise TooSlowError(" ".join(argv)) from None
        finally:
            end(process)
    wall = time.monotonic() - began
    if code:
        with output.open("rb") as out:
            out.seek(max(0, output.stat().st_size - 3000))
            raise SystemExit(f"scale: {' '.join(argv)} ended with {code}:\n{out.read().decode(errors='replace')}")
    return Cost(wall, _spent() - before, memory / 2**20)


def tree(pid: int) -> list[int]:
    """The process and its descendants, which may have sessions of their own."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(one for child in children for one in tree(int(child)))]


def _resident(pid: int) -> int:
    """Bytes in memory. What two processes share counts for both, so a sum of these is never too low."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def end(process: subprocess.Popen[bytes]) -> None:
    """Whatever still runs of it, each by its process id."""
    if process.poll() is not None:
        return
    for pid in tree(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
