"""docs/examples/awx: what slices of an inventory make of a deploy. AWX itself is not here; how it slices is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "awx" / "job_templates.yml"
TEMPLATES: dict[str, dict[str, Any]] = {
    template["name"]: template for template in yaml.safe_load(EXAMPLE.read_text())["job_templates"]
}
BRIDGES = ["dc-bridge-1", "dc-bridge-2"]
HOSTS = [f"web{number}" for number in range(1, 60)]
TOPOLOGY = {
    "datacenter": {
        "zones": ["corp.example"],
        "subnets": ["10.20.0.0/16"],
        "nameservers": ["10.20.0.11"],
        "bridges": {"dc-bridge-1": "10.20.0.53", "dc-bridge-2": "10.20.0.54"},
    }
}


def inventory(folder: Path, hosts: list[str]) -> Path:
    """With these hosts alone, and all variables, as a slice has them."""
    groups = {
        "bridges": {"hosts": {host: None for host in hosts if host in BRIDGES}},
        "web": {"hosts": {host: None for host in hosts if host not in BRIDGES}},
    }
    known = {"dnsmasq_topology": TOPOLOGY, "dnsmasq_network": "datacenter"}
    folder.mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": known, "children": groups}}))
    return folder


def sliced(number: int, count: int) -> list[str]:
    """AWX sorts by name and takes every count-th host, from the number-th on."""
    return sorted(BRIDGES + HOSTS)[number::count]


def targets(template: dict[str, Any], inventory: Path) -> list[str]:
    """The hosts of the first play, in which every host is checked."""
    argv = ["ansible-playbook", "everywhere.dnsmasq.deploy", "-i", str(inventory), "--list-hosts"]
    argv += ["-l", template["limit"]] if template["limit"] else []
    argv += [word for key, value in template.get("extra_vars", {}).items() for word in ("-e", f"{key}={value}")]
    text = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, cwd="/").stdout
    first = text.partition("play #2")[0].partition("hosts (")[2]
    return re.findall(r"^ +(\S+)$", first, re.MULTILINE)


def test_the_slices_together_are_all_hosts_but_bridges_each_once(tmp_path):
    template = TEMPLATES["dns-hosts"]
    count = template["job_slice_count"]
    found = [targets(template, inventory(tmp_path / str(part), sliced(part, count))) for part in range(count)]
    assert all(found)
    assert sorted(host for part in found for host in part) == sorted(HOSTS)


def test_the_bridges_job_takes_bridges_alone_from_the_whole_inventory(tmp_path):
    template = TEMPLATES["dns-bridges"]
    assert template["job_slice_count"] == 1
    assert sorted(targets(template, inventory(tmp_path / "whole", BRIDGES + HOSTS))) == BRIDGES


def test_a_bridge_that_sees_a_slice_alone_would_be_too_small():
    """Why bridges are never sliced: their sizes follow from the hosts that a run sees."""
    whole, part = (
        plan(TOPOLOGY, BRIDGES[0], "datacenter", members=["datacenter"] * seen)["sizes"]["forward_max"]
        for seen in (5000, 5000 // TEMPLATES["dns-hosts"]["job_slice_count"])
    )
    assert whole > 5000 > part
