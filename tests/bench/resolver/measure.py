# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contender on the lab's host: put up alone, its cache filled, and asked in each of the ways."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

import lab
from caches import ECHO, FOLDER, UNITS, Contender, zone
from results import percentile

#: Processor of the server, and of the client where it is another one.
SERVER_CPU, CLIENT_CPU = 0, 1
#: What a cache holds that is smaller than the others.
MOST_IN_SMALL = 100
WAYS = ("UDP, same core", "UDP, other core", "getaddrinfo", "dig", "dnspython")


@dataclass(frozen=True)
class Amounts:
    """How much is asked in one round."""

    queries: int = 20000
    calls: int = 5000
    digs: int = 100
    pythons: int = 1000
    load_seconds: float = 3


@dataclass
class Figures:
    """What one round measured of one contender; latencies in microseconds, by way."""

    latencies: dict[str, list[float]] = field(default_factory=dict)
    #: Answers with NOERROR a second, and for each second of the processor that the server used.
    per_second: float = 0
    per_cpu_second: float = 0
    #: Microseconds of the processor for one answer, asked for alone.
    cpu_for_one: float = 0
    #: Packets that left the host while the cache was asked, of each 100 queries, by way.
    went_upstream: dict[str, float] = field(default_factory=dict)

    def at(self, way: str, part: float) -> float | None:
        return percentile(self.latencies.get(way, []), part)


def names_of(count: int, zones: int) -> list[str]:
    """Hot names, spread evenly over the zones."""
    return [f"h{number}.{zone(number * zones // count)}" for number in range(count)]


def shell(host: lab.Host, command: str) -> str:
    done = lab.inside(host, "sh", "-ec", command)
    if done.returncode:
        raise SystemExit(f"resolver: {command}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


class Measured:
    """A contender that is up, with its names."""

    def __init__(self, host: lab.Host, contender: Contender, names: list[str], amounts: Amounts, seed: int) -> None:
        self.host, self.contender, self.names, self.amounts, self.seed = host, contender, names, amounts, seed
        self.run = partial(shell, host)
        self.figures = Figures()
        # What does not fit is not filled in again, and asked less often: each question goes upstream.
        overflows = contender.is_small and len(names) > MOST_IN_SMALL
        self.first = 0 if overflows else 1
        self.queries = min(amounts.queries, 2000) if overflows else amounts.queries

    def put_up(self) -> None:
        """Alone, on its processor, and answering."""
        it = self.contender
        steps = [f"systemctl stop {' '.join(UNITS)}"]
        if it.target:
            steps.append(f"cp {shlex.quote(it.file)} {it.target}")
        steps.append(f"systemctl restart {it.unit}")
        self.run("\n".join(steps))
        self.pid = int(self.run(f"systemctl show -p MainPID --value {it.unit}"))
        (self.host.root / "srv/bench/names").write_text("\n".join(self.names) + "\n")
        (self.host.root / "srv/bench/absolute").write_text("".join(f"{name}.\n" for name in self.names))
        (self.host.root / "srv/bench/load").write_text("".join(f"{name} A\n" for name in self.names))
        self.run(f"taskset -a -c -p {SERVER_CPU} {self.pid}")
        if not it.only_libc:
            question = f"dig +tries=1 +time=1 @{it.address} {self.names[0]}"
            self.run(
                f"for n in $(seq 60); do {question} | grep -q 'status: NOERROR' && exit; sleep 0.1; done; "
                f"echo {shlex.quote(it.label)} does not answer; exit 1"
            )
            self.run(f"dnsperf -s {it.address} -d {FOLDER}/load -n 1 -q 50 -c 1 -T 1")

    def sent(self) -> int:
        return int(self.run("cat /sys/class/net/eth0/statistics/tx_packets"))

    def cpu_seconds(self) -> float:
        """Of all its threads, as the scheduler counts them."""
        rows = self.run(f"cat /proc/{self.pid}/task/*/schedstat").splitlines()
        return sum(int(row.split()[0]) for row in rows) / 1e9

    def ask_udp(self) -> None:
        """One question after the other; on the server's own core its work for each is counted, too."""
        for way, processor in ((WAYS[0], SERVER_CPU), (WAYS[1], CLIENT_CPU)):
            sent, used = self.sent(), self.cpu_seconds()
            asked = f"{self.contender.address} {self.first} {self.queries} {self.seed + processor}"
            told = self.run(f"taskset -c {processor} {FOLDER}/client udp {asked} <{FOLDER}/names")
            self.keep(way, told)
            questions = self.first * len(self.names) + self.queries
            self.figures.went_upstream[way] = 100 * (self.sent() - sent) / questions
            if processor == SERVER_CPU:
                self.figures.cpu_for_one = 1e6 * (self.cpu_seconds() - used) / questions

    def keep(self, way: str, told: str) -> None:
        bad, *took = told.split()
        it = self.contender
        # A cache that is too small may lose some of its questions to the limits on those under way.
        if int(bad) and not (it.is_empty or it.is_small):
            raise SystemExit(f"resolver: {it.label}: {bad} of {len(took)} questions ({way}) got no address")
        self.figures.latencies[way] = microseconds(took)

    def ask_libc(self) -> None:
        """As a process does whose resolv.conf names this server and no other."""
        it = self.contender
        listed = f"{FOLDER}/resolv.conf"
        given = "nameserver 10.80.0.2" if it.only_libc else f"nameserver {it.address}"
        inner = (
            f"mount --bind {listed} /etc/resolv.conf; exec taskset -c {SERVER_CPU} {FOLDER}/client libc - "
            f"{self.first} {self.amounts.calls} {self.seed} <{FOLDER}/absolute"
        )
        told = self.run(f"echo {given} >{listed}; unshare --mount sh -ec {shlex.quote(inner)}")
        self.keep("getaddrinfo", told)

    def ask_dig(self) -> None:
        names = " ".join(self.names[index % len(self.names)] for index in range(self.amounts.digs))
        told = self.run(f"taskset -c {CLIENT_CPU} dig -u +noall +stats @{self.contender.address} {names}")
        took = re.findall(r"Query time: (\d+) usec", told)
        if len(took) != self.amounts.digs:
            raise SystemExit(f"resolver: {self.contender.label}: dig was answered {len(took)} times")
        self.figures.latencies["dig"] = [float(each) for each in took]

    def ask_dnspython(self) -> None:
        told = self.run(
            f"taskset -c {CLIENT_CPU} /usr/bin/python3 {FOLDER}/asked.py {self.contender.address} "
            f"{self.amounts.pythons} <{FOLDER}/names"
        )
        self.figures.latencies["dnspython"] = microseconds(told.split())

    def load(self) -> None:
        """As much as one thread of dnsperf can ask from the other processor."""
        before = self.cpu_seconds()
        told = self.run(load_command(self.contender.address, self.amounts.load_seconds))
        used = self.cpu_seconds() - before
        good = re.search(r"NOERROR (\d+)", told)
        seconds = re.search(r"Run time \(s\): +([0-9.]+)", told)
        if not good or not seconds or not used:
            raise SystemExit(f"resolver: {self.contender.label}: dnsperf says\n{told}")
        self.figures.per_second = int(good[1]) / float(seconds[1])
        self.figures.per_cpu_second = int(good[1]) / used


def load_command(address: str, seconds: float) -> str:
    return f"taskset -c {CLIENT_CPU} dnsperf -s {address} -d {FOLDER}/load -l {seconds:g} -q 100 -c 20 -T 1"


def microseconds(nanoseconds: Iterable[str]) -> list[float]:
    return [int(each) / 1000 for each in nanoseconds]


def measure(host: lab.Host, contender: Contender, names: int, amounts: Amounts, seed: int, every_way: bool) -> Figures:
    """One round of one contender; `every_way` asks through libc, dig and dnspython as well."""
    it = Measured(host, contender, names_of(names, contender.zones), amounts, seed)
    it.put_up()
    if not contender.only_libc:
        it.ask_udp()
        it.load()
    if every_way:
        it.ask_libc()
        if not contender.only_libc:
            it.ask_dig()
            it.ask_dnspython()
    return it.figures


def commands() -> list[str]:
    """What is run, for whoever wants to repeat it by hand."""
    amounts = Amounts()
    return [
        f"taskset -c {SERVER_CPU} client udp ADDRESS 1 {amounts.queries} SEED <names   # the same with -c {CLIENT_CPU}",
        load_command("ADDRESS", amounts.load_seconds),
        f"taskset -c {SERVER_CPU} client libc - 1 {amounts.calls} SEED <names   # resolv.conf: nameserver ADDRESS",
        f"taskset -c {CLIENT_CPU} dig -u +noall +stats @ADDRESS NAME...",
        f"taskset -c {CLIENT_CPU} python3 asked.py ADDRESS {amounts.pythons} <names",
        f"systemctl start {ECHO.unit}   # and so each in its turn, alone, with taskset -a -c -p {SERVER_CPU} PID",
    ]
