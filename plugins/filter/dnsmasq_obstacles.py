# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dnsmasq_obstacles
short_description: Tell why dnsmasq cannot be deployed to a host
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Compares what M(everywhere.dnsmasq.resolver_info) found with what the plan of the host needs. Returns every obstacle
    in one sentence with the remedy.
positional: plan, platform, require_latest
options:
  _input:
    description:
      - What M(everywhere.dnsmasq.resolver_info) returned for the host.
    type: dict
    required: true
  plan:
    description:
      - The plan of the host, as M(everywhere.dnsmasq.derive_plans) returns it.
    type: dict
    required: true
  platform:
    description:
      - The file that says what the host's distribution calls things. An empty string is an obstacle.
    type: str
    required: true
  require_latest:
    description:
      - Whether a dnsmasq that does not pass for the latest is an obstacle.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Refuse what would end in a host that does not resolve
  ansible.builtin.assert:
    that: obstacles | length == 0
    fail_msg: "{{ obstacles | join(' ') }}"
  vars:
    obstacles: "{{ dnsmasq_info | everywhere.dnsmasq.dnsmasq_obstacles(plan, platform='debian.yml') }}"
    plan: "{{ dnsmasq_plans.plans[dnsmasq_plans.of[inventory_hostname]].plan }}"
"""

RETURN = r"""
_value:
  description: The obstacles, none on a host that can be deployed to.
  type: list
  elements: str
  sample:
    - "Port 53 of 127.0.0.1 is held by named: if nobody else asks it, stop and disable it; else move it to another
      address."
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.preflight import dnsmasq_obstacles
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dnsmasq_obstacles": as_filter(dnsmasq_obstacles)}
