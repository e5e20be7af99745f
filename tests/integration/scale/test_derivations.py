# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy of 50 hosts that all change, with stubs in the hosts' place: what the controller derives, and how often."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCALE = ROOT / "tests/integration/scale"
TOPOLOGY = {
    "datacenter": {
        "zones": ["corp.example"],
        "nameservers": ["192.0.2.11"],
        "subnets": ["192.0.2.0/24"],
        "bridges": {"dc1": "192.0.2.53", "dc2": "192.0.2.54"},
    },
    "gcp": {"subnets": ["198.51.100.0/24"], "bridges": {"gcp1": "198.51.100.53"}},
}
BRIDGES = {"dc1": "datacenter", "dc2": "datacenter", "gcp1": "gcp"}
HOSTS = BRIDGES | {f"app{number}": "gcp" if number % 2 else "datacenter" for number in range(47)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("many")
    linked = folder / "collections/ansible_collections/everywhere/dnsmasq"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(ROOT)
    hosts = {host: {"dnsmasq_network": network} for host, network in HOSTS.items()}
    variables = {
        "dnsmasq_topology": TOPOLOGY,
        "ansible_connection": "stub_host",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    (folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    environment = kept | {
        "ANSIBLE_COLLECTIONS_PATH": str(folder / "collections"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_CONNECTION_PLUGINS": str(SCALE / "connection"),
        "ANSIBLE_CALLBACK_PLUGINS": f"{SCALE / 'callback'}:{ROOT / 'tests/integration/network_1/callbacks'}",
        "ANSIBLE_CALLBACKS_ENABLED": "count_derivations,events",
        "DERIVATIONS": str(folder / "derivations"),
        "RENDERINGS": str(folder / "renderings"),
        "EVENTS": str(folder / "events"),
    }
    program = "import sys; from ansible.cli.playbook import main; sys.exit(main())"
    argv = [sys.executable, "-c", program, "everywhere.dnsmasq.deploy", "-i", str(folder / "inventory.json")]
    done = subprocess.run(argv, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    events = [json.loads(line) for line in (folder / "events").read_text().splitlines()]
    made = {name: (folder / name).read_text().splitlines() for name in ("derivations", "renderings")}
    return {**made, "events": events}


def test_each_distinct_plan_is_derived_once(run: dict[str, Any]) -> None:
    # Each bridge has one, and so have the other hosts of each network.
    assert len(run["derivations"]) == len(BRIDGES) + 2, run["derivations"]


def test_files_are_rendered_once_for_hosts_of_one_plan(run: dict[str, Any]) -> None:
    rendered = Counter(run["renderings"])
    assert rendered["dnsmasq.conf.j2"] == len(run["derivations"]), rendered
    assert rendered["filter.nft.j2"] == len(BRIDGES), rendered
    # What has nothing of a plan is the same for all.
    assert rendered["dhclient_hook.sh.j2"] == 1, rendered


def test_each_host_is_deployed_to(run: dict[str, Any]) -> None:
    deployed = [event["host"] for event in run["events"] if "Swap in the configuration" in event.get("task", "")]
    assert sorted(deployed) == sorted(HOSTS)
    taken_over = [event["host"] for event in run["events"] if "Hook dhclient's script" in event.get("task", "")]
    assert sorted(taken_over) == sorted(HOSTS)
