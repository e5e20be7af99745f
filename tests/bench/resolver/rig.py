# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's host with every cache on it: booted, the collection deployed by its playbook, the rest put beside it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lab
import plays
from caches import DEPLOYED_FILE, FOLDER, HERE, UNITS, Contender
from measure import shell

_PACKAGES = (
    *("dnsmasq-base", "unbound", "knot-resolver", "systemd-resolved", "nscd", "libc6", "dnsperf"),
    *("bind9-dnsutils", "python3-dnspython", "gcc"),
)


@contextmanager
def booted() -> Iterator[lab.Host]:
    """The host with the caches, freshly booted; whatever comes of it, nothing of the lab stays up."""
    if lab.INVENTORY.parent != HERE / "inventory":
        raise SystemExit(
            f"resolver: EVERYWHERE_INVENTORY has to be {HERE / 'inventory'}: use `make bench BENCH=resolver`"
        )
    try:
        lab.down()
        lab.up()
        hosts = {host.name: host for host in lab.read_inventory()[1]}
        caches, upstream = hosts["bench-caches"], hosts["bench-upstream"]
        shutil.copytree(HERE / "upstream", upstream.root, dirs_exist_ok=True)
        shell(upstream, "systemctl restart unbound")
        yield caches
    finally:
        lab.down()


def deploy(host: lab.Host) -> None:
    """The playbook of the collection, as a user runs it; then everything else that will be measured."""
    with tempfile.TemporaryDirectory() as folder:
        done = plays.play_quietly(Path(folder), "deploy")
    if done.returncode:
        raise SystemExit(f"resolver: the deploy ended with {done.returncode}:\n{done.text[-3000:]}")
    shutil.copytree(HERE / "host", host.root, dirs_exist_ok=True)
    shell(
        host,
        f"systemctl stop {' '.join(UNITS)}; systemctl daemon-reload; cd {FOLDER}; "
        "for each in echo client; do gcc -O2 -Wall -Wextra -o $each $each.c; done",
    )


def bring(host: lab.Host, contenders: list[Contender]) -> None:
    """Their configurations, as files that are copied to their place when it is their turn."""
    (host.root / "srv/bench/conf").mkdir(exist_ok=True)
    for each in contenders:
        if each.target:
            (host.root / each.file.lstrip("/")).write_text(each.configuration)


def settings_of(text: str) -> list[str]:
    """Without comments and blank lines."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def prove_rendered(host: lab.Host, contender: Contender) -> None:
    """What the bench renders is what the playbook deployed, setting for setting."""
    there = settings_of((host.root / DEPLOYED_FILE.lstrip("/")).read_text())
    if there != settings_of(contender.configuration):
        raise SystemExit(f"resolver: the playbook deployed {there}, and the bench renders {contender.configuration}")


def dnsmasq_version(host: lab.Host) -> str:
    return shell(host, "dnsmasq --version").split()[2]


def versions(host: lab.Host) -> dict[str, str]:
    told = shell(host, f"dpkg-query -W -f '${{Package}} ${{Version}}\\n' {' '.join(_PACKAGES)}")
    return dict(line.split() for line in told.splitlines())
