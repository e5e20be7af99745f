# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import resolution_path

# datacenter and gcp have bridges, lab has none, and spoke reaches all others through the datacenter only. Each network
# has another upstream.
TOPOLOGY: dict[str, Any] = {
    "datacenter": {
        "zones": ["corp.example"],
        "subnets": ["192.0.2.0/25", "2001:db8:1::/48"],
        "nameservers": ["192.0.2.11", "192.0.2.12#5353"],
        "bridges": {"dc-bridge-1": "192.0.2.53", "dc-bridge-2": "192.0.2.54"},
        "links": ["gcp", "lab", "spoke"],
    },
    "gcp": {
        "zones": ["gcp.example", "cloud.corp.example", "192.in-addr.arpa"],
        "subnets": ["198.51.100.0/24"],
        "nameservers": ["169.254.169.254"],
        "bridges": {"gcp-bridge-1": "198.51.100.53"},
        "upstream": ["198.51.100.99"],
    },
    "lab": {
        "zones": ["lab.example"],
        "subnets": ["203.0.113.64/28"],
        "nameservers": ["203.0.113.11"],
        "upstream": "none",
    },
    "spoke": {"subnets": ["203.0.113.128/25"]},
}
DC_BRIDGES = ("dc-bridge-1 dc-bridge-2", "datacenter")
TO_DC_BRIDGES = ("192.0.2.53 192.0.2.54", "bridges")
TO_DC_NAMESERVERS = ("192.0.2.11 192.0.2.12#5353", "nameservers")
GCP_BRIDGE = ("gcp-bridge-1", "gcp")
TO_GCP_BRIDGE = ("198.51.100.53", "bridges")
TO_GCP_NAMESERVER = ("169.254.169.254", "nameservers")

CORP = "corp.example is datacenter's"
GCP = "gcp.example is gcp's"
PUBLIC = "www.example.org is in no zone of the topology"

# id: (host, network, name, steps), each step (at, network, asks, to, because).
ROUTES: dict[str, tuple[str, str | None, str, list[tuple[str, str | None, str, str, str]]]] = {
    "an own zone goes to own nameservers past own bridges": (
        "app1",
        "datacenter",
        "db.corp.example",
        [("app1", "datacenter", *TO_DC_NAMESERVERS, f"{CORP} own, and its nameservers answer for it")],
    ),
    "a foreign zone goes through own bridges and the owner's": (
        "app1",
        "gcp",
        "db.corp.example",
        [
            ("app1", "gcp", *TO_GCP_BRIDGE, f"{CORP}, and gcp's own bridges know the way"),
            (*GCP_BRIDGE, *TO_DC_BRIDGES, f"{CORP}, whose bridges are the next step"),
            (*DC_BRIDGES, *TO_DC_NAMESERVERS, f"{CORP} own, and its nameservers answer for it"),
        ],
    ),
    "a bridge asks the other side": (
        "dc-bridge-2",
        "datacenter",
        "vm.gcp.example",
        [
            ("dc-bridge-2", "datacenter", *TO_GCP_BRIDGE, f"{GCP}, whose bridges are the next step"),
            (*GCP_BRIDGE, *TO_GCP_NAMESERVER, f"{GCP} own, and its nameservers answer for it"),
        ],
    ),
    "a bridge asks an owner without bridges directly": (
        "dc-bridge-1",
        "datacenter",
        "lab.example",
        [
            (
                "dc-bridge-1",
                "datacenter",
                "203.0.113.11",
                "nameservers",
                "lab.example is lab's, which has no bridges, so its nameservers are asked",
            )
        ],
    ),
    "a network without bridges goes through those of a transit network": (
        "app1",
        "spoke",
        "vm.gcp.example",
        [
            ("app1", "spoke", *TO_DC_BRIDGES, f"{GCP}, and datacenter's bridges are the next step on the way"),
            (*DC_BRIDGES, *TO_GCP_BRIDGE, f"{GCP}, whose bridges are the next step"),
            (*GCP_BRIDGE, *TO_GCP_NAMESERVER, f"{GCP} own, and its nameservers answer for it"),
        ],
    ),
    "a zone's apex is in the zone, in any case and with the trailing dot": (
        "app1",
        "datacenter",
        "Corp.Example.",
        [("app1", "datacenter", *TO_DC_NAMESERVERS, f"{CORP} own, and its nameservers answer for it")],
    ),
    "a deeper zone of another network goes before its parent": (
        "app1",
        "datacenter",
        "vm.cloud.corp.example",
        [
            (
                "app1",
                "datacenter",
                *TO_DC_BRIDGES,
                "cloud.corp.example is gcp's, and datacenter's own bridges know the way",
            ),
            (*DC_BRIDGES, *TO_GCP_BRIDGE, "cloud.corp.example is gcp's, whose bridges are the next step"),
            (*GCP_BRIDGE, *TO_GCP_NAMESERVER, "cloud.corp.example is gcp's own, and its nameservers answer for it"),
        ],
    ),
    "a label that only ends like the deeper zone is its parent's": (
        "app1",
        "datacenter",
        "mycloud.corp.example",
        [("app1", "datacenter", *TO_DC_NAMESERVERS, f"{CORP} own, and its nameservers answer for it")],
    ),
    "a parent of a zone is public": (
        "app1",
        "datacenter",
        "example",
        [("app1", "datacenter", "", "dhcp", "example is in no zone of the topology, so the upstream is asked")],
    ),
    "a public name goes to what DHCP handed out": (
        "app1",
        "spoke",
        "www.example.org",
        [("app1", "spoke", "", "dhcp", f"{PUBLIC}, so the upstream is asked")],
    ),
    "a public name goes to the listed upstream past own bridges": (
        "app1",
        "gcp",
        "www.example.org",
        [
            ("app1", "gcp", "198.51.100.99", "list", f"{PUBLIC}, so the upstream is asked"),
        ],
    ),
    "a public name goes nowhere without an upstream": (
        "app1",
        "lab",
        "www.example.org",
        [("app1", "lab", "", "none", f"{PUBLIC}, and lab's upstream is none")],
    ),
    "an IPv4 address is its PTR name, in the part of a zone that a subnet is": (
        "app1",
        "datacenter",
        "192.0.2.7",
        [
            (
                "app1",
                "datacenter",
                *TO_DC_NAMESERVERS,
                "192.0.2.0/25 is datacenter's own, and its nameservers answer for it",
            )
        ],
    ),
    "a PTR name is followed by its subnet": (
        "dc-bridge-1",
        "datacenter",
        "7.2.0.192.in-addr.arpa",
        [
            (
                "dc-bridge-1",
                "datacenter",
                *TO_DC_NAMESERVERS,
                "192.0.2.0/25 is datacenter's own, and its nameservers answer for it",
            )
        ],
    ),
    "an address beside the subnet is its parent zone's": (
        "gcp-bridge-1",
        "gcp",
        "192.0.2.200",
        [(*GCP_BRIDGE, *TO_GCP_NAMESERVER, "192.in-addr.arpa is gcp's own, and its nameservers answer for it")],
    ),
    "an IPv6 address is its PTR name": (
        "gcp-bridge-1",
        "gcp",
        "2001:DB8:1::7",
        [
            (*GCP_BRIDGE, *TO_DC_BRIDGES, "2001:db8:1::/48 is datacenter's, whose bridges are the next step"),
            (*DC_BRIDGES, *TO_DC_NAMESERVERS, "2001:db8:1::/48 is datacenter's own, and its nameservers answer for it"),
        ],
    ),
    "an address outside all subnets is public": (
        "app1",
        "spoke",
        "203.0.113.7",
        [
            (
                "app1",
                "spoke",
                "",
                "dhcp",
                "7.113.0.203.in-addr.arpa is in no zone of the topology, so the upstream is asked",
            )
        ],
    ),
    "a host in no network asks its DHCP resolvers for everything": (
        "app1",
        None,
        "db.corp.example",
        [("app1", None, "", "dhcp", "app1 is in no network, so the upstream is asked")],
    ),
}


def route(host: str, network: str | None, name: Any, topology: Any = None) -> list[dict[str, Any]]:
    return resolution_path.route(TOPOLOGY if topology is None else topology, name=name, host=host, network=network)


@pytest.mark.parametrize(("host", "network", "name", "steps"), ROUTES.values(), ids=ROUTES)
def test_a_name_is_followed_to_who_knows_it(
    host: str, network: str | None, name: str, steps: list[tuple[str, str | None, str, str, str]]
) -> None:
    assert route(host, network, name) == [
        {"step": number, "at": at.split(), "network": there, "asks": asks.split(), "to": to, "because": because}
        for number, (at, there, asks, to, because) in enumerate(steps, 1)
    ]


def test_networks_without_bridges_ask_each_other_directly() -> None:
    owner = {"zones": ["corp.example"], "nameservers": ["192.0.2.11"]}
    [step] = route("app1", "b", "db.corp.example", {"a": owner, "b": {}})
    assert (step["asks"], step["to"]) == (["192.0.2.11"], "nameservers")


def test_a_nameserver_on_another_port_of_a_bridge_is_no_bridge() -> None:
    topology = {"a": {"zones": ["a.example"], "nameservers": ["192.0.2.1#5353"], "bridges": {"bridge": "192.0.2.1"}}}
    assert [step["to"] for step in route("app1", "a", "a.example", topology)] == ["nameservers"]


def test_a_route_is_plain_new_data() -> None:
    Tagged = type("Tagged", (str,), {"__str__": lambda self: self})
    bridges = {Tagged("b"): Tagged("192.0.2.53")}
    topology = {Tagged("a"): {"zones": [Tagged("a.example")], "nameservers": [Tagged("192.0.2.1")], "bridges": bridges}}
    steps = route(*map(Tagged, ("app1", "c", "x.a.example")), topology | {"c": {"subnets": ["198.51.100.0/24"]}})
    texts = [text for step in steps for text in (*step["at"], *step["asks"], step["network"], step["because"])]
    assert len(steps) == 2 and {type(text) for text in texts} == {str}
    assert json.loads(json.dumps(steps)) == steps


# id: (name, what is told)
NO_NAMES: dict[str, tuple[Any, str]] = {
    "nothing": (None, "dnsmasq_name is None, which is nothing: give a name or an address as a string."),
    "a number": (7, "dnsmasq_name is 7, which is a number: give a name or an address as a string."),
    "an empty name": ("", "dnsmasq_name is '', which has an empty label: write a name such as 'corp.example'."),
    "the root": (".", "dnsmasq_name is '.', which has an empty label: write a name such as 'corp.example'."),
    "two dots": (
        "a..example",
        "dnsmasq_name is 'a..example', which has an empty label: write a name such as 'corp.example'.",
    ),
    "no IPv4 address": ("192.0.2.256", "is no IPv4 or IPv6 address: write one such as '192.0.2.11' or '2001:db8::11'."),
    "an address with a trailing dot": ("192.0.2.7.", "is no IPv4 or IPv6 address: write one such as"),
    "a subnet": ("192.0.2.0/24", "is no zone name: use labels of letters"),
    "no IPv6 address": ("2001:db8::zz", "is no IPv4 or IPv6 address: write one such as"),
    "a space": ("db corp.example", "is no zone name: use labels of letters"),
    "a second line": ("a.example\nserver=/evil/b.example", "is no zone name: use labels of letters"),
    "a long label": ("a" * 64 + ".example", "has a label of 64 characters: a label has 63 at most."),
}


@pytest.mark.parametrize(("name", "finding"), NO_NAMES.values(), ids=NO_NAMES)
def test_a_name_that_is_none_is_refused(name: Any, finding: str) -> None:
    with pytest.raises(resolution_path.TraceError) as raised:
        route("app1", "gcp", name)
    [found] = raised.value.findings
    assert found.startswith("dnsmasq_name is ") and finding in found
    assert found.isprintable() and found.endswith(".")


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(resolution_path.TraceError) as raised:
        route("app1", "hub", "a..b", {"a": {"zones": ["x y"], "nameservers": ["192.0.2.1"]}})
    told = raised.value.findings
    assert len(told) == 3
    assert all(any(part in finding for finding in told) for part in ("'a..b'", "'x y'", "'hub'"))


def test_a_bridge_on_the_way_that_cannot_be_planned_is_told() -> None:
    topology = {
        "a": {"zones": ["a.example"], "nameservers": ["192.0.2.1"], "bridges": {"bridge": "192.0.2.53"}},
        "b": {"subnets": ["198.51.100.0/24"], "links": ["a", "c"]},
        "c": {"zones": ["c.example"], "nameservers": ["192.0.2.3"]},
    }
    with pytest.raises(InputError, match=r"^dnsmasq_topology\['c'\] owns \['c.example'\], which 'a' cannot reach"):
        route("app1", "b", "a.example", topology)
