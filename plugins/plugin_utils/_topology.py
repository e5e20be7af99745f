# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the topology that the user writes to the plan of one host: read, check, route, derive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils import _names as names
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import (
    InputError,
    fault,
    misfit,
    place,
    plain,
    shown,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._networks import (
    VARIABLE,
    Entry,
    Network,
    read_list,
    read_topology,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._routes import first_hops, graph

HOME_VARIABLE = "dnsmasq_network"
LOOPBACK = ("127.0.0.1",)
CACHE_SIZE = 10000
FORWARD_MAX = 1024


class TopologyError(InputError):
    """The topology, or the host's place in it, cannot be planned."""


@dataclass
class Site:
    """The topology as one host sees it."""

    host: str
    home_name: str | None
    networks: dict[str, Network]

    @property
    def home(self) -> Network | None:
        return self.networks.get(self.home_name) if self.home_name else None

    @property
    def owners(self) -> list[Network]:
        return [network for network in self.networks.values() if network.owns]

    @cached_property
    def hops(self) -> dict[str, str]:
        """The next network on the way from the host's own one to each that can be reached."""
        if not self.home:
            return {}
        links = {
            name: None if network.links is None else [link.value for link in network.links]
            for name, network in self.networks.items()
        }
        relays = {name for name, network in self.networks.items() if network.bridges}
        return first_hops(self.home.name, graph(links), relays)

    @property
    def ways(self) -> Iterator[tuple[Network, Network, list[str]]]:
        """Each owner, the network that is asked for what it owns, and whom to ask there."""
        home = self.home
        if home is None:
            return
        for owner in self.owners:
            if owner is home:
                yield owner, home, home.authorities
            elif home.bridges and self.host not in home.bridges:
                yield owner, home, home.doors
            else:
                crossing = self.networks[self.hops[owner.name]]
                yield owner, crossing, crossing.doors


def _read_host(raw: object, findings: list[str]) -> str:
    if not isinstance(raw, str) or not raw:
        findings.append(fault("host", raw, "is no inventory name: pass inventory_hostname"))
        return ""
    return plain(raw)


def _read_home(raw: object, findings: list[str]) -> str | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str):
        findings.append(misfit(HOME_VARIABLE, raw, "the network's name as a string"))
        return None
    return plain(raw)


# --- check: each function is one rule and yields its findings ---


def _unknown(known: Collection[str]) -> str:
    others = f"use one of {shown(sorted(known), limit=300)} or " if known else ""
    return f"is not in {VARIABLE}: {others}add the network"


def _known_network(site: Site) -> Iterator[str]:
    if site.home_name and not site.home:
        yield fault(HOME_VARIABLE, site.home_name, _unknown(site.networks))


def _bridge_at_home(site: Site) -> Iterator[str]:
    for network in site.networks.values():
        bridge = network.bridges.get(site.host)
        if bridge and network is not site.home:
            yield (
                f"{HOME_VARIABLE} is {shown(site.home_name)} for {shown(site.host)}, which is a bridge at "
                f"{bridge.where}: set it to {shown(network.name)} or take the bridge out."
            )


def _known_links(site: Site) -> Iterator[str]:
    for network in site.networks.values():
        for link in network.links or ():
            if link.value == network.name:
                yield fault(link.where, link.value, "is the network itself: leave it out")
            elif link.value not in site.networks:
                yield fault(link.where, link.value, _unknown(site.networks.keys() - {network.name}))


def _one_owner_of_a_zone(site: Site) -> Iterator[str]:
    first: dict[str, Entry[Any]] = {}
    for network in site.networks.values():
        for zone in network.zones:
            if zone.value in first:
                yield fault(zone.where, zone.value, f"{first[zone.value].where} owns too: leave it to one network")
            first.setdefault(zone.value, zone)


def _one_owner_of_an_address(site: Site) -> Iterator[str]:
    subnets = [subnet for network in site.networks.values() for subnet in network.subnets]
    # In this order a subnet that lies in another one comes behind it, with nothing but its other parts between.
    subnets.sort(key=lambda subnet: names.order(subnet.value))
    around: Entry[names.IPNetwork] | None = None
    for subnet in subnets:
        if around and around.value.version == subnet.value.version and around.value.overlaps(subnet.value):
            reason = f"lies in {around.where} ({around.value}): leave each address to one subnet"
            yield fault(subnet.where, str(subnet.value), reason)
        else:
            around = subnet


def _reverse_zones_derived_once(site: Site) -> Iterator[str]:
    zones = {zone.value: zone for network in site.networks.values() for zone in network.zones}
    if not any(name.endswith(".arpa") for name in zones):
        return
    for network in site.networks.values():
        for subnet in network.subnets:
            for name in names.reverse_zones(subnet.value):
                if name in zones:
                    reason = f"is derived from {subnet.where} ({subnet.value}) already: leave the zone out"
                    yield fault(zones[name].where, name, reason)


def _one_bridge_at_an_address(site: Site) -> Iterator[str]:
    first: dict[str, Entry[str]] = {}
    for network in site.networks.values():
        for bridge in network.bridges.values():
            if bridge.value in first:
                yield fault(bridge.where, bridge.value, f"{first[bridge.value].where} has too: give each its own")
            first.setdefault(bridge.value, bridge)


def _no_server_is_a_bridge(site: Site) -> Iterator[str]:
    """A bridge among the servers would in the end ask itself, and dnsmasq does not see a loop of zones."""
    bridges = {bridge.value: bridge for network in site.networks.values() for bridge in network.bridges.values()}
    for network in site.networks.values():
        upstream = network.upstream if isinstance(network.upstream, list) else []
        for server in network.nameservers + upstream:
            if server.value in bridges:
                reason = f"is the bridge {bridges[server.value].where}: name a server that does not ask back"
                yield fault(server.where, server.value, reason)


def _every_owner_in_reach(site: Site) -> Iterator[str]:
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


_CHECKS: tuple[Callable[[Site], Iterator[str]], ...] = (
    _known_network,
    _bridge_at_home,
    _known_links,
    _one_owner_of_a_zone,
    _one_owner_of_an_address,
    _reverse_zones_derived_once,
    _one_bridge_at_an_address,
    _no_server_is_a_bridge,
)
# The way through the links is looked at when they are sound: a mistyped link would hide behind what it cuts off.
_CHECKS_OF_ROUTES: tuple[Callable[[Site], Iterator[str]], ...] = (_every_owner_in_reach,)


# --- derive ---


def _forwards(site: Site) -> list[dict[str, Any]]:
    rules = (
        {"zone": zone.value, "servers": list(servers), "owner": owner.name, "via": via.name}
        for owner, via, servers in site.ways
        for zone in owner.zones
    )
    return sorted(rules, key=lambda rule: rule["zone"])


def _reverse(site: Site) -> list[dict[str, Any]]:
    subnets = ((subnet.value, way) for way in site.ways for subnet in way[0].subnets)
    return [
        {"zone": zone, "subnet": str(subnet), "servers": list(servers), "owner": owner.name, "via": via.name}
        for subnet, (owner, via, servers) in sorted(subnets, key=lambda pair: names.order(pair[0]))
        for zone in names.reverse_zones(subnet)
    ]


def _upstream(site: Site) -> dict[str, Any]:
    upstream = site.home.upstream if site.home else "dhcp"
    if isinstance(upstream, list):
        return {"mode": "list", "servers": [server.value for server in upstream], "exclude": []}
    exclude = _not_for_public_names(site) if upstream == "dhcp" else []
    return {"mode": upstream, "servers": [], "exclude": exclude}


def _not_for_public_names(site: Site) -> list[str]:
    """What DHCP may hand out and public names must not go to: other networks' servers, and every bridge.

    A link-local address is another server in each network, such as the resolver of the cloud the host is in.
    """
    if site.home is None:
        return []
    known = {address for network in site.networks.values() for address in network.addresses}
    own = {names.without_port(server) for server in site.home.authorities}
    kept = [address for address in known - own if not address.is_link_local]
    return [str(address) for address in sorted(kept, key=names.order)]


def _proofs(forwards: list[dict[str, Any]], upstream: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the module query_latency asks to prove the plan on its host."""
    for rule in forwards:
        zone, servers = rule["zone"], rule["servers"]
        yield {"name": zone, "type": "SOA", "cached": False, "reference": list(servers)}
        yield {"name": zone, "type": "A", "cached": True, "rcode": "NOERROR", "reference": list(servers)}
    if upstream["mode"] != "none":
        yield {"name": ".", "type": "NS", "cached": False}


def plan(topology: object, host: object, network: object, listen: object = LOOPBACK) -> dict[str, Any]:
    """Everything that the host's dnsmasq must do, or a TopologyError with everything that is wrong."""
    findings: list[str] = []
    site = Site(_read_host(host, findings), _read_home(network, findings), read_topology(topology, findings))
    addresses = read_list(listen, "listen", "loopback addresses", names.loopback, findings)
    if not (addresses or findings):
        findings.append("listen is [], which leaves nobody to answer: give a loopback address such as '127.0.0.1'.")
    findings += [finding for check in _CHECKS for finding in check(site)]
    findings = findings or [finding for check in _CHECKS_OF_ROUTES for finding in check(site)]
    if findings:
        raise TopologyError(findings)

    bridge = site.home.bridges.get(site.host) if site.home else None
    forwards = _forwards(site)
    upstream = _upstream(site)
    return {
        "host": site.host,
        "network": site.home_name,
        "tier": "bridge" if bridge else "local",
        "listen": ([bridge.value] if bridge else []) + [entry.value for entry in addresses],
        "forwards": forwards,
        "reverse": _reverse(site),
        "upstream": upstream,
        "allow": [],
        "sizes": {"cache": CACHE_SIZE, "forward_max": FORWARD_MAX},
        "checks": list(_proofs(forwards, upstream)),
    }
