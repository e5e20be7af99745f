# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
short_description: Make one page, and its data, of what was found on a fleet
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Judges each host by what M(everywhere.dnsmasq.resolver_info) and M(everywhere.dnsmasq.query_latency) said of it in
    this play, and makes a page of HTML, which needs no other file and asks no server, and JSON with the same figures.
  - Made for one task that runs once; the playbook C(everywhere.dnsmasq.report) has it.
  - Text from hosts, name servers and the inventory is shown as text, whatever it holds.
positional: hostvars
options:
  _input:
    description: What M(everywhere.dnsmasq.derive_plans) returned.
    type: dict
    required: true
  hostvars:
    description: Ansible's own C(hostvars), with what the play registered as O(info) and O(asked).
    type: dict
    required: true
  path:
    description:
      - Where the page will be written, ending in C(.html). A relative path begins at the folder in which Ansible was
        started.
      - The data of an earlier report, if they are there, are read and shown as before.
    type: str
    required: true
  info:
    description: The variable that holds the result of M(everywhere.dnsmasq.resolver_info).
    type: str
    default: dnsmasq_report_info
  asked:
    description: The variable that holds the result of M(everywhere.dnsmasq.query_latency).
    type: str
    default: dnsmasq_report_queries
"""

EXAMPLES = r"""
- name: Write the page and its data
  ansible.builtin.copy:
    dest: "{{ item.path }}"
    content: "{{ item.content }}"
    mode: "0644"
  loop: >-
    {{ dnsmasq_plans | everywhere.dnsmasq.report(hostvars, path='/srv/www/dns.html') }}
  loop_control:
    label: "{{ item.path }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
_value:
  description: Two files, the page and its data, which has the same name and ends in C(.json).
  type: list
  elements: dict
  contains:
    path:
      description: Where it belongs, absolute.
      type: str
      sample: /srv/www/dns.html
    content:
      description: Its text.
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report.build import report


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"report": as_filter(report)}
