"""Bridges come first and one at a time, and one that fails its proof ends the roll before the next is touched."""

from __future__ import annotations

import json

from conftest import BRIDGES, CLIENTS, TOPOLOGY, address_of, ask, shell
from looks import ETC


def reached(run):
    """The hosts in the order in which the run came to them."""
    first = "Ask the host what it has"
    return [event["host"] for event in run.results if first in event["task"] and not event["failed"]]


def test_a_bridge_that_fails_stops_the_roll(playbook):
    before = {host: shell(host, "cat /etc/dnsmasq-everywhere.conf; cat /etc/resolv.conf") for host in CLIENTS}
    # Nobody answers there, so the first bridge cannot prove its own zone.
    broken = TOPOLOGY | {"datacenter": TOPOLOGY["datacenter"] | {"nameservers": ["10.20.0.99"]}}
    run = playbook("deploy", "-e", json.dumps({"dnsmasq_topology": broken}))
    assert run.returncode != 0
    failed = [event for event in run.events if event.get("failed")]
    assert {event["host"] for event in failed} == {"dc-bridge-1"}
    assert "corp.example" in failed[-1]["msg"]
    # Found out beside the running one.
    assert "nothing was changed" in failed[-1]["msg"]
    assert reached(run) == ["dc-bridge-1"]
    for host in CLIENTS:
        assert shell(host, "cat /etc/dnsmasq-everywhere.conf; cat /etc/resolv.conf") == before[host]
        assert ask(host, "app.corp.example").rcode == "NOERROR"


def test_a_host_becomes_a_bridge_and_a_bridge_a_host(playbook):
    host = "branch-trixie"
    address = address_of(host)
    promoted = TOPOLOGY | {"branch": TOPOLOGY["branch"] | {"bridges": {host: address}}}
    try:
        assert playbook("deploy", "-e", json.dumps({"dnsmasq_topology": promoted})).returncode == 0
        assert ask("branch-bookworm", "app.gcp.example", server=address).rcode == "NOERROR"
        assert ask("gcp-bookworm", "app.branch.example").rcode == "NOERROR"
        assert ask("outsider", "app.branch.example", server=address, wait=1).rcode == "silence"
        # As docs/bridges.md says: first nobody asks it any more, then it stops to answer.
        assert playbook("deploy", "-l", f"all:!{host}").returncode == 0
        for other in CLIENTS:
            assert other == host or address not in shell(other, "cat /etc/dnsmasq-everywhere.conf")
        assert ask("branch-bookworm", "app.gcp.example", server=address).rcode == "NOERROR"
        assert ask("gcp-bookworm", "app.branch.example").rcode == "NOERROR"
    finally:
        assert playbook("deploy").returncode == 0
    assert shell(host, "systemctl is-active everywhere-dnsmasq-filter || true").strip() == "inactive"
    assert shell(host, "nft list tables") == ""
    assert ask("branch-bookworm", "app.branch.example", server=address, wait=1).rcode == "silence"
    assert ask(host, "app.gcp.example").rcode == "NOERROR"


def test_a_bridge_that_cannot_be_reached_stops_the_roll(playbook, tmp_path):
    inventory = tmp_path / "unreachable.yml"
    host = {"dc-bridge-2": {"ansible_ssh_executable": "/bin/false"}}
    inventory.write_text(json.dumps({"all": {"hosts": host}}))
    run = playbook("deploy", "-i", str(inventory))
    assert run.returncode != 0
    assert {event["host"] for event in run.events if event.get("failed")} == {"dc-bridge-2"}
    assert reached(run) == ["dc-bridge-1"]
    assert playbook("deploy", "-i", str(inventory), "-l", "all:!dc-bridge-2").returncode == 0


def test_a_host_whose_rules_do_not_load_becomes_no_bridge_and_keeps_its_dnsmasq(playbook):
    """A host that lacks what holds the rules: the drop-in that binds dnsmasq to them must not cost it its DNS."""
    host = "branch-bookworm"
    address = address_of(host)
    promoted = TOPOLOGY | {"branch": TOPOLOGY["branch"] | {"bridges": {host: address}}}
    before = shell(host, ETC)
    # Installed and no good: preflight sees nft, and the unit does not start.
    shell(host, "printf '#!/bin/sh\nexit 1\n' >/usr/sbin/nft; chmod 0755 /usr/sbin/nft")
    try:
        run = playbook("deploy", "-l", host, "-e", json.dumps({"dnsmasq_topology": promoted}))
    finally:
        shell(host, "rm /usr/sbin/nft")
    assert run.returncode != 0
    failed = [event for event in run.events if event.get("failed")][-1]
    assert "everywhere-dnsmasq-filter" in failed["msg"]
    assert "everything that this step changed is back as it was" in failed["msg"]
    assert shell(host, ETC) == before
    assert shell(host, "systemctl is-active dnsmasq").strip() == "active"
    assert ask(host, "app.gcp.example").rcode == "NOERROR"


def test_the_order_of_a_deploy_is_bridges_one_by_one_and_then_the_hosts(playbook):
    run = playbook("deploy")
    assert run.returncode == 0
    assert reached(run)[:4] == list(BRIDGES)
    assert set(reached(run)[4:]) == set(CLIENTS) - set(BRIDGES)
    proven = [
        number for number, event in enumerate(run.events) if "Ask each bridge for every zone" in event.get("task", "")
    ]
    hosts = [number for number, event in enumerate(run.events) if event.get("host") == "dc-bookworm"]
    assert len(proven) == 4
    first_at_hosts = next(n for n in hosts if "Ask the host what it has" in run.events[n]["task"])
    assert max(proven) < first_at_hosts


def test_a_restored_bridge_answers_nobody_and_a_deploy_makes_it_one_again(playbook):
    bridge = "gcp-bridge-2"
    assert playbook("restore", "-l", bridge).returncode == 0
    assert shell(bridge, "nft list tables; ss -Hlntu sport = :53") == ""
    assert shell(bridge, "find /etc /usr/local /var/lib -name '*everywhere*'") == ""
    assert ask("gcp-trixie", "app.corp.example").rcode == "NOERROR"
    assert playbook("deploy").returncode == 0
    assert ask("gcp-trixie", "app.corp.example", server=BRIDGES[bridge]).rcode == "NOERROR"
