# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who stands where in the fleet's network namespace, and the configuration that the role renders for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import yaml
from ansible.plugins.filter.core import comment
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.settings import settings

ROLE = Path(__file__).resolve().parents[3] / "roles" / "dnsmasq"
ZONE = "corp.example"
AUTHORITY = "198.51.100.11"
HOME, REMOTE = "gcp", "datacenter"
LOCAL_BRIDGES = {"gcp-bridge-1": "192.0.2.1", "gcp-bridge-2": "192.0.2.2"}
REMOTE_BRIDGES = {"dc-bridge-1": "198.51.100.1", "dc-bridge-2": "198.51.100.2"}
#: The fleet's network namespace is one host: what is loopback on each real host has an address for each here.
BRIDGE_LOOPBACKS = {
    "gcp-bridge-1": "127.0.1.1",
    "gcp-bridge-2": "127.0.1.2",
    "dc-bridge-1": "127.0.2.1",
    "dc-bridge-2": "127.0.2.2",
}
TOPOLOGY: dict[str, Any] = {
    HOME: {
        "zones": ["gcp.example"],
        "subnets": ["192.0.2.0/24"],
        "nameservers": ["192.0.2.11"],
        "bridges": LOCAL_BRIDGES,
        # Thousands of instances that watch a resolv.conf would use up the machine's inotify instances.
        "upstream": "none",
    },
    REMOTE: {
        "zones": [ZONE],
        "subnets": ["198.51.100.0/24"],
        "nameservers": [AUTHORITY],
        "bridges": REMOTE_BRIDGES,
        "upstream": "none",
    },
}
#: What an instance needs to run here at all; without the rest it is dnsmasq with its defaults.
BARE = {"user", "group", "pid-file", "listen-address", "bind-interfaces", "bind-dynamic", "no-resolv", "server"}


def local_address(index: int) -> str:
    """The address that stands for 127.0.0.1 of local host number `index`."""
    return f"127.1.{index // 250}.{index % 250 + 1}"


@dataclass(frozen=True)
class Server:
    """One dnsmasq to be started: where it answers, its configuration, and the bytes of its receive buffer."""

    host: str
    address: str
    configuration: str
    receive_buffer: int | None


@dataclass(frozen=True)
class Layout:
    """A fleet of so many local hosts, and what the collection plans for them."""

    instances: int

    @cached_property
    def members(self) -> list[str]:
        """The network of each host of the inventory."""
        local = [HOME] * (self.instances + len(LOCAL_BRIDGES))
        return local + [REMOTE] * len(REMOTE_BRIDGES)

    @cached_property
    def local_plan(self) -> dict[str, Any]:
        planned: dict[str, Any] = plan(TOPOLOGY, "app", HOME, members=self.members)
        return planned

    def bridge_plan(self, host: str) -> dict[str, Any]:
        network = HOME if host in LOCAL_BRIDGES else REMOTE
        listen = [BRIDGE_LOOPBACKS[host]]
        planned: dict[str, Any] = plan(TOPOLOGY, host, network, listen=listen, members=self.members)
        return planned

    def bridges(self, version: str, bare: bool) -> Iterator[Server]:
        for host, address in (LOCAL_BRIDGES | REMOTE_BRIDGES).items():
            planned = self.bridge_plan(host)
            receive_buffer = None if bare else planned["sizes"]["receive_buffer"]
            yield Server(host, address, render(planned, version, host, bare), receive_buffer)

    def locals(self, version: str, bare: bool) -> Iterator[Server]:
        """Their plans are one plan: only addresses, and the process file that is named by it, differ."""
        for index in range(self.instances):
            address = local_address(index)
            planned = self.local_plan | {"listen": [address]}
            yield Server(f"app-{index}", address, render(planned, version, address, bare), None)


def _template() -> jinja2.Template:
    # As Ansible's template module sets it up.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["comment"] = comment
    return environment.get_template("dnsmasq.conf.j2")


_TEMPLATE = _template()
_PLATFORM: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "debian.yml").read_text())


def render(planned: dict[str, Any], version: str, name: str, bare: bool) -> str:
    """dnsmasq.conf as the role writes it for this plan; `bare` leaves out every option that is a choice of ours."""
    lines = settings(
        planned,
        version,
        user=_PLATFORM["__dnsmasq_user"],
        group=_PLATFORM["__dnsmasq_group"],
        pid_file=f"/run/dnsmasq/{name}.pid",
    )
    return written(planned, [line for line in lines if not bare or line["option"] in BARE])


def written(planned: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    """The text that the role's template makes of these settings."""
    return _TEMPLATE.render(
        _PLATFORM, ansible_managed="Ansible managed", __dnsmasq_plan=planned, __dnsmasq_settings=lines
    )
