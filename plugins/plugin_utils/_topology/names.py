# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and addresses as DNS writes them.

Each parser returns the canonical form, or raises ValueError with the reason and the remedy as the end of a sentence
("is no subnet in CIDR form: write one such as '192.0.2.0/24'"). What a parser returns is
safe in a line of dnsmasq.conf.
"""

from __future__ import annotations

import ipaddress
import re

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_NETWORK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
# An address is matched before it is parsed: ipaddress takes any text at all behind the % of an IPv6 scope.
_ADDRESS = re.compile(r"[0-9A-Fa-f.:]{2,45}")
_SUBNET = re.compile(r"[0-9A-Fa-f.:]{2,45}/[0-9]{1,3}")
_PORT = re.compile(r"[0-9]{1,5}")
# A server as other programs have it: a URL, an address in brackets, its port behind a colon or an @, a prefix length.
_ELSEWHERE = re.compile(
    r"(?:(?:dns|udp|tcp)://)?"
    r"(?P<address>[0-9.]{7,15}|\[[0-9A-Fa-f.:]{2,45}\]|[0-9A-Fa-f.:]{2,45}(?![0-9A-Fa-f.:]))"
    r"(?:[:@#](?P<port>[0-9]{1,5}))?(?:/(?P<prefix>[0-9]{0,3}))?"
)
_MASKED = re.compile(r"[0-9.]{7,15}/[0-9.]{7,15}")
# A zone as other programs have it: with what says that names below it are meant as well.
_DECORATED = re.compile(r"(?:\*?\.|~\.?|/)([^/]+)/?")
# IDNA 2003, all that Python has, turns these into other names than IDNA 2008 does.
_DISPUTED = frozenset("\u00df\u03c2\u200c\u200d")


def network_name(text: str) -> str:
    """A network's name, made of characters that need quoting nowhere."""
    if not _NETWORK_NAME.fullmatch(text):
        raise ValueError("is no network name: use 1 to 63 letters, digits, underscores, dots and hyphens")
    return text


def zone_name(text: str) -> str:
    """A zone in lower case, in A-labels and without the trailing dot (RFC 1035, RFC 5890)."""
    if len(text) > 254:
        raise ValueError(f"has {len(text)} characters: a zone has 253 at most")
    labels = [_label(label) for label in text.lower().removesuffix(".").split(".")]
    name = ".".join(labels)
    if len(name) > 253:
        raise ValueError(f"has {len(name)} characters as ASCII: a zone has 253 at most")
    if labels[-1].isdecimal():
        raise ValueError("looks like an address: list subnets under 'subnets', their reverse zones are derived")
    return name


def owned_zone(text: str) -> str:
    """A zone of a network; who writes one as other programs do is told what it is here."""
    if text in (".", "*", "#"):
        raise ValueError("is every name: list who answers for names outside all zones under 'upstream' of the network")
    if _parsed(text.partition("/")[0]):
        raise ValueError("looks like an address: list subnets under 'subnets', their reverse zones are derived")
    try:
        return zone_name(text)
    except ValueError:
        if (decorated := _DECORATED.fullmatch(text)) and (name := _zone_or_none(decorated[1])):
            raise ValueError(f"has more than the zone: write '{name}', which stands for all names below it") from None
        raise


def _zone_or_none(text: str) -> str | None:
    try:
        return zone_name(text)
    except ValueError:
        return None


def _label(text: str) -> str:
    if not text:
        raise ValueError("has an empty label: write a name such as 'corp.example'")
    if _DISPUTED & set(text):
        raise ValueError("has a character that IDNA versions encode differently: write the label as 'xn--...'")
    try:
        label = text if text.isascii() else text.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise ValueError("has a label that IDNA cannot encode: write the label as 'xn--...'") from None
    if not _LABEL.fullmatch(label):
        raise ValueError(
            "is no zone name: use labels of letters, digits, hyphens inside and underscores, without wildcards"
        )
    if len(label) > 63:
        raise ValueError(f"has a label of {len(label)} characters: a label has 63 at most")
    return label


def _parsed(text: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(text) if _ADDRESS.fullmatch(text) else None
    except ValueError:
        return None


def _meant(text: str) -> tuple[IPAddress, int] | None:
    """The address and the port in a text that has them as other programs do."""
    match = _ELSEWHERE.fullmatch(text)
    found = _parsed(match["address"].strip("[]")) if match else None
    if not (match and found):
        return None
    prefix = int(match["prefix"] or found.max_prefixlen)
    if prefix < found.max_prefixlen and found == ipaddress.ip_network((found, prefix), strict=False).network_address:
        raise ValueError("is a subnet: write the address of one host")
    port = int(match["port"] or 53)
    return (found, port) if 1 <= port <= 65535 and prefix <= found.max_prefixlen else None


def _joined(found: IPAddress | str, port: int) -> str:
    return str(found) if port == 53 else f"{found}#{port}"


def address(text: str) -> IPAddress:
    """Any IPv4 or IPv6 address that needs no scope."""
    found = _parsed(text)
    if not found:
        if meant := _meant(text):
            raise ValueError(f"is more than an address: write '{meant[0]}'")
        if "://" in text:
            raise ValueError("is a URL: write the address of a server of plain DNS, such as '192.0.2.11'")
        raise ValueError("is no IPv4 or IPv6 address: write one such as '192.0.2.11' or '2001:db8::11'")
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        raise ValueError(f"is an IPv4 address in IPv6 form: write '{found.ipv4_mapped}'")
    return found


def unicast(text: str) -> str:
    """An address that another host can have."""
    found = address(text)
    refused = {
        "the loopback of each host": found.is_loopback,
        "no address at all": found.is_unspecified,
        "a multicast group": found.is_multicast,
        "the broadcast address": found == ipaddress.IPv4Address("255.255.255.255"),
        "link-local and reached through an interface only": found.version == 6 and found.is_link_local,
    }
    for what, applies in refused.items():
        if applies:
            raise ValueError(f"is {what}: write the address at which other hosts reach the server")
    return str(found)


def ipv4(text: str) -> str:
    """An address that a line of resolv.conf can name on every host, loopback too."""
    found = address(text)
    if found.version != 4 or found.is_unspecified or found.is_multicast:
        raise ValueError("is no IPv4 address of a server: write one such as '127.0.0.1'")
    return str(found)


def routable(text: str) -> str:
    """An address that a host of another network can ask."""
    found = unicast(text)
    if ipaddress.ip_address(found).is_link_local:
        raise ValueError("is link-local: write the address at which other networks reach the server")
    return found


def loopback(text: str) -> str:
    """An address that only the host itself can ask."""
    found = address(text)
    if not found.is_loopback:
        raise ValueError("is open to other hosts: write a loopback address such as '127.0.0.1'")
    return str(found)


def with_port(text: str) -> tuple[IPAddress, int]:
    """An address, or address#port where the port is not 53."""
    host, mark, port = text.partition("#")
    if not _parsed(host):
        if _PORT.fullmatch(port if mark and not host else text):
            raise ValueError(f"is a port alone: write it behind an address, as in '192.0.2.11#{int(port or text)}'")
        if meant := _meant(text):
            raise ValueError(f"is no 'address#port': write '{_joined(*meant)}'")
    found = address(host)
    if mark and not (_PORT.fullmatch(port) and 1 <= int(port) <= 65535):
        raise ValueError("has no port from 1 to 65535 behind the '#': write 'address#port' or the address alone")
    return found, int(port) if mark else 53


def server(text: str) -> str:
    """A name server as dnsmasq writes it."""
    found, port = with_port(text)
    return _joined(unicast(str(found)), port)


def without_port(text: str) -> IPAddress:
    """The address of a server."""
    return ipaddress.ip_address(text.partition("#")[0])


def order(value: IPAddress | IPNetwork) -> tuple[int, ...]:
    """The key that sorts addresses or subnets of both families."""
    if isinstance(value, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return value.version, int(value.network_address), value.prefixlen
    return value.version, int(value)


def subnet(text: str) -> IPNetwork:
    """A subnet whose address has no host bits; a bridge answers it, so it is not everything."""
    try:
        if not _SUBNET.fullmatch(text):
            raise ValueError
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(_no_subnet(text)) from None
    if found.network_address != ipaddress.ip_address(text.partition("/")[0]):
        raise ValueError(f"has host bits set: write '{found}'")
    if found.prefixlen == 0:
        raise ValueError("is every address, which makes a bridge an open resolver: list the subnets that are meant")
    return found


def _no_subnet(text: str) -> str:
    if found := _parsed(text):
        return f"has no prefix length: write '{found}/{found.max_prefixlen}' for this one address"
    try:
        if _MASKED.fullmatch(text):
            return f"has a netmask: write '{ipaddress.ip_network(text, strict=False)}'"
    except ValueError:
        pass
    return "is no subnet in CIDR form: write one such as '192.0.2.0/24' or '2001:db8::/48'"


def reverse_zones(network: IPNetwork) -> list[str]:
    """The zones that hold exactly the subnet's addresses.

    The cut is at the next octet of IPv4 or nibble of IPv6, so that no zone takes a neighbour's names: a /20 is
    16 zones, a /25 is 128 of one address each, and no subnet is more than those 128.
    """
    bits = 8 if network.version == 4 else 4
    labels = -(-network.prefixlen // bits)
    return [
        # The pointer's last two labels are in-addr.arpa or ip6.arpa.
        ".".join(part.network_address.reverse_pointer.split(".")[-labels - 2 :])
        for part in network.subnets(new_prefix=labels * bits)
    ]
