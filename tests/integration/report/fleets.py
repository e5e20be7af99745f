"""Fleets that nobody has to own: what hosts would have said, from a seed, planned by the collection itself."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

PROVIDERS = ("networkmanager", "systemd_resolved", "dhclient_ifupdown", "dhcpcd", "static")
SYSTEMS = (
    ("debian", "12", "2.90", "2.90-4~deb12u2", 252),
    ("debian", "13", "2.91", "2.91-1", 257),
    ("ubuntu", "24.04", "2.90", None, 255),
)
WAITING = "a security update of dnsmasq is waiting: 2.90-4~deb12u2 -> 2.90-4~deb12u3, upgrade it"


class Hostvars:
    """What Ansible's hostvars are to the filters."""

    def __init__(self, variables: Mapping[str, Mapping[str, Any]]) -> None:
        self._variables = variables

    def raw_get(self, host: str) -> Mapping[str, Any]:
        return self._variables[host]

    __getitem__ = raw_get


def two_networks() -> dict[str, Any]:
    """The README's second inventory."""
    return {
        "datacenter": {
            "zones": ["corp.example"],
            "subnets": ["10.20.0.0/16"],
            "nameservers": ["10.20.0.11", "10.20.0.12"],
            "bridges": {"dc-bridge-1": "10.20.0.53", "dc-bridge-2": "10.20.0.54"},
        },
        "gcp": {
            "zones": ["gcp.example"],
            "subnets": ["10.30.0.0/16"],
            "nameservers": ["169.254.169.254"],
            "bridges": {"gcp-bridge-1": "10.30.0.53", "gcp-bridge-2": "10.30.0.54"},
        },
    }


def spokes(number: int) -> dict[str, Any]:
    """A datacenter that all others are linked to, some with zones of their own."""
    made: dict[str, Any] = {
        "datacenter": two_networks()["datacenter"] | {"links": [f"site-{one:02}" for one in range(1, number)]}
    }
    for one in range(1, number):
        there: dict[str, Any] = {"subnets": [f"10.{100 + one}.0.0/16"]}
        owns = {"zones": [f"s{one}.example", f"lab{one}.example"], "nameservers": [f"10.{100 + one}.0.2"]}
        made[f"site-{one:02}"] = there | owns if one % 3 == 0 else there
    return made


def member_of(topology: Mapping[str, Any], count: int) -> dict[str, str]:
    """So many hosts, spread over the networks; bridges are in their own."""
    found = {host: name for name, network in topology.items() for host in network.get("bridges", {})}
    names = list(topology)
    for number in range(count - len(found)):
        found[f"web{number + 1:04}.{names[number % len(names)]}"] = names[number % len(names)]
    return found


def _info(chance: random.Random, number: int) -> dict[str, Any]:
    system, release, version, package, systemd = SYSTEMS[number % len(SYSTEMS)]
    drifted, waiting = chance.random() < 0.004, chance.random() < 0.02
    return {
        "provider": PROVIDERS[number % len(PROVIDERS)],
        "nameservers": ["127.0.0.1", "10.20.0.11", "10.20.0.12"],
        "path": "/etc/resolv.conf",
        "obstacle": "",
        "notes": [WAITING] if waiting else [],
        "os": {"id": system, "version": release, "like": []},
        "systemd": systemd,
        "up_to_date": not drifted,
        "drift": "dnsmasq: /etc/dnsmasq-everywhere.conf is not as it was left" if drifted else None,
        "dnsmasq": {"installed": True, "ours": True, "version": version, "package": package},
        "updates": {
            "installed": package, "candidate": "2.90-4~deb12u3" if waiting else None, "security": waiting,
            "lists_age": 3600, "support_end": None, "not_latest": [WAITING] if waiting else [],
        },
    }  # fmt: skip


def _asked(chance: random.Random) -> dict[str, Any]:
    median = round(chance.lognormvariate(-2.4, 0.35), 3)
    cold = round(chance.lognormvariate(3.9, 0.5), 3)
    hits, misses = chance.randrange(20000, 900000), chance.randrange(400, 9000)
    failure = "10.20.0.11#53 did not answer in 2 tries of 2.0 s" if chance.random() < 0.001 else None
    figures = {"min": median * 0.8, "median": median, "p95": median * 1.5, "p99": median * 2.2, "max": median * 3}
    return {
        "queries": [
            {"name": "corp.example", "type": "SOA", "failure": failure, "cached": None, "cold_ms": cold},
            {"name": "corp.example", "type": "A", "failure": None, "cached": figures, "cold_ms": median},
        ],
        "statistics": {
            "cachesize": 10000, "insertions": misses * 2, "evictions": 0, "hits": hits, "misses": misses,
            "servers": [
                {"address": "10.1.0.2#53", "sent": misses // 2, "failed": chance.randrange(0, 3)},
                {"address": "10.20.0.11#53", "sent": misses // 2, "failed": 0},
            ],
        },
    }  # fmt: skip


def fleet(topology: Mapping[str, Any], count: int, seed: int = 1) -> dict[str, dict[str, Any]]:
    """Each host's variables as the playbook leaves them: a few cannot be reached, and a few are not deployed."""
    chance = random.Random(seed)
    made: dict[str, dict[str, Any]] = {}
    for number, (host, network) in enumerate(member_of(topology, count).items()):
        variables = {"dnsmasq_topology": topology, "dnsmasq_network": network, "inventory_hostname": host}
        draw = chance.random()
        if draw < 0.002:
            told: dict[str, Any] = {
                "unreachable": True,
                "msg": "Failed to connect to the host via ssh: Connection timed out",
            }
            made[host] = variables | {"dnsmasq_report_info": told}
            continue
        info = _info(chance, number)
        if draw < 0.006:
            info["dnsmasq"] |= {"ours": False, "installed": False}
            info["nameservers"] = ["10.20.0.11", "10.20.0.12", "10.1.0.2"]
            made[host] = variables | {"dnsmasq_report_info": info, "dnsmasq_report_queries": {"skipped": True}}
        else:
            made[host] = variables | {"dnsmasq_report_info": info, "dnsmasq_report_queries": _asked(chance)}
    return made
