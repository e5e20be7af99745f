# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is compared, on which hosts, and where the published roles come from."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lab
import yaml

HERE = Path(__file__).resolve().parent
SERVERS = ("10.20.0.11", "10.20.0.12")


@dataclass(frozen=True)
class Contender:
    """A playbook for the group of hosts of that name; a role is fetched from `source` at `commit`."""

    name: str
    playbook: str
    source: str = ""
    commit: str = ""
    #: By which a published role is told to send one zone to one server.
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def argv(self) -> list[str]:
        if self.playbook.startswith("everywhere."):
            return [self.playbook, "-e", f"dnsmasq_hosts={self.name}"]
        return [self.playbook, "-l", self.name]


def _own(name: str) -> str:
    return str(HERE / "playbooks" / name)


FLOOR = Contender("floor", _own("floor.yml"))
OURS = Contender("ours", "everywhere.dnsmasq.deploy")
VERIFY, PING = Contender("ours", "everywhere.dnsmasq.verify"), Contender("ours", _own("ping.yml"))
_HUB = "https://github.com"
_SERVER = "{{ bench_server }}"
#: Published dnsmasq roles: a lean one, a widely used one, and the one that is kept best.
ROLES = (
    Contender(
        "bertvv",
        "bertvv.yml",
        f"{_HUB}/bertvv/ansible-dnsmasq",
        "44e08a29fa1bcdc36d85746a9405ecb3f8356860",
        {"dnsmasq_upstream_servers": [f"/corp.example/{_SERVER}"]},
    ),
    Contender(
        "oefenweb",
        "oefenweb.yml",
        f"{_HUB}/Oefenweb/ansible-dnsmasq",
        "98206ab1ed0e0fde1af1d8b93fee78b8927c28cf",
        {"dnsmasq_dnsmasq_d_files_present": {"zones": [f"server=/corp.example/{_SERVER}"]}},
    ),
    Contender(
        "robertdebock",
        "robertdebock.yml",
        f"{_HUB}/robertdebock/ansible-role-dnsmasq",
        "80c399561d4a3a608f2632e8999038c94ca4df0c",
        {"dnsmasq_servers": [{"domain": "corp.example", "nameserver": _SERVER}]},
    ),
)
ALL = (FLOOR, OURS, *ROLES)


def fetch(folder: Path) -> Path:
    """The roles at their commits, each in a folder of its name, with a playbook; what is there is taken."""
    for role in ROLES:
        target = folder / role.name
        if not target.is_dir():
            subprocess.run(["git", "clone", "--quiet", role.source, str(target)], check=True)
        subprocess.run(["git", "-C", str(target), "checkout", "--quiet", role.commit], check=True)
        play = {
            "name": "A published role, with one zone",
            "hosts": "all",
            "gather_facts": True,
            "gather_subset": ["!all", "min"],
            "roles": [{"role": role.name}],
            "vars": role.variables,
        }
        (folder / role.playbook).write_text(yaml.safe_dump([play], sort_keys=False))
    return folder


def host(contender: Contender, number: int) -> str:
    return f"rb-{contender.name}-{number:02}"


def write_inventory(folder: Path, contenders: tuple[Contender, ...], hosts: int) -> Path:
    """As many hosts for each contender, in a far network with one cloud resolver and two name servers."""
    networks = {
        "datacenter": {
            "subnet": "10.20.0.0/16", "router": "10.20.0.1", "inside": 1, "wan": 0, "reaches": ["east"],
            "dns": ["10.20.0.2"], "zones": ["corp.example", "20.10.in-addr.arpa"], "resolver": "10.20.0.2",
        },
        "east": {
            "subnet": "10.1.0.0/24", "router": "10.1.0.1", "inside": 1, "wan": 20, "reaches": ["datacenter"],
            "dns": ["10.1.0.2"], "search": "corp.example",
        },
    }  # fmt: skip
    servers = {
        f"rb-ns{number}": {"lab_network": "datacenter", "lab_address": address, "lab_flavour": "nameserver"}
        for number, address in enumerate(SERVERS, start=1)
    }
    servers["rb-resolver"] = {"lab_network": "datacenter", "lab_address": "10.20.0.2", "lab_flavour": "cloud"}
    servers["rb-cloud"] = {
        "lab_network": "east", "lab_address": "10.1.0.2", "lab_second_address": "10.1.0.3", "lab_flavour": "cloud",
    }  # fmt: skip
    clients: dict[str, Any] = {
        contender.name: {"hosts": {host(contender, number): {} for number in range(1, hosts + 1)}}
        for contender in contenders
    }
    everything = {
        "vars": {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {lab.STATE}/ssh_config",
            "bench_server": SERVERS[0],
            "lab_networks": networks,
            "dnsmasq_network": "east",
            "dnsmasq_topology": {
                "datacenter": {"zones": ["corp.example"], "nameservers": ["{{ bench_server }}"]},
                "east": {},
            },
        },
        "children": {
            "servers": {"hosts": servers},
            "clients": {
                "children": clients,
                "vars": {"lab_network": "east", "lab_flavour": "ifupdown", "lab_suite": "trixie"},
            },
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": everything}, sort_keys=False))
    return folder
