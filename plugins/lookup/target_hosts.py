# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: target_hosts
short_description: Refuse a run of this collection's playbooks that would do nothing
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Returns the pattern of hosts that it is given, for the keyword C(hosts) of a play.
  - Fails where C(ansible-playbook) was called with a playbook of this collection and would do nothing, because the
    pattern matches no host of the inventory, because C(--limit) leaves none, or because of C(--tags) or C(--skip-tags).
    Ansible itself ends such a run with success.
  - A playbook that imports one of this collection's may be run for other hosts or other tags, so nothing fails there.
options:
  _terms:
    description:
      - The pattern, as the variable C(dnsmasq_hosts) has it, or a list of patterns.
    type: list
    elements: str
    required: true
notes:
  - It reads C(groups), C(ansible_limit), C(ansible_run_tags) and C(ansible_skip_tags).
"""

EXAMPLES = r"""
- name: Deploy to the hosts of dnsmasq_hosts
  hosts: "{{ lookup('everywhere.dnsmasq.target_hosts', dnsmasq_hosts | default('all')) }}"
"""

RETURN = r"""
_raw:
  description: The pattern, or the patterns joined by commas.
  type: list
  elements: str
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible import context
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import InventoryManager, split_host_pattern
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.lookup import LookupBase
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError, fault, misfit

COLLECTION = "everywhere.dnsmasq."
PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
HOSTS_VARIABLE = "dnsmasq_hosts"
#: The tags by which Ansible knows a task that has none.
OF_UNTAGGED = frozenset({"all", "untagged"})


def is_ours(playbook: str) -> bool:
    """Whether what `ansible-playbook` was called with is a playbook of this collection, by its name or by its path."""
    return playbook.startswith(COLLECTION) or Path(playbook).resolve().parent == PLAYBOOKS


def read_patterns(raw: object) -> list[str]:
    """The parts of what the user wrote, which Ansible takes as a string or a list."""
    items = raw if isinstance(raw, list) else [raw]
    for item in items:
        if not isinstance(item, str):
            raise InputError([misfit(HOSTS_VARIABLE, raw, "a pattern of hosts as a string")])
    return [part for part in split_host_pattern(items) if part]


def matches(groups: Mapping[str, Iterable[str]], patterns: list[str], limit: str | None = None) -> bool:
    """Whether any host is left, as Ansible itself reads patterns and a limit."""
    manager = InventoryManager(DataLoader(), parse=False)
    for group, hosts in groups.items():
        manager.add_group(group)
        for host in hosts:
            manager.add_host(host, group=group)
    manager.subset(limit)
    try:
        return bool(manager.get_hosts(patterns))
    except AnsibleError:  # such as a subscript of a group that is not that long
        return False


def judge_tags(run: Iterable[str], skip: Iterable[str]) -> None:
    for option, tags, idle in (
        ("--tags", run, not OF_UNTAGGED & set(run)),
        ("--skip-tags", skip, OF_UNTAGGED & set(skip)),
    ):
        if idle:
            reason = "selects nothing, as no task has a tag: leave it out, and choose hosts with --limit"
            raise InputError([fault(option, ",".join(tags), reason)])


def judge_hosts(raw: object, groups: Mapping[str, Iterable[str]], limit: str | None) -> None:
    patterns = read_patterns(raw)
    if not groups.get("all"):
        raise InputError(["The inventory has no host: give one that has with -i."])
    # Ansible itself fails where a limit leaves nothing of all hosts.
    if patterns == ["all"] or (patterns and matches(groups, patterns, limit)):
        return
    if limit and patterns and matches(groups, patterns):
        reason = f"matches no host within --limit '{limit}': name hosts of both, or leave one of the two out"
    else:
        reason = (
            "matches no host of the inventory: write a group, a host or a pattern of hosts that are there, or leave"
            " the variable out for all of them"
        )
    raise InputError([fault(HOSTS_VARIABLE, raw, reason)])


class LookupModule(LookupBase):
    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[str]:
        options = context.CLIARGS
        raw = terms[0] if len(terms) == 1 else list(terms)
        try:
            if any(map(is_ours, options.get("args") or ())) and not options.get("syntax"):
                judge_tags(variables.get("ansible_run_tags", ["all"]), variables.get("ansible_skip_tags", ()))
                judge_hosts(raw, variables["groups"], variables.get("ansible_limit"))
            return [",".join(read_patterns(raw))]
        except InputError as error:
            raise AnsibleLookupError(str(error)) from error
