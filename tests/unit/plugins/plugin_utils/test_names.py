# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils import _names
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
    assert _names.zone_name(written) == zone


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
    zones = _names.reverse_zones(_names.subnet(subnet))
    assert (len(zones), zones[0], zones[-1]) == (count, first, last)


@settings(deadline=None)
@given(st.ip_addresses(), st.data())
def test_reverse_zones_hold_the_subnet_and_nothing_else(address: Any, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, address.max_prefixlen))
    network = _names.ipaddress.ip_network((address, length), strict=False)
    zones = _names.reverse_zones(network)
    bits = 8 if address.version == 4 else 4
    sizes = [address.max_prefixlen - bits * (len(zone.split(".")) - 2) for zone in zones]
    assert len(set(zones)) == len(zones) <= 128
    assert sum(1 << size for size in sizes) == network.num_addresses
    assert [zone for zone in zones if f".{address.reverse_pointer}".endswith(f".{zone}")]
