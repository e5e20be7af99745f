"""The probe on the lab's hosts: it asks all the time, and what it lost is told with what was going on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import lab
from looks import shell
from plays import Run


def start_probe(host: lab.Host, seconds: int = 1800) -> None:
    # A name that is still held by one that ended badly is free again.
    for verb in ("stop", "reset-failed"):
        shell(host, f"systemctl {verb} lab-probe lab-monitor 2>/dev/null || true")
    shell(host, f"systemd-run --quiet --unit=lab-probe lab-probe run {seconds}")
    shell(
        host,
        "systemd-run --quiet --unit=lab-monitor -p StandardOutput=file:/run/lab-monitor.log "
        "ip -timestamp monitor address route link",
    )


def stop_probe(host: lab.Host) -> None:
    shell(host, "systemctl stop lab-probe lab-monitor")


def end_probe(
    host: lab.Host, provider: str, runs: Sequence[Run] = (), has_dns: bool = True, routes_stay: bool = True
) -> dict[str, Any]:
    """What the probe saw, after it has been held to it that no lookup was lost, and no address and no route either."""
    stop_probe(host)
    seen: dict[str, Any] = json.loads(shell(host, "lab-probe report"))
    gone = shell(host, "grep -E '^(\\[.*\\] *)?Deleted.*(eth0|default)' /run/lab-monitor.log || true")
    shell(host, "rm /run/lab-probe.* /run/lab-monitor.log")
    assert seen["asked"] > 100, seen
    assert not (routes_stay and gone), gone
    if has_dns:
        own = own_gaps(host, provider)
        lost = [told(event, runs) for event in seen["events"] if event["error"] and not own(event["time"])]
        assert not lost, lost[:5]
    return seen


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
