# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many hosts at once: each gets the plan that it would get alone, and what is wrong is told once."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import inventory as _inventory
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.format import format_plans

DEFAULTS: dict[str, Any] = {
    "dnsmasq_topology": {},
    "dnsmasq_network": "",
    "dnsmasq_sizes": {},
    "dnsmasq_checks": [],
    "dnsmasq_state": "present",
    "dnsmasq_metrics": False,
    "resolv_conf_checks": [{"name": "everywhere-dnsmasq.invalid"}],
    "resolv_conf_nameservers": ["127.0.0.1"],
}
TOPOLOGY: dict[str, Any] = {
    "datacenter": {
        "zones": ["corp.example", "lab.example"],
        "subnets": ["192.0.2.0/24"],
        "nameservers": ["192.0.2.11"],
        "bridges": {"dc-1": "192.0.2.53", "dc-2": "192.0.2.54"},
    },
    "gcp": {"subnets": ["198.51.100.0/24"], "bridges": {"gcp-1": "198.51.100.53"}, "upstream": "none"},
}
NETWORKS = {"dc-1": "datacenter", "dc-2": "datacenter", "gcp-1": "gcp", "db": "datacenter"} | {
    f"app{number}": "gcp" for number in range(1, 6)
}


class Hostvars:
    """Ansible's own, as far as it is asked: what stands in the inventory, and the same rendered."""

    def __init__(self, variables: dict[str, dict[str, Any]], rendered: dict[str, Any] | None = None) -> None:
        self.variables, self.rendered, self.asked = variables, rendered or {}, 0

    def raw_get(self, host: str) -> dict[str, Any]:
        return self.variables[host]

    def __getitem__(self, host: str) -> dict[str, Any]:
        self.asked += 1
        return {
            key: self.rendered.get(f"{host} {key}", value) if isinstance(value, str) else value
            for key, value in self.variables[host].items()
        }


def inventory(**differences: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        host: {"dnsmasq_topology": TOPOLOGY, "dnsmasq_network": network, **differences.get(host.replace("-", "_"), {})}
        for host, network in NETWORKS.items()
    }


def derived(variables: dict[str, dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    hostvars = more.pop("hostvars", None) or Hostvars(variables)
    first, hosts = next(iter(variables)), more.pop("hosts", list(variables))
    made: list[dict[str, Any]] = _inventory.derive(hosts, hostvars, list(variables), first, DEFAULTS, **more)["plans"]
    return made


def test_each_host_has_the_plan_that_it_would_have_alone() -> None:
    members = list(NETWORKS.values())
    found = derived(inventory())
    seen = {}
    for entry in found:
        for host in entry["hosts"]:
            alone = _plan.plan(TOPOLOGY, host, NETWORKS[host], members=members)
            seen[host] = alone | {"host": None} == entry["plan"] | {"host": None}
    assert seen == dict.fromkeys(NETWORKS, True)
    assert [entry["hosts"] for entry in found] == [
        ["dc-1"],
        ["dc-2"],
        ["gcp-1"],
        ["db"],
        [f"app{n}" for n in range(1, 6)],
    ]


def test_a_value_that_all_have_is_rendered_once() -> None:
    hostvars = Hostvars(inventory())
    derived(hostvars.variables, hostvars=hostvars)
    assert hostvars.asked == 1 + len(set(NETWORKS.values()))


def test_the_hosts_that_are_planned_for_may_be_fewer_than_those_that_count() -> None:
    [entry] = derived(inventory(), hosts=["dc-1"])
    alone = _plan.plan(TOPOLOGY, "dc-1", "datacenter", members=list(NETWORKS.values()))
    assert entry["plan"] | {"host": "dc-1"} == alone


@pytest.mark.parametrize(
    ("app1", "plan"),
    [
        ({"dnsmasq_network": "datacenter"}, {"network": "datacenter"}),
        ({"dnsmasq_sizes": {"cache_size": 7}}, {"sizes": {"cache_size": 7}}),
        ({"dnsmasq_topology": {}, "dnsmasq_network": ""}, {"network": None}),
        ({"dnsmasq_network": ""}, {"network": None}),
    ],
    ids=["another network", "sizes", "another topology", "no network"],
)
def test_a_host_that_differs_stands_alone(app1: dict[str, Any], plan: dict[str, Any]) -> None:
    entry = next(entry for entry in derived(inventory(app1=app1)) if "app1" in entry["hosts"])
    assert "app2" not in entry["hosts"]
    for key, value in plan.items():
        assert entry["plan"][key] == value or value.items() <= entry["plan"][key].items()


def test_a_template_is_rendered_for_each_host() -> None:
    template = "{{ where[inventory_hostname] }}"
    variables = {host: {"dnsmasq_topology": TOPOLOGY, "dnsmasq_network": template} for host in NETWORKS}
    rendered = {f"{host} dnsmasq_network": network for host, network in NETWORKS.items()}
    found = derived(variables, hostvars=Hostvars(variables, rendered))
    assert {host: entry["plan"]["network"] for entry in found for host in entry["hosts"]} == NETWORKS
    assert len(found) == 5, "alike is alike, wherever it comes from"


def test_what_the_play_says_holds_for_whom_the_inventory_says_nothing() -> None:
    given = {"dnsmasq_topology": TOPOLOGY, "dnsmasq_network": "gcp"}
    variables: dict[str, dict[str, Any]] = {host: {} for host in NETWORKS}
    [entry] = derived(variables, given=given, hosts=["app1", "app2"])
    assert (entry["plan"]["network"], entry["hosts"]) == ("gcp", ["app1", "app2"])
    # The first host has a network of its own: its play's is the inventory's.
    variables["dc-1"] = {"dnsmasq_network": "datacenter"}
    [entry] = derived(variables, given={**given, "dnsmasq_network": "datacenter"}, hosts=["app1", "app2"])
    assert entry["plan"]["network"] is None


def findings(variables: dict[str, dict[str, Any]], **more: Any) -> list[str]:
    with pytest.raises(_inventory.InventoryError) as caught:
        derived(variables, **more)
    return caught.value.findings


def test_what_is_wrong_for_all_is_told_once_and_what_is_not_with_its_hosts() -> None:
    broken = {**TOPOLOGY, "gcp": {**TOPOLOGY["gcp"], "subnets": ["198.51.100.1/24"]}}
    everywhere = {host: {"dnsmasq_topology": broken, "dnsmasq_network": network} for host, network in NETWORKS.items()}
    [finding] = findings(everywhere)
    assert finding.startswith("dnsmasq_topology['gcp']['subnets'][0] is '198.51.100.1/24'") and "(of" not in finding
    [finding] = findings(inventory(app3={"dnsmasq_network": "nowhere"}))
    assert finding.startswith("dnsmasq_network is 'nowhere'") and finding.endswith(" (of app3)")
    nowhere = {f"app{number}": {"dnsmasq_network": "nowhere"} for number in range(1, 6)}
    [finding] = findings(inventory(**nowhere))
    assert finding.endswith(" (of app1, app2 and 3 more)")


def test_each_hosts_name_is_read_also_where_the_plan_is_anothers() -> None:
    variables = inventory()
    variables["app9\nport=5353"] = variables["app1"]
    [finding] = findings(variables)
    assert finding.startswith("host is 'app9\\nport=5353'")


@pytest.mark.parametrize(
    "topology", [None, "x", [], {"gcp": "x"}, {"gcp": {"bridges": "x"}}, {"gcp": {"bridges": {1: 2}}}]
)
def test_a_topology_that_is_none_is_refused_by_name(topology: Any) -> None:
    variables = {host: {"dnsmasq_topology": topology, "dnsmasq_network": "gcp"} for host in ("app1", "app2")}
    assert all("dnsmasq_" in finding for finding in findings(variables))


def test_the_way_of_a_name_is_told_below_each_plan() -> None:
    found = derived(inventory(), hosts=["app1", "app2", "dc-1"], name="db.corp.example")
    assert [format_plans([entry]) for entry in found] == [
        [
            "app1, app2: tier local in gcp",
            "  answers at 127.0.0.1",
            "  corp.example lab.example 2.0.192.in-addr.arpa (datacenter's, through gcp) -> 198.51.100.53",
            "  everything else -> nobody",
            "  sizes: cache_size 10000, forward_max 1024, stale_seconds 60",
            "  1. app1 (gcp) -> 198.51.100.53: corp.example is datacenter's, and gcp's own bridges know the way",
            "  2. gcp-1 (gcp) -> 192.0.2.53, 192.0.2.54: corp.example is datacenter's, whose bridges are the next step",
            "  3. dc-1, dc-2 (datacenter) -> 192.0.2.11: corp.example is datacenter's own, and its nameservers answer "
            "for it",
        ],
        [
            "dc-1: tier bridge in datacenter",
            "  answers at 127.0.0.1, 192.0.2.53",
            "  corp.example lab.example 2.0.192.in-addr.arpa (datacenter's) -> 192.0.2.11",
            "  everything else -> what DHCP handed out, without 192.0.2.53, 192.0.2.54, 198.51.100.53",
            "  sizes: cache_size 10000, forward_max 1024, stale_seconds 0, tcp_connections 100, receive_buffer 212992",
            "  answers what comes from 192.0.2.0/24, 198.51.100.53/32",
            "  1. dc-1 (datacenter) -> 192.0.2.11: corp.example is datacenter's own, and its nameservers answer for it",
        ],
    ]


@pytest.mark.parametrize("word", [True, "true", "yes", "on", 1], ids=repr)
def test_a_boolean_may_be_a_word(word: object) -> None:
    [entry] = derived(inventory(app1={"dnsmasq_metrics": word}), hosts=["app1"])
    assert entry["options"]["dnsmasq_metrics"] is True


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("dnsmasq_metrics", "maybe", "true or false"),
        ("dnsmasq_metrics", None, "true or false"),
        ("dnsmasq_state", "gone", "present or absent"),
        ("resolv_conf_nameservers", "127.0.0.1", "give a list of addresses"),
        ("resolv_conf_nameservers", [], "names 0 servers: libc reads one to 3"),
        ("resolv_conf_nameservers", [f"127.0.0.{number}" for number in range(1, 5)], "names 4 servers"),
        ("resolv_conf_nameservers", ["127.0.0.1", "127.0.0.1"], "leave one out"),
        ("resolv_conf_nameservers", ["127.0.0.1", "::1"], "write one such as '127.0.0.1'"),
        ("resolv_conf_nameservers", ["127.0.0.1", "0.0.0.0"], "write one such as '127.0.0.1'"),
        ("resolv_conf_nameservers", ["192.0.2.1", "127.0.0.1"], "does not begin with 127.0.0.1"),
        ("resolv_conf_checks", [], "name at least one"),
        ("resolv_conf_checks", [{"name": "x.example", "type": "SOA"}], "libc"),
    ],
)
def test_a_variable_that_is_no_part_of_the_plan_is_judged_with_it(variable: str, value: object, remedy: str) -> None:
    nowhere = {variable: value, "dnsmasq_network": "nowhere"}
    found = findings(inventory(app1=nowhere))
    assert [finding for finding in found if variable in finding and remedy in finding]
    assert [finding for finding in found if "nowhere" in finding], "each mistake at once"


def test_the_digest_follows_what_a_deploy_follows_from() -> None:
    def of(host: str, **differences: Any) -> str:
        [entry] = derived(inventory(**differences), hosts=[host])
        return str(entry["digest"])

    assert of("app1") == of("app2")
    assert len({of("app1"), of("dc-1"), of("dc-2"), of("db")}) == 4
    for change in ({"dnsmasq_metrics": True}, {"dnsmasq_sizes": {"cache_size": 7}}, {"ansible_managed": "x"}):
        assert of("app1", app1=change) != of("app1"), change


def test_a_template_of_the_play_is_refused_since_it_would_be_the_first_hosts_for_all() -> None:
    variables: dict[str, dict[str, Any]] = {host: {"dnsmasq_topology": TOPOLOGY} for host in NETWORKS}
    [finding] = findings(variables, given={"dnsmasq_network": "gcp"}, templates=["dnsmasq_network"])
    assert finding.startswith("dnsmasq_network is a template of the play") and finding.endswith("in the inventory.")


def test_what_the_play_and_the_inventory_both_say_is_refused() -> None:
    [finding] = findings(inventory(), given={"dnsmasq_network": "gcp"}, hosts=["app1", "db"])
    assert finding == "dnsmasq_network is said by the play and by the inventory: leave it to one of them. (of db)"


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("dnsmasq_netwrok", "gcp", "dnsmasq_network"),
        ("dnsmasq_metric", True, "dnsmasq_metrics"),
        ("dnsmasq_hots", "gcp", "dnsmasq_hosts"),
    ],
)
def test_a_misspelled_variable_is_refused_with_the_one_that_is_meant(variable: str, value: object, meant: str) -> None:
    found = findings(inventory(app1={variable: value, "dnsmasq_network": "nowhere"}))
    remedy = f"write {meant}, or rename it where another role reads it."
    assert f"{variable} is {value!r}, which this collection does not read: {remedy} (of app1)" in found
    assert [finding for finding in found if "nowhere" in finding], "each mistake at once"


class Secret:
    """As a vault's value: whoever prints it has it."""

    def __repr__(self) -> str:
        return "hunter2"

    __str__ = __repr__


@pytest.mark.parametrize(
    "value", [Secret(), [Secret()], {"password": Secret()}], ids=["itself", "in a list", "in a mapping"]
)
def test_a_secret_of_a_misspelled_variable_is_not_told(value: object) -> None:
    [finding] = findings(inventory(app1={"dnsmasq_netwrok": value}))
    assert finding.startswith("dnsmasq_netwrok is set, which this collection does not read: write dnsmasq_network")
    assert "hunter2" not in finding


def test_a_misspelled_variable_of_all_hosts_is_told_once() -> None:
    variables = inventory(**{host.replace("-", "_"): {"dnsmasq_topolgy": TOPOLOGY} for host in NETWORKS})
    [finding] = findings(variables)
    assert finding.startswith("dnsmasq_topolgy is set, which") and "(of" not in finding


def test_a_misspelled_variable_of_the_play_concerns_all_hosts() -> None:
    [finding] = findings(inventory(), given={"dnsmasq_metric": True})
    assert finding.startswith("dnsmasq_metric is True") and "(of" not in finding


def test_a_misspelled_variable_of_a_host_that_is_not_planned_for_is_left_alone() -> None:
    assert derived(inventory(app1={"dnsmasq_netwrok": "gcp"}), hosts=["app2"])


def test_variables_of_other_roles_and_what_plays_register_are_left_alone() -> None:
    others = {"dnsmasq_port": 53, "dnsmasq_plans": {}, "dnsmasq_info": {}, "resolv_conf_info": {}}
    assert derived(inventory(app1=others))


def test_a_misspelled_variable_is_not_rendered() -> None:
    hostvars = Hostvars(inventory(app1={"dnsmasq_netwrok": "{{ gone }}"}))
    [finding] = findings(hostvars.variables, hostvars=hostvars)
    assert finding.startswith("dnsmasq_netwrok is '{{ gone }}'")
    assert hostvars.asked == 1 + len(set(NETWORKS.values()))


def warnings(variables: dict[str, dict[str, Any]], hosts: list[str] | None = None) -> list[str]:
    everybody = list(variables)
    made = _inventory.derive(hosts or everybody, Hostvars(variables), everybody, everybody[0], DEFAULTS)
    told: list[str] = made["warnings"]
    return told


def with_bridges(**bridges: dict[str, str]) -> dict[str, Any]:
    return {name: {**network, "bridges": bridges.get(name, network["bridges"])} for name, network in TOPOLOGY.items()}


def test_bridges_that_the_inventory_has_need_no_warning() -> None:
    assert warnings(inventory()) == []
    assert warnings(inventory(), ["app1"]) == [], "the bridges are there, though the play has none of them"
    assert warnings({"app1": {}}) == []


def test_a_bridge_that_the_inventory_lacks_is_warned_of_once() -> None:
    topology = with_bridges(gcp={"gcp-bridge-one": "198.51.100.53"})
    variables = {host: {"dnsmasq_topology": topology, "dnsmasq_network": net} for host, net in NETWORKS.items()}
    assert warnings(variables) == [
        "Hosts would ask bridges that the inventory does not have, where nothing is deployed: "
        "dnsmasq_topology['gcp']['bridges']['gcp-bridge-one'] at 198.51.100.53. "
        "Write each bridge's inventory name, or deploy it from the inventory that has it."
    ]


def test_the_host_that_is_meant_is_told_where_it_is_no_bridge() -> None:
    topology = with_bridges(datacenter={"dc-1": "192.0.2.53", "dc-3": "192.0.2.54"}, gcp={"gpc-1": "198.51.100.53"})
    variables = {host: {"dnsmasq_topology": topology, "dnsmasq_network": net} for host, net in NETWORKS.items()}
    [told] = warnings(variables)
    assert "['dc-3'] at 192.0.2.54 ('dc-2' is close), " in told
    assert "['gpc-1'] at 198.51.100.53 ('gcp-1' is close). " in told
    del variables["dc-2"]
    [told] = warnings(variables)
    assert "['dc-3'] at 192.0.2.54, " in told, "dc-1 is close, and a bridge already"


def test_each_topology_is_looked_at_and_those_of_other_plays_are_not() -> None:
    other = with_bridges(gcp={"west": "198.51.100.54"})
    variables = inventory(app1={"dnsmasq_topology": other}, app2={"dnsmasq_topology": other})
    [told] = warnings(variables)
    assert told.count("['west'] at 198.51.100.54") == 1
    assert warnings(variables, ["app3"]) == []


def test_of_the_many_bridges_that_a_slice_lacks_a_few_are_named() -> None:
    topology = with_bridges(datacenter={f"dc-{number}": f"192.0.2.{number}" for number in range(100, 120)})
    [told] = warnings({"app1": {"dnsmasq_topology": topology, "dnsmasq_network": "gcp"}})
    assert told.count("] at ") == 5 and "['dc-104'] at 192.0.2.104 and 16 more. Write" in told
