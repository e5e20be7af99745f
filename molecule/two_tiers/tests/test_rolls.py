"""Bridges come first and one at a time, and one that fails its proof ends the roll before the next is touched."""

from __future__ import annotations

import json

from conftest import BRIDGES, CLIENTS, TOPOLOGY, ask, shell


def test_a_bridge_that_fails_stops_the_roll(playbook):
    before = {host: shell(host, "cat /etc/dnsmasq-everywhere.conf; cat /etc/resolv.conf") for host in CLIENTS}
    # Nobody answers there, so the first bridge cannot prove its own zone.
    broken = TOPOLOGY | {"datacenter": TOPOLOGY["datacenter"] | {"nameservers": ["10.20.0.99"]}}
    run = playbook("deploy", "-e", json.dumps({"dnsmasq_topology": broken}))
    assert run.returncode != 0
    failed = [event for event in run.events if event.get("failed")]
    assert [event["host"] for event in failed] == ["dc-bridge-1"]
    assert "corp.example" in failed[0]["msg"]
    assert "everything that this step changed is back as it was" in failed[0]["msg"]
    touched = {event["host"] for event in run.events if "Ask the host what it has" in event.get("task", "")}
    assert touched == {"dc-bridge-1"}
    for host in CLIENTS:
        assert shell(host, "cat /etc/dnsmasq-everywhere.conf; cat /etc/resolv.conf") == before[host]
        assert ask(host, "app.corp.example").rcode == "NOERROR"


def test_a_bridge_that_cannot_be_reached_is_left_out(playbook, tmp_path):
    inventory = tmp_path / "unreachable.yml"
    host = {"dc-bridge-2": {"ansible_ssh_common_args": "-o ProxyCommand=false"}}
    inventory.write_text(json.dumps({"all": {"hosts": host}}))
    run = playbook("deploy", "-i", str(inventory))
    assert run.returncode != 0
    assert {event["host"] for event in run.events if event.get("failed")} == {"dc-bridge-2"}
    configured = {event["host"] for event in run.events if "Swap in the configuration" in event.get("task", "")}
    assert configured == set(CLIENTS) - {"dc-bridge-2"}


def test_the_order_of_a_deploy_is_bridges_one_by_one_and_then_the_hosts(playbook):
    run = playbook("deploy")
    assert run.returncode == 0
    configured = [event["host"] for event in run.events if "Swap in the configuration" in event.get("task", "")]
    assert configured[:4] == list(BRIDGES)
    assert set(configured[4:]) == set(CLIENTS) - set(BRIDGES)
    proven = [number for number, event in enumerate(run.events) if "prove | Ask for each zone" in event.get("task", "")]
    hosts = [number for number, event in enumerate(run.events) if event.get("host") == "dc-bookworm"]
    assert len(proven) == 4
    first_at_hosts = next(n for n in hosts if "Ask the host what it has" in run.events[n]["task"])
    assert max(proven) < first_at_hosts
