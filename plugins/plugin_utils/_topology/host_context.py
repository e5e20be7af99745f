# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology as one host sees it: whom it asks for what, and by whom it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address, ip_network

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import Located, Network
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.routing import Graph, first_hops, graph


@dataclass
class HostContext:
    """The topology as one host sees it."""

    host: str
    home_name: str | None
    networks: dict[str, Network]

    @property
    def home(self) -> Network | None:
        return self.networks.get(self.home_name) if self.home_name else None

    @property
    def bridge(self) -> Located[str] | None:
        """The address at which the host is a bridge."""
        return self.home.bridges.get(self.host) if self.home else None

    @property
    def owners(self) -> list[Network]:
        return [network for network in self.networks.values() if network.owns]

    @cached_property
    def graph(self) -> Graph:
        return graph(
            {
                name: None if network.links is None else [link.value for link in network.links]
                for name, network in self.networks.items()
            }
        )

    @property
    def neighbours(self) -> list[Network]:
        """The networks that the host's own one is linked to, by name."""
        return [self.networks[name] for name in sorted(self.graph[self.home.name])] if self.home else []

    @cached_property
    def hops(self) -> dict[str, str]:
        """The next network on the way from the host's own one to each that can be reached."""
        if not self.home:
            return {}
        return first_hops(self.home.name, self.graph, {name for name, there in self.networks.items() if there.bridges})

    @property
    def ways(self) -> Iterator[tuple[Network, Network, list[str]]]:
        """Each owner, the network that is asked for what it owns, and whom to ask there."""
        home = self.home
        if home is None:
            return
        for owner in self.owners:
            if owner is home:
                yield owner, home, home.authorities
            elif home.bridges and not self.bridge:
                yield owner, home, home.doors
            else:
                crossing = self.networks[self.hops[owner.name]]
                yield owner, crossing, crossing.doors

    @property
    def askers(self) -> list[names.IPNetwork]:
        """Who is answered at the bridge's address: its network, those linked to it, and whom the user adds.

        Of a network with bridges only those ask; the hosts of one without ask for themselves.
        """
        if not (self.home and self.bridge):
            return []
        found = [entry.value for entry in self.home.subnets + self.home.allow]
        for network in self.neighbours:
            found += [ip_network(bridge.value) for bridge in network.bridges.values()]
            found += [] if network.bridges else [subnet.value for subnet in network.subnets]
        version = ip_address(self.bridge.value).version
        kept: list[names.IPNetwork] = []
        # In this order a subnet that lies in another one comes behind it, with nothing but its other parts between.
        for subnet in sorted({subnet for subnet in found if subnet.version == version}, key=names.order):
            if not (kept and kept[-1].overlaps(subnet)):
                kept.append(subnet)
        return kept

    def clients(self, members: list[str]) -> int:
        """How many may have a question here: hosts of the inventory, given by their networks, and linked bridges.

        Those behind other bridges count as well: each may ask for another name.
        """
        if not (self.home and self.bridge):
            return 0
        hosts = sum(member == self.home_name or member in self.hops for member in members)
        return hosts + sum(len(network.bridges) for network in self.neighbours)
