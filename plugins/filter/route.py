# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: route
short_description: Tell which dnsmasq asks which for a name, from one host to the authority
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Follows a name from one host to the servers that know the answer, and returns each step as plain data.
  - Nothing is asked and no host is touched. Each step is read from the plan of whoever asks, which is what
    P(everywhere.dnsmasq.plan#filter) returns for that host or bridge.
  - As dnsmasq does, each step takes the rule of the longest zone that the name is, or lies in. A name outside all zones
    goes from the host straight to its upstream.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value and the
    remedy. Messages call the input C(dnsmasq_topology), O(network) C(dnsmasq_network) and O(name) C(dnsmasq_name), as
    the user of the playbook C(everywhere.dnsmasq.plan) does.
positional: name, host, network
options:
  _input:
    description:
      - The topology, as P(everywhere.dnsmasq.plan#filter) takes it.
    type: dict
    required: true
  name:
    description:
      - The name to follow. It is fully qualified, with or without the trailing dot.
      - An IPv4 or IPv6 address stands for the name of its PTR record.
    type: str
    required: true
  host:
    description:
      - The inventory name of the host that asks.
    type: str
    required: true
  network:
    description:
      - The name of the network that the host is in.
      - With V(none) or an empty string the host is in no network.
    type: str
    required: true
seealso:
  - plugin: everywhere.dnsmasq.plan
    plugin_type: filter
notes:
  - The filter fails on a O(name) that is no name, and where P(everywhere.dnsmasq.plan#filter) fails for the host or for
    a bridge on the way.
  - Names that end in V(invalid) have no route, because dnsmasq answers them by itself. An admin's own settings beside
    those of the collection are not looked at.
"""

EXAMPLES = r"""
- name: Show the way of a name from this host
  ansible.builtin.debug:
    msg: >-
      {{ dnsmasq_topology
      | everywhere.dnsmasq.route(name='db.corp.example', host=inventory_hostname, network=dnsmasq_network) }}
  vars:
    dnsmasq_network: gcp
    dnsmasq_topology:
      datacenter:
        zones: [corp.example]
        nameservers: [192.0.2.11, 192.0.2.12]
        bridges: {dc-bridge-1: 192.0.2.53, dc-bridge-2: 192.0.2.54}
      gcp:
        subnets: [198.51.100.0/24]
        bridges: {gcp-bridge-1: 198.51.100.53}
# msg:
#   - step: 1
#     at: [app1]
#     network: gcp
#     asks: [198.51.100.53]
#     to: bridges
#     because: corp.example is datacenter's, and gcp's own bridges know the way
#   - step: 2
#     at: [gcp-bridge-1]
#     network: gcp
#     asks: [192.0.2.53, 192.0.2.54]
#     to: bridges
#     because: corp.example is datacenter's, whose bridges are the next step
#   - step: 3
#     at: [dc-bridge-1, dc-bridge-2]
#     network: datacenter
#     asks: [192.0.2.11, 192.0.2.12]
#     to: nameservers
#     because: corp.example is datacenter's own, and its nameservers answer for it
"""

RETURN = r"""
_value:
  description: The steps in the order of the query, of which there is at least one.
  type: list
  elements: dict
  contains:
    step:
      description: The number of the step, from V(1).
      type: int
      sample: 1
    at:
      description: The inventory names of who asks, which is O(host) in the first step and one of these bridges later.
      type: list
      elements: str
      sample: [app1]
    network:
      description: The network of who asks, or V(none) for a host in no network.
      type: str
      sample: gcp
    asks:
      description:
        - Whom they ask, each C(address) or C(address#port).
        - Empty with RV(_value[].to=dhcp), where only the host knows the addresses, and with RV(_value[].to=none).
      type: list
      elements: str
      sample: [198.51.100.53]
    to:
      description:
        - What these are. Every step but the last goes to V(bridges).
        - The last goes to the V(nameservers) of the owner, or to the upstream, which is V(dhcp) for what DHCP handed
          out without the servers of other networks, V(list) for the servers that the network names, and V(none) for
          nobody.
      type: str
      sample: bridges
    because:
      description: The reason in one sentence.
      type: str
      sample: corp.example is datacenter's, and gcp's own bridges know the way
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.resolution_path import route


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"route": as_filter(route)}
