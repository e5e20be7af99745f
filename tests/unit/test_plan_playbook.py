# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for real: what `plan` prints, that it touches no host, and that a run of no host or no task fails."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import spelling

pytestmark = pytest.mark.ansible
ROOT = Path(__file__).resolve().parents[2]
TOPOLOGY = {
    "datacenter": {
        "zones": ["corp.example"],
        "subnets": ["192.0.2.0/24"],
        "nameservers": ["192.0.2.11", "192.0.2.12"],
        "bridges": {"dc-bridge-1": "192.0.2.53"},
    },
    "gcp": {"subnets": ["198.51.100.0/25"], "upstream": "none"},
}
# Two spokes that reach each other through the hub.
HUB = {
    "hub": {"bridges": {"hub-bridge-1": "192.0.2.53", "hub-bridge-2": "192.0.2.54"}, "links": ["east", "west"]},
    "east": {"subnets": ["198.51.100.0/24"], "bridges": {"east-bridge": "198.51.100.53"}},
    "west": {
        "zones": ["west.example"],
        "nameservers": ["203.0.113.11"],
        "bridges": {"west-bridge": "203.0.113.53"},
    },
}
NETWORKS = {"app1": "gcp", "dc-bridge-1": "datacenter"}

Play = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def touched(tmp_path: Path) -> Path:
    """Exists once a host was connected to."""
    return tmp_path / "touched"


@pytest.fixture
def play(tmp_path: Path, touched: Path) -> Play:
    return player(tmp_path, touched)


def player(tmp_path: Path, touched: Path) -> Play:
    linked = tmp_path / "collections/ansible_collections/everywhere/dnsmasq"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(ROOT)
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\ntouch {touched}\nexit 255\n")
    ssh.chmod(0o755)
    inventory = tmp_path / "inventory.json"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment = kept | {"ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"), "ANSIBLE_HOME": str(tmp_path)}
    program = "import sys; from ansible.cli.playbook import main; sys.exit(main())"

    def run(
        *options: str, topology: Any = None, networks: Any = None, playbooks: tuple[str, ...] = ("plan",)
    ) -> subprocess.CompletedProcess:
        hosts = {host: {"dnsmasq_network": network} for host, network in (networks or NETWORKS).items()}
        variables = {
            "dnsmasq_topology": topology or TOPOLOGY,
            "ansible_connection": "ssh",
            "ansible_ssh_executable": str(ssh),
        }
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        names = [name if "/" in name else f"everywhere.dnsmasq.{name}" for name in playbooks]
        argv = [sys.executable, "-c", program, *names, "-i", str(inventory), *options]
        return subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def shown(output: str) -> list[str]:
    """The lines that were printed, once for all hosts."""
    [part] = re.findall(r"TASK \[Show the plans\] \*+\nok: \[.+?\] => (.*?)\n\n", output, re.S)
    return list(json.loads(part)["msg"])


def test_the_plans_and_the_route_are_printed_once_and_no_host_is_touched(play: Play, touched: Path) -> None:
    run = play("-e", "dnsmasq_name=db.corp.example", networks={**NETWORKS, "app2": "gcp"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    own = "corp.example is datacenter's own, and its nameservers answer for it"
    assert shown(run.stdout) == [
        "app1, app2: tier local in gcp",
        "  answers at 127.0.0.1",
        "  corp.example 2.0.192.in-addr.arpa (datacenter's) -> 192.0.2.53",
        "  everything else -> nobody",
        "  sizes: cache_size 10000, forward_max 1024, stale_seconds 60",
        "  1. app1 (gcp) -> 192.0.2.53: corp.example is datacenter's, whose bridges are the next step",
        f"  2. dc-bridge-1 (datacenter) -> 192.0.2.11, 192.0.2.12: {own}",
        "dc-bridge-1: tier bridge in datacenter",
        "  answers at 127.0.0.1, 192.0.2.53",
        "  corp.example 2.0.192.in-addr.arpa (datacenter's) -> 192.0.2.11, 192.0.2.12",
        "  everything else -> what DHCP handed out, without 192.0.2.53",
        "  sizes: cache_size 10000, forward_max 1024, stale_seconds 0, tcp_connections 100, receive_buffer 212992",
        "  answers what comes from 192.0.2.0/24, 198.51.100.0/25",
        f"  1. dc-bridge-1 (datacenter) -> 192.0.2.11, 192.0.2.12: {own}",
    ]
    assert not touched.exists()


def test_a_route_over_a_hub_is_printed_from_bridges_to_bridges(play: Play) -> None:
    networks = {"app1": "east", "hub-bridge-2": "hub", "west-bridge": "west"}
    run = play("-e", "dnsmasq_name=db.west.example", topology=HUB, networks=networks)
    assert run.returncode == 0, run.stdout + run.stderr
    zone = "west.example is west's"
    to_west = f"-> 203.0.113.53: {zone}, whose bridges are the next step"
    answers = f"west-bridge (west) -> 203.0.113.11: {zone} own, and its nameservers answer for it"
    steps = [line.strip() for line in shown(run.stdout) if re.match(r"  \d+\. ", line)]
    assert steps == [
        f"1. app1 (east) -> 198.51.100.53: {zone}, and east's own bridges know the way",
        f"2. east-bridge (east) -> 192.0.2.53, 192.0.2.54: {zone}, and hub's bridges are the next step on the way",
        f"3. hub-bridge-1, hub-bridge-2 (hub) {to_west}",
        f"4. {answers}",
        f"1. hub-bridge-2 (hub) {to_west}",
        f"2. {answers}",
        f"1. {answers}",
    ]


def test_the_upstream_is_told_in_words(play: Play) -> None:
    told = "200.100.51.198.in-addr.arpa is in no zone of the topology"
    steps = [line.strip() for line in shown(play("-e", "dnsmasq_name=198.51.100.200").stdout) if "1. " in line]
    assert steps == [
        f"1. app1 (gcp) -> nobody: {told}, and gcp's upstream is none",
        f"1. dc-bridge-1 (datacenter) -> what DHCP handed out: {told}, so the upstream is asked",
    ]


def test_without_a_name_the_plans_alone_are_printed(play: Play) -> None:
    run = play("-l", "app1")
    assert run.returncode == 0
    assert [line for line in shown(run.stdout) if not line.startswith(" ")] == ["app1: tier local in gcp"]
    assert not any(re.match(r"  \d+\. ", line) for line in shown(run.stdout))


def test_a_network_that_a_template_names_is_that_of_each_host(play: Play) -> None:
    networks = {
        "gcp-app": "{{ inventory_hostname.split('-')[0] }}",
        "datacenter-app": "{{ inventory_hostname.split('-')[0] }}",
    }
    run = play(networks=networks)
    assert [line for line in shown(run.stdout) if not line.startswith(" ")] == [
        "gcp-app: tier local in gcp",
        "datacenter-app: tier local in datacenter",
    ]


def test_a_network_that_is_not_there_fails_for_all_with_whose_it_is(play: Play) -> None:
    run = play(networks={**NETWORKS, "app2": "nowhere"})
    assert run.returncode == 2
    assert "dnsmasq_network is 'nowhere'" in run.stdout and "(of app2)" in run.stdout
    assert "TASK [Show the plans]" not in run.stdout


def test_a_misspelled_variable_fails_for_all_that_is_wrong(play: Play, touched: Path) -> None:
    run = play("-e", "dnsmasq_metric=true", "-e", "dnsmasq_hardening='no way'", playbooks=("deploy",))
    assert run.returncode == 2
    assert "dnsmasq_metric is 'true', which this collection does not read: write dnsmasq_metrics" in run.stdout
    assert "dnsmasq_hardening is 'no way'" in run.stdout
    assert not touched.exists()


def test_what_a_play_registers_is_not_taken_for_a_misspelled_variable(play: Play, tmp_path: Path) -> None:
    derive: dict[str, Any] = {"everywhere.dnsmasq.derive_plans": {}, "run_once": True, "register": "dnsmasq_plans"}
    registered = [
        {"ansible.builtin.debug": {"msg": "x"}, "register": name}
        for name in spelling.HANDED_ON
        if name != derive["register"]
    ]
    tasks = [derive, *registered, derive]
    path = tmp_path / "twice.yml"
    path.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    run = play(str(path), playbooks=())
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_bridge_that_the_inventory_lacks_is_warned_of_once(play: Play) -> None:
    run = play(networks={"app1": "gcp", "app2": "gcp", "app3": "datacenter"})
    assert run.returncode == 0, run.stdout + run.stderr
    # ansible-core before 2.19 wraps a warning, in the middle of a name that has a hyphen.
    said = "".join((run.stdout + run.stderr).split())
    assert said.count("Hostswouldaskbridgesthattheinventorydoesnothave") == 1, said
    assert "dnsmasq_topology['datacenter']['bridges']['dc-bridge-1']at192.0.2.53" in said, said


def test_a_wrong_name_fails_with_the_reason(play: Play) -> None:
    run = play("-e", "dnsmasq_name=db..corp.example")
    assert run.returncode == 2
    assert "dnsmasq_name is 'db..corp.example', which has an empty label: write a name such as" in run.stdout


PLAYBOOKS = ("deploy", "verify", "report", "restore", "plan")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The hosts of each playbook where one host is asked for."""
    path = tmp_path_factory.mktemp("listed")
    run = player(path, path / "touched")("--list-hosts", "-e", "dnsmasq_hosts=app1", playbooks=PLAYBOOKS)
    assert run.returncode == 0, run.stdout + run.stderr
    return dict(re.findall(r"^playbook: \S*/(\w+)\.yml\n(.*?)(?=^playbook: |\Z)", run.stdout, re.M | re.S))


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_only_the_hosts_that_were_asked_for_are_touched(listed: dict[str, str], playbook: str) -> None:
    assert "app1" in listed[playbook] and "dc-bridge-1" not in listed[playbook]


NOTHING_TO_DO = {
    "a group that is not there": (
        "deploy",
        ["-e", "dnsmasq_hosts=nogroup"],
        "dnsmasq_hosts is 'nogroup', which matches no host of the inventory: write a group, a host or a pattern of"
        " hosts that are there, or leave the variable out for all of them.",
    ),
    "a pattern that leaves nothing": (
        "plan",
        ["-e", "dnsmasq_hosts=app1:!all"],
        "dnsmasq_hosts is 'app1:!all', which matches no host of the inventory: ",
    ),
    "an empty group": ("verify", ["-e", "dnsmasq_hosts=ungrouped:&app9"], "matches no host of the inventory: "),
    "a limit to other hosts": (
        "restore",
        ["-e", "dnsmasq_hosts=app1", "-l", "dc-bridge-1"],
        "dnsmasq_hosts is 'app1', which matches no host within --limit 'dc-bridge-1': name hosts of both, or leave one"
        " of the two out.",
    ),
    "a tag": (
        "report",
        ["--tags", "config"],
        "--tags is 'config', which selects nothing, as no task has a tag: leave it out, and choose hosts with --limit.",
    ),
}


@pytest.mark.parametrize(("playbook", "options", "reason"), NOTHING_TO_DO.values(), ids=NOTHING_TO_DO)
def test_a_run_that_would_do_nothing_fails_with_the_reason(
    play: Play, touched: Path, playbook: str, options: list[str], reason: str
) -> None:
    run = play(*options, playbooks=(playbook,))
    assert run.returncode not in (0, 250), run.stdout + run.stderr  # 250 is an exception that Ansible did not expect
    assert reason in " ".join(run.stderr.split())
    assert "PLAY" not in run.stdout and "Traceback" not in run.stderr
    assert not touched.exists()


def test_a_pattern_is_read_as_ansible_reads_it(play: Play) -> None:
    run = play("-e", "dnsmasq_hosts=all:!dc*", "-l", "app1,dc-bridge-1")
    assert run.returncode == 0, run.stdout + run.stderr
    assert [line for line in shown(run.stdout) if not line.startswith(" ")] == ["app1: tier local in gcp"]


def test_a_playbook_that_another_imports_may_match_no_host(play: Play, tmp_path: Path) -> None:
    """As with every play of a site: its run is for other hosts, for other tags, or for a slice of the inventory."""
    site = tmp_path / "site.yml"
    imported = {"import_playbook": "everywhere.dnsmasq.deploy", "vars": {"dnsmasq_hosts": "app1"}}
    site.write_text(json.dumps([imported]))
    run = play("-l", "dc-bridge-1", "--tags", "web", playbooks=(str(site),))
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("skipping: no hosts matched") == 4


def test_no_task_has_a_tag(play: Play) -> None:
    """Which is why --tags is refused; `always` has what Ansible puts in front of a role, the check of its arguments."""
    run = play("--list-tags", playbooks=PLAYBOOKS)
    tags = re.findall(r"TAGS: \[(.*)\]", run.stdout)
    assert len(tags) >= 2 * len(PLAYBOOKS) and set(tags) <= {"", "always"}


def test_the_syntax_is_checked_without_an_inventory(play: Play) -> None:
    run = play("--syntax-check", "-e", "dnsmasq_hosts=nogroup", playbooks=PLAYBOOKS)
    assert run.returncode == 0, run.stdout + run.stderr
