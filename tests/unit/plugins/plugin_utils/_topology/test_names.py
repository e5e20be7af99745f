# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        ("corp.example", "corp.example"),
        ("CORP.Example.", "corp.example"),
        ("_msdcs.corp.example", "_msdcs.corp.example"),
        ("lan", "lan"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("\u4f8b\u3048.example", "xn--r8jz45g.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 49] * 5) + ".abc", ".".join(["a" * 49] * 5) + ".abc"),
        ("16.172.in-addr.arpa", "16.172.in-addr.arpa"),
    ],
    ids=[
        "a zone",
        "case and the trailing dot go",
        "an underscore",
        "one label",
        "a Latin IDN",
        "a Japanese IDN",
        "an A-label",
        "a label of 63",
        "a name of 253",
        "a reverse zone outside all subnets",
    ],
)
def test_a_zone_name_is_normalised(written: str, zone: str) -> None:
    assert names.zone_name(written) == zone


@pytest.mark.parametrize(
    ("subnet", "count", "first", "last"),
    [
        ("10.0.0.0/8", 1, "10.in-addr.arpa", "10.in-addr.arpa"),
        ("10.20.0.0/16", 1, "20.10.in-addr.arpa", "20.10.in-addr.arpa"),
        ("172.16.0.0/12", 16, "16.172.in-addr.arpa", "31.172.in-addr.arpa"),
        ("10.20.16.0/20", 16, "16.20.10.in-addr.arpa", "31.20.10.in-addr.arpa"),
        ("192.0.2.0/24", 1, "2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa"),
        ("192.0.2.128/25", 128, "128.2.0.192.in-addr.arpa", "255.2.0.192.in-addr.arpa"),
        ("192.0.2.4/30", 4, "4.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa"),
        ("192.0.2.7/32", 1, "7.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa"),
        ("2001:db8::/32", 1, "8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"),
        ("2001:db8::/31", 2, "8.b.d.0.1.0.0.2.ip6.arpa", "9.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_a_subnet_has_its_reverse_zones(subnet: str, count: int, first: str, last: str) -> None:
    zones = names.reverse_zones(names.subnet(subnet))
    assert (len(zones), zones[0], zones[-1]) == (count, first, last)


@settings(deadline=None)
@given(st.ip_addresses(), st.data())
def test_reverse_zones_hold_the_subnet_and_nothing_else(address: Any, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    network = names.ipaddress.ip_network((address, length), strict=False)
    zones = names.reverse_zones(network)
    bits = 8 if address.version == 4 else 4
    sizes = [address.max_prefixlen - bits * (len(zone.split(".")) - 2) for zone in zones]
    assert len(set(zones)) == len(zones) <= 128
    assert sum(1 << size for size in sizes) == network.num_addresses
    assert [zone for zone in zones if f".{address.reverse_pointer}".endswith(f".{zone}")]


BELOW = "which stands for all names below it"
UPSTREAM = "is every name: list who answers for names outside all zones under 'upstream' of the network"
REVERSE = "list subnets under 'subnets', their reverse zones are derived"
# parser: {what was written: how the sentence ends}
WRITTEN_ANOTHER_WAY: dict[Callable[[str], Any], dict[str, str]] = {
    names.owned_zone: {
        ".": UPSTREAM,
        "*": UPSTREAM,
        "#": UPSTREAM,
        ".corp.example": f"has more than the zone: write 'corp.example', {BELOW}",
        "*.Corp.example.": f"has more than the zone: write 'corp.example', {BELOW}",
        "/corp.example/": f"has more than the zone: write 'corp.example', {BELOW}",
        "~corp.example": f"has more than the zone: write 'corp.example', {BELOW}",
        "192.0.2.1": f"looks like an address: {REVERSE}",
        "2001:db8::1": f"looks like an address: {REVERSE}",
        "192.0.2.0/24": f"looks like an address: {REVERSE}",
        "2001:db8::/48": f"looks like an address: {REVERSE}",
        ".corp example": "has an empty label: write a name such as 'corp.example'",
    },
    names.server: {
        "192.0.2.2:5353": "is no 'address#port': write '192.0.2.2#5353'",
        "192.0.2.2:53": "is no 'address#port': write '192.0.2.2'",
        "192.0.2.2@5353": "is no 'address#port': write '192.0.2.2#5353'",
        "[2001:db8::1]:5353": "is no 'address#port': write '2001:db8::1#5353'",
        "[2001:db8::1]#5353": "is no 'address#port': write '2001:db8::1#5353'",
        "[2001:db8::1]": "is no 'address#port': write '2001:db8::1'",
        "dns://192.0.2.2": "is no 'address#port': write '192.0.2.2'",
        "udp://192.0.2.2:5353/": "is no 'address#port': write '192.0.2.2#5353'",
        "192.0.2.2/24": "is no 'address#port': write '192.0.2.2'",
        "192.0.2.0/24": "is a subnet: write the address of one host",
        "tls://192.0.2.2": "is a URL: write the address of a server of plain DNS, such as '192.0.2.11'",
        "https://dns.example/dns-query": "is a URL: write the address of a server of plain DNS, such as '192.0.2.11'",
        "5353": "is a port alone: write it behind an address, as in '192.0.2.11#5353'",
        "#5353": "is a port alone: write it behind an address, as in '192.0.2.11#5353'",
        "127.0.0.1:53": "is no 'address#port': write '127.0.0.1'",
        "192.0.2.2:0": "is no IPv4 or IPv6 address: write one such as '192.0.2.11' or '2001:db8::11'",
        "192.0.2.2:65536": "is no IPv4 or IPv6 address: write one such as '192.0.2.11' or '2001:db8::11'",
    },
    names.routable: {
        "192.0.2.53:53": "is more than an address: write '192.0.2.53'",
        "192.0.2.53#5353": "is more than an address: write '192.0.2.53'",
        "192.0.2.53/32": "is more than an address: write '192.0.2.53'",
        "2001:db8::53/64": "is more than an address: write '2001:db8::53'",
        "[2001:db8::53]": "is more than an address: write '2001:db8::53'",
        "192.0.2.0/24": "is a subnet: write the address of one host",
        "dns://192.0.2.53": "is more than an address: write '192.0.2.53'",
    },
    names.ipv4: {"127.0.0.1:53": "is more than an address: write '127.0.0.1'"},
    names.subnet: {
        "192.0.2.7/24": "has host bits set: write '192.0.2.0/24'",
        "192.0.2.7": "has no prefix length: write '192.0.2.7/32' for this one address",
        "2001:db8::7": "has no prefix length: write '2001:db8::7/128' for this one address",
        "10.20.0.0/255.255.0.0": "has a netmask: write '10.20.0.0/16'",
        "10.20.0.1/255.255.0.0": "has a netmask: write '10.20.0.0/16'",
        "10.20.0.0/255.0.255.0": "is no subnet in CIDR form: write one such as '192.0.2.0/24' or '2001:db8::/48'",
    },
}


@pytest.mark.parametrize(
    ("parse", "written", "end"),
    [
        pytest.param(parse, written, end, id=f"{parse.__name__}: {written}")
        for parse, ends in WRITTEN_ANOTHER_WAY.items()
        for written, end in ends.items()
    ],
)
def test_what_is_written_another_way_is_told_the_right_one(parse: Callable[[str], Any], written: str, end: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse(written)
    assert str(raised.value) == end


@pytest.mark.parametrize("text", ["2001:db8::1:53", "192.0.2.2#5353", "192.0.2.2"])
def test_a_server_that_is_written_right_is_taken(text: str) -> None:
    assert names.server(text) == text
