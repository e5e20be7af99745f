# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network, mounts and processes of the fleet's own, which end with it whatever ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from images import mount_overlay

_TABLE = "fleet"
#: Nothing that runs in there outlives this command, and this command does not outlive who started it.
ENTER = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
)


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] fleet: {text}", flush=True)


def end_quietly() -> None:
    """Leave by way of every `finally` when told to stop, and without a traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: sys.exit(128 + got))


def sh(*argv: str) -> str:
    done = subprocess.run(argv, check=False, text=True, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode:
        raise SystemExit(f"fleet: {' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def make_network(addresses: Iterable[str]) -> None:
    """One host with many addresses: 127.0.0.0/8 and these, each of them out of reach from anywhere else."""
    sh("ip", "link", "set", "lo", "up")
    for address in addresses:
        sh("ip", "address", "add", f"{address}/32", "dev", "lo")


def make_root(image: list[Path], folder: Path) -> Path:
    """A root of the image that keeps what is written to it in memory; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    sh("mount", "-t", "tmpfs", "fleet", str(folder))
    root = folder / "root"
    mount_overlay(image, folder / "upper", root)
    # Not the machine's whole /dev, where its system log is.
    sh("mount", "-t", "tmpfs", "fleet-dev", str(root / "dev"))
    for device in ("null", "urandom"):
        (root / "dev" / device).touch()
        sh("mount", "--bind", f"/dev/{device}", str(root / "dev" / device))
    sh("mount", "-t", "proc", "proc", str(root / "proc"))
    for path in ("etc/dnsmasq.d", "run/dnsmasq", "var/log"):
        (root / path).mkdir(parents=True, exist_ok=True)
    return root


class Counters:
    """How many queries were sent to each of these addresses, also those that a full socket drops."""

    def __init__(self, root: Path, addresses: dict[str, str]) -> None:
        self._nft = ("chroot", str(root), "nft")
        self.names = list(addresses)
        lines = [f"table ip {_TABLE} {{"]
        lines += [f"counter {name} {{ }}" for name in addresses]
        lines += ["chain sent {", "type filter hook output priority 0;"]
        lines += [f"udp dport 53 ip daddr {address} counter name {name}" for name, address in addresses.items()]
        sh(*self._nft, "\n".join([*lines, "}", "}"]))

    def read(self) -> dict[str, int]:
        listed = json.loads(sh(*self._nft, "--json", "list", "counters", "table", "ip", _TABLE))
        rows = [row["counter"] for row in listed["nftables"] if "counter" in row]
        return {row["name"]: row["packets"] for row in rows}


def dropped() -> int:
    """How many datagrams full sockets of this network dropped so far."""
    names, values = (
        line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Udp:")
    )
    return int(values[names.index("RcvbufErrors")])
