# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a bridge answers, and how much it has to hold for them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import sizing
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import OWNER

# --- who is answered ---

# hub and spoke have bridges, lab and void have none; far is behind spoke.
AROUND = {
    "hub": {"subnets": ["10.1.0.0/16"], "bridges": {"hub-1": "10.1.0.53", "hub-2": "10.1.0.54"}},
    "spoke": {"subnets": ["10.2.0.0/16"], "bridges": {"spoke-1": "10.2.0.53"}},
    "lab": {"subnets": ["10.3.0.0/16", "2001:db8:3::/48"]},
    "void": {},
    "far": {"subnets": ["10.4.0.0/16"], "links": ["spoke"]},
}


def around(**hub: Any) -> dict[str, Any]:
    return {**AROUND, "hub": {"links": ["spoke", "lab", "void"], **AROUND["hub"], **hub}}


@pytest.mark.parametrize(
    ("topology", "host", "network", "allow"),
    [
        (around(), "hub-1", "hub", ["10.1.0.0/16", "10.2.0.53/32", "10.3.0.0/16"]),
        (around(), "spoke-1", "spoke", ["10.1.0.53/32", "10.1.0.54/32", "10.2.0.0/16", "10.4.0.0/16"]),
        (around(), "app1", "hub", []),
        (around(), "app1", "lab", []),
        (around(), "app1", None, []),
        (around(bridges={"hub-1": "2001:db8:1::53"}), "hub-1", "hub", ["2001:db8:3::/48"]),
        (
            around(allow=["35.199.192.0/19"]),
            "hub-1",
            "hub",
            ["10.1.0.0/16", "10.2.0.53/32", "10.3.0.0/16", "35.199.192.0/19"],
        ),
        (
            around(allow=["10.1.7.0/24", "10.2.0.0/24", "10.3.0.0/16"]),
            "hub-2",
            "hub",
            ["10.1.0.0/16", "10.2.0.0/24", "10.3.0.0/16"],
        ),
        (
            around(allow=["35.199.192.0/19"]),
            "spoke-1",
            "spoke",
            ["10.1.0.53/32", "10.1.0.54/32", "10.2.0.0/16", "10.4.0.0/16"],
        ),
        (around(subnets=[]), "hub-1", "hub", ["10.2.0.53/32", "10.3.0.0/16"]),
    ],
    ids=[
        "a bridge: its network, linked bridges, and the hosts of linked networks without bridges",
        "not the hosts of a linked network with bridges, nor who is two links away",
        "a host of a network with bridges: nobody",
        "a host of a network without bridges: nobody",
        "a host in no network: nobody",
        "a bridge: addresses of its own family only",
        "a bridge: whom its network allows besides",
        "what lies in another subnet is left out",
        "a bridge: not whom another network allows",
        "a network without subnets: still the others",
    ],
)
def test_who_is_answered(topology: Any, host: str, network: Any, allow: list[str]) -> None:
    assert _plan.plan(topology, host, network)["allow"] == allow


def test_subnets_without_nameservers_are_known_and_nobody_is_asked_about_them() -> None:
    topology = {"home": {"subnets": ["192.0.2.0/24"], "bridges": {"bridge": "192.0.2.53"}}, "other": {}}
    for host, network in (("app1", "home"), ("bridge", "home"), ("app1", "other")):
        plan = _plan.plan(topology, host, network)
        assert (plan["forwards"], plan["reverse"]) == ([], [])
        assert plan["allow"] == (["192.0.2.0/24"] if host == "bridge" else [])


@pytest.mark.parametrize(
    "topology",
    [
        {"home": {}, "owner": {**OWNER, "bridges": {"b": "192.0.2.53"}, "allow": ["203.0.113.0/24"]}},
        {"home": {"bridges": {"a": "198.51.100.53"}, "allow": ["203.0.113.0/24"]}, "owner": OWNER},
        {"home": {"bridges": {"a": "198.51.100.53"}}},
        {"home": {**OWNER, "bridges": {"a": "2001:db8::53"}}, "other": {"bridges": {"b": "198.51.100.53"}}},
        {"home": {}, "owner": OWNER},
    ],
    ids=[
        "allowed by the bridges of the next network",
        "allowed by its own bridges",
        "no other network owns anything",
        "all that there is to ask for is its own",
        "nobody has bridges",
    ],
)
def test_a_host_whose_addresses_are_not_listed_has_a_plan_where_no_bridge_would_drop_it(topology: Any) -> None:
    assert _plan.plan(topology, "app1", "home")["tier"] == "local"


# --- sizes ---

SMALLEST = {
    "cache_size": 10000,
    "forward_max": 1024,
    "stale_seconds": 0,
    "tcp_connections": 100,
    "receive_buffer": 212992,
}
LOCAL = {**SMALLEST, "stale_seconds": 60, "tcp_connections": None, "receive_buffer": None}


@pytest.mark.parametrize(
    ("host", "network", "members", "sizes"),
    [
        ("app1", "hub", ["hub"] * 9000, LOCAL),
        ("app1", None, ["hub", None, ""], LOCAL),
        ("hub-1", "hub", [], SMALLEST),
        ("hub-1", "hub", ["hub", "lab", "spoke", "", None], SMALLEST),
        (
            "hub-1",
            "hub",
            ["hub"] * 5000 + ["lab"] * 900 + ["void"] * 99 + ["spoke", "far", "elsewhere", "", None] * 700,
            {**SMALLEST, "cache_size": 16384, "forward_max": 16384, "tcp_connections": 300, "receive_buffer": 13631488},
        ),
        (
            "spoke-1",
            "spoke",
            ["spoke"] * 900 + ["far"] * 98,
            {**SMALLEST, "forward_max": 2048, "receive_buffer": 1703936},
        ),
        (
            "hub-1",
            "hub",
            ["hub"] * 200000,
            {
                **SMALLEST,
                "cache_size": 100000,
                "forward_max": 100000,
                "tcp_connections": 300,
                "receive_buffer": 268435456,
            },
        ),
    ],
    ids=[
        "a host has few clients, whatever its network has",
        "a host in no network too",
        "a bridge without clients has a floor",
        "few clients are below it",
        "twice 8192 for 7400 hosts behind it and linked bridges; 25 of them a connection, 832 bytes a query",
        "two linked bridges are two clients: 1024 for 1000",
        "no more than the options take",
    ],
)
def test_sizes_follow_from_the_tier_and_the_clients(host: str, network: Any, members: Any, sizes: Any) -> None:
    assert _plan.plan(around(), host, network, members=members)["sizes"] == sizes


def test_a_bridge_is_restarted_six_times_while_its_network_grows_from_100_hosts_to_5000() -> None:
    found = [sizing.of_bridge(clients) for clients in range(100, 5001)]
    assert sum(one != other for one, other in pairwise(found)) == 6
    for clients, sizes in enumerate(found, 100):
        # Never less than twice the clients need.
        assert sizes["forward_max"] >= 2 * clients, clients
        assert sizes["receive_buffer"] >= 2 * clients * 832, clients


@pytest.mark.parametrize("host", ["app1", "hub-1"])
@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (None, {}),
        ({}, {}),
        ({"cache_size": None}, {}),
        ({"cache_size": 0}, {"cache_size": 0}),
        ({"cache_size": 100000}, {"cache_size": 100000}),
        ({"cache_size": "5000"}, {"cache_size": 5000}),
        ({"forward_max": 1}, {"forward_max": 1}),
        ({"stale_seconds": 0}, {"stale_seconds": 0}),
        ({"stale_seconds": 86400}, {"stale_seconds": 86400}),
        ({"tcp_connections": 300}, {"tcp_connections": 300}),
        ({"receive_buffer": 4096, "tcp_connections": 1}, {"receive_buffer": 4096, "tcp_connections": 1}),
        ({"receive_buffer": 268435456}, {"receive_buffer": 268435456}),
    ],
    ids=[
        "none given",
        "an empty mapping",
        "nothing keeps the plan's",
        "no cache",
        "the largest cache",
        "a number as text, as --extra-vars has it",
        "one lookup",
        "no stale answers",
        "stale for a day",
        "as many connections as dnsmasq takes",
        "the smallest of two",
        "the largest buffer",
    ],
)
def test_a_size_is_set_by_the_user(host: str, given: Any, changed: dict[str, int]) -> None:
    plan = _plan.plan(around(), host, "hub", sizes=given)
    assert plan["sizes"] == {**(LOCAL if host == "app1" else SMALLEST), **changed}
