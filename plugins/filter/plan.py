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
  - A host of the tier V(local) answers its own processes only, and asks all servers of a name at once. A bridge answers
    others besides, and asks one server of a name (C(strict-order)), so that each name crosses each link once, however
    many hosts want it and however many bridges are on the other side. If that server does not answer, whoever asked
    asks again, and the bridge takes the next server.
  - A bridge answers at its own address the subnets of its network, the bridges of the networks that its own is linked
    to, the subnets of those linked networks that have no bridges, because their hosts ask for themselves, and what its
    network lists in V(allow). It drops what comes from any other address.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value and the
    remedy. Messages call the input C(dnsmasq_topology), O(network) C(dnsmasq_network), O(sizes) C(dnsmasq_sizes) and
    O(checks) C(dnsmasq_checks), as the user of the roles does.
positional: host, network, listen, members, sizes, checks
options:
  _input:
    description:
      - The topology, a mapping of network names to networks. A name has 1 to 63 letters, digits, underscores, dots and
        hyphens. The topology may be empty, and a network without a value owns nothing.
      - V(zones) is the list of zones that the network owns, by default V([]). Trailing dots and upper case are dropped,
        and Unicode names become A-labels. Each zone has one owner.
      - V(subnets) is the list of IPv4 and IPv6 subnets in CIDR form that the network owns, by default V([]). They must
        not overlap, and none is every address. Bridges answer these addresses. With V(nameservers), the reverse zones
        of exactly these addresses are derived, at most 128 for a subnet; without them nobody is asked about the
        subnets.
      - V(nameservers) is the list of servers that answer for the zones and subnets, each C(address) or C(address#port)
        with a port from 1 to 65535, by default V([]). It is required with V(zones).
      - V(bridges) is a mapping of inventory hosts to the addresses at which they serve their network and its
        neighbours, by default V({}).
      - V(links) is the list of networks that this one reaches. A link holds both ways, whichever side names it. Where
        no network has V(links), all networks reach each other; as soon as one has, the named links are all there are.
      - V(upstream) is where names outside all zones go, by default V(dhcp), what DHCP handed out. It can also be
        V(none), nowhere, or a list of servers written as in V(nameservers).
      - V(allow) is the list of IPv4 and IPv6 subnets in CIDR form that the bridges answer besides, by default V([]). It
        needs V(bridges). Every address (V(0.0.0.0/0) or V(::/0)) is refused, because the bridges would be open
        resolvers. On Google Cloud, V(35.199.192.0/19) is where a forwarding zone of Cloud DNS asks from.
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
  members:
    description:
      - The network of each host of the inventory, one item a host, with V(none) or an empty string for a host in no
        network. The order does not matter.
      - A bridge's sizes follow from the number of its clients, which are the hosts that may have a question there, also
        through other bridges, and the bridges linked to it. That number is rounded up to a power of two, so that few
        of the hosts that are added to an inventory restart a bridge. Nothing else depends on O(members).
    type: list
    elements: str
    default: []
  sizes:
    description:
      - Sizes that replace those that follow from the tier and from O(members). A size of V(none) replaces nothing.
    type: dict
    suboptions:
      cache_size:
        description:
          - The number of names that are kept in memory, from V(0) to V(100000). With V(0) nothing is cached.
          - It defaults to V(10000), and on a bridge to twice the number of its clients where that is more.
        type: int
      forward_max:
        description:
          - The number of lookups that may be under way, from V(1) to V(100000). dnsmasq refuses more.
          - It defaults to V(1024), and on a bridge to twice the number of its clients where that is more.
        type: int
      stale_seconds:
        description:
          - For how many seconds an answer that expired, also that a name does not exist, is still given while it is
            fetched anew, from V(0) to V(86400). With V(0) it never is. Takes effect from dnsmasq 2.88 on.
          - It defaults to V(60), and on a bridge to V(0), so that who fetches a record anew gets a fresh one. More of
            it covers longer outages, and V(0) is for names that move at once, such as those of a failover.
        type: int
      tcp_connections:
        description:
          - The number of TCP connections at one time, from V(1) to V(300). It takes effect from dnsmasq 2.90 on.
          - It defaults to dnsmasq's own, and on a bridge to V(100), or to one for each 25 of its clients where that is
            more.
        type: int
      receive_buffer:
        description:
          - The size in bytes of the queue of queries that dnsmasq has not read yet, from V(4096) to V(268435456). The
            role C(dnsmasq) sets the kernel's C(net.core.rmem_default) to at least that before dnsmasq starts.
          - It defaults to leaving the kernel's as it is, and on a bridge to V(212992), or to 832 bytes for each of two
            queries of each of its clients where that is more.
        type: int
  checks:
    description:
      - The user's own queries beside those of the plan. They are only looked at, as P(everywhere.dnsmasq.checks#filter)
        does, so that a mistake in them is reported with the others. The plan does not depend on them.
    type: list
    elements: dict
    default: []
seealso:
  - plugin: everywhere.dnsmasq.settings
    plugin_type: filter
notes:
  - The filter fails on values of the wrong type and on unknown keys at every level; on names, subnets and addresses
    that are none; on loopback, unspecified, multicast and broadcast servers; on a link or an O(network) that is
    unknown; on zones and addresses with two owners; on zones without a nameserver; on V(allow) without bridges, and on
    subnets that are every address; on a bridge that is a nameserver or an upstream, which would be a loop; on zones or
    subnets that the host's network cannot reach; on an unknown size or one out of its range; and on O(checks) that
    could not be asked.
  - It also fails where a bridge that the host would ask has an address of a family, IPv4 or IPv6, in which it would not
    answer the host. A host is answered where its network's V(subnets), or V(allow) of the network that it asks, have
    addresses of that family; a bridge where its own address is one, or V(allow) has some.
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
#   rank: 0
#   listen: [127.0.0.1]
#   forwards:
#     - {zone: corp.example, servers: [192.0.2.11, 192.0.2.12], owner: datacenter, via: datacenter}
#   reverse:
#     - zone: 2.0.192.in-addr.arpa
#       subnet: 192.0.2.0/24
#       servers: [192.0.2.11, 192.0.2.12]
#       owner: datacenter
#       via: datacenter
#   upstream: {mode: dhcp, servers: [], exclude: [192.0.2.11, 192.0.2.12]}
#   allow: []
#   sizes: {cache_size: 10000, forward_max: 1024, stale_seconds: 60, tcp_connections: null, receive_buffer: null}
#   checks:
#     - {name: corp.example, type: SOA, cached: false, reference: [192.0.2.11, 192.0.2.12]}
#     - {name: corp.example, type: A, cached: true, rcode: NOERROR, reference: [192.0.2.11, 192.0.2.12]}
#     - {name: ., type: NS, cached: false}

# Two networks that resolve each other's zones through bridges. The bridge of the cloud answers Cloud DNS as well, which
# asks from 35.199.192.0/19 where a forwarding zone sends it to the bridge.
- name: Show what the cloud's bridge will do for the hosts of the inventory
  ansible.builtin.debug:
    msg: >-
      {{ dnsmasq_topology | everywhere.dnsmasq.plan(host='gcp-bridge-1', network='gcp', members=members, sizes=sizes) }}
  vars:
    members: "{{ groups['all'] | map('extract', hostvars) | map(attribute='dnsmasq_network', default='') | list }}"
    sizes:
      cache_size: 20000
    dnsmasq_topology:
      datacenter:
        zones: [corp.example]
        subnets: [192.0.2.0/24]
        nameservers: [192.0.2.11, 192.0.2.12]
        bridges: {dc-bridge-1: 192.0.2.53, dc-bridge-2: 192.0.2.54}
      gcp:
        zones: [gcp.example]
        subnets: [198.51.100.0/24]
        nameservers: [169.254.169.254]
        bridges: {gcp-bridge-1: 198.51.100.53}
        allow: [35.199.192.0/19]
# With 5,000 hosts in gcp:
# msg:
#   host: gcp-bridge-1
#   network: gcp
#   tier: bridge
#   rank: 0
#   listen: [127.0.0.1, 198.51.100.53]
#   forwards:
#     - {zone: corp.example, servers: [192.0.2.53, 192.0.2.54], owner: datacenter, via: datacenter}
#     - {zone: gcp.example, servers: [169.254.169.254], owner: gcp, via: gcp}
#   ...
#   allow: [35.199.192.0/19, 192.0.2.53/32, 192.0.2.54/32, 198.51.100.0/24]
#   sizes: {cache_size: 20000, forward_max: 16384, stale_seconds: 0, tcp_connections: 300, receive_buffer: 13631488}
#   ...
"""

RETURN = r"""
_value:
  description: The plan of the host.
  type: dict
  contains:
    host: {description: The inventory name of the host., type: str, sample: app1}
    network: {description: The network that the host is in. V(none) if it is in none., type: str, sample: us_east_1}
    tier: {description: V(local) answers on loopback only. V(bridge) answers others too., type: str, sample: local}
    rank: {description: A bridge's place among those of its network. V(0) on other hosts., type: int, sample: 0}
    listen:
      description: The addresses to answer at, those of O(listen) first, and behind them a bridge's own address.
      type: list
      elements: str
      sample: [127.0.0.1]
    forwards:
      description: The zones that are forwarded, sorted by name.
      type: list
      elements: dict
      contains:
        zone: {description: The zone in lower case and without a trailing dot., type: str, sample: corp.example}
        servers:
          description: Whom to ask, each C(address) or C(address#port).
          type: list
          elements: str
          sample: [192.0.2.11]
        owner: {description: The network that owns the zone., type: str, sample: datacenter}
        via: {description: The network that the servers are in., type: str, sample: datacenter}
    reverse:
      description:
        - The reverse zones that are forwarded, sorted by address.
        - Each has the keys of RV(_value.forwards), and C(subnet), whose reverse zone it is or is a part of.
      type: list
      elements: dict
      sample:
        - {zone: 2.0.192.in-addr.arpa, subnet: 192.0.2.0/24, servers: [192.0.2.11], owner: datacenter, via: datacenter}
    upstream:
      description: Where names outside all zones go.
      type: dict
      contains:
        mode: {description: V(dhcp) or V(list) or V(none)., type: str, sample: dhcp}
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
      description:
        - The subnets that a bridge answers at its own address, sorted, of that address's family only. None of them lies
          in another one.
        - Empty for the tier V(local), which answers at loopback addresses only.
      type: list
      elements: str
      sample: []
    sizes:
      description: The sizes that suit the tier and the number of clients, or that O(sizes) sets.
      type: dict
      contains:
        cache_size: {description: The number of names that are kept in memory., type: int, sample: 10000}
        forward_max: {description: The number of lookups that may be under way., type: int, sample: 1024}
        stale_seconds: {description: For how many seconds an expired record is answered., type: int, sample: 60}
        tcp_connections: {description: TCP connections at one time. V(none) for dnsmasq's own., type: int, sample: 100}
        receive_buffer: {description: Bytes of queries not read yet. V(none) leaves it., type: int, sample: 212992}
    checks:
      description: The queries that prove the plan on its host, for the module C(everywhere.dnsmasq.query_latency).
      type: list
      elements: dict
      sample: [{name: ., type: NS, cached: false}]
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"plan": as_filter(plan)}
