"""A day of a network in a quarter of an hour: short TTLs and leases, and what happens in a day happens each minute."""

from __future__ import annotations

import re
import time
from itertools import cycle

import lab
from conftest import BRIDGES, BY_NAME, CLIENTS, SERVERS, on_each, taken_over
from looks import shell, until
from steps import DATACENTER, VPC, probed, topology

MINUTES = 15
#: Of the day, 96 times as fast: leases are renewed every 20 s, records live 5 to 300 s.
EVENTS = {"servers": 45, "dnsmasq": 30, "provider": 60, "killed": 75}
#: Those that keep the network while they restart: ifupdown takes it away, and any resolver with it.
RESTARTS = {"bw-nm": "NetworkManager", "tx-resolved": "systemd-resolved"}
#: Resident memory of one process may differ by so much between its first minute and its end, in KiB.
FLAT = 512


def hand_out(servers):
    cloud = BY_NAME["cloud"]
    listed = ",".join(servers)
    shell(
        cloud,
        f"sed -i 's/^option:dns-server,.*/option:dns-server,{listed}/' /etc/lab-dhcp.options; "
        "systemctl reload lab-dhcp",
    )


def memory(host):
    """The process id of dnsmasq and its resident memory in KiB."""
    pid = shell(host, "cat /run/dnsmasq/dnsmasq.pid").strip()
    done = lab.inside(host, "cat", f"/proc/{pid}/status")
    found = re.search(r"VmRSS:\s+(\d+)", done.stdout)
    return (pid, int(found.group(1))) if found else (pid, None)


def test_a_day(playbook, figures):
    """A bridge, five hosts that ask it; nothing is lost, and no process grows.

    While the only bridge is away a host whose cache is empty waits for its second try, 1.5 s after the first: with two
    bridges it would ask the other one.
    """
    away: list[float] = []

    def take(host, command):
        began = time.time()
        shell(host, command)
        if host.name in bridges:
            away.append(began)

    bridges = dict(list(BRIDGES.items())[:1])
    of = {"datacenter": DATACENTER, "vpc": VPC | {"bridges": bridges}}
    run = playbook("deploy", *topology(of))
    assert run.returncode == 0, run.reasons
    shell(BY_NAME["cloud"], "ip address add 10.1.0.3/24 dev eth0")
    hosts, providers = cycle(CLIENTS), cycle(RESTARTS)
    lists = cycle((["10.20.0.12", "10.1.0.3"], SERVERS))
    due = dict.fromkeys(EVENTS, 0.0)
    counts = dict.fromkeys(EVENTS, 0)
    seen: dict[str, dict[str, list[int]]] = {host.name: {} for host in CLIENTS}
    # networkd has a route to each server that DHCP hands out, and those change.
    with probed(
        figures,
        f"a day in {MINUTES} minutes",
        routes_stay=False,
        excused=lambda event: any(0 <= event["time"] - at <= 2 for at in away),
    ):
        end = time.monotonic() + MINUTES * 60
        for event, every in EVENTS.items():
            due[event] = time.monotonic() + every
        while time.monotonic() < end:
            for host in CLIENTS:
                pid, size = memory(host)
                if size:
                    seen[host.name].setdefault(pid, []).append(size)
            for event in [name for name, at in due.items() if at <= time.monotonic()]:
                due[event] += EVENTS[event]
                counts[event] += 1
                if event == "servers":
                    hand_out(next(lists))
                elif event == "dnsmasq":
                    take(next(hosts), "systemctl restart dnsmasq")
                elif event == "provider":
                    name = next(providers)
                    shell(BY_NAME[name], f"systemctl restart {RESTARTS[name]}")
                else:
                    take(next(hosts), "kill -9 $(cat /run/dnsmasq/dnsmasq.pid)")
            time.sleep(5)
        hand_out(SERVERS)
        for host in CLIENTS:
            until(True, lambda host=host: lab.inside(host, "systemctl", "is-active", "dnsmasq").returncode == 0, 10)
    grown = {
        (name, pid): sizes
        for name, pids in seen.items()
        for pid, sizes in pids.items()
        # The first looks are those of a cache that fills.
        if len(sizes) > 12 and max(sizes[-3:]) - max(sizes[2:5]) > FLAT
    }
    print(f"in {MINUTES} minutes: {counts}; processes looked at: {sum(map(len, seen.values()))}")
    print(
        "resident memory in KiB: "
        + ", ".join(
            f"{name} {min(min(one) for one in pids.values())} to {max(max(one) for one in pids.values())}"
            for name, pids in seen.items()
        )
    )
    assert not grown, grown
    assert all(counts.values())
    on_each(taken_over)
    assert playbook("restore").returncode == 0
