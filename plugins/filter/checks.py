# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: checks
short_description: Refuse checks that nobody could be asked, before any host is
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Returns a list of checks, which are items of the option C(queries) of M(everywhere.dnsmasq.query_latency), as plain
    data, if the module would take them. One that says neither C(rcode) nor C(expected) is of a name that exists.
  - Runs on the controller and needs no dnspython there. The module itself knows more of the data of rare record types,
    and may refuse what this filter lets through.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value and the
    remedy.
positional: variable
options:
  _input:
    description:
      - The checks. Text in the place of a list or of a mapping is an error, also where Ansible would convert it.
    type: list
    elements: dict
    required: true
  variable:
    description:
      - The name of the variable that they are from, for the messages.
    type: str
    required: true
  libc:
    description:
      - Whether libc will be asked, which knows the types V(A) and V(AAAA) only.
    type: bool
    default: false
seealso:
  - plugin: everywhere.dnsmasq.plan
    plugin_type: filter
  - module: everywhere.dnsmasq.query_latency
notes:
  - The filter fails on values of the wrong type and on unknown keys; on names that DNS cannot carry; on unknown record
    types; on expected data that is not of the type; on references that are no addresses; on data that is expected with
    V(NXDOMAIN); and on what is not required and has no reference.
"""

EXAMPLES = r"""
- name: Show the checks, if they can be asked
  ansible.builtin.debug:
    msg: "{{ dnsmasq_checks | everywhere.dnsmasq.checks('dnsmasq_checks') }}"
  vars:
    dnsmasq_checks:
      - {name: db.corp.example, expected: [192.0.2.21]}
      - {name: www.corp.example}
# msg:
#   - {name: db.corp.example, expected: [192.0.2.21]}
#   - {name: www.corp.example, exists: true}
"""

RETURN = r"""
_value:
  description: The checks as queries.
  type: list
  elements: dict
  sample:
    - {name: db.corp.example, expected: [192.0.2.21]}
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.queries import checks
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._filters import as_filter


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"checks": as_filter(checks)}
