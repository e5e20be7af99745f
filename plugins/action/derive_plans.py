# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Derive the plans of all hosts of the play, on the controller; documented by the module of the same name."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.inventory import bare, derive
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.spelling import misspelled

ROLES = Path(__file__).resolve().parents[2] / "roles"


@cache
def defaults() -> dict[str, Any]:
    """The variables that the user writes, with their defaults: those of both roles."""
    files = [ROLES / role / "defaults" / "main.yml" for role in ("dnsmasq", "resolv_conf")]
    return {name: value for file in files for name, value in yaml.safe_load(file.read_text("utf-8")).items()}


class ActionModule(ActionBase):
    """Reads variables alone: no host is connected to."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _spec, options = self.validate_argument_spec({"name": {"type": "str"}})
        host, inventory = task_vars["inventory_hostname"], task_vars["hostvars"]
        # What neither the inventory nor a role's defaults say: the play's own, as it is written and as it is rendered.
        own = inventory.raw_get(host)
        written = {
            name: bare(task_vars[name])
            for name, default in defaults().items()
            if name in task_vars and bare(task_vars[name]) != bare(own.get(name, default))
        }
        given = {name: bare(self._templar.template(task_vars[name])) for name in written}
        # Nobody reads these, so they are not rendered.
        wrong = {name: bare(task_vars[name]) for name in misspelled(task_vars, defaults()) if name not in own}
        try:
            made = derive(
                task_vars["ansible_play_hosts_all"],
                inventory,
                task_vars["groups"]["all"],
                host,
                defaults(),
                {**given, **wrong},
                options["name"],
                [name for name in written if written[name] != given[name]],
            )
        except InputError as error:
            raise AnsibleActionFail(str(error)) from error
        plans = made["plans"]
        of = {host: number for number, entry in enumerate(plans) for host in entry["hosts"]}
        bridges = [entry["hosts"][0] for entry in plans if entry["plan"]["tier"] == "bridge"]
        return {**result, "changed": False, **made, "of": of, "bridges": bridges}
