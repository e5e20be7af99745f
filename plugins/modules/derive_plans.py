#!/usr/bin/python

# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: derive_plans
short_description: Derive what each host's dnsmasq must do, once for all hosts of a play
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Reads the variables of the roles P(everywhere.dnsmasq.dnsmasq#role) and P(everywhere.dnsmasq.resolv_conf#role) for
    all hosts of the play, from the inventory, the play and extra variables, and judges them.
  - What a play or a role's parameters say holds for all hosts alike. A template there is refused, and so is a value
    that the inventory contradicts.
  - Derives each distinct plan once. Hosts that differ only in their names have one plan, each bridge has its own.
  - Everything that is wrong is reported at once, each mistake in one sentence with the variable, the value, the remedy
    and, where it does not concern all hosts, the hosts.
  - A variable that begins with C(dnsmasq_) or C(resolv_conf_) and is misspelled is refused with the one that is meant.
    It counts as misspelled where it differs from a variable of this collection by up to two letters, or by one letter
    where either has fewer than six behind the prefix. Other variables may be another role's and are left alone.
  - Bridges that are no hosts of the inventory cause one warning and no error, since a slice of an inventory may lack
    them.
  - Runs on the controller and connects to no host. Use it with C(run_once), since a task for each of thousands of hosts
    takes minutes on the controller.
  - The size of a bridge follows from the number of hosts in the whole inventory, not only in the play.
options:
  name:
    description:
      - A domain name or an address. The entry of each plan then has the path of its resolution from the plan's first
        host.
    type: str
attributes:
  check_mode:
    support: full
    description: Only reads, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
  platform:
    support: full
    platforms: all
    description: Runs on the controller.
"""

EXAMPLES = r"""
- name: Derive the plans of all hosts
  everywhere.dnsmasq.derive_plans:
  run_once: true
  register: dnsmasq_plans

- name: Show this host's own
  ansible.builtin.debug:
    var: dnsmasq_plans.plans[dnsmasq_plans.of[inventory_hostname]].plan
"""

RETURN = r"""
plans:
  description: The distinct plans, in the order of their first hosts.
  returned: success
  type: list
  elements: dict
  contains:
    hosts:
      description: The inventory names of the hosts that have the plan.
      type: list
      elements: str
      sample: [app1, app2]
    plan:
      description:
        - Everything that dnsmasq must do on these hosts, as plain data. The keys are C(network), C(tier), C(rank),
          C(listen), C(forwards), C(reverse), C(upstream), C(allow), C(sizes) and C(checks).
      type: dict
    options:
      description: The other variables of the roles, with booleans as booleans.
      type: dict
    proofs:
      description:
        - The queries of each proof, C(deploy), C(all_bridges), C(verify) and C(report), as the option C(queries) of
          M(everywhere.dnsmasq.query_latency).
      type: dict
    route:
      description: Each step in the resolution of O(name), or nothing without it.
      type: list
      elements: dict
    digest:
      description:
        - 64 hexadecimal digits that stand for the plan, the options and the contents of the collection.
      type: str
of:
  description: The place in RV(plans) of each host's plan, by the host's inventory name.
  returned: success
  type: dict
  sample: {app1: 0, app2: 0}
topology:
  description: The topology of the host that runs the task.
  returned: success
  type: dict
warnings:
  description: One warning with the bridges that are no hosts of the inventory, which Ansible prints, or none.
  returned: success
  type: list
  elements: str
bridges:
  description: The hosts of the play that are bridges.
  returned: success
  type: list
  elements: str
  sample: [dc-bridge-1]
"""
