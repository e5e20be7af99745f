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
    networks: int = NETWORKS

    @property
    def topology(self) -> dict[str, dict[str, Any]]:
        """What a user would write as dnsmasq_topology: every network reaches every other one through bridges."""
        return {
            f"net{number}": {
                "zones": [f"zone{zone}.net{number}.example" for zone in range(number, self.zones, self.networks)],
                "subnets": [f"10.{number}.0.0/16"],
                "nameservers": [f"10.{number}.0.11", f"10.{number}.0.12"],
                "bridges": {bridge_name(number, bridge): f"10.{number}.0.{53 + bridge}" for bridge in range(BRIDGES)},
            }
            for number in range(self.networks)
        }

    @property
    def members(self) -> dict[str, list[str]]:
        """The hosts of each network, its bridges first."""
        local = range(self.hosts - self.networks * BRIDGES)
        return {
            f"net{number}": [bridge_name(number, bridge) for bridge in range(BRIDGES)]
            + [f"app{host}.net{number}.example" for host in local if host % self.networks == number]
            for number in range(self.networks)
        }

    @property
    def children(self) -> dict[str, dict[str, Any]]:
        """The inventory's groups, one a network."""
        return {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in self.members.items()}

    def write(self, folder: Path) -> Path:
        """The inventory as a user keeps it: hosts in one file, the topology and each group's network in others."""
        folder.mkdir(parents=True)
        (folder / "hosts.yml").write_text(as_yaml({"all": {"children": self.children}}))
        groups = folder / "group_vars"
        groups.mkdir()
        (groups / "all.yml").write_text(as_yaml({"dnsmasq_topology": self.topology}))
        for name in self.members:
            (groups / f"{name}.yml").write_text(as_yaml({"dnsmasq_network": name}))
        return folder

    def write_bare(self, folder: Path) -> Path:
        """The same hosts and groups without a variable; which hosts are bridges, another group says."""
        folder.mkdir(parents=True)
        bridges = {name: None for hosts in self.members.values() for name in hosts[:BRIDGES]}
        children = self.children | {"bridges": {"hosts": bridges}}
        (folder / "hosts.yml").write_text(as_yaml({"all": {"children": children}}))
        return folder


def bridge_name(network: int, bridge: int) -> str:
    return f"bridge{bridge + 1}.net{network}.example"


def as_yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=False, sort_keys=False)
    return text
