# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: plan
short_description: Derive what one host's dnsmasq must do from the topology of all networks
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Reads the networks, checks them, computes the way to each zone over the links, and returns the plan of one host as
    plain data.
  - A host asks its own network's nameservers for that network's zones, and its own network's bridges for all other
    zones. Where its network has no bridges, it asks the bridges of the next network on the shortest way to the owner,
    or, where that is the owner itself and has none, the owner's nameservers. A bridge does the same from where it
    stands and never hands a foreign name back to the network that it serves. Each step is one nearer to the owner, so
    that no loop can exist.
  - A network between two others relays only if it has bridges. Of two ways of one length, the one whose next network
    sorts first is taken.
  - Names outside all zones go straight from each host to its upstream.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value and the
    remedy. Messages call the input C(dnsmasq_topology) and O(network) C(dnsmasq_network), as the user of the roles
    does.
positional: host, network, listen
options:
  _input:
    description:
      - The topology, a mapping of network names to networks. A name has 1 to 63 letters, digits, underscores, dots and
        hyphens. The topology may be empty, and a network without a value owns nothing.
      - V(zones) is the list of zones that the network owns, by default V([]). Trailing dots and upper case are dropped,
        and Unicode names become A-labels. Each zone has one owner.
      - V(subnets) is the list of IPv4 and IPv6 subnets in CIDR form that the network owns, by default V([]). They must
        not overlap. The reverse zones of exactly these addresses are derived, at most 128 for a subnet.
      - V(nameservers) is the list of servers that answer for the zones and subnets, each C(address) or C(address#port)
        with a port from 1 to 65535, by default V([]). It is required with V(zones) or V(subnets).
      - V(bridges) is a mapping of inventory hosts to the addresses at which they serve their network and its
        neighbours, by default V({}).
      - V(links) is the list of networks that this one reaches. A link holds both ways, whichever side names it. Where
        no network has V(links), all networks reach each other; as soon as one has, the named links are all there are.
      - V(upstream) is where names outside all zones go, by default V(dhcp), what DHCP handed out. It can also be
        V(none), nowhere, or a list of servers written as in V(nameservers).
    type: dict
    required: true
  host:
    description:
      - The inventory name of the host to plan for.
      - The host is of the tier V(bridge) if its network lists it in V(bridges).
    type: str
    required: true
  network:
    description:
      - The name of the network that the host is in.
      - With V(none) or an empty string the host is in no network. Its plan forwards no zones, and its upstream is
        V(dhcp).
    type: str
    required: true
  listen:
    description:
      - The loopback addresses at which the host's own processes ask.
      - A bridge answers at its own address as well.
    type: list
    elements: str
    default:
      - 127.0.0.1
seealso:
  - plugin: everywhere.dnsmasq.settings
    plugin_type: filter
notes:
  - The filter fails on values of the wrong type and on unknown keys at every level; on names, subnets and addresses
    that are none; on loopback, unspecified, multicast and broadcast servers; on a link or an O(network) that is
    unknown; on zones and addresses with two owners or without a nameserver; on a bridge that is a nameserver or an
    upstream, which would be a loop; and on zones or subnets that the host's network cannot reach.
"""

EXAMPLES = r"""
- name: Show what this host will do
  ansible.builtin.debug:
    msg: "{{ dnsmasq_topology | everywhere.dnsmasq.plan(host=inventory_hostname, network=dnsmasq_network) }}"
  vars:
    dnsmasq_network: us_east_1
    dnsmasq_topology:
      datacenter:
        zones: [corp.example]
        subnets: [192.0.2.0/24]
        nameservers: [192.0.2.11, 192.0.2.12]
        links: [us_east_1, us_west_2]
      us_east_1: {}
      us_west_2: {}
# msg:
#   host: app1
#   network: us_east_1
#   tier: local
#   listen: [127.0.0.1]
#   forwards:
#     - zone: corp.example
#       servers: [192.0.2.11, 192.0.2.12]
#       owner: datacenter
#       via: datacenter
#   reverse:
#     - zone: 2.0.192.in-addr.arpa
#       subnet: 192.0.2.0/24
#       servers: [192.0.2.11, 192.0.2.12]
#       owner: datacenter
#       via: datacenter
#   upstream:
#     mode: dhcp
#     servers: []
#     exclude: [192.0.2.11, 192.0.2.12]
#   allow: []
#   sizes: {cache: 10000, forward_max: 1024}
#   checks:
#     - {name: corp.example, type: SOA, cached: false, reference: [192.0.2.11, 192.0.2.12]}
#     - {name: corp.example, type: A, cached: true, rcode: NOERROR, reference: [192.0.2.11, 192.0.2.12]}
#     - {name: ., type: NS, cached: false}
"""

RETURN = r"""
_value:
  description: The plan of the host.
  type: dict
  contains:
    host:
      description: The inventory name of the host.
      type: str
      sample: app1
    network:
      description: The network that the host is in, or V(none).
      type: str
      sample: us_east_1
    tier:
      description: Either V(local), which answers on loopback only, or V(bridge).
      type: str
      sample: local
    listen:
      description: The addresses to answer at.
      type: list
      elements: str
      sample: [127.0.0.1]
    forwards:
      description: The zones that are forwarded, sorted by name.
      type: list
      elements: dict
      contains:
        zone:
          description: The zone in lower case, without a trailing dot.
          type: str
          sample: corp.example
        servers:
          description: Whom to ask, each C(address) or C(address#port).
          type: list
          elements: str
          sample: [192.0.2.11]
        owner:
          description: The network that owns the zone.
          type: str
          sample: datacenter
        via:
          description: The network that the servers are in.
          type: str
          sample: datacenter
    reverse:
      description:
        - The reverse zones that are forwarded, sorted by address.
        - Each has the keys of RV(_value.forwards) and the subnet it was derived from.
      type: list
      elements: dict
      contains:
        zone:
          description: The reverse zone.
          type: str
          sample: 2.0.192.in-addr.arpa
        subnet:
          description: The subnet whose reverse zone this is, or is a part of.
          type: str
          sample: 192.0.2.0/24
        servers:
          description: Whom to ask, each C(address) or C(address#port).
          type: list
          elements: str
          sample: [192.0.2.11]
        owner:
          description: The network that owns the subnet.
          type: str
          sample: datacenter
        via:
          description: The network that the servers are in.
          type: str
          sample: datacenter
    upstream:
      description: Where names outside all zones go.
      type: dict
      contains:
        mode:
          description: One of V(dhcp), V(list) and V(none).
          type: str
          sample: dhcp
        servers:
          description: The servers with RV(_value.upstream.mode=list), each C(address) or C(address#port).
          type: list
          elements: str
          sample: []
        exclude:
          description:
            - The addresses to leave out of what DHCP handed out, sorted, with RV(_value.upstream.mode=dhcp).
            - These are the bridges of all networks and the nameservers of other networks than the host's own, because
              public names must not cross to them. A link-local address is not among them, because it is another server
              in each network.
          type: list
          elements: str
          sample: [192.0.2.11]
    allow:
      description: The subnets that a bridge answers besides its own host.
      type: list
      elements: str
      sample: []
    sizes:
      description: The sizes that suit the tier.
      type: dict
      contains:
        cache:
          description: The number of names that are kept in memory.
          type: int
          sample: 10000
        forward_max:
          description: The number of lookups that may be under way.
          type: int
          sample: 1024
    checks:
      description: The queries that prove the plan on its host, for the module C(everywhere.dnsmasq.query_latency).
      type: list
      elements: dict
      sample:
        - name: .
          type: NS
          cached: false
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": as_filter(plan)}
