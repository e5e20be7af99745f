"""The probe on the lab's hosts: it asks all the time, and what it lost is told with what was going on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from itertools import pairwise
from typing import Any

import lab
from looks import shell, until
from plays import Run

#: What `ip monitor` writes of an address or a route that goes.
GONE = re.compile(r"^\[([^]]+)\] *(Deleted.*(?:eth0|default).*)$", re.M)


def start_probe(host: lab.Host, rate: int = 10, seconds: int = 7200) -> None:
    """It asks so often a second, and the links are watched, from here on."""
    shell(host, f"rm -f /run/lab-probe.*; systemd-run --quiet --unit=lab-probe lab-probe run {seconds} {rate}")
    shell(
        host,
        "systemd-run --quiet --unit=lab-monitor -p StandardOutput=file:/run/lab-monitor.log "
        "ip -tshort monitor address route link",
    )
    assert until(True, lambda: lab.inside(host, "test", "-s", "/run/lab-probe.lookups").returncode == 0, 30)


def stop_probe(host: lab.Host) -> None:
    shell(host, "systemctl stop lab-probe lab-monitor; rm /run/lab-probe.* /run/lab-monitor.log")


def seen_by_probe(
    host: lab.Host,
    provider: str,
    since: float,
    end: float,
    runs: Sequence[Run] = (),
    has_dns: bool = True,
    routes_stay: bool = True,
) -> dict[str, Any]:
    """What the probe saw in that span, held to it that no lookup was lost, and no address or route either."""
    seen: dict[str, Any] = json.loads(shell(host, f"lab-probe report {since} {end}"))
    # Each lookup is in it that the machine let it ask for.
    assert seen["asked"] >= end - since - 3, seen
    if routes_stay:
        log = shell(host, "cat /run/lab-monitor.log")
        gone = [line for at, line in GONE.findall(log) if since <= moment(at) < end]
        assert not gone, gone
    if has_dns:
        failed = [event for event in seen["events"] if event["error"]]
        own = own_gaps(host, provider) if failed else None
        lost = [told(event, runs) for event in failed if own and not own(event["time"])]
        assert not lost, lost[:5]
    return seen


def moment(text: str) -> float:
    """Of a time as `ip -tshort` writes it; the lab's hosts live in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


class Watch:
    """The probes of some hosts, from the first look on: spans that follow each other, so that nothing goes unseen."""

    def __init__(self, providers: dict[str, str]) -> None:
        self._providers = providers
        self._looked: dict[str, tuple[float, str, dict[str, Any]]] = {}

    def start(self, hosts: list[lab.Host]) -> None:
        for host in hosts:
            start_probe(host)
            self._looked[host.name] = (time.time(), "the start", {})

    def span(
        self, host: lab.Host, what: str, since: float, end: float, runs: Sequence[Run] = (), **options: Any
    ) -> dict[str, Any]:
        """What was seen in it. What came between the last span and this one is held to the same: a deploy's sequel."""
        looked, last, before = self._looked[host.name]
        try:
            seen_by_probe(host, self._providers[host.name], looked, since, **before)
        except AssertionError as error:
            raise AssertionError(f"after {last}: {error}") from None
        self._looked[host.name] = (end, what, options)
        return seen_by_probe(host, self._providers[host.name], since, end, runs, **options)

    def stop(self, hosts: list[lab.Host]) -> None:
        for host in hosts:
            now = time.time()
            self.span(host, "the end", now, now)
            stop_probe(host)


def told(event: dict[str, Any], runs: Sequence[Run]) -> dict[str, Any]:
    """An event with what the playbook was doing then."""
    doing = [run.doing(event["time"]) for run in runs if run.began <= event["time"] <= run.ended]
    return event | {"doing": doing[-1] if doing else "no playbook"}


def moments(host: lab.Host, of: str, words: str) -> list[float]:
    """When each such line was written to the journal."""
    journal = shell(host, f"journalctl -o short-unix --no-pager {of} | grep -E '{words}' || true")
    return [float(line.split()[0]) for line in journal.splitlines()]


def own_gaps(host: lab.Host, provider: str) -> Callable[[float], bool]:
    """When dhclient itself left resolv.conf empty (its script writes by `cat >`) and nothing answered on 127.0.0.1,
    which libc asks then. Each renewal of a host that we never saw has it; with dnsmasq on 127.0.0.1 it is over."""
    if provider != "dhclient_ifupdown":
        return lambda moment: False
    leases = moments(host, "-t dhclient", "DHCPACK|bound to")
    up, down = (
        moments(host, "-u dnsmasq", word) for word in ("Started dnsmasq", "Stopped dnsmasq|Main process exited")
    )

    def is_one(moment: float) -> bool:
        last_up, last_down = (max((at for at in times if at <= moment), default=0) for times in (up, down))
        answered = last_up > last_down
        # The script runs between the two lines of a renewal.
        renewing = any(start - 0.5 <= moment <= end + 0.5 and end - start < 5 for start, end in pairwise(leases))
        return renewing and not answered

    return is_one
