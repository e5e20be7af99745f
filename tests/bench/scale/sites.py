# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up fleet of any size: networks with zones and bridges, and the hosts in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NETWORKS = 20
BRIDGES = 2


@dataclass(frozen=True)
class Fleet:
    """So many hosts, bridges among them, and so many zones, spread evenly over the networks."""

    hosts: int
    zones: int

    @property
    def topology(self) -> dict[str, dict[str, Any]]:
        """What a user would write as dnsmasq_topology: every network reaches every other one through bridges."""
        return {
            f"net{number}": {
                "zones": [f"zone{zone}.net{number}.example" for zone in range(number, self.zones, NETWORKS)],
                "subnets": [f"10.{number}.0.0/16"],
                "nameservers": [f"10.{number}.0.11", f"10.{number}.0.12"],
                "bridges": {bridge_name(number, bridge): f"10.{number}.0.{53 + bridge}" for bridge in range(BRIDGES)},
            }
            for number in range(NETWORKS)
        }

    @property
    def members(self) -> dict[str, list[str]]:
        """The hosts of each network, its bridges first."""
        local = range(self.hosts - NETWORKS * BRIDGES)
        return {
            f"net{number}": [bridge_name(number, bridge) for bridge in range(BRIDGES)]
            + [f"app{host}.net{number}.example" for host in local if host % NETWORKS == number]
            for number in range(NETWORKS)
        }

    def write(self, folder: Path) -> Path:
        """The inventory as a user keeps it: hosts in one file, the topology and each group's network in others."""
        groups = folder / "group_vars"
        groups.mkdir(parents=True)
        children = {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in self.members.items()}
        (folder / "hosts.yml").write_text(as_yaml({"all": {"children": children}}))
        (groups / "all.yml").write_text(as_yaml({"dnsmasq_topology": self.topology}))
        for name in self.members:
            (groups / f"{name}.yml").write_text(as_yaml({"dnsmasq_network": name}))
        return folder


def bridge_name(network: int, bridge: int) -> str:
    return f"bridge{bridge + 1}.net{network}.example"


def as_yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=False, sort_keys=False)
    return text
