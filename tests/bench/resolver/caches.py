# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is measured: each a unit of systemd on the lab's host, at an address of its own, one of them up at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.settings import settings
from layout import written

HERE = Path(__file__).resolve().parent
_GIVEN: dict[str, Any] = yaml.safe_load((HERE / "inventory" / "group_vars" / "all.yml").read_text())
NETWORK: str = _GIVEN["dnsmasq_network"]
#: Where everything of ours lies on the host; what the collection calls its own files.
FOLDER = "/srv/bench"
DEPLOYED_FILE = "/etc/dnsmasq-everywhere.conf"
BARE_FILE = f"{FOLDER}/bare.conf"
_UPSTREAM_FILE = "/run/dnsmasq-everywhere/upstream.conf"
_PID_FILE = "/run/dnsmasq/dnsmasq.pid"


@dataclass(frozen=True)
class Contender:
    """A unit, the address that it answers at, and the configuration that is put in place before it starts."""

    label: str
    unit: str
    address: str
    configuration: str = ""
    target: str = ""
    zones: int = 1
    #: Answers without records, as the floor does.
    is_empty: bool = False
    #: Asked through libc only: it has no address.
    only_libc: bool = False
    #: Its cache is smaller than the larger set of names.
    is_small: bool = False

    @property
    def file(self) -> str:
        """Where its configuration waits on the host."""
        return f"{FOLDER}/conf/{self.label.replace(' ', '-').replace('/', '_')}.conf"


ECHO = Contender("UDP echo", "bench-echo", "127.0.0.10", is_empty=True)
DEFAULTS = Contender("dnsmasq, Debian's defaults", "bench-defaults", "127.0.0.1", is_small=True)
UNBOUND = Contender("unbound", "unbound", "127.0.0.13")
KNOT = Contender("knot-resolver", "kresd@1", "127.0.0.14")
RESOLVED = Contender("systemd-resolved", "systemd-resolved", "127.0.0.53", is_small=True)
NSCD = Contender("nscd", "nscd", "127.0.0.1", only_libc=True)
#: Everything that is ever started, and so stopped before the next one is.
UNITS = (
    "bench-echo",
    "bench-bare",
    "bench-few",
    "bench-defaults",
    "dnsmasq",
    "unbound",
    "kresd@1",
    "systemd-resolved",
    "nscd",
)


def _bare_lines(address: str) -> list[str]:
    """dnsmasq at its best: one socket, one upstream, a cache."""
    listen = [f"listen-address={address}", "bind-interfaces", "no-resolv", "server=10.80.0.2", "cache-size=10000"]
    return [*listen, "user=dnsmasq", "group=nogroup", f"pid-file={_PID_FILE}"]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


BARE = Contender("dnsmasq, bare", "bench-bare", "127.0.0.11", _text(_bare_lines("127.0.0.11")), BARE_FILE)


def zone(number: int) -> str:
    return f"z{number}.bench.example"


def deployed_plan(zones: int) -> dict[str, Any]:
    """The inventory's topology, with as many zones."""
    network = _GIVEN["dnsmasq_topology"][NETWORK] | {"zones": [zone(number) for number in range(zones)]}
    planned: dict[str, Any] = plan({NETWORK: network}, "bench-caches", NETWORK)
    return planned


def deployed_settings(planned: dict[str, Any], version: str) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = settings(
        planned, version, user="dnsmasq", group="nogroup", pid_file=_PID_FILE, resolv_file=_UPSTREAM_FILE
    )
    return lines


def deployed(zones: int, version: str) -> Contender:
    """The role's own unit, with the configuration that the role writes for so many zones."""
    planned = deployed_plan(zones)
    text = written(planned, deployed_settings(planned, version))
    label = f"deployed, {zones:,} zone{'s' if zones > 1 else ''}"
    return Contender(label, "dnsmasq", "127.0.0.1", text, DEPLOYED_FILE, zones)


def with_zones(zones: int) -> Contender:
    """Bare, but for the rules of so many zones: what they cost without anything of ours."""
    lines = _bare_lines(BARE.address) + [f"server=/{zone(number)}/10.80.0.2" for number in range(zones)]
    return Contender(f"dnsmasq, bare, {zones:,} zones", BARE.unit, BARE.address, _text(lines), BARE_FILE, zones)


def explaining(version: str) -> Iterator[Contender]:
    """What lies between bare and deployed, one thing at a time: the sandbox, then each option of ours."""
    planned = deployed_plan(1)
    ours = deployed_settings(planned, version)
    yield Contender("bare + sandbox", "dnsmasq", "127.0.0.1", _text(_bare_lines("127.0.0.1")), DEPLOYED_FILE)
    text = written(planned, [line for line in ours if line["option"] != "listen-address"])
    open_text = f"listen-address={BARE.address}\n{text}"
    yield Contender("deployed - sandbox", BARE.unit, BARE.address, open_text, BARE_FILE)
    # dnsmasq scans a pool of sockets twice for each answer: half of dns-forward-max, and a third of its files at most.
    yield Contender("deployed - sandbox, 256 files", "bench-few", BARE.address, open_text, BARE_FILE)
    known = _bare_lines(BARE.address)
    for line in ours:
        setting = line["option"] if line["value"] is None else f"{line['option']}={line['value']}"
        if setting not in known and line["option"] != "listen-address":
            lines = [*known, setting]
            if line["option"] == "resolv-file":
                lines = [each for each in lines if each not in ("no-resolv", "server=10.80.0.2")]
            yield Contender(f"bare + {setting}", BARE.unit, BARE.address, _text(lines), BARE_FILE)
