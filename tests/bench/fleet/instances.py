# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thousands of dnsmasq: started, frozen, measured, ended, each by its process id."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from client import silent
from layout import Server
from namespace import say
from sockets import set_receive_buffer

#: Started before the first of them is waited for.
_BATCH = 100
_SECONDS_TO_ANSWER = 60
_LOG = "var/log/fleet.log"


class Instances:
    """Servers that run in the root of an image; those of a group are addressed by their hosts' names."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, what: str, servers: Iterable[Server]) -> float:
        """Start them all and wait until each answers; gives the seconds that it took."""
        began, said, count = time.monotonic(), time.monotonic(), 0
        waiting = iter(servers)
        while batch := list(islice(waiting, _BATCH)):
            for server in batch:
                self._start(server)
            missing = silent([server.address for server in batch], _SECONDS_TO_ANSWER)
            if missing:
                raise SystemExit(
                    f"fleet: {len(missing)} instances do not answer, among them {min(missing)}:\n{self.log()}"
                )
            count += len(batch)
            if time.monotonic() > said + 5:
                said = time.monotonic()
                say(f"started {count} {what} in {said - began:.0f} s")
        say(f"started {count} {what} in {time.monotonic() - began:.0f} s: each answers")
        return time.monotonic() - began

    def _start(self, server: Server) -> None:
        configuration = Path("etc/fleet") / f"{server.host}.conf"
        (self.root / configuration).parent.mkdir(exist_ok=True)
        (self.root / configuration).write_text(server.configuration)
        argv = ["chroot", str(self.root), "dnsmasq", "--keep-in-foreground", "--log-facility=-"]
        with (self.root / _LOG).open("ab") as log:
            self._processes[server.host] = subprocess.Popen(
                [*argv, f"--conf-file=/{configuration}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def log(self, lines: int = 15) -> str:
        return "\n".join((self.root / _LOG).read_text(errors="replace").splitlines()[-lines:])

    def set_receive_buffers(self, servers: Iterable[Server]) -> None:
        for server in servers:
            if server.receive_buffer:
                set_receive_buffer(self._processes[server.host].pid, server.receive_buffer)

    @contextmanager
    def frozen(self, hosts: Iterable[str]) -> Iterator[Callable[[], None]]:
        """The hosts' processes are stopped: their sockets take queries, and nobody reads them. Gives what ends it."""
        processes = [self._processes[host].pid for host in hosts]

        def wake() -> None:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield wake
        finally:
            wake()

    def memory(self, hosts: Iterable[str] | None = None) -> float:
        """The proportional set sizes of these hosts, or of all, in MiB."""
        total = 0
        for host in self._processes if hosts is None else hosts:
            for line in Path(f"/proc/{self._processes[host].pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total / 1024

    def deaths(self) -> list[str]:
        return [host for host, process in self._processes.items() if process.poll() is not None]

    def end(self) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
