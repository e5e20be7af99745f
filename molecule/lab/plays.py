"""Runs of the collection's playbooks against the lab, and what happened in them."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import lab

#: Writes each result as a line of JSON.
CALLBACKS = lab.HERE.parents[1] / "tests" / "integration" / "network_1" / "callbacks"


@dataclass
class Run:
    """One ansible-playbook run: its exit code and what happened, task by task and host by host."""

    returncode: int
    events: list[dict[str, Any]]
    text: str = ""

    @property
    def results(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "task" in event]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [event for event in self.results if event["failed"]]

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
) -> Run:
    """Run a playbook of the collection on the lab's clients; its output goes to the log, or to the screen."""
    argv = [program, f"everywhere.dnsmasq.{name}", "-i", str(inventory or lab.INVENTORY.parent)]
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
    )
    if collections:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    code = subprocess.call(argv, env=environment, cwd="/", stdout=log, stderr=log)
    return Run(code, [json.loads(line) for line in events.read_text().splitlines()])
