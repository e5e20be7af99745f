# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the topology that the user writes to the plan of one host: read, check, route, derive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError, fault, misfit, plain
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names, sizing
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.host_context import HostContext
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import read_list, read_topology
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.queries import read_checks
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.rules import HOME_VARIABLE, judge

LOOPBACK = ("127.0.0.1",)
CHECKS_VARIABLE = "dnsmasq_checks"


class TopologyError(InputError):
    """The topology, or the host's place in it, cannot be planned."""


def read_host(raw: object, findings: list[str]) -> str:
    if not isinstance(raw, str) or not raw:
        findings.append(fault("host", raw, "is no inventory name: pass inventory_hostname"))
        return ""
    # It stands in a comment of dnsmasq.conf, and dnsmasq cuts a line behind 1024 bytes: the rest would be a setting.
    if not raw.isprintable() or len(raw.encode()) > 255:
        findings.append(fault("host", raw, "is no name of one line and up to 255 bytes: rename it in the inventory"))
        return ""
    return plain(raw)


def _read_home(raw: object, findings: list[str]) -> str | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str):
        findings.append(misfit(HOME_VARIABLE, raw, "the network's name as a string"))
        return None
    return plain(raw)


def _read_members(raw: object, findings: list[str]) -> list[str]:
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        findings.append(misfit("members", raw, "a list with the network of each host of the inventory"))
        return []
    return [plain(member) for member in raw if isinstance(member, str)]


# --- derive ---


def _forwards(site: HostContext) -> list[dict[str, Any]]:
    rules = (
        {"zone": zone.value, "servers": list(servers), "owner": owner.name, "via": via.name}
        for owner, via, servers in site.ways
        for zone in owner.zones
    )
    return sorted(rules, key=lambda rule: rule["zone"])


def _reverse(site: HostContext) -> list[dict[str, Any]]:
    subnets = ((subnet.value, way) for way in site.ways for subnet in way[0].subnets)
    return [
        {"zone": zone, "subnet": str(subnet), "servers": list(servers), "owner": owner.name, "via": via.name}
        for subnet, (owner, via, servers) in sorted(subnets, key=lambda pair: names.order(pair[0]))
        for zone in names.reverse_zones(subnet)
    ]


def _upstream(site: HostContext) -> dict[str, Any]:
    upstream = site.home.upstream if site.home else "dhcp"
    if isinstance(upstream, list):
        return {"mode": "list", "servers": [server.value for server in upstream], "exclude": []}
    exclude = _not_for_public_names(site) if upstream == "dhcp" else []
    return {"mode": upstream, "servers": [], "exclude": exclude}


def _not_for_public_names(site: HostContext) -> list[str]:
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


def plan(
    topology: object,
    host: object,
    network: object,
    listen: object = LOOPBACK,
    members: object = (),
    sizes: object = None,
    checks: object = (),
) -> dict[str, Any]:
    """Everything that the host's dnsmasq must do, or a TopologyError with everything that is wrong."""
    findings: list[str] = []
    site = HostContext(read_host(host, findings), _read_home(network, findings), read_topology(topology, findings))
    addresses = read_list(listen, "listen", "loopback addresses", names.loopback, findings)
    if not (addresses or findings):
        findings.append("listen is [], which leaves nobody to answer: give a loopback address such as '127.0.0.1'.")
    known = _read_members(members, findings)
    given = sizing.read_sizes(sizes, findings)
    read_checks(checks, CHECKS_VARIABLE, findings)
    judge(site, findings)
    if findings:
        raise TopologyError(findings)

    forwards = _forwards(site)
    upstream = _upstream(site)
    suited = sizing.of_bridge(site.clients(known)) if site.bridge else sizing.LOCAL
    return {
        "host": site.host,
        "network": site.home_name,
        "tier": "bridge" if site.bridge else "local",
        "rank": list(site.home.bridges).index(site.host) if site.home and site.bridge else 0,
        "listen": [entry.value for entry in addresses] + ([site.bridge.value] if site.bridge else []),
        "forwards": forwards,
        "reverse": _reverse(site),
        "upstream": upstream,
        "allow": [str(subnet) for subnet in site.askers],
        "sizes": {**suited, **given},
        "checks": list(_proofs(forwards, upstream)),
    }
