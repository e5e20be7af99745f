"""The built tarball against real hosts: each test gets the lab freshly booted, its hosts never touched before."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import demo
import lab
import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
LAB = ROOT / "molecule" / "lab"


@pytest.fixture
def clients() -> Iterator[list[lab.Host]]:
    """The lab, freshly booted: its client hosts."""
    lab.down()
    lab.up()
    yield [host for host in lab.read_inventory()[1] if not host.is_server]
    lab.down()


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty collections path with the tarball installed in it."""
    path = tmp_path_factory.mktemp("collections")
    demo.install(path)
    return path


@dataclass
class Run:
    """One ansible-playbook run: its exit code and what happened, task by task and host by host."""

    returncode: int
    events: list[dict[str, Any]]

    @property
    def results(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "task" in event]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return [event for event in self.results if event["failed"]]

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

    @property
    def stats(self) -> dict[str, dict[str, int]]:
        return next(event["stats"] for event in self.events if "stats" in event)


@pytest.fixture
def playbook(collections: Path, tmp_path: Path) -> Callable[..., Run]:
    def run(name: str, *options: str, core: Path | None = None, inventory: Path = LAB.parent / "inventory") -> Run:
        program = str(core / "bin" / "ansible-playbook") if core else "ansible-playbook"
        argv = [program, f"everywhere.dnsmasq.{name}", "-i", str(inventory), "-e", "dnsmasq_hosts=clients", *options]
        print(f"\n$ {' '.join(argv)}", flush=True)
        events = tmp_path / "events"
        events.unlink(missing_ok=True)
        environment = dict(
            os.environ,
            ANSIBLE_COLLECTIONS_PATH=str(collections),
            ANSIBLE_CALLBACK_PLUGINS=str(HERE / "callbacks"),
            ANSIBLE_CALLBACKS_ENABLED="events",
            ANSIBLE_PIPELINING="true",
            ANSIBLE_INJECT_FACT_VARS="false",
            EVENTS=str(events),
        )
        code = subprocess.call(argv, env=environment, cwd="/")
        return Run(code, [json.loads(line) for line in events.read_text().splitlines()])

    return run
