# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology as the user writes it, read into networks.

Reading drops what it cannot use and says why, so that whatever follows sees sound values only and all mistakes are
told at once. The defaults of a network's keys are those of Network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import fault, misfit, place, plain, shown
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names

T = TypeVar("T")

VARIABLE = "dnsmasq_topology"
FIRST_SERVERS = "resolv_conf_nameservers"
#: glibc, musl and Go read no more lines (MAXNS of resolv.h): another server would never be asked.
LINES_READ = 3


@dataclass(frozen=True)
class Located(Generic[T]):
    """A value and where the user wrote it."""

    where: str
    value: T


@dataclass
class Network:
    """One network of the topology, each value in its canonical form."""

    name: str
    zones: list[Located[str]] = field(default_factory=list)
    subnets: list[Located[names.IPNetwork]] = field(default_factory=list)
    nameservers: list[Located[str]] = field(default_factory=list)
    bridges: dict[str, Located[str]] = field(default_factory=dict)
    links: list[Located[str]] | None = None
    upstream: str | list[Located[str]] = "dhcp"
    allow: list[Located[names.IPNetwork]] = field(default_factory=list)

    @property
    def owns(self) -> list[str]:
        """What others ask this network for; without nameservers it has subnets, and nobody to ask about them."""
        subnets = self.subnets if self.nameservers else []
        return [zone.value for zone in self.zones] + [str(subnet.value) for subnet in subnets]

    @property
    def doors(self) -> list[str]:
        """Whom other networks ask: the bridges, or the nameservers where there are none."""
        return [bridge.value for bridge in self.bridges.values()] or self.authorities

    @property
    def authorities(self) -> list[str]:
        """Whom the network itself asks for its own zones."""
        return [server.value for server in self.nameservers]

    @property
    def addresses(self) -> set[names.IPAddress]:
        """Every address that answers for this network."""
        return {names.without_port(server) for server in self.authorities + self.doors}


def read_list(raw: object, where: str, wanted: str, parse: Callable[[str], T], findings: list[str]) -> list[Located[T]]:
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        findings.append(misfit(where, raw, f"a list of {wanted}"))
        return []
    entries: dict[T, Located[T]] = {}
    for index, item in enumerate(raw):
        entry = _read_text(item, place(where, index), f"one of the {wanted} as a string", parse, findings)
        if entry and entry.value in entries:
            findings.append(fault(entry.where, item, f"{entries[entry.value].where} names already: leave one out"))
        elif entry:
            entries[entry.value] = entry
    return list(entries.values())


def read_first_servers(raw: object, findings: list[str]) -> list[str]:
    """The servers that libc shall ask first."""
    known = len(findings)
    servers = [server.value for server in read_list(raw, FIRST_SERVERS, "addresses", names.ipv4, findings)]
    if len(findings) == known and not 1 <= len(servers) <= LINES_READ:
        findings.append(fault(FIRST_SERVERS, raw, f"names {len(servers)} servers: libc reads one to {LINES_READ}"))
    return servers


def _read_text(
    raw: object, where: str, wanted: str, parse: Callable[[str], T], findings: list[str]
) -> Located[T] | None:
    if not isinstance(raw, str):
        findings.append(misfit(where, raw, wanted))
        return None
    try:
        return Located(where, parse(plain(raw)))
    except ValueError as reason:
        findings.append(fault(where, raw, reason))
        return None


def _read_bridges(raw: object, where: str, findings: list[str]) -> dict[str, Located[str]]:
    if not isinstance(raw, Mapping):
        findings.append(misfit(where, raw, "a mapping of inventory hosts to their addresses"))
        return {}
    bridges: dict[str, Located[str]] = {}
    for host, address in raw.items():
        if not isinstance(host, str) or not host:
            findings.append(f"{where} has the key {shown(host)}: give the inventory name of a host as a string.")
            continue
        entry = _read_text(address, place(where, host), "the bridge's address as a string", names.routable, findings)
        if entry:
            bridges[plain(host)] = entry
    return bridges


def _read_upstream(raw: object, where: str, findings: list[str]) -> str | list[Located[str]]:
    if isinstance(raw, str) and raw in ("dhcp", "none"):
        return plain(raw)
    if not raw or isinstance(raw, str) or not isinstance(raw, Sequence):
        findings.append(fault(where, raw, "is no upstream: write 'dhcp', 'none' or a list of servers"))
        return "dhcp"
    return read_list(raw, where, "servers", names.server, findings)


READERS: dict[str, Callable[[Any, str, list[str]], Any]] = {
    "zones": lambda raw, where, found: read_list(raw, where, "zone names", names.owned_zone, found),
    "subnets": lambda raw, where, found: read_list(raw, where, "subnets", names.subnet, found),
    "nameservers": lambda raw, where, found: read_list(raw, where, "servers", names.server, found),
    "bridges": _read_bridges,
    "links": lambda raw, where, found: read_list(raw, where, "network names", names.network_name, found),
    "upstream": _read_upstream,
    "allow": lambda raw, where, found: read_list(raw, where, "subnets", names.subnet, found),
}


def _read_network(name: str, raw: object, findings: list[str]) -> Network:
    where = place(VARIABLE, name)
    if raw is None:  # `us_east_1:` with nothing behind it is a network that owns nothing
        return Network(name)
    if not isinstance(raw, Mapping):
        findings.append(misfit(where, raw, "a mapping"))
        return Network(name)
    for key in raw:
        if key not in READERS:
            findings.append(f"{where} has the unknown key {shown(key)}: use {', '.join(READERS)}.")
    # Asked of what was written, because a nameserver that reading dropped has its own finding.
    if raw.get("zones") and not raw.get("nameservers"):
        findings.append(f"{where} has zones and no 'nameservers': list the servers that answer for them.")
    return Network(
        name, **{key: read(raw[key], place(where, key), findings) for key, read in READERS.items() if key in raw}
    )


def read_topology(raw: object, findings: list[str]) -> dict[str, Network]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        findings.append(misfit(VARIABLE, raw, "a mapping of network names to networks"))
        return {}
    networks: dict[str, Network] = {}
    for name, network in raw.items():
        if not isinstance(name, str):
            findings.append(f"{VARIABLE} has the key {shown(name)}: quote it to make the network's name a string.")
            continue
        try:
            names.network_name(plain(name))
        except ValueError as reason:
            findings.append(f"{VARIABLE} has the key {shown(name)}, which {reason}.")
        networks[plain(name)] = _read_network(plain(name), network, findings)
    return networks
