# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils import _names, _routes, _topology
from hypothesis import given, settings
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
        "nameservers": ["192.0.2.11"],
        "bridges": {"dc-bridge-1": "192.0.2.53", "dc-bridge-2": "192.0.2.54"},
    },
    "gcp": {
        "zones": ["gcp.example"],
        "nameservers": ["169.254.169.254"],
        "bridges": {"gcp-bridge-1": "198.51.100.53"},
    },
}

# west reaches east through the datacenter only.
VIA_DATACENTER = {
    "datacenter": {"bridges": {"dc-bridge-1": "192.0.2.53"}, "links": ["east", "west"]},
    "east": {"zones": ["east.example"], "nameservers": ["198.51.100.11"]},
    "west": {},
}

OWNER = {"zones": ["corp.example"], "nameservers": ["192.0.2.11"]}

SERVERS = ["10.20.0.11", "10.20.0.12"]
DATACENTER = {"servers": SERVERS, "owner": "datacenter", "via": "datacenter"}
GOLDEN = {
    "host": "app1",
    "network": "us_east_1",
    "tier": "local",
    "listen": ["127.0.0.1"],
    "forwards": [{"zone": "corp.example", **DATACENTER}],
    "reverse": [{"zone": "20.10.in-addr.arpa", "subnet": "10.20.0.0/16", **DATACENTER}],
    "upstream": {"mode": "dhcp", "servers": [], "exclude": SERVERS},
    "allow": [],
    "sizes": {"cache": 10000, "forward_max": 1024},
    "checks": [
        {"name": "corp.example", "type": "SOA", "cached": False, "reference": SERVERS},
        {"name": "corp.example", "type": "A", "cached": True, "rcode": "NOERROR", "reference": SERVERS},
        {"name": ".", "type": "NS", "cached": False},
    ],
}


def findings(topology: Any, host: Any = "app1", network: Any = "", **more: Any) -> list[str]:
    with pytest.raises(_topology.TopologyError) as raised:
        _topology.plan(topology, host, network, **more)
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


# --- the plan ---


def test_the_plan_of_a_host_of_network_1_is_golden() -> None:
    assert _topology.plan(NETWORK_1, "app1", "us_east_1") == GOLDEN


def test_a_plan_is_plain_new_data() -> None:
    # A string that stays itself under str(), as those of an inventory may.
    Tagged = type("Tagged", (str,), {"__str__": lambda self: self})

    def tagged(value: Any) -> Any:
        if isinstance(value, dict):
            return {Tagged(key): tagged(item) for key, item in value.items()}
        return [tagged(item) for item in value] if isinstance(value, list) else Tagged(value)

    topology = tagged({**NETWORK_2, "cloud": {"upstream": ["192.0.2.99"]}})
    before = copy.deepcopy(topology)
    for host, network in (("app1", "gcp"), ("dc-bridge-1", "datacenter"), ("app2", "cloud")):
        plan = _topology.plan(topology, Tagged(host), Tagged(network), tagged(["127.0.0.1"]))
        assert {type(leaf) for leaf in leaves(plan)} <= {str, int, bool}
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
    plan = _topology.plan(topology, "app1", network)
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
    rules = {rule["zone"]: rule for rule in _topology.plan(topology, host, network)["forwards"]}
    assert (rules[zone]["servers"], rules[zone]["via"]) == (servers, via)


def test_of_two_ways_of_one_length_the_first_name_is_taken() -> None:
    topology = {
        "owner": {**OWNER, "links": ["relay_b", "relay_a"]},
        "relay_b": {"bridges": {"b": "192.0.2.2"}},
        "relay_a": {"bridges": {"a": "192.0.2.1"}},
        "home": {"links": ["relay_b", "relay_a"]},
    }
    assert _topology.plan(topology, "app1", "home")["forwards"][0]["servers"] == ["192.0.2.1"]


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
        assert _topology.plan(topology, "app1", "home")["forwards"][0]["servers"] == ["192.0.2.11"]
    else:
        assert "cannot reach over the links" in findings(topology, network="home")[0]


@pytest.mark.parametrize(
    ("host", "listen", "answers"),
    [
        ("app1", ["127.0.0.1"], ["127.0.0.1"]),
        ("app1", ["127.0.0.2", "::1"], ["127.0.0.2", "::1"]),
        ("dc-bridge-1", ["127.0.0.1"], ["192.0.2.53", "127.0.0.1"]),
    ],
    ids=["loopback by default", "other loopback addresses", "a bridge at its own address too"],
)
def test_a_plan_listens(host: str, listen: list[str], answers: list[str]) -> None:
    plan = _topology.plan(NETWORK_2, host, "datacenter", listen=listen)
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
    plan = _topology.plan({"home": upstream}, "app1", "home")
    assert plan["upstream"] == {"mode": mode, "servers": servers, "exclude": []}
    assert bool(plan["checks"]) is asked


def test_what_dhcp_hands_out_is_filtered() -> None:
    topology = {
        "home": {
            "zones": ["home.example"],
            "nameservers": ["192.0.2.100", "192.0.2.9"],
            "bridges": {"home-bridge": "192.0.2.53"},
        },
        "other": {
            "zones": ["other.example"],
            "nameservers": ["192.0.2.9", "2001:db8::9", "198.51.100.9#5353", "169.254.169.254"],
            "bridges": {"other-bridge": "198.51.100.10"},
        },
    }
    excluded = _topology.plan(topology, "app1", "home")["upstream"]["exclude"]
    assert excluded == ["192.0.2.53", "198.51.100.9", "198.51.100.10", "2001:db8::9"]


# --- names, addresses and reverse zones ---


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


# --- what is refused ---

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
    "a bridge has a port": ({"a": {"bridges": {"b": "192.0.2.1#53"}}}, "['b']", "'192.0.2.1#53'", "write one such as"),
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
    "subnets without a nameserver": ({"a": {"subnets": ["192.0.2.0/24"]}}, "['a']", "no 'nameservers'", "list the"),
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


def mistakes_in(key: str, values: dict[str, tuple[Any, str]]) -> list[Any]:
    return [pytest.param(key, value, remedy, id=f"{key}: {case}") for case, (value, remedy) in values.items()]


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        *mistakes_in(
            "zones",
            {
                "empty": ("", "write a name such as"),
                "the root": (".", "write a name such as"),
                "two dots": ("a..example", "write a name such as"),
                "a leading dot": (".example", "write a name such as"),
                "a space": ("corp example", "use labels of letters"),
                "a newline at the end": ("corp.example\n", "use labels of letters"),
                "a second line": ("corp.example\nserver=/evil/192.0.2.66", "use labels of letters"),
                "a quote": ('corp".example', "use labels of letters"),
                "a slash": ("corp/x.example", "use labels of letters"),
                "a full-width slash": ("corp\uff0fx.example", "use labels of letters"),
                "an ideographic full stop": ("corp\u3002example", "use labels of letters"),
                "a hash": ("corp.example#53", "use labels of letters"),
                "a wildcard": ("*.corp.example", "without wildcards"),
                "everything": ("#", "use labels of letters"),
                "a template": ("{{ zone }}", "use labels of letters"),
                "a hyphen in front": ("-corp.example", "use labels of letters"),
                "a hyphen behind": ("corp-.example", "use labels of letters"),
                "a label of 64": ("a" * 64 + ".example", "63 at most"),
                "an IDN label over 63": ("\u00fc" * 60 + ".example", "write the label as 'xn--...'"),
                "a name of 255": ("a." * 127 + "a", "253 at most"),
                "a name that grows over 253": ("\u00fc" + ".a" * 126, "253 at most"),
                "a character of two encodings": ("stra\u00dfe.example", "write the label as 'xn--...'"),
                "a lone surrogate": ("\ud800.example", "write the label as 'xn--...'"),
                "an address": ("192.0.2.1", "list subnets under 'subnets'"),
                "a boolean": (True, "as a string"),
                "bytes": (b"corp.example", "as a string"),
            },
        ),
        *mistakes_in(
            "subnets",
            {
                "host bits": ("10.20.0.1/16", "write '10.20.0.0/16'"),
                "IPv6 host bits": ("2001:db8::1/64", "write '2001:db8::/64'"),
                "no prefix": ("10.20.0.0", "write one such as"),
                "a netmask": ("10.20.0.0/255.255.0.0", "write one such as"),
                "a prefix over 32": ("10.20.0.0/33", "write one such as"),
                "a leading zero": ("010.20.0.0/16", "write one such as"),
                "a scope that hides a line": ("fe80::%\nserver=/evil/192.0.2.66/64", "write one such as"),
                "a name": ("corp.example/24", "write one such as"),
            },
        ),
        *mistakes_in(
            "nameservers",
            {
                "a name": ("ns1.corp.example", "write one such as"),
                "empty": ("", "write one such as"),
                "a scope": ("fe80::1%eth0", "write one such as"),
                "a second line": ("192.0.2.11\nserver=/evil/192.0.2.66", "write one such as"),
                "a shortened address": ("192.0.2", "write one such as"),
                "loopback": ("127.0.0.53", "at which other hosts"),
                "IPv6 loopback": ("::1", "at which other hosts"),
                "loopback in IPv6 form": ("::ffff:127.0.0.1", "write '127.0.0.1'"),
                "unspecified": ("0.0.0.0", "at which other hosts"),
                "IPv6 unspecified": ("::", "at which other hosts"),
                "multicast": ("224.0.0.251", "at which other hosts"),
                "IPv6 multicast": ("ff02::fb", "at which other hosts"),
                "broadcast": ("255.255.255.255", "at which other hosts"),
                "IPv6 link-local": ("fe80::1", "at which other hosts"),
                "port 0": ("192.0.2.11#0", "'address#port'"),
                "port 65536": ("192.0.2.11#65536", "'address#port'"),
                "no port": ("192.0.2.11#", "'address#port'"),
                "a negative port": ("192.0.2.11#-53", "'address#port'"),
                "a port of other digits": ("192.0.2.11#\u0665\u0663", "'address#port'"),
                "two ports": ("192.0.2.11#53#54", "'address#port'"),
                "a port behind a colon": ("192.0.2.11:53", "write one such as"),
                "a mapping": ({"addr": "192.0.2.11"}, "as a string"),
            },
        ),
    ],
)
def test_a_value_is_refused(key: str, value: Any, remedy: str) -> None:
    sound = {"zones": ["corp.example"], "subnets": ["192.0.2.0/24"], "nameservers": ["192.0.2.11"]}
    [finding] = findings({"a": {**sound, key: [value]}}, network="a")
    assert finding.startswith(f"dnsmasq_topology['a']['{key}'][0] is {repr(value)[:60]}")
    assert remedy in finding and is_one_sentence(finding)


@pytest.mark.parametrize(
    ("topology", "host", "network", "listen", "finding"),
    [
        (NETWORK_1, "app1", "us_east_2", ["127.0.0.1"], "use one of ['datacenter', 'us_east_1', 'us_west_2']"),
        (
            {},
            "app1",
            "us_east_1",
            ["127.0.0.1"],
            "dnsmasq_network is 'us_east_1', which is not in dnsmasq_topology: add",
        ),
        (NETWORK_1, "app1", False, ["127.0.0.1"], "dnsmasq_network is False, which is a boolean"),
        (NETWORK_1, "", "us_east_1", ["127.0.0.1"], "host is '', which is no inventory name"),
        (NETWORK_2, "dc-bridge-1", "gcp", ["127.0.0.1"], "set it to 'datacenter' or take the bridge out"),
        (NETWORK_2, "dc-bridge-1", "", ["127.0.0.1"], "dnsmasq_network is None for 'dc-bridge-1', which is a bridge"),
        (NETWORK_1, "app1", "us_east_1", "127.0.0.1", "listen is '127.0.0.1', which is a string: give a list"),
        (NETWORK_1, "app1", "us_east_1", [], "listen is [], which leaves nobody to answer"),
        (NETWORK_1, "app1", "us_east_1", ["0.0.0.0"], "listen[0] is '0.0.0.0', which is open to other hosts"),
        (NETWORK_1, "app1", "us_east_1", ["192.0.2.1"], "listen[0] is '192.0.2.1', which is open to other hosts"),
        (
            {"a": {**OWNER, "nameservers": ["169.254.169.254"]}, "b": {}},
            "app1",
            "b",
            ["127.0.0.1"],
            "is link-local and out of reach of 'b': give dnsmasq_topology['a'] bridges",
        ),
        (
            {"a": {**OWNER, "links": ["b"]}, "b": {}, "c": {"links": ["b"]}},
            "app1",
            "c",
            ["127.0.0.1"],
            "dnsmasq_topology['a'] owns ['corp.example'], which 'c' cannot reach over the links",
        ),
    ],
    ids=[
        "an unknown network",
        "a network without a topology",
        "a network that YAML made a boolean",
        "a host without a name",
        "a bridge in another network",
        "a bridge in no network",
        "listen as text",
        "nobody listens",
        "listening on every address",
        "listening on an address of the host",
        "a link-local nameserver of another network",
        "an owner behind a network without bridges",
    ],
)
def test_a_host_is_refused(topology: Any, host: Any, network: Any, listen: Any, finding: str) -> None:
    [found] = findings(topology, host, network, listen=listen)
    assert finding in found and is_one_sentence(found)


def test_every_mistake_is_told_at_once() -> None:
    topology = {"a": {"zones": ["x y", 1], "nameservers": ["nope"], "links": ["c"]}, "b": {"upstream": "cloud"}}
    told = findings(topology, network="us")
    assert len(told) == 6
    assert all(any(part in finding for finding in told) for part in ("'x y'", "1,", "'nope'", "'c'", "'cloud'", "'us'"))


def test_a_message_clips_what_it_shows() -> None:
    [finding] = findings({"a": {**OWNER, "zones": ["x " * 5000]}})
    assert is_one_sentence(finding) and len(finding) < 250


# --- properties ---


NAMES = [f"n{index}" for index in range(8)]


@st.composite
def topologies(draw: st.DrawFn) -> dict[str, Any]:
    """Any graph, with or without links, bridges and owners in it."""
    chosen = NAMES[: draw(st.integers(1, len(NAMES)))]
    linked = draw(st.booleans())
    topology: dict[str, Any] = {}
    for index, name in enumerate(chosen):
        network: dict[str, Any] = {}
        if draw(st.booleans()):
            network["zones"] = [f"{name}.example"]
            network["subnets"] = [f"10.{index}.0.0/16"]
            network["nameservers"] = [f"10.{index}.0.11"]
        if draw(st.integers(0, 3)):
            last = draw(st.integers(1, 2))
            network["bridges"] = {f"{name}-bridge-{number}": f"10.{index}.1.{number}" for number in range(1, last + 1)}
        if linked and draw(st.booleans()):
            others = [other for other in chosen if other != name]
            network["links"] = [other for other in others if draw(st.booleans())]
        topology[name] = network
    return topology


def distances(topology: dict[str, Any], owner: str) -> dict[str, int]:
    """How far each network is from the owner over networks with bridges: by relaxation, unlike the code under test."""
    declared = any("links" in network for network in topology.values())
    far = {owner: 0}
    for _round in topology:
        for here, network in topology.items():
            for there, other in topology.items():
                linked = not declared or there in network.get("links", ()) or here in other.get("links", ())
                if here != there and linked and there in far and (there == owner or other.get("bridges")):
                    far[here] = min(far.get(here, len(topology)), far[there] + 1)
    return far


@settings(max_examples=300, deadline=None)
@given(topologies())
def test_the_next_network_is_one_nearer_to_the_owner(topology: dict[str, Any]) -> None:
    neighbours = _routes.graph({name: network.get("links") for name, network in topology.items()})
    relays = {name for name, network in topology.items() if "bridges" in network}
    hops = {home: _routes.first_hops(home, neighbours, relays) for home in topology}
    for owner in topology:
        far = distances(topology, owner)
        assert {home for home in topology if owner in hops[home]} == far.keys() - {owner}
        for home in far.keys() - {owner}:
            there = hops[home][owner]
            assert far[there] == far[home] - 1
            assert there == owner or there in relays
            # No other network that would do as well sorts before it.
            assert there == min(n for n in neighbours[home] & far.keys() & {owner, *relays} if far[n] == far[there])


@settings(max_examples=300, deadline=None)
@given(topologies())
def test_each_query_gets_nearer_to_the_owner_and_arrives(topology: dict[str, Any]) -> None:
    owners = {name: network["nameservers"] for name, network in topology.items() if "zones" in network}
    far = {owner: distances(topology, owner) for owner in owners}
    cut_off = {name: [owner for owner in owners if name not in far[owner]] for name in topology}
    for name, lost in cut_off.items():
        if lost:
            assert len(findings(topology, "app1", name)) == len(lost)
    if any(cut_off.values()):
        return

    bridges = {
        address: (host, name)
        for name, network in topology.items()
        for host, address in network.get("bridges", {}).items()
    }
    plans = {
        (host, name): _topology.plan(topology, host, name)
        for host, name in [*bridges.values(), *(("app1", name) for name in topology)]
    }
    for (host, name), plan in plans.items():
        assert [rule["owner"] for rule in plan["forwards"]] == [rule["owner"] for rule in plan["reverse"]] == [*owners]
        for rule, reverse in zip(plan["forwards"], plan["reverse"], strict=True):
            owner = rule["owner"]
            assert (rule["servers"], rule["via"]) == (reverse["servers"], reverse["via"])
            for server in rule["servers"]:
                if server in owners[owner]:  # arrived
                    continue
                bridge, there = bridges[server]
                # A host is a step farther away than the bridges of its own network.
                here = far[owner][name] + (plan["tier"] == "local") / 2
                assert far[owner][there] < here
                assert there != name or host != bridge
                assert (plan["tier"], there) != ("bridge", name)


SAFE = re.compile(r"[A-Za-z0-9_.:#/-]*")
TEXT = st.one_of(st.text(max_size=80), st.text("ab.-_#/*\n\"' %\u3002\uff0f\u00fc:10", max_size=30))
KEYS = st.sampled_from(["zones", "subnets", "nameservers", "bridges", "links", "upstream"])
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=5), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, TEXT, st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


def plan_or_findings(topology: Any, host: Any, network: Any) -> dict[str, Any] | None:
    try:
        return _topology.plan(topology, host, network)
    except _topology.TopologyError as error:
        assert error.findings
        assert all(is_one_sentence(finding) for finding in error.findings)
        return None


@settings(max_examples=500, deadline=None)
@given(zone=TEXT, subnet=TEXT, server=TEXT, bridge=TEXT, name=TEXT, upstream=TEXT)
def test_hostile_text_never_gets_into_a_plan(**text: str) -> None:
    for part, written in text.items():
        home = written if part == "name" else "home"
        topology: dict[str, Any] = {
            home: {
                "zones": [text["zone"] if part == "zone" else "corp.example"],
                "subnets": [text["subnet"] if part == "subnet" else "192.0.2.0/24"],
                "nameservers": [text["server"] if part == "server" else "192.0.2.11"],
                "bridges": {"b": text["bridge"] if part == "bridge" else "192.0.2.53"},
                "upstream": [text["upstream"] if part == "upstream" else "192.0.2.99"],
            }
        }
        plan = plan_or_findings(topology, "app1", home)
        assert plan is None or all(SAFE.fullmatch(leaf) for leaf in leaves(plan) if isinstance(leaf, str))


@settings(max_examples=500, deadline=None)
@given(JUNK, JUNK, JUNK, st.dictionaries(KEYS, JUNK))
def test_no_shape_of_input_breaks_the_plan(topology: Any, host: Any, network: Any, inner: Any) -> None:
    plan_or_findings(topology, host, network)
    plan_or_findings({"a": inner, "b": OWNER}, "app1", "a")
