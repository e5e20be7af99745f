# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a bridge gets: the rules that say who may ask it, and the room for the queries that wait."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan

ROLE = Path(__file__).resolve().parents[2] / "roles/dnsmasq"
INTERNAL = yaml.safe_load((ROLE / "vars/main.yml").read_text()) | yaml.safe_load((ROLE / "vars/debian.yml").read_text())


def render(template: str, plan: dict[str, Any], **more: Any) -> str:
    """The template as the role renders it, for this plan."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLE / "templates"), undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"comment": "# {}".format, "bool": bool, "dirname": os.path.dirname}
    known = {
        "ansible_managed": "managed",
        "__dnsmasq_options": {"dnsmasq_hardening": True},
        "__dnsmasq_plan": plan,
        "__dnsmasq_is_bridge": plan["tier"] == "bridge",
        "dnsmasq_info": {"systemd": 252},
        "__dnsmasq_as_root": "+",
    }
    family = environment.compile_expression(INTERNAL["__dnsmasq_family"][3:-3])(**known)
    return environment.get_template(template).render(INTERNAL | known | {"__dnsmasq_family": family} | more)


def plan(address: str, subnets: list[str], **more: Any) -> dict[str, Any]:
    topology = {"hub": {"bridges": {"bridge": address}, "subnets": subnets}}
    return _plan.plan(topology, "bridge", "hub", **more)


@pytest.mark.parametrize(
    ("address", "subnet", "family"),
    [("192.0.2.53", "192.0.2.0/24", "ip"), ("2001:db8::53", "2001:db8::/48", "ip6")],
    ids=["IPv4", "IPv6"],
)
def test_the_rules_are_of_the_family_of_the_bridge(address: str, subnet: str, family: str) -> None:
    text = render("filter.nft.j2", plan(address, [subnet, "198.51.100.0/24", "2001:db8:1::/48"]))
    lines = [line.strip() for line in text.splitlines()]
    assert f"typeof {family} saddr" in lines
    assert f"{family} daddr {address} {family} saddr @askers accept" in lines
    for protocol in ("udp", "tcp"):
        assert f"{family} daddr {address} {protocol} dport 53 counter drop" in lines
    added = [line for line in lines if line.startswith("add element")]
    assert f"add element inet everywhere_dnsmasq askers {{ {subnet} }}" in added
    assert all((":" in line) == (family == "ip6") for line in added)


def test_a_local_host_waits_for_no_rules_and_raises_nothing() -> None:
    text = render("drop_in.conf.j2", _plan.plan({}, "app1", None))
    assert "BindsTo" not in text
    assert "rmem_default" not in text


@pytest.mark.parametrize(
    ("before", "after"),
    [("212992", "13631488"), ("13631487", "13631488"), ("13631488", "13631488"), ("16777216", "16777216")],
    ids=["the kernel's default", "a little less", "enough", "an admin's own, which is more"],
)
def test_the_queue_is_raised_and_never_lowered(tmp_path: Path, before: str, after: str) -> None:
    sysctl = tmp_path / "rmem_default"
    sysctl.write_text(before)
    made = plan("192.0.2.53", ["192.0.2.0/24"], members=["hub"] * 5000)
    text = render("drop_in.conf.j2", made, __dnsmasq_buffer=str(sysctl))
    [command] = re.findall(r"^ExecStartPre=-\+(/bin/sh .*)$", text, re.M)
    subprocess.run(shlex.split(command), check=True)
    assert sysctl.read_text().strip() == after
