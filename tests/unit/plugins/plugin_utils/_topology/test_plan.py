# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of one host; whole plans are in tests/unit/golden."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import (
    NETWORK_1,
    NETWORK_2,
    OWNER,
    findings,
    leaves,
)

# west reaches east through the datacenter only.
VIA_DATACENTER = {
    "datacenter": {
        "subnets": ["192.0.2.0/24"],
        "bridges": {"dc-bridge-1": "192.0.2.53"},
        "links": ["east", "west"],
    },
    "east": {"zones": ["east.example"], "nameservers": ["198.51.100.11"]},
    "west": {"subnets": ["203.0.113.0/24"]},
}

SERVERS = ["10.20.0.11", "10.20.0.12"]


def test_a_plan_is_plain_new_data() -> None:
    # A string that stays itself under str(), as those of an inventory may.
    Tagged = type("Tagged", (str,), {"__str__": lambda self: self})

    def tagged(value: Any) -> Any:
        if isinstance(value, dict):
            return {Tagged(key): tagged(item) for key, item in value.items()}
        return [tagged(item) for item in value] if isinstance(value, list) else Tagged(value)

    topology = tagged({**NETWORK_2, "cloud": {"subnets": ["203.0.113.0/24"], "upstream": ["192.0.2.99"]}})
    before = copy.deepcopy(topology)
    for host, network in (("app1", "gcp"), ("dc-bridge-1", "datacenter"), ("app2", "cloud")):
        sizes = tagged({"cache_size": "5000"})
        plan = _plan.plan(
            topology, Tagged(host), Tagged(network), tagged(["127.0.0.1"]), tagged(["gcp", "cloud"]), sizes
        )
        assert {type(leaf) for leaf in leaves(plan)} <= {str, int, bool, type(None)}
        plan["forwards"][0]["servers"].append("changed")
        assert topology == before
        assert json.loads(json.dumps(plan)) == plan


@pytest.mark.parametrize(
    ("topology", "network"),
    [({}, ""), (None, None), ({}, None), (NETWORK_1, ""), (NETWORK_1, None), (NETWORK_2, "")],
    ids=[
        "no topology",
        "nothing at all",
        "a topology left empty",
        "a host outside all networks",
        "a network left out",
        "a host outside networks with bridges",
    ],
)
def test_a_host_in_no_network_has_a_cache_before_its_dhcp_resolvers(topology: Any, network: Any) -> None:
    plan = _plan.plan(topology, "app1", network)
    assert (plan["network"], plan["tier"], plan["listen"]) == (None, "local", ["127.0.0.1"])
    assert (plan["forwards"], plan["reverse"]) == ([], [])
    assert plan["upstream"] == {"mode": "dhcp", "servers": [], "exclude": []}
    assert plan["checks"] == [{"name": ".", "type": "NS", "cached": False}]


@pytest.mark.parametrize(
    ("topology", "host", "network", "zone", "servers", "via"),
    [
        (NETWORK_1, "ns1", "datacenter", "corp.example", SERVERS, "datacenter"),
        (NETWORK_1, "app1", "us_west_2", "corp.example", SERVERS, "datacenter"),
        (NETWORK_2, "app1", "datacenter", "corp.example", ["192.0.2.11"], "datacenter"),
        (NETWORK_2, "app1", "datacenter", "gcp.example", ["192.0.2.53", "192.0.2.54"], "datacenter"),
        (NETWORK_2, "dc-bridge-1", "datacenter", "gcp.example", ["198.51.100.53"], "gcp"),
        (NETWORK_2, "gcp-bridge-1", "gcp", "gcp.example", ["169.254.169.254"], "gcp"),
        (VIA_DATACENTER, "app1", "west", "east.example", ["192.0.2.53"], "datacenter"),
        (VIA_DATACENTER, "dc-bridge-1", "datacenter", "east.example", ["198.51.100.11"], "east"),
        (VIA_DATACENTER, "app1", "datacenter", "east.example", ["192.0.2.53"], "datacenter"),
    ],
    ids=[
        "an own zone goes to own nameservers",
        "a foreign zone goes to the owner's nameservers where neither has bridges",
        "an own zone goes to own nameservers past own bridges",
        "a host asks its own bridges",
        "a bridge asks the bridges of the other side",
        "a bridge asks its own network's nameservers for its own zones",
        "a host without bridges asks the bridges on the way",
        "a bridge next to an owner without bridges asks its nameservers",
        "a host asks its own bridges for an owner next door",
    ],
)
def test_a_zone_is_sent_the_right_way(
    topology: Any, host: str, network: str, zone: str, servers: list[str], via: str
) -> None:
    rules = {rule["zone"]: rule for rule in _plan.plan(topology, host, network)["forwards"]}
    assert (rules[zone]["servers"], rules[zone]["via"]) == (servers, via)


def test_of_two_ways_of_one_length_the_first_name_is_taken() -> None:
    topology = {
        "owner": {**OWNER, "links": ["relay_b", "relay_a"]},
        "relay_b": {"bridges": {"b": "192.0.2.2"}},
        "relay_a": {"bridges": {"a": "192.0.2.1"}},
        "home": {"subnets": ["198.51.100.0/24"], "links": ["relay_b", "relay_a"]},
    }
    assert _plan.plan(topology, "app1", "home")["forwards"][0]["servers"] == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("links", "reached"),
    [
        ({}, True),
        ({"home": ["owner"]}, True),
        ({"owner": ["home"]}, True),
        ({"other": ["home"]}, False),
        ({"home": []}, False),
    ],
    ids=[
        "all are linked where no network names links",
        "a link that the host's network names",
        "a link that the other side names",
        "links of others are all there are",
        "an empty list is a list",
    ],
)
def test_links(links: dict[str, list[str]], reached: bool) -> None:
    topology = {"owner": {**OWNER}, "home": {}, "other": {}}
    for name, named in links.items():
        topology[name]["links"] = named
    if reached:
        assert _plan.plan(topology, "app1", "home")["forwards"][0]["servers"] == ["192.0.2.11"]
    else:
        assert "cannot reach over the links" in findings(topology, network="home")[0]


@pytest.mark.parametrize(
    ("host", "listen", "answers"),
    [
        ("app1", ["127.0.0.1"], ["127.0.0.1"]),
        ("app1", ["127.0.0.2", "::1"], ["127.0.0.2", "::1"]),
        ("dc-bridge-1", ["127.0.0.1"], ["127.0.0.1", "192.0.2.53"]),
        ("dc-bridge-1", ["127.0.0.1", "::1"], ["127.0.0.1", "::1", "192.0.2.53"]),
    ],
    ids=["loopback by default", "other loopback addresses", "a bridge at its own address too", "which comes last"],
)
def test_a_plan_listens(host: str, listen: list[str], answers: list[str]) -> None:
    plan = _plan.plan(NETWORK_2, host, "datacenter", listen=listen)
    assert (plan["listen"], plan["tier"]) == (answers, "local" if host == "app1" else "bridge")


@pytest.mark.parametrize(
    ("upstream", "mode", "servers", "asked"),
    [
        ({}, "dhcp", [], True),
        ({"upstream": "dhcp"}, "dhcp", [], True),
        ({"upstream": ["192.0.2.99#5353", "2001:DB8::0:1"]}, "list", ["192.0.2.99#5353", "2001:db8::1"], True),
        ({"upstream": "none"}, "none", [], False),
    ],
    ids=["dhcp by default", "dhcp", "a list", "none, and then the root is not asked for"],
)
def test_an_upstream(upstream: dict[str, Any], mode: str, servers: list[str], asked: bool) -> None:
    plan = _plan.plan({"home": upstream}, "app1", "home")
    assert plan["upstream"] == {"mode": mode, "servers": servers, "exclude": []}
    assert bool(plan["checks"]) is asked


def test_what_dhcp_hands_out_is_filtered() -> None:
    topology = {
        "home": {
            "zones": ["home.example"],
            "subnets": ["192.0.2.0/24"],
            "nameservers": ["192.0.2.100", "192.0.2.9"],
            "bridges": {"home-bridge": "192.0.2.53"},
        },
        "other": {
            "zones": ["other.example"],
            "nameservers": ["192.0.2.9", "2001:db8::9", "198.51.100.9#5353", "169.254.169.254"],
            "bridges": {"other-bridge": "198.51.100.10"},
        },
    }
    excluded = _plan.plan(topology, "app1", "home")["upstream"]["exclude"]
    assert excluded == ["192.0.2.53", "198.51.100.9", "198.51.100.10", "2001:db8::9"]
