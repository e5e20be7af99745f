"""Runs of the collection's playbooks against the lab, and what happened in them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import lab

#: Writes each result as a line of JSON.
CALLBACKS = lab.HERE.parents[1] / "tests" / "integration" / "network_1" / "callbacks"


#: `make soak`: everything, instead of the sample that `make test` takes.
SOAK = bool(os.environ.get("EVERYWHERE_SOAK"))
#: For `verify` where other hosts have the processors, too: that an answer is cached is shown by the counters all the
#: same, and that it is fast in tests/integration/latency, where nothing else runs.
BUSY = ("-e", "dnsmasq_verify_max_cached_ms=20")


def keep_table(lines: list[str]) -> None:
    """Have .ci/stages.py print a table at its end."""
    Path(os.environ["EVERYWHERE_TABLE"]).write_text("\n".join(lines) + "\n")


@dataclass
class Run:
    """One ansible-playbook run: its exit code and what happened, task by task and host by host."""

    returncode: int
    events: list[dict[str, Any]]
    text: str = ""
    began: float = 0.0
    ended: float = 0.0

    @property
    def results(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "task" in event]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [event for event in self.results if event["failed"]]

    @property
    def reasons(self) -> list[str]:
        """Of each failure, what a person would read of it."""
        return [f"{event['host']}: {event['task']}: {event['msg']}" for event in self.failures]

    @property
    def info(self) -> dict[str, dict[str, Any]]:
        """What resolver_info last said of each host."""
        return {event["host"]: event["info"] for event in self.results if event.get("info")}

    @property
    def changed(self) -> list[tuple[str, str]]:
        """Host and task of each change, in the order of hosts and tasks."""
        return sorted((event["host"], event["task"]) for event in self.results if event["changed"])

    def landed(self) -> dict[tuple[str, str], str]:
        """Host and file of each change, with the text that a diff shows as the new one."""
        return {
            (event["host"], part["after_header"]): part.get("after", "")
            for event in self.results
            for part in event["diff"]
            if str(part.get("after_header", "")).startswith("/")
        }

    def told(self, task: str) -> dict[str, Any]:
        """What each host said in the task whose name holds the text."""
        return {event["host"]: event["msg"] for event in self.results if task in event["task"]}

    @property
    def starts(self) -> list[str]:
        """The tasks in the order in which they began."""
        return [event["starts"] for event in self.events if "starts" in event]

    def doing(self, moment: float) -> str:
        """The task that had begun last at a moment."""
        begun = [event for event in self.events if "starts" in event and event["time"] <= moment]
        return begun[-1]["starts"] if begun else "nothing yet"

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        return next(event["stats"] for event in self.events if "stats" in event)


def play(
    name: str,
    *options: str,
    events: Path,
    program: str = "ansible-playbook",
    collections: Path | None = None,
    inventory: Path | None = None,
    log: IO[str] | None = None,
    dies_at: str = "",
) -> Run:
    """Run a playbook of the collection, or a file, on the lab's clients; its output goes to the log, or to the screen.

    With `dies_at`, a task's number or words of its name, and perhaps :SECONDS, the controller is killed at the start of
    that task, or so long after.
    """
    playbook = name if name.endswith(".yml") else f"everywhere.dnsmasq.{name}"
    argv = [program, playbook, "-i", str(inventory or lab.INVENTORY.parent)]
    argv += ["-e", "dnsmasq_hosts=clients", *options]
    if log is None:
        print(f"\n$ {' '.join(argv)}", flush=True)
    events.unlink(missing_ok=True)
    environment = dict(
        os.environ,
        ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS),
        ANSIBLE_CALLBACKS_ENABLED="events",
        ANSIBLE_PIPELINING="true",
        ANSIBLE_INJECT_FACT_VARS="false",
        EVENTS=str(events),
        DIES_AT=dies_at,
    )
    if collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    began, own_group = time.time(), bool(dies_at)
    code = subprocess.call(argv, env=environment, cwd="/", stdout=log, stderr=log, start_new_session=own_group)
    if code == -signal.SIGKILL:
        _end_all(events)
    lines = events.read_text().splitlines() if events.exists() else []
    return Run(code, [json.loads(line) for line in lines], began=began, ended=time.time())


def _end_all(events: Path) -> None:
    """Kill what a killed controller leaves: its workers, from ansible-core 2.19 on in sessions of their own, and their
    ssh."""
    mark = f"EVENTS={events}\0".encode()

    def started() -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                if mark in (process / "environ").read_bytes():
                    found.append(int(process.name))
        return found

    end = time.monotonic() + 10
    while left := started():
        assert time.monotonic() < end, f"killed, and still there: {left}"
        for process in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)


def play_quietly(folder: Path, name: str, *options: str, **more: Any) -> Run:
    """The same, with what the run printed kept beside its events and in `text`."""
    with (folder / "log").open("w+") as log:
        done = play(name, *options, events=folder / "events", log=log, **more)
        log.seek(0)
        done.text = log.read()
    return done
