# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes how many results each host had of each action, as JSON, to the file that RESULTS names."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: count_results
type: aggregate
short_description: How many results each host had of each action
description: How many results each host had of each action, for a bench.
options: {}
"""


# ansible-core has no types, so mypy knows nothing of the base.
class CallbackModule(CallbackBase):  # type: ignore[misc]
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.results: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def v2_runner_on_ok(self, result: Any) -> None:
        self.results[result._host.get_name()][result._task.resolved_action] += 1

    v2_runner_on_skipped = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats: Any) -> None:
        Path(os.environ["RESULTS"]).write_text(json.dumps(self.results), encoding="utf-8")
