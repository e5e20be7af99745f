# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: template_once
short_description: Render a template once for all hosts for which it says the same
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Renders a template as the lookup C(ansible.builtin.template) does, keeps the text for the rest of the run, and
    returns the same text to every host that gives the same O(key).
  - The lookup of ansible-core copies all variables of a host each time, the plans of all networks among them.
options:
  _terms:
    description:
      - The template, as that lookup finds it. Exactly one.
    type: list
    elements: str
    required: true
  key:
    description:
      - Everything that the text follows from, as data. Hosts with equal keys share one text, so what is left out here
        is taken from whichever host came first.
    type: raw
    required: true
  template_vars:
    description:
      - More variables for the template. They are part of the key.
    type: dict
    default: {}
notes:
  - The texts are kept in the folder that C(ansible-playbook) removes as it ends (C(DEFAULT_LOCAL_TMP)).
"""

EXAMPLES = r"""
- name: Show a file that is the same for all hosts with one plan and the same facts
  ansible.builtin.debug:
    msg: "{{ lookup('everywhere.dnsmasq.template_once', 'app.conf.j2', key=[plan, facts]) }}"
"""

RETURN = r"""
_raw:
  description: The text.
  type: list
  elements: str
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible.plugins.lookup import LookupBase


def once(place: Path, make: Callable[[], str]) -> str:
    """The text that the file holds; of those who want it at once, one makes it."""
    place.parent.mkdir(mode=0o700, exist_ok=True)
    with place.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        # A text may be empty: what is whole ends with a mark.
        kept = file.read()
        if not kept.endswith("\0"):
            file.truncate(0)
            kept = make() + "\0"
            file.write(kept)
    return kept[:-1]


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: Any = None, **kwargs: Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        if len(terms) != 1:
            raise AnsibleLookupError(f"template_once takes one template, and was given {len(terms)}: name exactly one")
        more = self.get_option("template_vars")
        found = self.find_file_in_search_path(variables, "templates", terms[0])
        followed = json.dumps([found, self.get_option("key"), more], sort_keys=True)
        name = hashlib.sha256(os.fsencode(followed)).hexdigest()

        def make() -> str:
            lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            return str(lookup.run(terms, variables, template_vars=more)[0])

        return [once(Path(constants.DEFAULT_LOCAL_TMP, "everywhere.dnsmasq") / name, make)]
