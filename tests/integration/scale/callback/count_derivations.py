# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes a line for each plan that is derived in a run, and for each template that is rendered, to the files that
DERIVATIONS and RENDERINGS name."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import inventory, plan

DOCUMENTATION = """
name: count_derivations
type: aggregate
short_description: A line for each plan that is derived and each template that is rendered
description: A line for each plan that is derived and each template that is rendered, for tests.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_derivations"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        derive = plan.plan

        @functools.wraps(derive)
        def counted(topology: Any, host: Any, *words: Any, **options: Any) -> Any:
            with Path(os.environ["DERIVATIONS"]).open("a", encoding="utf-8") as lines:
                lines.write(f"{os.getpid()} {host}\n")
            return derive(topology, host, *words, **options)

        lookup = lookup_loader.get("ansible.builtin.template", class_only=True)
        render = lookup.run

        @functools.wraps(render)
        def noted(self: Any, terms: Any, variables: Any = None, **options: Any) -> Any:
            with Path(os.environ["RENDERINGS"]).open("a", encoding="utf-8") as lines:
                lines.writelines(f"{Path(term).name}\n" for term in terms)
            return render(self, terms, variables, **options)

        lookup.run = noted
        # Here, in the process that all others are forked from, and before anything else reads the name.
        plan.plan = inventory.plan = counted
