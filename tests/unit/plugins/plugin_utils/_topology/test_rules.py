# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wrong topologies and wrong calls: each is refused with the variable, the value and the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import rules as _rules
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import (
    NETWORK_1,
    NETWORK_2,
    OWNER,
    findings,
    is_one_sentence,
)

MISTAKES: dict[str, tuple[Any, str, str, str]] = {
    # id: (topology, variable, value, remedy)
    "the topology is a list": (["a"], "dnsmasq_topology", "['a'], which is a list", "give a mapping"),
    "the topology is text": ("a", "dnsmasq_topology", "'a', which is a string", "give a mapping"),
    "a network's name is a number": ({1: {}}, "dnsmasq_topology has the key", "1", "quote it"),
    "a network's name has a space": ({"a b": {}}, "dnsmasq_topology has the key", "'a b'", "use 1 to 63"),
    "a network's name is empty": ({"": {}}, "dnsmasq_topology has the key", "''", "use 1 to 63"),
    "a network is a list": ({"a": []}, "dnsmasq_topology['a']", "[], which is a list", "give a mapping"),
    "a network is true": ({"a": True}, "dnsmasq_topology['a']", "True, which is a boolean", "give a mapping"),
    "a key is unknown": ({"a": {"zone": []}}, "dnsmasq_topology['a']", "unknown key 'zone'", "use zones, subnets"),
    "zones are text": ({"a": {**OWNER, "zones": "x"}}, "['a']['zones']", "'x', which is a string", "give a list"),
    "zones are nothing": ({"a": {"zones": None}}, "['a']['zones']", "None, which is nothing", "give a list"),
    "a subnet is a number": (
        {"a": {**OWNER, "subnets": [10.2]}},
        "['subnets'][0]",
        "10.2, which is a number",
        "as a string",
    ),
    "links are a mapping": ({"a": {"links": {"b": 1}}}, "['links']", "{'b': 1}, which is a mapping", "give a list"),
    "bridges are a list": ({"a": {"bridges": ["b"]}}, "['bridges']", "['b'], which is a list", "give a mapping"),
    "a bridge's host is a number": ({"a": {"bridges": {1: "192.0.2.1"}}}, "['bridges']", "the key 1", "inventory name"),
    "a bridge has no address": ({"a": {"bridges": {"b": None}}}, "['bridges']['b']", "None", "address as a string"),
    "a bridge's address is a name": ({"a": {"bridges": {"b": "b"}}}, "['bridges']['b']", "'b'", "write one such as"),
    "a bridge has a port": ({"a": {"bridges": {"b": "192.0.2.1#53"}}}, "['b']", "'192.0.2.1#53'", "write '192.0.2.1'"),
    "a bridge is link-local": ({"a": {"bridges": {"b": "169.254.1.1"}}}, "['b']", "'169.254.1.1'", "write the address"),
    "a link to an unknown network": (
        {"a": {"links": ["c"]}, "b": {}},
        "dnsmasq_topology['a']['links'][0]",
        "'c', which is not in dnsmasq_topology",
        "use one of ['b']",
    ),
    "a link to itself": ({"a": {"links": ["a"]}}, "['links'][0]", "'a', which is the network itself", "leave it out"),
    "a link twice": ({"a": {"links": ["b", "b"]}, "b": {}}, "['links'][1]", "'b'", "leave one out"),
    "zones without a nameserver": ({"a": {"zones": ["x"]}}, "['a']", "no 'nameservers'", "list the servers"),
    "a zone with two owners": (
        {"a": OWNER, "b": {"zones": ["Corp.example."], "nameservers": ["192.0.2.12"]}},
        "dnsmasq_topology['b']['zones'][0]",
        "'corp.example', which dnsmasq_topology['a']['zones'][0] owns too",
        "leave it to one network",
    ),
    "a zone twice": (
        {"a": {**OWNER, "zones": ["corp.example", "CORP.example"]}},
        "dnsmasq_topology['a']['zones'][1]",
        "'CORP.example', which dnsmasq_topology['a']['zones'][0] names already",
        "leave one out",
    ),
    "subnets of two networks overlap": (
        {
            "a": {"subnets": ["10.20.0.0/16"], "nameservers": ["192.0.2.11"]},
            "b": {"subnets": ["10.1.0.0/16", "10.20.3.0/24"], "nameservers": ["192.0.2.12"]},
        },
        "dnsmasq_topology['b']['subnets'][1]",
        "'10.20.3.0/24', which lies in dnsmasq_topology['a']['subnets'][0] (10.20.0.0/16)",
        "leave each address to one subnet",
    ),
    "a subnet with two owners": (
        {
            "a": {"subnets": ["2001:db8::/48"], "nameservers": ["192.0.2.11"]},
            "b": {"subnets": ["2001:DB8:0::/48"], "nameservers": ["192.0.2.12"]},
        },
        "dnsmasq_topology['b']['subnets'][0]",
        "'2001:db8::/48', which lies in dnsmasq_topology['a']['subnets'][0]",
        "leave each address to one subnet",
    ),
    "a reverse zone beside its subnet": (
        {"a": {"zones": ["2.0.192.in-addr.arpa"], "subnets": ["192.0.2.0/24"], "nameservers": ["192.0.2.11"]}},
        "dnsmasq_topology['a']['zones'][0]",
        "derived from dnsmasq_topology['a']['subnets'][0]",
        "leave the zone out",
    ),
    "allowed without bridges": (
        {"a": {"allow": ["203.0.113.0/24"]}},
        "dnsmasq_topology['a']['allow'][0]",
        "'203.0.113.0/24', which no bridge answers",
        "add 'bridges' or leave it out",
    ),
    "everybody is allowed": (
        {"a": {"bridges": {"b": "192.0.2.53"}, "allow": ["0.0.0.0/0"]}},
        "dnsmasq_topology['a']['allow'][0]",
        "'0.0.0.0/0', which is every address, which makes a bridge an open resolver",
        "list the subnets that are meant",
    ),
    "a subnet is everything": (
        {"a": {"subnets": ["::/0"]}},
        "dnsmasq_topology['a']['subnets'][0]",
        "'::/0', which is every address",
        "list the subnets that are meant",
    ),
    "allow is text": ({"a": {"allow": "192.0.2.0/24"}}, "['allow']", "which is a string", "give a list of subnets"),
    "two bridges at one address": (
        {"a": {"bridges": {"b": "192.0.2.53"}}, "c": {"bridges": {"d": "192.0.2.53"}}},
        "dnsmasq_topology['c']['bridges']['d']",
        "'192.0.2.53', which dnsmasq_topology['a']['bridges']['b'] has too",
        "give each its own",
    ),
    "a bridge is a nameserver": (
        {"a": {**OWNER, "bridges": {"b": "192.0.2.11"}}},
        "dnsmasq_topology['a']['nameservers'][0]",
        "'192.0.2.11', which is the bridge dnsmasq_topology['a']['bridges']['b']",
        "does not ask back",
    ),
    "a bridge is an upstream": (
        {"a": {"upstream": ["192.0.2.53#53"]}, "c": {"bridges": {"b": "192.0.2.53"}}},
        "dnsmasq_topology['a']['upstream'][0]",
        "'192.0.2.53', which is the bridge",
        "does not ask back",
    ),
    "the upstream is one address": ({"a": {"upstream": "192.0.2.1"}}, "['upstream']", "'192.0.2.1'", "a list"),
    "the upstream is empty": ({"a": {"upstream": []}}, "['upstream']", "[]", "write 'dhcp', 'none' or"),
    "the upstream is nothing": ({"a": {"upstream": None}}, "['upstream']", "None", "write 'dhcp', 'none' or"),
    "the upstream is this host": ({"a": {"upstream": ["127.0.0.1"]}}, "['upstream'][0]", "'127.0.0.1'", "write the"),
}


@pytest.mark.parametrize(("topology", "variable", "value", "remedy"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_variable_value_and_remedy(
    topology: Any, variable: str, value: str, remedy: str
) -> None:
    [finding] = findings(topology)
    assert variable in finding and value in finding and remedy in finding
    assert is_one_sentence(finding)


# Only the next network's bridges, at 192.0.2.53, can be asked for corp.example.
ASKED = {"a": {**OWNER, "subnets": ["192.0.2.0/24"], "bridges": {"b": "192.0.2.53"}}}

CALLS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    # id: (what differs from a host of network 1, variable, value, remedy)
    "an unknown network": (
        {"network": "us_east_2"},
        "dnsmasq_network",
        "'us_east_2', which is not in dnsmasq_topology",
        "use one of ['datacenter', 'us_east_1', 'us_west_2'] or add the network",
    ),
    "a network without a topology": (
        {"topology": {}},
        "dnsmasq_network",
        "'us_east_1', which is not in dnsmasq_topology",
        "add the network",
    ),
    "a network that YAML made a boolean": (
        {"network": False},
        "dnsmasq_network",
        "False, which is a boolean",
        "give the network's name as a string",
    ),
    "a host without a name": ({"host": ""}, "host", "'', which is no inventory name", "pass inventory_hostname"),
    "a bridge in another network": (
        {"topology": NETWORK_2, "host": "dc-bridge-1", "network": "gcp"},
        "dnsmasq_network",
        "'gcp' for 'dc-bridge-1', which is a bridge at dnsmasq_topology['datacenter']['bridges']['dc-bridge-1']",
        "set it to 'datacenter' or take the bridge out",
    ),
    "a bridge in no network": (
        {"topology": NETWORK_2, "host": "dc-bridge-1", "network": ""},
        "dnsmasq_network",
        "None for 'dc-bridge-1', which is a bridge",
        "set it to 'datacenter' or take the bridge out",
    ),
    "listen as text": ({"listen": "127.0.0.1"}, "listen", "'127.0.0.1', which is a string", "give a list of loopback"),
    "nobody listens": ({"listen": []}, "listen", "[], which leaves nobody to answer", "give a loopback address"),
    "listening on every address": (
        {"listen": ["0.0.0.0"]},
        "listen[0]",
        "'0.0.0.0', which is open to other hosts",
        "write a loopback address",
    ),
    "listening on an address of the host": (
        {"listen": ["192.0.2.1"]},
        "listen[0]",
        "'192.0.2.1', which is open to other hosts",
        "write a loopback address",
    ),
    "a link-local nameserver of another network": (
        {"topology": {"a": {**OWNER, "nameservers": ["169.254.169.254"]}, "b": {}}, "network": "b"},
        "dnsmasq_topology['a']['nameservers'][0]",
        "'169.254.169.254', which is link-local and out of reach of 'b'",
        "give dnsmasq_topology['a'] bridges",
    ),
    "an owner behind a network without bridges": (
        {"topology": {"a": {**OWNER, "links": ["b"]}, "b": {}, "c": {"links": ["b"]}}, "network": "c"},
        "dnsmasq_topology['a']",
        "owns ['corp.example'], which 'c' cannot reach over the links",
        "link the two networks, or give bridges to every network between them",
    ),
    "a network without subnets before another's bridge": (
        {"topology": {**ASKED, "c": {}}, "network": "c"},
        "dnsmasq_topology['a']['bridges']['b']",
        "'192.0.2.53', which answers the addresses that the topology names and finds no IPv4 ones of 'c'",
        "list them under dnsmasq_topology['c']['subnets'] or add them to dnsmasq_topology['a']['allow']",
    ),
    "subnets and an allowed one of the other family before another's bridge": (
        {
            "topology": {
                "a": {**OWNER, "bridges": {"b": "192.0.2.53"}, "allow": ["2001:db8:2::/48"]},
                "c": {"subnets": ["2001:db8::/48"]},
            },
            "network": "c",
        },
        "dnsmasq_topology['a']['bridges']['b']",
        "'192.0.2.53', which answers the addresses that the topology names and finds no IPv4 ones of 'c'",
        "list them under dnsmasq_topology['c']['subnets'] or add them to dnsmasq_topology['a']['allow']",
    ),
    "a network without subnets before its own bridge": (
        {"topology": {"a": OWNER, "c": {"bridges": {"d": "2001:db8::53"}}}, "network": "c"},
        "dnsmasq_topology['c']['bridges']['d']",
        "'2001:db8::53', which answers the addresses that the topology names and finds no IPv6 ones of 'c'",
        "list them under dnsmasq_topology['c']['subnets'] or add them to dnsmasq_topology['c']['allow']",
    ),
    "a bridge before another's of the other family": (
        {"topology": {**ASKED, "c": {"bridges": {"d": "2001:db8::53"}}}, "host": "d", "network": "c"},
        "dnsmasq_topology['a']['bridges']['b']",
        "'192.0.2.53', which answers the addresses that the topology names and finds no IPv4 ones of the bridge "
        "dnsmasq_topology['c']['bridges']['d']",
        "give both an address of one family or add them to dnsmasq_topology['a']['allow']",
    ),
    "members as text": ({"members": "us_east_1"}, "members", "'us_east_1', which is a string", "give a list with"),
    "members as numbers of hosts": ({"members": {"us_east_1": 9}}, "members", "which is a mapping", "give a list with"),
    "no members": ({"members": None}, "members", "None, which is nothing", "give a list with"),
    "sizes as a list": (
        {"sizes": []},
        "dnsmasq_sizes",
        "[], which is a list",
        "give a mapping with any of cache_size, forward_max, stale_seconds, tcp_connections, receive_buffer",
    ),
    "an unknown size": ({"sizes": {"port": 53}}, "dnsmasq_sizes['port']", "53, which is no size", "use cache_size"),
    "an unknown size of nothing": ({"sizes": {"port": None}}, "['port']", "None, which is no size", "use cache_size"),
    "a cache below none": ({"sizes": {"cache_size": -1}}, "['cache_size']", "-1, which is out", "from 0 to 100000"),
    "too large a cache": ({"sizes": {"cache_size": 100001}}, "['cache_size']", "100001, which is out", "to 100000"),
    "a size is true": ({"sizes": {"cache_size": True}}, "['cache_size']", "True, which is a boolean", "a whole number"),
    "half a size": ({"sizes": {"cache_size": 1.5}}, "['cache_size']", "1.5, which is a number", "give a whole number"),
    "a size in words": ({"sizes": {"cache_size": "many"}}, "['cache_size']", "'many', which is out", "a whole number"),
    "no lookup": ({"sizes": {"forward_max": 0}}, "['forward_max']", "0, which is out", "from 1 to 100000"),
    "stale for days": ({"sizes": {"stale_seconds": 86401}}, "['stale_seconds']", "86401, which", "from 0 to 86400"),
    "no connection": ({"sizes": {"tcp_connections": 0}}, "['tcp_connections']", "0, which is out", "from 1 to 300"),
    "more connections than dnsmasq takes": ({"sizes": {"tcp_connections": 301}}, "ns']", "301, which", "from 1 to 300"),
    "no buffer": ({"sizes": {"receive_buffer": 0}}, "['receive_buffer']", "0, which is out", "from 4096 to 268435456"),
}


@pytest.mark.parametrize(("call", "variable", "value", "remedy"), CALLS.values(), ids=CALLS)
def test_a_host_is_refused_with_variable_value_and_remedy(
    call: dict[str, Any], variable: str, value: str, remedy: str
) -> None:
    [finding] = findings(**{"topology": NETWORK_1, "host": "app1", "network": "us_east_1", **call})
    assert variable in finding and value in finding and remedy in finding
    assert is_one_sentence(finding)


def test_each_check_has_its_case(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    def watched(rule: Any) -> Any:
        def found(site: Any) -> list[str]:
            told = list(rule(site))
            seen.update([rule] if told else [])
            return told

        return found

    rules = [rule for stage in _rules.STAGES for rule in stage]
    monkeypatch.setattr(_rules, "STAGES", [[watched(rule) for rule in stage] for stage in _rules.STAGES])
    for topology, *_told in MISTAKES.values():
        findings(topology)
    for call, *_told in CALLS.values():
        findings(**{"topology": NETWORK_1, "host": "app1", "network": "us_east_1", **call})
    assert [rule.__name__ for rule in rules if rule not in seen] == []


def test_every_mistake_is_told_at_once() -> None:
    topology = {"a": {"zones": ["x y", 1], "nameservers": ["nope"], "links": ["c"]}, "b": {"upstream": "cloud"}}
    told = findings(topology, network="us")
    assert len(told) == 6
    assert all(any(part in finding for finding in told) for part in ("'x y'", "1,", "'nope'", "'c'", "'cloud'", "'us'"))


def test_a_message_clips_what_it_shows() -> None:
    [finding] = findings({"a": {**OWNER, "zones": ["x " * 5000]}})
    assert is_one_sentence(finding) and len(finding) < 250
