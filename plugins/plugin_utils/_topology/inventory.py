# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plans of many hosts, each derived once: hosts that differ by nothing but their names have one plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._digest import digest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import (
    InputError,
    fault,
    misfit,
    plain,
    shown,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import (
    FIRST_SERVERS,
    read_first_servers,
    read_topology,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import LOOPBACK, plan, read_host
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.proofs import proofs
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.queries import boolean, read_checks
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.resolution_path import route
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.spelling import misspelled, nearest
from jinja2 import Undefined

#: Written into each file, and rendered there: here it counts as it is written.
MANAGED = "ansible_managed"
#: What the plan itself reads, and judges.
TOPOLOGY, NETWORK, SIZES, CHECKS = "dnsmasq_topology", "dnsmasq_network", "dnsmasq_sizes", "dnsmasq_checks"
LIBC_CHECKS = "resolv_conf_checks"
STATES = ("present", "absent")
#: How many unknown bridges a warning names, each compared with all hosts: a slice of an inventory may lack many.
NAMED = 5


class InventoryError(InputError):
    """Some hosts cannot be planned for."""


class Variables:
    """The variables of each host; a value that many have from one group is read and rendered once.

    `defaults` names the variables, with what holds where nobody says anything. `given` are those of the host that runs
    the task, as its play sees them, and `host` its name: what it has and the inventory does not say is the play's, and
    so holds for all hosts.
    """

    def __init__(self, hostvars: Any, host: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._hostvars = hostvars
        self._rendered: dict[int, tuple[Any, Any, bool]] = {}
        self._equals: dict[str, Any] = {}
        #: What could not be rendered, each with the hosts that it concerns.
        self.faults: dict[str, list[str]] = {}
        #: Misspelled variables and the ids of their values, each with the value and the hosts that have it.
        self.misspelled: dict[tuple[str, int], tuple[Any, list[str]]] = {}
        raw = hostvars.raw_get(host)
        self._unsaid = {
            key: self._one_of_equals(bare(default if key in raw else given.get(key, default)))
            for key, default in defaults.items()
        }

    def of(self, host: str) -> dict[str, Any]:
        raw = self._hostvars.raw_get(host)
        for name in misspelled(raw, self._unsaid):
            self.misspelled.setdefault((name, id(raw[name])), (raw[name], []))[1].append(host)
        found = {
            key: self._value(host, raw[key], key) if key in raw else unsaid for key, unsaid in self._unsaid.items()
        }
        return {**found, MANAGED: self._one_of_equals(bare(raw.get(MANAGED, "")))}

    def _value(self, host: str, raw: Any, key: str) -> Any:
        known = self._rendered.get(id(raw))
        if known and known[2]:
            return known[1]
        try:
            # What comes out of templates alike is one value as well.
            rendered = self._one_of_equals(bare(self._hostvars[host][key]))
        except Exception as error:  # whatever a template of the user's may fail with
            words = repr(" ".join(str(error).split()))[1:-1]
            reason = f"{key} is a template that fails ({words}): define what it reads, or write a value."
            self.faults.setdefault(reason, []).append(host)
            return None
        # One without a template is the same for all hosts that have it. It is kept, so that its id is not used again.
        self._rendered[id(raw)] = (raw, rendered, bare(raw) == rendered)
        return rendered

    def _one_of_equals(self, value: Any) -> Any:
        return self._equals.setdefault(repr(value), value)


def bare(value: Any) -> Any:
    """Without what Ansible wraps values in, all of it rendered."""
    if isinstance(value, Mapping):
        return {bare(key): bare(item) for key, item in value.items()}
    if isinstance(value, (str, Undefined)):
        # ansible-core before 2.19 hands out what is undefined: as a text it raises, with the name of what is missing.
        return plain(str(value))
    return [bare(item) for item in value] if isinstance(value, (list, tuple)) else value


def _bridges(topology: Any) -> set[Any]:
    """The hosts that it names as bridges, whatever else it is."""
    networks = topology.values() if isinstance(topology, Mapping) else ()
    places = [network.get("bridges") for network in networks if isinstance(network, Mapping)]
    return {host for place in places if isinstance(place, Mapping) for host in place}


def _groups(hosts: Iterable[str], inputs: Mapping[str, dict[str, Any]]) -> list[list[str]]:
    """Hosts with one plan, together: each bridge has its own."""
    bridges: dict[int, set[Any]] = {}
    groups: dict[Any, list[str]] = {}
    for host in hosts:
        own = inputs[host]
        topology = own[TOPOLOGY]
        if id(topology) not in bridges:
            bridges[id(topology)] = _bridges(topology)
        bridge = host if host in bridges[id(topology)] else None
        groups.setdefault((bridge, *map(id, own.values())), []).append(host)
    return list(groups.values())


def _one_option(name: str, value: Any, default: Any) -> Iterator[str]:
    if name.endswith("_state") and value not in STATES:
        yield fault(name, value, f"is no state: write {' or '.join(STATES)}")
    elif isinstance(default, bool) and boolean(value) is None:
        yield misfit(name, value, "true or false")


def _options(own: Mapping[str, Any], defaults: Mapping[str, Any], findings: list[str]) -> dict[str, Any]:
    """What is no part of the plan, as booleans and texts; what is wrong with it is added to the findings."""
    others = {name: value for name, value in own.items() if name not in (TOPOLOGY, NETWORK, SIZES)}
    for name, default in defaults.items():
        findings += _one_option(name, own[name], default)
    read_checks(own[LIBC_CHECKS], LIBC_CHECKS, findings, libc=True)
    servers = read_first_servers(own[FIRST_SERVERS], findings)
    if servers and servers[0] not in LOOPBACK:
        findings.append(
            fault(FIRST_SERVERS, servers, f"does not begin with {LOOPBACK[0]}, where dnsmasq answers: put it first")
        )
    if own[LIBC_CHECKS] == []:
        findings.append(f"{LIBC_CHECKS} is [], which proves nothing: name at least one, or leave the variable out.")
    return {name: boolean(value) if isinstance(defaults.get(name), bool) else value for name, value in others.items()}


def _derived(
    group: list[str], own: Mapping[str, Any], defaults: Mapping[str, Any], networks: list[Any], name: object
) -> dict[str, Any]:
    """What all hosts of the group have in common, or an InputError with everything that is wrong."""
    findings: list[str] = []
    options = _options(own, defaults, findings)
    topology, network = own[TOPOLOGY], own[NETWORK]
    try:
        made = plan(topology, group[0], network, members=networks, sizes=own[SIZES], checks=own[CHECKS])
    except InputError as error:
        raise InventoryError([*error.findings, *findings]) from error
    if findings:
        raise InventoryError(findings)
    del made["host"]
    return {
        "hosts": group,
        "plan": made,
        "options": options,
        "proofs": proofs(made, options[CHECKS]),
        "route": [] if name is None else route(topology, name, group[0], network),
        "digest": digest(json.dumps([made, options], sort_keys=True)),
    }


def _of_the_play(
    hosts: list[str], hostvars: Any, given: Mapping[str, Any], templates: set[str]
) -> Iterator[tuple[str, list[str]]]:
    """What the play says holds for all hosts alike: where it could not, with the hosts that it concerns."""
    for name, value in given.items():
        if name in templates:
            told = f"{name} is a template of the play, which would be {shown(value)} on all hosts"
            yield f"{told}: write it in the inventory.", hosts
            continue
        raw = {one: hostvars.raw_get(one) for one in hosts}
        others = [one for one in hosts if name in raw[one] and bare(raw[one][name]) != value]
        if others:
            yield f"{name} is said by the play and by the inventory: leave it to one of them.", others


def _misspellings(
    hosts: list[str], variables: Variables, given: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Iterator[tuple[str, list[str]]]:
    """Variables that are none of ours and nearly one, with the hosts that have them."""
    wanted = set(hosts)
    told = [(name, value, hosts) for name, value in given.items() if name not in defaults]
    told += [
        (name, value, [host for host in whose if host in wanted])
        for (name, _id), (value, whose) in variables.misspelled.items()
    ]
    meant = misspelled((name for name, _value, _whose in told), defaults)
    for name, value, whose in told:
        if whose:
            reason = f"this collection does not read: write {meant[name]}, or rename it where another role reads it"
            # Whatever else it is may hold a vault's, which would tell its secret.
            plainly = value is None or isinstance(value, (int, float, str))
            yield fault(name, bare(value), reason) if plainly else f"{name} is set, which {reason}.", whose


def _unknown_bridges(topologies: Iterable[Any], inventory_hosts: Iterable[str]) -> list[str]:
    """One warning for all bridges that are no hosts of the inventory: a slice of one may lack them."""
    known = {plain(host) for host in inventory_hosts}
    bridges = {
        (address.where, address.value): host
        for topology in topologies
        for network in read_topology(topology, []).values()
        for host, address in network.bridges.items()
    }
    unknown = [(*place, host) for place, host in bridges.items() if host not in known]
    if not unknown:
        return []
    others = known.difference(bridges.values())
    told = []
    for where, address, host in unknown[:NAMED]:
        close = nearest(host, others)
        told.append(f"{where} at {address}" + (f" ({shown(close)} is close)" if close else ""))
    more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
    return [
        "Hosts would ask bridges that the inventory does not have, where nothing is deployed: "
        f"{', '.join(told)}{more}. "
        "Write each bridge's inventory name, or deploy it from the inventory that has it."
    ]


def derive(
    hosts: Iterable[str],
    hostvars: Any,
    inventory_hosts: Iterable[str],
    host: str,
    defaults: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    name: object = None,
    templates: Iterable[str] = (),
) -> dict[str, Any]:
    """The distinct plans, the topology of the first host and warnings, or an InventoryError with all that is wrong.

    `given` may have misspelled variables of the play, too. `templates` are its names that the play writes as templates.
    """
    host = plain(host)
    given = given or {}
    variables = Variables(hostvars, host, defaults, given)
    inputs = {one: variables.of(one) for one in inventory_hosts}
    networks = [own[NETWORK] for own in inputs.values()]
    wanted = [plain(one) for one in hosts]
    made: list[dict[str, Any]] = []
    faults = variables.faults
    known = {name: value for name, value in given.items() if name in defaults}
    faults.update(_of_the_play(wanted, hostvars, known, set(templates)))
    broken = {host for whose in faults.values() for host in whose}
    for one in wanted:
        findings: list[str] = []
        read_host(one, findings)
        faults.update({finding: [one] for finding in findings})
    for finding, whose in _misspellings(wanted, variables, given, defaults):
        faults.setdefault(finding, []).extend(whose)
    for group in _groups([one for one in wanted if one not in broken], inputs):
        try:
            made.append(_derived(group, inputs[group[0]], defaults, networks, name))
        except InputError as error:
            for finding in error.findings:
                faults.setdefault(finding, []).extend(group)
    if faults:
        raise InventoryError(
            finding if len(set(whose)) == len(wanted) else f"{finding} (of {_whom(whose)})"
            for finding, whose in faults.items()
        )
    topologies = {id(inputs[one][TOPOLOGY]): inputs[one][TOPOLOGY] for one in wanted}
    return {
        "plans": made,
        "topology": inputs[host][TOPOLOGY],
        "warnings": _unknown_bridges(topologies.values(), inputs),
    }


def _whom(hosts: list[str]) -> str:
    """Some by name, the others by number."""
    return ", ".join(hosts) if len(hosts) < 4 else f"{hosts[0]}, {hosts[1]} and {len(hosts) - 2} more"
