# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: resolv_conf_obstacles
short_description: Tell why a host's resolv.conf cannot be taken over
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Reads what M(everywhere.dnsmasq.resolver_info) found, and returns every obstacle in one sentence with the remedy.
positional: host, nameservers
options:
  _input:
    description:
      - What M(everywhere.dnsmasq.resolver_info) returned for the host.
    type: dict
    required: true
  host:
    description:
      - The inventory name of the host, for the sentence.
    type: str
    required: true
  nameservers:
    description:
      - The servers that would come first, one to three IPv4 addresses. What is wrong with them is an obstacle.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a host whose resolv.conf cannot be taken over
  ansible.builtin.assert:
    that: obstacles | length == 0
    fail_msg: "{{ obstacles | join(' ') }}"
  vars:
    obstacles: "{{ resolv_conf_info | everywhere.dnsmasq.resolv_conf_obstacles(inventory_hostname, ['127.0.0.1']) }}"
"""

RETURN = r"""
_value:
  description: The obstacles, none on a host whose resolv.conf can be taken over.
  type: list
  elements: str
  sample: ["/etc/resolv.conf is immutable: run chattr -i /etc/resolv.conf, or leave the host out of the deploy."]
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.preflight import resolv_conf_obstacles
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import read_first_servers


def obstacles(info: dict[str, Any], host: str, nameservers: object) -> list[str]:
    findings: list[str] = []
    servers = read_first_servers(nameservers, findings)
    return findings or resolv_conf_obstacles(info, host, servers)


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"resolv_conf_obstacles": as_filter(obstacles)}
