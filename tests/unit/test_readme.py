"""The YAML of the README is what the collection takes; its commands run in tests/integration/network_1."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan

README = Path(__file__).parents[2] / "README.md"


def blocks() -> list[dict]:
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", README.read_text(), re.S)]


def test_every_block_is_known_to_these_tests() -> None:
    assert [list(block) for block in blocks()] == [["all"], ["all"], ["dnsmasq_checks"]]


def test_the_inventory_sends_the_datacenter_s_names_to_its_name_servers() -> None:
    everything = blocks()[0]["all"]
    for group in everything["children"].values():
        for host in group["hosts"]:
            plan = _plan.plan(everything["vars"]["dnsmasq_topology"], host, group["vars"]["dnsmasq_network"])
            rules = {rule["zone"]: rule["servers"] for rule in plan["forwards"] + plan["reverse"]}
            servers = ["10.20.0.11", "10.20.0.12"]
            assert rules == {"corp.example": servers, "20.10.in-addr.arpa": servers}
            assert plan["upstream"]["mode"] == "dhcp"


def test_the_second_inventory_makes_two_networks_answer_each_other() -> None:
    everything = blocks()[1]["all"]
    topology = everything["vars"]["dnsmasq_topology"]
    plans = {
        host: _plan.plan(topology, host, group["vars"]["dnsmasq_network"])
        for group in everything["children"].values()
        for host in group["hosts"]
    }
    asked = {host: {rule["zone"]: rule["servers"] for rule in plan["forwards"]} for host, plan in plans.items()}
    assert asked["web1"]["gcp.example"] == ["10.20.0.53", "10.20.0.54"]
    assert asked["dc-bridge-1"]["gcp.example"] == ["10.30.0.53", "10.30.0.54"]
    assert asked["gcp-bridge-2"]["gcp.example"] == ["169.254.169.254"]
    assert "35.199.192.0/19" in plans["gcp-bridge-1"]["allow"]
    assert [host for host, plan in plans.items() if plan["tier"] == "local"] == ["web1", "web2"]


@pytest.mark.ansible
def test_the_checks_are_queries_of_the_module() -> None:
    checked = ArgumentSpecValidator(check.ARGUMENTS).validate({"queries": blocks()[2]["dnsmasq_checks"]})
    assert checked.error_messages == []
