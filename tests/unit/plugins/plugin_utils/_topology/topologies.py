# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topologies for the tests of this folder: the two networks, and any graph that hypothesis draws."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan
from hypothesis import strategies as st

NETWORK_1 = {
    "datacenter": {
        "zones": ["corp.example"],
        "subnets": ["10.20.0.0/16"],
        "nameservers": ["10.20.0.11", "10.20.0.12"],
        "links": ["us_east_1", "us_west_2"],
    },
    "us_east_1": {},
    "us_west_2": {},
}

NETWORK_2 = {
    "datacenter": {
        "zones": ["corp.example"],
        "subnets": ["192.0.2.0/24"],
        "nameservers": ["192.0.2.11"],
        "bridges": {"dc-bridge-1": "192.0.2.53", "dc-bridge-2": "192.0.2.54"},
    },
    "gcp": {
        "zones": ["gcp.example"],
        "subnets": ["198.51.100.0/24"],
        "nameservers": ["169.254.169.254"],
        "bridges": {"gcp-bridge-1": "198.51.100.53"},
    },
}

OWNER = {"zones": ["corp.example"], "nameservers": ["192.0.2.11"]}


def findings(topology: Any, host: Any = "app1", network: Any = "", **more: Any) -> list[str]:
    with pytest.raises(plan.TopologyError) as raised:
        plan.plan(topology, host, network, **more)
    return raised.value.findings


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def is_one_sentence(text: str) -> bool:
    """One line, one full stop at its end, and short whatever was quoted."""
    # A value is quoted to its end, or to where it was clipped.
    unquoted = re.sub(r"'(?:[^'\\]|\\.)*?(?:'|\.\.\.)|\"(?:[^\"\\]|\\.)*?(?:\"|\.\.\.)", "", text)
    return text.isprintable() and text.endswith(".") and ". " not in unquoted and len(text) < 1000


# --- any graph ---

NAMES = [f"n{index}" for index in range(12)]


def _links(draw: st.DrawFn, names: list[str]) -> dict[str, list[str]]:
    """Which networks name links, and which: none at all, a tree with some more, or any."""
    shape = draw(st.sampled_from(["full", "tree", "tree", "any"]))
    if shape == "full":
        return {}
    if shape == "any":
        naming = [name for name in names if draw(st.booleans())]
        return {name: [other for other in names if other != name and not draw(st.integers(0, 2))] for name in naming}
    links: dict[str, list[str]] = {name: [] for name in names}
    for index in range(1, len(names)):
        links[draw(st.sampled_from(names[:index]))].append(names[index])
    pairs = [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]
    for a, b in draw(st.lists(st.sampled_from(pairs), max_size=8)) if pairs else []:
        links[a] += [b] if b not in links[a] else []
    return links


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Any graph of up to 12 networks, most with bridges, some with zones; a zone may lie in another network's.

    Each network has its own subnet, with all of its addresses in it.
    """
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    links = _links(draw, names)
    topology: dict[str, Any] = {}
    parent = ""
    for index, name in enumerate(names):
        network: dict[str, Any] = {"subnets": [f"10.{index}.0.0/16"]}
        if name in links:
            network["links"] = links[name]
        if draw(st.integers(0, 5)):
            numbers = range(1, draw(st.integers(2, 3)))
            network["bridges"] = {f"{name}-bridge-{number}": f"10.{index}.1.{number}" for number in numbers}
        if draw(st.integers(0, 2)):
            parent = draw(st.sampled_from([f"{name}.example", f"{name}.{parent or 'example'}"]))
            network |= {"zones": [parent], "nameservers": [f"10.{index}.0.11"]}
        topology[name] = network
    return topology


def neighbours(topology: dict[str, Any], name: str) -> set[str]:
    """The networks that this one is linked to."""
    if not any("links" in network for network in topology.values()):
        return set(topology) - {name}
    return {
        other
        for other, network in topology.items()
        if name in network.get("links", ()) or other in topology[name].get("links", ())
    }


def distances(topology: dict[str, Any], owner: str) -> dict[str, int]:
    """How far each network is from the owner over networks with bridges: by relaxation, unlike the code under test."""
    far = {owner: 0}
    near = {here: neighbours(topology, here) for here in topology}
    for _round in topology:
        for here, others in near.items():
            for there in others & far.keys():
                if there == owner or topology[there].get("bridges"):
                    far[here] = min(far.get(here, len(topology)), far[there] + 1)
    return far


def hosts(topology: dict[str, Any]) -> list[tuple[str, str]]:
    """A host of each network, and all bridges."""
    return [(host, name) for name, network in topology.items() for host in (f"{name}-app", *network.get("bridges", ()))]


def owners(topology: dict[str, Any]) -> list[str]:
    return [name for name, network in topology.items() if "zones" in network]


def connected(topology: dict[str, Any]) -> dict[str, Any]:
    """The topology without the zones that some network cannot reach, which would be refused."""
    kept = {owner for owner in owners(topology) if distances(topology, owner).keys() == topology.keys()}
    ownership = ("zones", "nameservers")
    return {
        name: {key: value for key, value in network.items() if name in kept or key not in ownership}
        for name, network in topology.items()
    }
