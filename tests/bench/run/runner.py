# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of ansible-playbook on the lab's hosts, as a user would start it, and what it cost."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lab
from contenders import Contender, host
from plays import CALLBACKS

LAB = lab.HERE / "lab.py"
LIMIT = 600  # seconds of one run
#: The tasks that install packages, whose time is that of apt and dpkg.
PACKAGES = re.compile(r"install (dnsmasq|dependencies)", re.IGNORECASE)


@dataclass(frozen=True)
class Cost:
    """Seconds: of the clock, of the controller's processors, of the hosts' processors, and of installing packages."""

    wall: float
    controller: float
    hosts: float
    packages: float
    tasks: int
    changed: int


@dataclass(frozen=True)
class Rig:
    """The inventory of a lab that is up, and where the roles and the logs are."""

    inventory: Path
    roles: Path
    folder: Path

    def argv(self, contender: Contender, *options: str) -> list[str]:
        playbook, *more = contender.argv
        return [
            "ansible-playbook",
            "-i",
            str(self.inventory),
            str(self.roles / playbook) if contender.source else playbook,
            *more,
            *options,
        ]

    def environment(self, scratch: str, pipelining: bool) -> dict[str, str]:
        made = dict(
            os.environ,
            ANSIBLE_ROLES_PATH=str(self.roles),
            # Each run connects anew, as one from a fresh shell does.
            ANSIBLE_SSH_CONTROL_PATH_DIR=f"{scratch}/cp",
            ANSIBLE_CALLBACK_PLUGINS=str(CALLBACKS),
            ANSIBLE_CALLBACKS_ENABLED="events",
            EVENTS=f"{scratch}/events",
        )
        if pipelining:
            made["ANSIBLE_PIPELINING"] = "true"
        return made

    def run(self, contender: Contender, hosts: int, pipelining: bool, *options: str) -> Cost:
        """Ends the bench where the run fails, with the end of what it printed."""
        # Short: it holds the sockets of ssh.
        with tempfile.TemporaryDirectory(prefix="rb-") as scratch, (self.folder / "log").open("w+") as log:
            argv = self.argv(contender, *options)
            before, busy = _children(), _busy(contender, hosts)
            began = time.monotonic()
            try:
                code = subprocess.call(
                    argv, env=self.environment(scratch, pipelining), cwd="/", stdout=log, stderr=log, timeout=LIMIT
                )
            except subprocess.TimeoutExpired:
                raise SystemExit(f"run: {' '.join(argv)} took more than {LIMIT} s") from None
            wall = time.monotonic() - began
            after, busier = _children(), _busy(contender, hosts)
            if code:
                log.seek(0)
                raise SystemExit(f"run: {' '.join(argv)} ended with {code}:\n{log.read()[-3000:]}")
            lines = [json.loads(line) for line in Path(scratch, "events").read_text().splitlines()]
            _hang_up(scratch)
        starts = [(row["time"], row["starts"]) for row in lines if "starts" in row]
        ends = [moment for moment, _name in starts[1:]] + [starts[-1][0]]
        packages = sum(end - start for (start, name), end in zip(starts, ends, strict=True) if PACKAGES.search(name))
        changed = sum(count["changed"] for row in lines if "stats" in row for count in row["stats"].values())
        return Cost(wall, after - before, busier - busy, packages, len(starts), changed)

    def round_trips(self, contender: Contender, hosts: int, pipelining: bool, *options: str) -> float:
        """Programs started over ssh and files copied, for each host, by what -vvv says of them."""
        with tempfile.TemporaryDirectory(prefix="rb-") as scratch:
            argv = self.argv(contender, "-vvv", *options)
            done = subprocess.run(
                argv,
                env=self.environment(scratch, pipelining),
                cwd="/",
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LIMIT,
                check=True,
            )
            _hang_up(scratch)
        return len(re.findall(r"SSH: EXEC (?:ssh|sftp|scp) ", done.stdout)) / hosts


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _busy(contender: Contender, hosts: int) -> float:
    """Seconds that the processes of the contender's hosts have run."""
    total = 0
    for number in range(1, hosts + 1):
        text = (lab.cgroup(host(contender, number)) / "cpu.stat").read_text()
        total += int(text.split("usage_usec ")[1].split()[0])
    return total / 1e6


def _hang_up(scratch: str) -> None:
    """End the connections that ssh keeps open for the next run."""
    for socket in Path(scratch, "cp").glob("*"):
        subprocess.run(
            ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"], capture_output=True, check=False
        )


@contextmanager
def up(inventory: Path) -> Iterator[None]:
    """A lab of fresh hosts; whatever comes of it, nothing of it stays up."""
    environment = dict(os.environ, EVERYWHERE_INVENTORY=str(inventory))
    try:
        subprocess.run([sys.executable, str(LAB), "down"], env=environment, check=True)
        subprocess.run([sys.executable, str(LAB), "up"], env=environment, check=True)
        yield
    finally:
        subprocess.run([sys.executable, str(LAB), "down"], env=environment, check=True)
