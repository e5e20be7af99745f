# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a web application on this host feels, through libc, which asks A and AAAA; milliseconds, as JSON.

application.py requests COUNT EACH NAME...   so many requests one after the other, each of which looks up EACH names
application.py steady SECONDS NAME...        each name twenty times a second, all at once, as by as many workers
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from typing import Any

PACE = 0.05


def lookup(name: str) -> tuple[float, bool]:
    """How long it took, and whether an address came."""
    start = time.perf_counter()
    try:
        found = bool(socket.getaddrinfo(name, None))
    except socket.gaierror:
        found = False
    return (time.perf_counter() - start) * 1000, found


def requests(count: int, each: int, names: list[str]) -> dict[str, Any]:
    seen: set[str] = set()
    first: list[float] = []
    repeated: list[float] = []
    failed = 0
    for number in range(count * each):
        name = names[number % len(names)]
        took, found = lookup(name)
        (repeated if name in seen else first).append(took)
        seen.add(name)
        failed += not found
    return {"first": first, "repeated": repeated, "failed": failed}


def steady(seconds: float, names: list[str]) -> dict[str, Any]:
    taken: dict[str, list[float]] = {name: [] for name in names}
    failed: list[str] = []
    late: list[float] = []
    over = threading.Event()

    def work(name: str) -> None:
        began, number = time.monotonic(), 0
        while (due := began + number * PACE) < began + seconds:
            time.sleep(max(0.0, due - time.monotonic()))
            took, found = lookup(name)
            taken[name].append(took)
            failed.extend([] if found else [name])
            number = max(number + 1, int((time.monotonic() - began) / PACE))

    def watch() -> None:
        """How late a process that asks nobody is: so long the machine let nothing run."""
        while not over.is_set():
            start = time.monotonic()
            time.sleep(0.002)
            late.append((time.monotonic() - start - 0.002) * 1000)

    threads = [threading.Thread(target=work, args=[name]) for name in names]
    watcher = threading.Thread(target=watch)
    for thread in (watcher, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    watcher.join()
    return {"taken": taken, "failed": len(failed), "late": max(late)}


if __name__ == "__main__":
    if sys.argv[1] == "requests":
        figures = requests(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        figures = steady(float(sys.argv[2]), sys.argv[3:])
    json.dump(figures, sys.stdout)
