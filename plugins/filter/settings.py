# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: settings
short_description: Turn a plan into the settings that the installed dnsmasq knows
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Lists the settings for C(dnsmasq.conf) in order, each with its option, its value and why it is set.
  - Options are chosen by the version of dnsmasq, because dnsmasq does not start with an option that it does not know.
  - They are also chosen by the tier of the plan. A host of the tier V(local) asks all servers of a name at once
    (C(all-servers)). A bridge asks one (C(strict-order)) and takes the next when it is asked again, and it waits for an
    address that comes up late (C(bind-dynamic)). Before 2.88, where nobody asks again in time, each bridge of a network
    begins with another server.
  - Everything that is wrong is reported at once, each mistake in one sentence.
positional: version
options:
  _input:
    description:
      - The plan, as the filter P(everywhere.dnsmasq.plan#filter) returned it, with the sizes to set.
    type: dict
    required: true
  version:
    description:
      - The version that C(dnsmasq --version) prints on the host, such as V(2.90). It must be V(2.76) or newer.
      - A test release such as V(2.91test3) gets the options of the release before it, V(2.90).
    type: str
    required: true
  user:
    description:
      - The account that dnsmasq runs as.
    type: str
    default: dnsmasq
  group:
    description:
      - The group that dnsmasq runs as. Without it dnsmasq chooses.
    type: str
  pid_file:
    description:
      - The absolute path of the file for the process id.
    type: path
    default: /run/dnsmasq/dnsmasq.pid
  resolv_file:
    description:
      - The absolute path of the file that lists the upstreams that DHCP handed out, written as C(/etc/resolv.conf) is.
      - It is required if the mode of the plan's upstream is V(dhcp), and not used otherwise.
    type: path
seealso:
  - plugin: everywhere.dnsmasq.plan
    plugin_type: filter
notes:
  - The filter fails if O(version) is older than V(2.76) or no version, if an account or a path is not what its
    description says, and if O(_input) is no plan.
  - The size C(receive_buffer) of the plan is the kernel's, and no setting of dnsmasq.
"""

EXAMPLES = r"""
- name: Show the settings of this host
  ansible.builtin.debug:
    msg: "{{ plan | everywhere.dnsmasq.settings(version='2.90', resolv_file='/run/dnsmasq/upstream.conf') }}"
  vars:
    plan: "{{ dnsmasq_topology | everywhere.dnsmasq.plan(host=inventory_hostname, network=dnsmasq_network) }}"
# msg:
#   - option: user
#     value: dnsmasq
#     reason: run without root's rights once port 53 is bound
#   ...
#   - option: server
#     value: /corp.example/192.0.2.11
#     reason: corp.example is datacenter's, asked directly
#   - option: server
#     value: /corp.example/192.0.2.12
#     reason: null

- name: Keep more names, and never answer from an expired record
  ansible.builtin.debug:
    msg: "{{ plan | everywhere.dnsmasq.settings(version='2.90', resolv_file='/run/dnsmasq/upstream.conf') }}"
  vars:
    plan: >-
      {{ dnsmasq_topology | everywhere.dnsmasq.plan(host=inventory_hostname, network=dnsmasq_network, sizes=sizes) }}
    sizes:
      cache_size: 20000
      stale_seconds: 0
"""

RETURN = r"""
_value:
  description: The settings, in the order of the file.
  type: list
  elements: dict
  contains:
    option:
      description: The name of the option.
      type: str
      sample: cache-size
    value:
      description: The value, or V(none) for an option that takes no value.
      type: str
      sample: "10000"
    reason:
      description: Why the option is set, in one line, or V(none) where the setting before says it.
      type: str
      sample: names that are kept in memory
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.settings import settings


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"settings": as_filter(settings)}
