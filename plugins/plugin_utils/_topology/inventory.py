# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plans of many hosts, each derived once: hosts that differ by nothing but their names have one plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError, plain
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.format import format_plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan, read_host
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.resolution_path import route

#: What a plan follows from besides the host's name: the variable of the role, and the user's that it defaults to.
INPUTS = {name: f"dnsmasq_{name}" for name in ("topology", "network", "sizes", "checks")}
EMPTY: dict[str, Any] = {"topology": {}, "network": "", "sizes": {}, "checks": []}


class FleetError(InputError):
    """Some hosts cannot be planned for."""


class Variables:
    """What the inventory says of each host; a value that many have from one group is read and rendered once.

    `given` are the same inputs of the host that runs the task, as its play sees them, and `host` its name: variables
    that it has and the inventory does not are the play's, and so everybody's.
    """

    def __init__(self, hostvars: Any, host: str, given: Mapping[str, Any]) -> None:
        self._hostvars = hostvars
        self._rendered: dict[int, tuple[Any, Any, bool]] = {}
        self._equals: dict[str, Any] = {}
        raw = hostvars.raw_get(host)
        self._missing = {
            name: EMPTY[name] if key in raw else given.get(name, EMPTY[name]) for name, key in INPUTS.items()
        }

    def of(self, host: str) -> dict[str, Any]:
        raw = self._hostvars.raw_get(host)
        return {
            name: self._value(host, raw[key], key) if key in raw else self._missing[name]
            for name, key in INPUTS.items()
        }

    def _value(self, host: str, raw: Any, key: str) -> Any:
        known = self._rendered.get(id(raw))
        if known and known[2]:
            return known[1]
        rendered = bare(self._hostvars[host][key])
        # What comes out of templates alike is one value as well.
        rendered = self._equals.setdefault(repr(rendered), rendered)
        # One without a template is everybody's who has it. It is kept, so that its id is not used again.
        self._rendered[id(raw)] = (raw, rendered, bare(raw) == rendered)
        return rendered


def bare(value: Any) -> Any:
    """Without what Ansible wraps values in, all of it rendered."""
    if isinstance(value, Mapping):
        return {bare(key): bare(item) for key, item in value.items()}
    if isinstance(value, str):
        return plain(value)
    return [bare(item) for item in value] if isinstance(value, (list, tuple)) else value


def _bridges(topology: Any) -> set[Any]:
    """The hosts that it names as bridges, whatever else it is."""
    networks = topology.values() if isinstance(topology, Mapping) else ()
    places = [network.get("bridges") for network in networks if isinstance(network, Mapping)]
    return {host for place in places if isinstance(place, Mapping) for host in place}


def _alike(hosts: Iterable[str], inputs: Mapping[str, dict[str, Any]]) -> list[list[str]]:
    """Groups of hosts with one plan: bridges stand alone."""
    bridges: dict[int, set[Any]] = {}
    groups: dict[Any, list[str]] = {}
    for host in hosts:
        own = inputs[host]
        topology = own["topology"]
        if id(topology) not in bridges:
            bridges[id(topology)] = _bridges(topology)
        alone = host if host in bridges[id(topology)] else None
        network = own["network"] if isinstance(own["network"], str) else id(own["network"])
        key = (id(topology), network, id(own["sizes"]), id(own["checks"]), alone)
        groups.setdefault(key, []).append(host)
    return list(groups.values())


def _planned(host: str, own: dict[str, Any], members: list[Any], name: object) -> dict[str, Any]:
    made = plan(own["topology"], host, own["network"], members=members, sizes=own["sizes"], checks=own["checks"])
    way = [] if name is None else route(own["topology"], name, host, own["network"])
    return {"plan": made, "route": way}


def fleet(
    hosts: Iterable[str],
    hostvars: Any,
    inventory_hosts: Iterable[str],
    host: str,
    given: Mapping[str, Any] | None = None,
    name: object = None,
) -> list[dict[str, Any]]:
    """One entry for each distinct plan, or a FleetError with everything that is wrong and whom it concerns."""
    variables = Variables(hostvars, host, bare(given or {}))
    inputs = {one: variables.of(one) for one in inventory_hosts}
    members = [own["network"] for own in inputs.values()]
    wanted = [plain(one) for one in hosts]
    found: list[dict[str, Any]] = []
    faults: dict[str, list[str]] = {}
    for one in wanted:
        findings: list[str] = []
        read_host(one, findings)
        faults.update({finding: [one] for finding in findings})
    groups = _alike(wanted, inputs)
    for group in groups:
        try:
            made = _planned(group[0], inputs[group[0]], members, name)
        except InputError as error:
            for finding in error.findings:
                faults.setdefault(finding, []).extend(group)
        else:
            bridge = {"host": group[0], "sizes": made["plan"]["sizes"]} if made["plan"]["tier"] == "bridge" else None
            found.append({"hosts": group, **made, "bridge": bridge, "lines": format_plan(group, **made)})
    if faults:
        raise FleetError(
            finding if len(set(whose)) == len(wanted) else f"{finding} (of {several(whose)})"
            for finding, whose in faults.items()
        )
    return found


def several(hosts: list[str]) -> str:
    """Some by name, the others by number."""
    return ", ".join(hosts) if len(hosts) < 4 else f"{hosts[0]}, {hosts[1]} and {len(hosts) - 2} more"
