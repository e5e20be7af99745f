# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes each task result as one line of JSON to the file that EVENTS names: what the tests read of a run."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: events
type: aggregate
short_description: Task results as lines of JSON
description: Task results as lines of JSON, for tests.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        # The task at whose start, or so many seconds after, the controller dies: its number, or words of its name.
        self.dies_at, _colon, after = os.environ.get("DIES_AT", "").partition(":")
        self.after, self.started, self.dying = float(after or 0), 0, False

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.started += 1
        self._write({"starts": task.get_name(), "number": self.started, "time": time.time()})
        named = self.dies_at and not self.dies_at.isdigit() and self.dies_at in task.get_name()
        if not self.dying and (named or self.dies_at == str(self.started)):
            self.dying = True
            # The group is the run's own; what has left it is ended by whoever started the run.
            death = threading.Timer(self.after, os.killpg, (os.getpgid(0), signal.SIGKILL))
            death.start()
            if not self.after:
                death.join()

    v2_playbook_on_handler_task_start = v2_playbook_on_task_start

    def _write(self, event):
        with Path(os.environ["EVENTS"]).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event, default=str) + "\n")

    def _result(self, result, failed=False):
        told = result._result
        diff = told.get("diff") or []
        self._write(
            {
                "host": result._host.get_name(),
                "task": result._task.get_name(),
                "changed": bool(told.get("changed")),
                "failed": failed,
                "msg": str(told.get("msg", "")),
                "info": {key: told[key] for key in ("provider", "evidence", "source", "upstreams") if key in told},
                "diff": [part for part in ([diff] if isinstance(diff, dict) else diff) if part],
            }
        )

    def v2_runner_on_ok(self, result):
        self._result(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._result(result, failed=True)

    def v2_runner_on_unreachable(self, result):
        self._result(result, failed=True)

    def v2_playbook_on_stats(self, stats):
        self._write({"stats": {host: stats.summarize(host) for host in stats.processed}})
