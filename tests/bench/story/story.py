# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web application before and after a deploy, far from its name servers: good days, names that expire, ns1 dead.

Two web servers in a VPC, 69 ms from the datacenter, whose name servers DHCP hands out first. Each request looks up
five of 50 names, half of them the datacenter's and half public, A and AAAA through libc. Every round measures, deploys
by the collection's playbook, measures again, and restores. Run it as root by `make bench BENCH=story`.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lab
from days import EACH, NAMES, SHORT, Sample, Servers, measure
from demo import install, play
from results import Bench, Cell, Claim, Plot, Table, middle, parser, percentile

HERE = Path(__file__).resolve().parent
Round = dict[str, dict[str, Any]]
#: A figure of one host in one round: from what was measured before or after.
Part = Callable[[dict[str, Any], str], float | None]


def total(phase: str, of: str | None = None) -> Part:
    """Seconds of all lookups of a phase, or of the first or the repeated ones of each name."""

    def part(found: dict[str, Any], host: str) -> float:
        one = found[phase][host]
        milliseconds: float = sum(one[of]) if of else sum(one["first"]) + sum(one["repeated"])
        return milliseconds / 1000

    return part


def each(phase: str, of: str, what: Callable[[list[float]], float | None]) -> Part:
    """Milliseconds of one lookup, such as the slowest."""
    return lambda found, host: what(found[phase][host][of])


def expiring(what: Callable[[list[float]], float | None]) -> Part:
    return lambda found, host: what([took for taken in found["expiries"][host]["taken"].values() for took in taken])


def told(phase: str, key: str) -> Part:
    return lambda found, host: found[phase][host][key]


def p999(values: list[float]) -> float | None:
    return percentile(values, 0.999)


def figures(sample: Sample) -> list[tuple[str, Part]]:
    """The rows of the table."""
    lookups = sample.requests * EACH
    return [
        (f"{lookups} lookups, s", total("requests")),
        ("of these, the first of each name, s", total("requests", "first")),
        ("of these, repeated, s", total("requests", "repeated")),
        ("a first lookup, ms", each("requests", "first", statistics.median)),
        ("a repeated lookup, ms", each("requests", "repeated", statistics.median)),
        ("the slowest repeated lookup, ms", each("requests", "repeated", max)),
        ("queries across the WAN", told("requests", "crossed")),
        ("names that expire: median, ms", expiring(statistics.median)),
        ("names that expire: p99.9, ms", expiring(p999)),
        ("names that expire: slowest, ms", expiring(max)),
        ("names that expire: lookups lost", told("expiries", "failed")),
        ("meanwhile, the machine let nothing run, ms", told("expiries", "late")),
        (f"ns1 dead: {sample.broken} lookups of known names, s", total("known")),
        (f"ns1 dead: {sample.broken} lookups of new names, s", total("fresh")),
    ]


def over(rounds: list[dict[str, Round]], when: str, part: Part, host: str) -> float | None:
    return middle([part(one[when], host) for one in rounds])


def table(rounds: list[dict[str, Round]], sample: Sample, hosts: list[str]) -> Table:
    rows: list[list[Cell]] = []
    for label, part in figures(sample):
        for host in hosts:
            before, after = (over(rounds, when, part, host) for when in ("before", "after"))
            rows.append([label, host, before, after, before / after if before and after else None])
    note = (
        f"Medians over the rounds. Names expire {sample.expiries_before} times before and {sample.expiries} times "
        "after. ns1 is dead as a frozen process is: it takes queries and answers none."
    )
    return Table("The application's lookups", ["", "host", "before", "after", "times"], rows, note)


def fetched(rounds: list[dict[str, Round]], hosts: list[str]) -> int:
    """How often the name that was fetched least was fetched while it expired."""
    counts = [one["after"]["expiries"][host]["fetched"] for one in rounds for host in hosts]
    return min(int(count[name]) for count in counts for name in SHORT)


def times(rounds: list[dict[str, Round]], part: Part, hosts: list[str]) -> float | None:
    """The smallest of the hosts' ratios, each of medians."""
    found = [(over(rounds, "before", part, host), over(rounds, "after", part, host)) for host in hosts]
    return min((before / after for before, after in found if before and after), default=None)


def claims(rounds: list[dict[str, Round]], sample: Sample, hosts: list[str]) -> list[Claim]:
    slowest = [over(rounds, "after", expiring(max), host) for host in hosts]
    return [
        Claim(
            "repeated lookups take at least 100 times less time in all than before",
            times(rounds, total("requests", "repeated"), hosts),
            100,
            "at least",
        ),
        Claim(
            f"the slowest lookup while names expire {sample.expiries} times under load takes under 5 ms",
            max((one for one in slowest if one is not None), default=None),
            5,
        ),
        Claim(
            f"each of these names was fetched anew at least {sample.expiries} times",
            fetched(rounds, hosts),
            sample.expiries,
            "at least",
        ),
        Claim(
            "with the first resolver dead, lookups of known names take at least 500 times less time in all than before",
            times(rounds, total("known"), hosts),
            500,
            "at least",
        ),
    ]


def plots(rounds: list[dict[str, Round]], hosts: list[str]) -> list[Plot]:
    def pooled(when: str, phase: str) -> list[float]:
        found = [one[when][phase][host] for one in rounds for host in hosts]
        return [took for one in found for took in one["first"] + one["repeated"]]

    return [
        Plot(
            title, "ms", "ecdf", [{"label": when, "values": pooled(when, phase)} for when in ("before", "after")], "log"
        )
        for title, phase in (("Lookups on a good day", "requests"), ("Known names while ns1 is dead", "known"))
    ]


def main() -> int:
    options = parser("story", __doc__)
    options.add_argument("--rounds", type=int, default=3, help="each with a deploy and a restore (%(default)s)")
    given = options.parse_args()
    sample = Sample(20, 1, 1, 1) if given.quick else Sample(200, 10, 5, 20)
    if lab.INVENTORY.parent != HERE / "inventory":
        raise SystemExit(f"story: EVERYWHERE_INVENTORY has to be {HERE / 'inventory'}: use `make bench BENCH=story`")
    rounds: list[dict[str, Round]] = []
    known = {host.name: host for host in lab.read_inventory()[1]}
    clients = [host for host in known.values() if not host.is_server]
    hosts = [host.name for host in clients]
    servers = Servers([known["st-ns1"], known["st-ns2"]], known["st-cloud"])
    wanted = 1 if given.quick else given.rounds
    bench = Bench(
        "story",
        "A web application, before and after",
        f"{sample.requests} requests of {EACH} lookups each, of {len(NAMES)} names, on each of {len(hosts)} hosts, "
        "69 ms from the name servers that DHCP hands out; then names that live for 5 s, asked for twenty times a "
        "second; then the first name server dead. Before and after a deploy.",
        rounds=wanted,
        quick=given.quick,
        commands=["ansible-playbook everywhere.dnsmasq.deploy -i tests/bench/story/inventory -e dnsmasq_hosts=clients"],
    )
    collections = Path(tempfile.mkdtemp())
    try:
        install(collections)
        lab.down()
        lab.up()
        for number in range(wanted):
            bench.say(f"round {number + 1} of {wanted}: as DHCP left it")
            before = measure(clients, servers, sample, before=True)
            play(collections, "deploy", "-e", "dnsmasq_hosts=clients")
            bench.say(f"round {number + 1} of {wanted}: deployed")
            after = measure(clients, servers, sample, before=False)
            rounds.append({"before": before, "after": after})
            bench.versions = {"dnsmasq": dnsmasq_version(clients[0])}
            if number + 1 < wanted:
                play(collections, "restore", "-e", "dnsmasq_hosts=clients")
    finally:
        lab.down()
        shutil.rmtree(collections)
    bench.tables = [table(rounds, sample, hosts)]
    bench.plots = plots(rounds, hosts)
    bench.claims = [] if given.quick else claims(rounds, sample, hosts)
    return bench.finish(given.json)


def dnsmasq_version(host: lab.Host) -> str:
    done = lab.inside(host, "dpkg-query", "-W", "-f", "${Version}", "dnsmasq-base")
    if done.returncode:
        raise SystemExit(f"story: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
