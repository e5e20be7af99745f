# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of the story on hosts of the lab: the same requests before and after, and what was measured of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo import address, ask, queries
from lab import Host, inside

APPLICATION = (Path(__file__).resolve().parent / "application.py").read_text()
NAMES = tuple(
    f"{name}{number}.{zone}"
    for number in range(1, 26)
    for name, zone in (("page", "corp.example"), ("shop", "example.org"))
)
#: Seconds from one fetch of such a name to the next: its records live for five, and dnsmasq counts whole ones.
PERIOD = 6.5
#: One of the datacenter, one of the public world.
SHORT = ("short.corp.example", "short.example.net")
#: Lookups of one request.
EACH = 5


@dataclass(frozen=True)
class Sample:
    """How much is asked: requests on a good day, lookups while ns1 is dead, and expiries before and after."""

    requests: int
    broken: int
    expiries_before: int
    expiries: int


@dataclass(frozen=True)
class Servers:
    """The lab's servers, by what they are to the clients."""

    datacenter: list[Host]
    cloud: Host


Figures = dict[str, dict[str, Any]]


def run(host: Host, before: bool, *words: str) -> dict[str, Any]:
    """After a deploy nothing may be lost; before it dhclient's own script loses what is asked while it writes."""
    found: dict[str, Any] = ask(host, "python3", "-c", APPLICATION, *words)
    if found["failed"] and not before:
        raise SystemExit(f"story: {found['failed']} lookups of {' '.join(words[:3])} on {host.name} failed")
    return found


def on_all(clients: list[Host], before: bool, at_once: bool, *words: str) -> Figures:
    """Side by side where they wait for the network; in turn where the processor, which they share only here, counts."""
    with ThreadPoolExecutor(len(clients) if at_once else 1) as pool:
        return dict(
            zip([host.name for host in clients], pool.map(lambda host: run(host, before, *words), clients), strict=True)
        )


def crossed(clients: list[Host], servers: Servers, since: float) -> dict[str, int]:
    """How many queries of each client the datacenter's name servers got, by their own dnstap."""
    rows = [row for server in servers.datacenter for row in queries(server, since)]
    return {host.name: sum(row["count"] for row in rows if row["client"] == address(host)) for host in clients}


def good_day(clients: list[Host], servers: Servers, sample: Sample, before: bool) -> Figures:
    """Requests while nothing is broken, and the queries that crossed the WAN for them."""
    since = time.time()
    figures = on_all(clients, before, before, "requests", str(sample.requests), str(EACH), *NAMES)
    for name, count in crossed(clients, servers, since).items():
        figures[name]["crossed"] = count
    return figures


def expiries(clients: list[Host], servers: Servers, count: int, before: bool) -> Figures:
    """Names with a short life under load, known when it begins, and how often each was fetched from its server."""
    on_all(clients, before, True, "requests", "1", str(len(SHORT)), *SHORT)
    since = time.time()
    figures = on_all(clients, before, True, "steady", str((count + 1) * PERIOD), *SHORT)
    asked = [row for server in (servers.datacenter[0], servers.cloud) for row in queries(server, since)]
    for host in clients:
        own = address(host)
        fetched = {
            name: sum(r["count"] for r in asked if (r["client"], r["name"], r["type"]) == (own, f"{name}.", "A"))
            for name in SHORT
        }
        figures[host.name]["fetched"] = fetched
    return figures


@contextmanager
def dead(server: Host) -> Iterator[None]:
    """A name server that takes queries and answers none: its process is frozen."""
    try:
        signalled(server, "STOP")
        yield
    finally:
        signalled(server, "CONT")


def signalled(server: Host, signal: str) -> None:
    done = inside(server, "systemctl", "kill", f"--signal={signal}", "knot")
    if done.returncode:
        raise SystemExit(f"story: {server.name}: {done.stderr}")


def bad_day(clients: list[Host], servers: Servers, lookups: int, before: bool) -> tuple[Figures, Figures]:
    """Lookups while ns1 is dead: of names that the application knows, and of names that it has never asked for."""
    new = [f"new{time.time_ns()}-{number}.any.corp.example" for number in range(lookups)]
    if not before:
        # As on every day: names that expired while something else was measured are in the cache again.
        on_all(clients, before, True, "requests", "1", str(len(NAMES)), *NAMES)
    with dead(servers.datacenter[0]):
        known = on_all(clients, before, before, "requests", "1", str(lookups), *NAMES)
        fresh = on_all(clients, before, True, "requests", "1", str(lookups), *new)
    return known, fresh


def measure(clients: list[Host], servers: Servers, sample: Sample, before: bool) -> dict[str, Figures]:
    found = {"requests": good_day(clients, servers, sample, before)}
    found["expiries"] = expiries(clients, servers, sample.expiries_before if before else sample.expiries, before)
    found["known"], found["fresh"] = bad_day(clients, servers, sample.broken, before)
    return found
