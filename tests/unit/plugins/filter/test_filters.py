# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import inspect
import re
from types import ModuleType

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.everywhere.dnsmasq.plugins.filter import checks as checks_filter
from ansible_collections.everywhere.dnsmasq.plugins.filter import plan as plan_filter
from ansible_collections.everywhere.dnsmasq.plugins.filter import route as route_filter
from ansible_collections.everywhere.dnsmasq.plugins.filter import settings as settings_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import (
    parse,
    queries,
    resolution_path,
    sizing,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import (
    plan as _plan,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import (
    settings as _settings,
)

pytestmark = pytest.mark.ansible
checks = checks_filter.FilterModule().filters()["checks"]
plan = plan_filter.FilterModule().filters()["plan"]
route = route_filter.FilterModule().filters()["route"]
settings = settings_filter.FilterModule().filters()["settings"]


def test_the_filters_follow_one_another() -> None:
    lines = plan({"home": {"upstream": "none"}}, host="app1", network="home") | {}
    assert {"option": "no-resolv", "value": None} in [
        {"option": line["option"], "value": line["value"]} for line in settings(lines, version="2.90")
    ]


def test_a_mistake_is_told_as_ansible_tells_it() -> None:
    with pytest.raises(AnsibleFilterError, match="use one of \\['home'\\]") as raised:
        plan({"home": {}}, host="app1", network="hoem")
    assert isinstance(raised.value.__cause__, _plan.TopologyError)
    with pytest.raises(AnsibleFilterError, match="too old") as raised:
        settings(plan({}, host="app1", network=""), version="2.75", resolv_file="/run/dnsmasq/upstream.conf")
    assert isinstance(raised.value.__cause__, _settings.SettingsError)
    with pytest.raises(AnsibleFilterError, match="dnsmasq_name is 'a b'") as raised:
        route({}, name="a b", host="app1", network="")
    assert isinstance(raised.value.__cause__, resolution_path.TraceError)
    with pytest.raises(AnsibleFilterError, match=r"mine\[0\]\['type'\] is 'MX', which libc cannot") as raised:
        checks([{"name": "x", "type": "MX"}], "mine", libc=True)
    assert isinstance(raised.value.__cause__, queries.CheckError)


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (checks_filter, queries.checks),
        (plan_filter, _plan.plan),
        (route_filter, resolution_path.route),
        (settings_filter, _settings.settings),
    ],
    ids=["checks", "plan", "route", "settings"],
)
def test_the_documentation_has_the_arguments_and_defaults_of_the_function(module: ModuleType, function) -> None:
    options = yaml.safe_load(module.DOCUMENTATION)["options"]
    _input, *arguments = inspect.signature(function).parameters.values()
    assert list(options) == ["_input", *(argument.name for argument in arguments)]
    for argument in arguments:
        required = argument.default is argument.empty
        assert options[argument.name].get("required", False) is required
        default = None if required else argument.default
        assert options[argument.name].get("default") == (list(default) if isinstance(default, tuple) else default)


def test_the_documentation_has_every_key_and_range() -> None:
    topology = " ".join(yaml.safe_load(plan_filter.DOCUMENTATION)["options"]["_input"]["description"])
    assert all(f"V({key})" in topology for key in parse.READERS)
    sizes = yaml.safe_load(plan_filter.DOCUMENTATION)["options"]["sizes"]["suboptions"]
    assert list(sizes) == list(sizing.LIMITS)
    for key, limit in sizing.LIMITS.items():
        text = " ".join(sizes[key]["description"])
        assert f"from V({limit.low}) to V({limit.high})" in text


def test_the_documentation_has_the_default_sizes() -> None:
    sizes = yaml.safe_load(plan_filter.DOCUMENTATION)["options"]["sizes"]["suboptions"]
    for defaults in (sizing.LOCAL, sizing.of_bridge(0)):
        for key, default in defaults.items():
            text = " ".join(sizes[key]["description"])
            assert re.search(r"defaults to (dnsmasq's own|leaving)" if default is None else rf"to V\({default}\)", text)


def test_the_documented_plan_has_the_keys_of_a_plan() -> None:
    documented = yaml.safe_load(plan_filter.RETURN)["_value"]["contains"]
    made = plan({}, host="app1", network="")
    assert list(documented) == list(made)
    assert list(documented["sizes"]["contains"]) == list(made["sizes"])


def test_the_examples_of_a_plan_are_what_the_filter_returns() -> None:
    host, bridge = yaml.safe_load(plan_filter.EXAMPLES)
    shown = [
        yaml.safe_load(
            "\n".join(line.removeprefix("# ") for line in text.splitlines() if line[:3] == "#  " and "..." not in line)
        )
        for text in plan_filter.EXAMPLES.split("# msg:\n")[1:]
    ]
    given = host["vars"]
    assert plan(given["dnsmasq_topology"], "app1", given["dnsmasq_network"]) == shown[0]
    given = bridge["vars"]
    members = ["gcp"] * 5000 + ["datacenter"] * 100
    made = plan(given["dnsmasq_topology"], "gcp-bridge-1", "gcp", members=members, sizes=given["sizes"])
    assert {key: made[key] for key in shown[1]} == shown[1]


def test_the_example_of_checks_is_what_the_filter_returns() -> None:
    [task] = yaml.safe_load(checks_filter.EXAMPLES)
    _code, _mark, result = checks_filter.EXAMPLES.partition("# msg:\n")
    shown = yaml.safe_load("\n".join(line.removeprefix("# ") for line in result.splitlines()))
    assert checks(task["vars"]["dnsmasq_checks"], "dnsmasq_checks") == shown


def test_the_documented_step_has_the_keys_and_values_of_a_step() -> None:
    documented = yaml.safe_load(route_filter.RETURN)["_value"]["contains"]
    [step] = route({}, name="www.example.org", host="app1", network="")
    assert list(documented) == list(step)
    told = " ".join(documented["to"]["description"])
    assert all(f"V({to})" in told for to in ("bridges", "nameservers", "dhcp", "list", "none"))


def test_the_example_of_a_route_is_what_the_filter_returns() -> None:
    [task] = yaml.safe_load(route_filter.EXAMPLES)
    _code, _mark, result = route_filter.EXAMPLES.partition("# msg:\n")
    steps = yaml.safe_load("\n".join(line.removeprefix("# ") for line in result.splitlines()))
    given = task["vars"]
    assert route(given["dnsmasq_topology"], "db.corp.example", "app1", given["dnsmasq_network"]) == steps
