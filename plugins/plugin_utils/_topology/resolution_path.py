# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way of one name from one host: whose dnsmasq asks whom, to the servers that know the answer.

Nothing is routed here. Each step reads the plan of whoever asks, so that the route is what the plans make of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError, fault, misfit, plain
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import read_topology
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan

NAME_VARIABLE = "dnsmasq_name"


class TraceError(InputError):
    """The name, or the plan of the host that asks, is wrong."""


def _read_name(raw: object, findings: list[str]) -> str:
    """The name as DNS writes it: of an address, the name of its PTR record."""
    if not isinstance(raw, str):
        findings.append(misfit(NAME_VARIABLE, raw, "a name or an address as a string"))
        return ""
    text = plain(raw)
    try:
        if ":" in text or text.removesuffix(".").rpartition(".")[2].isdecimal():
            return names.address(text).reverse_pointer
        return names.zone_name(text)
    except ValueError as reason:
        findings.append(fault(NAME_VARIABLE, raw, reason))
        return ""


def _rule(name: str, asker: dict[str, Any]) -> dict[str, Any] | None:
    """The rule that dnsmasq takes: that of the longest zone which the name is or lies in."""
    rules = asker["forwards"] + asker["reverse"]
    fitting = [rule for rule in rules if f".{name}".endswith(f".{rule['zone']}")]
    return max(fitting, key=lambda rule: len(rule["zone"]), default=None)


def _to_upstream(name: str, asker: dict[str, Any]) -> dict[str, Any]:
    upstream, network = asker["upstream"], asker["network"]
    place = f"{name} is in no zone of the topology" if network else f"{asker['host']} is in no network"
    asked = f"and {network}'s upstream is none" if upstream["mode"] == "none" else "so the upstream is asked"
    return {"asks": upstream["servers"], "to": upstream["mode"], "because": f"{place}, {asked}"}


def _to_servers(rule: dict[str, Any], home: str, to: str) -> dict[str, Any]:
    owner, via = rule["owner"], rule["via"]
    subject = rule.get("subnet", rule["zone"])
    if owner == home:
        because = f"{subject} is {owner}'s own, and its nameservers answer for it"
    elif to == "nameservers":
        because = f"{subject} is {owner}'s, which has no bridges, so its nameservers are asked"
    elif via == owner:
        because = f"{subject} is {owner}'s, whose bridges are the next step"
    elif via == home:
        because = f"{subject} is {owner}'s, and {home}'s own bridges know the way"
    else:
        because = f"{subject} is {owner}'s, and {via}'s bridges are the next step on the way"
    return {"asks": rule["servers"], "to": to, "because": because}


def _steps(
    topology: object, bridges: dict[str, str], name: str, asker: dict[str, Any], at: list[str], number: int = 1
) -> Iterator[dict[str, Any]]:
    step = {"step": number, "at": at, "network": asker["network"]}
    rule = _rule(name, asker)
    if rule is None:
        yield {**step, **_to_upstream(name, asker)}
        return
    # A plan with a bridge among the nameservers is refused, so whoever is a bridge is asked as one.
    hosts = [bridges[server] for server in rule["servers"] if server in bridges]
    yield {**step, **_to_servers(rule, asker["network"], "bridges" if hosts else "nameservers")}
    if hosts:
        # All bridges of a network have the same rules.
        yield from _steps(topology, bridges, name, plan(topology, hosts[0], rule["via"]), hosts, number + 1)


def route(topology: object, name: object, host: object, network: object) -> list[dict[str, Any]]:
    """The steps of the name from the host to its authority, or an InputError with everything that is wrong."""
    findings: list[str] = []
    followed = _read_name(name, findings)
    try:
        asker = plan(topology, host, network)
    except InputError as error:
        raise TraceError(findings + error.findings) from error
    if findings:
        raise TraceError(findings)
    networks = read_topology(topology, []).values()
    bridges = {bridge.value: at for there in networks for at, bridge in there.bridges.items()}
    return list(_steps(topology, bridges, followed, asker, [asker["host"]]))
