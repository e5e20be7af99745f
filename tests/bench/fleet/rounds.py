# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one release is put through, inside the namespace: rounds.py FD, with the order and the results as JSON there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import authority
from client import PATIENCE, Client, Outcome
from images import CACHE
from instances import Instances
from layout import AUTHORITY, LOCAL_BRIDGES, REMOTE_BRIDGES, ZONE, Layout, local_address
from namespace import Counters, dropped, end_quietly, make_network, make_root, say, sh

BRIDGES = LOCAL_BRIDGES | REMOTE_BRIDGES
#: The TTL of a name that is to expire, and of one that is not, in seconds.
BRIEF, LONG = 2, 3600
#: Longer than any of the tiers waits before it asks again.
_QUIET = 1.5
#: Seconds that the bridges are held: the locals wait for longer before they ask again.
_HELD = 0.3
Row = dict[str, Any]


@dataclass(frozen=True)
class Order:
    """What to do, as the command line says it."""

    suite: str
    image: list[str]
    instances: int
    cold: int
    delay: float
    expiries: int
    expiry_instances: int
    rate: float


def available() -> float:
    """The memory that the machine has left, in MiB."""
    found = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024


class Rounds:
    """The fleet of one release, and what was counted in each of its rounds."""

    def __init__(self, order: Order, root: Path) -> None:
        self.order = order
        self.layout = Layout(order.instances)
        self.instances = Instances(root)
        self.counters = Counters(root, BRIDGES | {"authority": AUTHORITY})
        self.version = sh("chroot", str(root), "dnsmasq", "--version").split()[2]
        self.rows: list[Row] = []
        self.memory: dict[str, float] = {}

    def all(self) -> dict[str, Any]:
        say(f"{self.order.suite}: dnsmasq {self.version}")
        before = available()
        with self.fleet(bare=False) as client:
            self.memory = {
                "local_pss_mib": self.instances.memory() - self.instances.memory(BRIDGES),
                "bridges_pss_mib": self.instances.memory(BRIDGES),
                "available_before_mib": before,
                "available_after_mib": available(),
            }
            for number in range(1, self.order.cold + 1):
                self.burst(f"cold {number}", client, f"cold-{number}")
            self.burst("warm", client, f"cold-{self.order.cold}")
            self.instant("cold at one instant", client, "instant")
            self.burst("a local bridge frozen", client, "frozen-local", frozen=[self.asked_most(LOCAL_BRIDGES)])
            self.burst("a remote bridge frozen", client, "frozen-remote", frozen=[self.asked_most(REMOTE_BRIDGES)])
            if self.order.expiries:
                self.expiry()
        with self.fleet(bare=True) as client:
            self.burst("defaults: cold", client, "defaults")
            self.instant("defaults: cold at one instant", client, "defaults-instant")
        return {
            "suite": self.order.suite,
            "version": self.version,
            "instances": self.order.instances,
            "memory": self.memory,
            "local_sizes": self.layout.local_plan["sizes"],
            "bridge_sizes": {host: self.layout.bridge_plan(host)["sizes"] for host in BRIDGES},
            "rounds": self.rows,
        }

    @contextmanager
    def fleet(self, bare: bool) -> Iterator[Client]:
        """All instances up, with the role's configuration or with dnsmasq's defaults, and the sockets to ask them."""
        kind = " with dnsmasq's defaults" if bare else ""
        bridges = list(self.layout.bridges(self.version, bare))
        self.instances.start(f"bridges{kind}", bridges)
        self.instances.set_receive_buffers(bridges)
        if not bare:
            sizes = sorted({server.receive_buffer for server in bridges if server.receive_buffer})
            say(
                f"the bridges' sockets got the receive buffer ({', '.join(map(str, sizes))} bytes) that the role gives "
                "them by net.core.rmem_default: here by SO_RCVBUFFORCE, because the sysctl is the whole machine's"
            )
        self.instances.start(f"locals{kind}", self.layout.locals(self.version, bare))
        with Client([local_address(index) for index in range(self.order.instances)]) as client:
            yield client
        dead = self.instances.deaths()
        if dead:
            raise SystemExit(f"fleet: {len(dead)} instances ended, among them {dead[0]}:\n{self.instances.log()}")
        self.instances.end()

    def settle(self) -> dict[str, int]:
        """Wait until nobody asks anybody any more; gives the counts of then."""
        counts, since, limit = self.counters.read(), time.monotonic(), time.monotonic() + 30
        while time.monotonic() < min(since + _QUIET, limit):
            time.sleep(0.1)
            now = self.counters.read()
            if now != counts:
                counts, since = now, time.monotonic()
        return counts

    def asked_most(self, bridges: Iterable[str]) -> str:
        """Which bridge comes first is not the same for all releases: the one that was asked when all were well."""
        sent = self.rows[0]["sent"]
        return max(bridges, key=lambda host: int(sent[host]))

    def count(self, what: str, name: str, wave: Callable[[], Outcome]) -> Row:
        before, drops = self.settle(), dropped()
        asked = authority.asked(AUTHORITY, name)
        outcome = wave()
        after = self.settle()
        sent = {host: after[host] - before[host] for host in self.counters.names}
        row = {
            "round": what,
            "name": name,
            "to_bridges": sum(sent[host] for host in LOCAL_BRIDGES),
            "crossed": sum(sent[host] for host in REMOTE_BRIDGES),
            "authority": sent["authority"],
            "authority_says": authority.asked(AUTHORITY, name) - asked,
            "dropped": dropped() - drops,
            **outcome.figures(),
            # Those that were not answered from any cache, whatever else delayed them.
            "waited": sum(latency >= self.order.delay for latency in outcome.latencies),
            "sent": sent,
        }
        self.rows.append(row)
        return row

    def burst(self, what: str, client: Client, label: str, frozen: Collection[str] = ()) -> None:
        """All ask as fast as they can; what frozen ones do when they wake up belongs to no round."""
        name = f"ttl{LONG}.{label}.{ZONE}"
        with self.instances.frozen(frozen):
            self.tell(self.count(what, name, lambda: client.burst(name)))

    def instant(self, what: str, client: Client, label: str) -> None:
        """The bridges read nothing until all have asked: thousands of hosts have more processors than this machine."""
        name = f"ttl{LONG}.{label}.{ZONE}"
        held = 0
        with self.instances.frozen(LOCAL_BRIDGES) as wake:

            def when_sent() -> None:
                nonlocal held
                deadline = time.monotonic() + _HELD
                while held < self.order.instances and time.monotonic() < deadline:
                    now = self.counters.read()
                    held = min(now[host] - before[host] for host in LOCAL_BRIDGES)
                wake()

            before = self.settle()
            row = self.count(what, name, lambda: client.burst(name, when_sent))
        # How many waited at each bridge when it was let go, at least.
        row["held"] = held
        self.tell(row)

    @staticmethod
    def tell(row: Row) -> None:
        say(
            f"{row['round']}: {row['asked']} ask, {row['to_bridges']} to bridges, {row['crossed']} cross, "
            f"{row['authority']} to the authority, {row['lost']} lost, {row['refused']} refused"
        )

    def expiry(self) -> None:
        """A name that expires again and again while it is asked for all the time."""
        order = self.order
        name = f"ttl{BRIEF}.expiry.{ZONE}"
        # A client of its own: those that never had the name would have to wait for it.
        members = min(order.expiry_instances, order.instances)
        first = 0
        said = 0.0

        def enough(seconds: float) -> bool:
            nonlocal said
            expired = authority.asked(AUTHORITY, name) - first
            if seconds > said + 8:
                said = seconds
                say(f"expiry: {expired} of {order.expiries} after {seconds:.0f} s")
            return expired >= order.expiries or seconds > order.expiries * BRIEF * 3

        with Client([local_address(index) for index in range(members)]) as client:
            client.burst(name)
            first = authority.asked(AUTHORITY, name)
            row = self.count("expiry", name, lambda: client.paced(name, order.rate, enough))
        row["expiries"] = row["authority_says"]
        row["instances"] = members
        say(
            f"expiry: {row['asked']} ask, {row['expiries']} expiries, {row['to_bridges']} to bridges, {row['crossed']} "
            f"cross, {row['waited']} waited for the authority, p99.9 {row['p999'] or PATIENCE * 1000:.2f} ms"
        )


def main() -> None:
    end_quietly()
    with os.fdopen(int(sys.argv[1]), "r+") as channel:
        order = Order(**json.load(channel))
        make_network([*BRIDGES.values(), AUTHORITY])
        root = make_root([Path(part) for part in order.image], CACHE / "fleet")
        serve = [sys.executable, authority.__file__, AUTHORITY, str(order.delay)]
        # Whatever is started in here ends with this process, which is the first of its namespace.
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert server.stdout
        server.stdout.readline()
        results = Rounds(order, root).all()
        channel.seek(0)
        channel.truncate()
        json.dump(results, channel)


if __name__ == "__main__":
    main()
