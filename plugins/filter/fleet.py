# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet
short_description: Derive the plans of many hosts, each distinct one once
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Reads what the inventory says of each host, derives the plans that the filter P(everywhere.dnsmasq.plan#filter)
    would make of it, and returns each distinct one with the hosts that have it. A bridge has a plan of its own.
  - Made for one task that runs once, since a task for each of thousands of hosts takes minutes on the controller.
  - The topology, network, sizes and checks of a host are C(dnsmasq_topology), C(dnsmasq_network), C(dnsmasq_sizes)
    and C(dnsmasq_checks), from the inventory and from extra variables.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value, the remedy
    and, where it is not everybody's, the hosts.
positional: hostvars, inventory_hosts, host
options:
  _input:
    description:
      - The inventory names of the hosts to plan for.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - Ansible's own C(hostvars).
    type: dict
    required: true
  inventory_hosts:
    description:
      - The inventory names of all hosts, by whose number the bridges are sized.
    type: list
    elements: str
    required: true
  host:
    description:
      - The host that runs the task.
    type: str
    required: true
  given:
    description:
      - The C(topology), C(network), C(sizes) and C(checks) of that host. What it has and its inventory does not say is
        the play's, and holds for every host of which the inventory says nothing else.
    type: dict
    default: {}
  name:
    description:
      - A name whose way from the first host of each entry is told, as P(everywhere.dnsmasq.route#filter) does.
    type: str
seealso:
  - plugin: everywhere.dnsmasq.plan
    plugin_type: filter
  - plugin: everywhere.dnsmasq.route
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what every host of the inventory would do
  ansible.builtin.debug:
    msg: "{{ found | map(attribute='lines') | flatten }}"
  vars:
    found: "{{ groups['all'] | everywhere.dnsmasq.fleet(hostvars, groups['all'], inventory_hostname) }}"
  run_once: true
# msg:
#   - "app1 to app250, 250 hosts: tier local in gcp"
#   - "  answers at 127.0.0.1"
#   - "  corp.example (datacenter's, through gcp) -> 10.30.0.53"
#   - "  everything else -> what DHCP handed out, without 10.20.0.53, 10.30.0.53"
#   - "  sizes: cache_size 10000, forward_max 1024, stale_seconds 3600"
"""

RETURN = r"""
_value:
  description: The distinct plans, in the order of their first hosts.
  type: list
  elements: dict
  contains:
    hosts:
      description: The inventory names of those that have the plan.
      type: list
      elements: str
      sample: [app1, app2]
    plan:
      description: What P(everywhere.dnsmasq.plan#filter) returns for the first of them.
      type: dict
    route:
      description: What P(everywhere.dnsmasq.route#filter) returns for the first of them; empty without O(name).
      type: list
      elements: dict
    bridge:
      description: The C(host) and its C(sizes) where the plan is that of a bridge, or nothing.
      type: dict
    lines:
      description: All of this in lines to read.
      type: list
      elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.inventory import fleet


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"fleet": as_filter(fleet)}
