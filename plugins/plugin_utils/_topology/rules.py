# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a topology one that can be planned: each function is one rule and yields its findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_address
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import fault, place, shown
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.host_context import HostContext
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import VARIABLE, Located

HOME_VARIABLE = "dnsmasq_network"


def _unknown(known: Collection[str]) -> str:
    others = f"use one of {shown(sorted(known), limit=300)} or " if known else ""
    return f"is not in {VARIABLE}: {others}add the network"


def _known_network(site: HostContext) -> Iterator[str]:
    if site.home_name and not site.home:
        yield fault(HOME_VARIABLE, site.home_name, _unknown(site.networks))


def _bridge_at_home(site: HostContext) -> Iterator[str]:
    for network in site.networks.values():
        bridge = network.bridges.get(site.host)
        if bridge and network is not site.home:
            yield (
                f"{HOME_VARIABLE} is {shown(site.home_name)} for {shown(site.host)}, which is a bridge at "
                f"{bridge.where}: set it to {shown(network.name)} or take the bridge out."
            )


def _known_links(site: HostContext) -> Iterator[str]:
    for network in site.networks.values():
        for link in network.links or ():
            if link.value == network.name:
                yield fault(link.where, link.value, "is the network itself: leave it out")
            elif link.value not in site.networks:
                yield fault(link.where, link.value, _unknown(site.networks.keys() - {network.name}))


def _one_owner_of_a_zone(site: HostContext) -> Iterator[str]:
    first: dict[str, Located[Any]] = {}
    for network in site.networks.values():
        for zone in network.zones:
            if zone.value in first:
                yield fault(zone.where, zone.value, f"{first[zone.value].where} owns too: leave it to one network")
            first.setdefault(zone.value, zone)


def _one_owner_of_an_address(site: HostContext) -> Iterator[str]:
    subnets = [subnet for network in site.networks.values() for subnet in network.subnets]
    # In this order a subnet that lies in another one comes behind it, with nothing but its other parts between.
    subnets.sort(key=lambda subnet: names.order(subnet.value))
    around: Located[names.IPNetwork] | None = None
    for subnet in subnets:
        if around and around.value.version == subnet.value.version and around.value.overlaps(subnet.value):
            reason = f"lies in {around.where} ({around.value}): leave each address to one subnet"
            yield fault(subnet.where, str(subnet.value), reason)
        else:
            around = subnet


def _reverse_zones_derived_once(site: HostContext) -> Iterator[str]:
    zones = {zone.value: zone for network in site.networks.values() for zone in network.zones}
    if not any(name.endswith(".arpa") for name in zones):
        return
    for network in site.owners:
        for subnet in network.subnets:
            for name in names.reverse_zones(subnet.value):
                if name in zones:
                    reason = f"is derived from {subnet.where} ({subnet.value}) already: leave the zone out"
                    yield fault(zones[name].where, name, reason)


def _one_bridge_at_an_address(site: HostContext) -> Iterator[str]:
    first: dict[str, Located[str]] = {}
    for network in site.networks.values():
        for bridge in network.bridges.values():
            if bridge.value in first:
                yield fault(bridge.where, bridge.value, f"{first[bridge.value].where} has too: give each its own")
            first.setdefault(bridge.value, bridge)


def _no_server_is_a_bridge(site: HostContext) -> Iterator[str]:
    """A bridge among the servers would in the end ask itself, and dnsmasq does not see a loop of zones."""
    bridges = {bridge.value: bridge for network in site.networks.values() for bridge in network.bridges.values()}
    for network in site.networks.values():
        upstream = network.upstream if isinstance(network.upstream, list) else []
        for server in network.nameservers + upstream:
            if server.value in bridges:
                reason = f"is the bridge {bridges[server.value].where}: name a server that does not ask back"
                yield fault(server.where, server.value, reason)


def _allowed_by_a_bridge(site: HostContext) -> Iterator[str]:
    for network in site.networks.values():
        if network.allow and not network.bridges:
            entry = network.allow[0]
            yield fault(entry.where, str(entry.value), "no bridge answers: add 'bridges' or leave it out")


def _every_owner_in_reach(site: HostContext) -> Iterator[str]:
    """A zone that one step cannot route would follow its parent zone there, so no loop is ruled out: refuse it."""
    for owner in site.owners:
        if not site.home or owner is site.home:
            continue
        where = place(VARIABLE, owner.name)
        if owner.name not in site.hops:
            yield (
                f"{where} owns {shown(owner.owns)}, which {shown(site.home_name)} cannot reach over the links: link "
                "the two networks, or give bridges to every network between them."
            )
        elif site.hops[owner.name] == owner.name and not owner.bridges:
            for server in owner.nameservers:
                if names.without_port(server.value).is_link_local:
                    reason = f"is link-local and out of reach of {shown(site.home_name)}: give {where} bridges"
                    yield fault(server.where, server.value, reason)


def _answered_by_each_bridge(site: HostContext) -> Iterator[str]:
    """A bridge drops what comes from an address that the topology does not name."""
    home = site.home
    if home is None:
        return
    if site.bridge:
        asker, named = f"the bridge {site.bridge.where}", {ip_address(site.bridge.value).version}
        remedy = "give both an address of one family"
    else:
        asker, named = shown(home.name), {subnet.value.version for subnet in home.subnets}
        remedy = f"list them under {place(VARIABLE, home.name, 'subnets')}"
    for crossing in dict.fromkeys(via.name for owner, via, _servers in site.ways if owner is not home):
        there = site.networks[crossing]
        answered = named | {subnet.value.version for subnet in there.allow}
        for bridge in there.bridges.values():
            version = ip_address(bridge.value).version
            if version not in answered:
                reason = (
                    f"answers the addresses that the topology names and finds no IPv{version} ones of {asker}: "
                    f"{remedy} or add them to {place(VARIABLE, crossing, 'allow')}"
                )
                yield fault(bridge.where, bridge.value, reason)


# Each stage stands on the one before it: a mistyped link would hide behind the network that it cuts off, and only what
# has a way can be asked.
STAGES: tuple[tuple[Callable[[HostContext], Iterator[str]], ...], ...] = (
    (
        _known_network,
        _bridge_at_home,
        _known_links,
        _one_owner_of_a_zone,
        _one_owner_of_an_address,
        _reverse_zones_derived_once,
        _one_bridge_at_an_address,
        _no_server_is_a_bridge,
        _allowed_by_a_bridge,
    ),
    (_every_owner_in_reach,),
    (_answered_by_each_bridge,),
)


def judge(site: HostContext, findings: list[str]) -> None:
    """Add what is wrong to the findings; the later stages look only at what is sound so far."""
    for number, stage in enumerate(STAGES):
        if number == 0 or not findings:
            findings += [finding for rule in stage for finding in rule(site)]
