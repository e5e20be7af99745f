# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: format_plans
short_description: Write plans as lines to read
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Turns the plans that M(everywhere.dnsmasq.derive_plans) returns into lines, those of hosts with one plan once.
options:
  _input:
    description:
      - C(plans) of what M(everywhere.dnsmasq.derive_plans) returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what every host would do
  ansible.builtin.debug:
    msg: "{{ dnsmasq_plans.plans | everywhere.dnsmasq.format_plans }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The lines. The first one of each plan says whose it is; the others are indented below it.
  type: list
  elements: str
  sample:
    - "app1: tier local in us_east_1"
    - "  answers at 127.0.0.1"
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.format import format_plans


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"format_plans": as_filter(format_plans)}
