# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds in every graph of networks."""

from __future__ import annotations

import itertools
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import (
    plan as _plan,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import (
    resolution_path,
    routing,
)
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import (
    connected,
    distances,
    findings,
    graphs,
    hosts,
    neighbours,
    owners,
)
from hypothesis import event, given, settings
from hypothesis import strategies as st

# --- the way ---


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_the_next_network_is_one_nearer_to_the_owner(topology: dict[str, Any]) -> None:
    linked = routing.graph({name: network.get("links") for name, network in topology.items()})
    assert linked == {name: neighbours(topology, name) for name in topology}
    relays = {name for name, network in topology.items() if "bridges" in network}
    hops = {home: routing.first_hops(home, linked, relays) for home in topology}
    for owner in topology:
        far = distances(topology, owner)
        assert {home for home in topology if owner in hops[home]} == far.keys() - {owner}
        for home in far.keys() - {owner}:
            there = hops[home][owner]
            assert far[there] == far[home] - 1
            assert there == owner or there in relays
            # No other network that would do as well sorts before it.
            assert there == min(n for n in linked[home] & far.keys() & {owner, *relays} if far[n] == far[there])


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_an_owner_out_of_reach_is_reported_and_nothing_else_is(topology: dict[str, Any]) -> None:
    far = {owner: distances(topology, owner) for owner in owners(topology)}
    for host, home in hosts(topology):
        lost = [owner for owner in far if home not in far[owner]]
        if lost:
            told = findings(topology, host, home)
            assert [finding.partition(" owns ")[0] for finding in told] == [f"dnsmasq_topology['{o}']" for o in lost]
            assert all(f"which '{home}' cannot reach over the links" in finding for finding in told)
        else:
            ruled = {rule["owner"] for rule in _plan.plan(topology, host, home)["forwards"]}
            assert ruled == far.keys()


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_each_query_gets_nearer_to_the_owner_and_arrives(graph: dict[str, Any]) -> None:
    topology = connected(graph)
    authorities = {name: topology[name]["nameservers"] for name in owners(topology)}
    far = {owner: distances(topology, owner) for owner in authorities}
    bridges = {
        address: (host, name)
        for name, network in topology.items()
        for host, address in network.get("bridges", {}).items()
    }
    for host, name in hosts(topology):
        plan = _plan.plan(topology, host, name)
        forwards = sorted(plan["forwards"], key=lambda rule: list(topology).index(rule["owner"]))
        assert [rule["owner"] for rule in forwards] == [rule["owner"] for rule in plan["reverse"]] == [*authorities]
        for rule, reverse in zip(forwards, plan["reverse"], strict=True):
            owner = rule["owner"]
            assert (rule["servers"], rule["via"]) == (reverse["servers"], reverse["via"])
            for server in rule["servers"]:
                if server in authorities[owner]:  # arrived
                    continue
                bridge, there = bridges[server]
                # A host is a step farther away than the bridges of its own network.
                here = far[owner][name] + (plan["tier"] == "local") / 2
                assert far[owner][there] < here
                assert there != name or host != bridge
                assert (plan["tier"], there) != ("bridge", name)


@settings(max_examples=200, deadline=None)
@given(graphs(), st.data())
def test_a_route_ends_at_the_authority_in_the_distance_of_the_graph(graph: dict[str, Any], data: Any) -> None:
    topology = connected(graph)
    host, home = data.draw(st.sampled_from(hosts(topology)))
    bridges = topology[home].get("bridges", {})
    for owner in owners(topology):
        zone, authorities = topology[owner]["zones"][0], topology[owner]["nameservers"]
        steps = resolution_path.route(topology, f"x.{zone}", host, home)
        *crossings, last = steps
        assert (last["asks"], last["to"]) == (authorities, "nameservers")
        assert all(step["to"] == "bridges" for step in crossings)

        # Each step is at whom the step before asked, and no network's bridges are asked twice.
        assert (steps[0]["at"], steps[0]["network"]) == ([host], home)
        for asked, step in zip(crossings, steps[1:], strict=True):
            assert topology[step["network"]]["bridges"] == dict(zip(step["at"], asked["asks"], strict=True))
        relays = [step["network"] for step in (steps if host in bridges else steps[1:])]
        assert len(set(relays)) == len(relays)

        # One query a link, one to own bridges and one from the owner's bridges to its nameservers.
        links = distances(topology, owner)[home]
        own = bool(bridges) and host not in bridges
        assert len(steps) == (links + own + ("bridges" in topology[owner]) if links else 1)
        event(f"{len(steps)} steps")

        # All bridges of a step go the same way, and so does the owner's address.
        for index, step in enumerate(steps[1:], 1):
            for at in step["at"]:
                onward = resolution_path.route(topology, f"x.{zone}", at, step["network"])
                assert [one["asks"] for one in onward] == [one["asks"] for one in steps[index:]]
        address = topology[owner]["subnets"][0].removesuffix(".0/16") + ".9"
        assert [one["asks"] for one in resolution_path.route(topology, address, host, home)] == [
            one["asks"] for one in steps
        ]
    [step] = resolution_path.route(topology, "www.example.org", host, home)
    assert (step["at"], step["to"]) == ([host], "dhcp")


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_the_hosts_of_a_network_have_the_same_rules_and_so_have_its_bridges(graph: dict[str, Any]) -> None:
    topology = connected(graph)
    for name, network in topology.items():
        for tier in (["one", "another"], [*network.get("bridges", ())]):
            plans = [_plan.plan(topology, host, name, members=[name]) for host in tier]
            same = [
                {key: value for key, value in plan.items() if key not in ("host", "listen", "rank")} for plan in plans
            ]
            assert all(plan == same[0] for plan in same)


# --- who is answered ---


def subnet(index: int, family: int) -> str:
    return f"10.{index}.0.0/16" if family == 4 else f"2001:db8:{index}::/48"


@st.composite
def mixed(draw: st.DrawFn) -> dict[str, Any]:
    """A graph of networks of either address family or both; the bridges of some answer others besides."""
    topology = connected(draw(graphs()))
    either = st.sampled_from([4, 6])
    for index, network in enumerate(topology.values(), 1):
        network["subnets"] = [subnet(index, family) for family in sorted(draw(st.sets(either)))]
        for number, bridge in enumerate(network.get("bridges", ()), 1):
            address = f"10.{index}.1.{number}" if draw(either) == 4 else f"2001:db8:{index}::{number}"
            network["bridges"][bridge] = address
        if "bridges" in network:
            network["allow"] = [subnet(index + 100, family) for family in sorted(draw(st.sets(either)))]
    return topology


def versions(addresses: list[str]) -> set[int]:
    return {ip_network(address).version for address in addresses}


def answers(plan: dict[str, Any], address: str) -> bool:
    found = ip_network(address)
    return any(found.version == ip_network(to).version and found.subnet_of(ip_network(to)) for to in plan["allow"])


def asked(topology: dict[str, Any], host: str, home: str) -> dict[str, str]:
    """The bridges that the host has to ask, each with its network: from its plan, were all addresses known."""
    open_to_all = {
        name: {**network, "allow": [subnet(200, 4), subnet(200, 6)]} if "bridges" in network else network
        for name, network in topology.items()
    }
    rules = _plan.plan(open_to_all, host, home)["forwards"]
    there = {address: name for name, network in topology.items() for address in network.get("bridges", {}).values()}
    return {server: there[server] for rule in rules for server in rule["servers"] if server in there}


@settings(max_examples=150, deadline=None)
@given(mixed())
def test_who_asks_a_bridge_is_answered_or_told_that_it_would_not_be(topology: dict[str, Any]) -> None:
    bridging = [network["bridges"] for network in topology.values() if "bridges" in network]
    names = {address: host for bridges in bridging for host, address in bridges.items()}
    addresses = {host: [address] for address, host in names.items()}

    # Many hosts ask one bridge.
    @cache
    def planned(host: str, home: str) -> dict[str, Any]:
        return _plan.plan(topology, host, home)

    @cache
    def whom(host: str, home: str) -> dict[str, str]:
        return asked(topology, host, home)

    for host, home in hosts(topology):
        own = addresses.get(host, topology[home]["subnets"])
        bridges = whom(host, home)
        deaf = [
            bridge
            for bridge, there in bridges.items()
            if ip_address(bridge).version not in versions(own + topology[there]["allow"])
        ]
        if deaf:
            told = findings(topology, host, home)
            assert sorted(finding.split("'")[5] for finding in told) == sorted(names[bridge] for bridge in deaf)
            event("is told")
            continue
        plan = planned(host, home)
        bridge_at = addresses.get(host, [])
        assert plan["listen"] == ["127.0.0.1", *bridge_at]
        assert versions(plan["allow"]) <= versions(bridge_at)
        for bridge, there in bridges.items():
            # The bridge's own plan may be refused, where nobody would answer what it has to ask itself.
            if any(ip_address(one).version not in versions([bridge]) for one in whom(names[bridge], there)):
                continue
            answering = planned(names[bridge], there)
            version = ip_address(bridge).version
            assert all(answers(answering, address) for address in own if ip_network(address).version == version)
            event("is answered")


@settings(max_examples=100, deadline=None)
@given(graphs(), st.data())
def test_a_bridge_answers_its_network_its_neighbours_and_nobody_else(graph: dict[str, Any], data: Any) -> None:
    topology = connected(graph)
    serving = [name for name, network in topology.items() if "bridges" in network]
    for name in serving:
        topology[name]["allow"] = [subnet(100 + index, 4) for index in range(data.draw(st.integers(0, 2)))]
    for name in serving:
        near = neighbours(topology, name)
        behind = [other for other in near if "bridges" not in topology[other]]
        through = {address for other in near for address in topology[other].get("bridges", {}).values()}
        everyone = {
            **dict.fromkeys(topology[name]["bridges"].values(), True),
            **{f"10.{100 + index}.0.7": index < len(topology[name]["allow"]) for index in range(3)},
            "203.0.113.7": False,
        }
        for other, network in topology.items():
            everyone[network["subnets"][0].removesuffix("0/16") + "7"] = other == name or other in behind
            everyone |= {a: other == name or a in through for a in network.get("bridges", {}).values()}
        plan = _plan.plan(topology, next(iter(topology[name]["bridges"])), name)
        assert {address: answers(plan, address) for address in everyone} == everyone
        # Said once: no two overlap.
        said = [ip_network(one) for one in plan["allow"]]
        assert not any(a.overlaps(b) for a, b in itertools.combinations(said, 2))


# --- sizes ---

SIZED = {
    "hub": {"subnets": ["10.1.0.0/16"], "bridges": {"bridge": "10.1.0.53"}, "links": ["behind", "beside"]},
    "behind": {},
    "beside": {"bridges": {"one": "10.3.0.53", "two": "10.3.0.54"}, "links": ["beyond"]},
    "beyond": {},
}
COUNTS = st.fixed_dictionaries({name: st.integers(0, 40000) for name in (*SIZED, "")})


def sizes(host: str, counts: dict[str, int]) -> dict[str, Any]:
    members = [name for name, count in counts.items() for _number in range(count)]
    return _plan.plan(SIZED, host, "hub", members=members)["sizes"]


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from([*SIZED, ""]), st.integers(1, 20000))
def test_a_bridge_holds_what_its_clients_ask_at_once_and_more_for_more(
    counts: dict[str, int], where: str, more: int
) -> None:
    grown = {**counts, where: counts[where] + more}
    before, after = sizes("bridge", counts), sizes("bridge", grown)
    clients = sum(counts[name] for name in SIZED) + 2
    assert before["receive_buffer"] >= min(832 * clients, 1 << 28)
    for size in ("forward_max", "cache_size"):
        assert before[size] >= min(clients, 100000)
    assert all(after[size] >= before[size] for size in before)
    # Hosts in no network ask no bridge, and others' clients do not count on a host that is none.
    assert where or after == before
    assert sizes("app1", grown) == sizes("app1", counts) == sizes("app1", {})
