# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast a cached name is answered: the deployed resolver beside the floor, bare dnsmasq and every other cache.

On a booted host of the lab, with the collection deployed by its playbook; one contender is up at a time, all of them in
each round, each round beginning with another one. Run it as root: make bench BENCH="resolver --rounds 5".
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import findings
import lab
from caches import BARE, ECHO, NSCD, Contender, deployed, explaining, with_zones
from measure import CLIENT_CPU, Amounts, commands, measure
from results import Bench, parser
from rig import booted, bring, deploy, dnsmasq_version, prove_rendered, versions

_FEW = Amounts(queries=2000, calls=500, digs=20, pythons=100, load_seconds=0.5)
_SOME = Amounts(queries=20000, calls=0, digs=0, pythons=0, load_seconds=2)
_WHAT = (
    "A booted Debian host of the lab, with the collection deployed to it by its playbook, and with every other cache "
    "from Debian's packages, one of them up at a time. The server runs on one processor; the client runs on the same "
    "one, where the server's own work is what differs, or on the other one, where waking a processor costs more than "
    "any answer. Bare is the same dnsmasq with nothing but an address, a cache and an upstream; the floor is a UDP "
    "server that sends each query back."
)


def arguments() -> argparse.Namespace:
    made = parser("resolver", __doc__)
    made.add_argument("--rounds", type=int, default=5, help="of each contender (%(default)s)")
    made.add_argument("--names", default="100,10000", help="numbers of hot names, with commas (%(default)s)")
    made.add_argument("--zones", default="1,1000,10000", help="numbers of zones, with commas (%(default)s)")
    made.add_argument(
        "--explain", action="store_true", help="instead: bare dnsmasq with one thing of ours at a time, 100 hot names"
    )
    options = made.parse_args()
    if options.quick:
        options.rounds, options.names, options.zones = 1, "100", "1000"
    for given in ("names", "zones"):
        setattr(options, given, [int(word) for word in getattr(options, given).split(",")])
    return options


def rounds(
    bench: Bench, host: lab.Host, contenders: Sequence[Contender], names: int, amounts: Amounts, every_way: bool
) -> findings.Story:
    """All contenders in each round, each round beginning with another one."""
    story = findings.Story(names)
    for number in range(bench.rounds):
        first = number % len(contenders)
        for each in [*contenders[first:], *contenders[:first]]:
            figures = measure(host, each, names, amounts, 2 * number + 1, every_way)
            story.add(each, figures)
            half = figures.at(findings.SAME, 0.5)
            told = f"p50 {half:.1f} us, {figures.per_cpu_second:,.0f} answers/CPU second" if half else "libc only"
            bench.say(f"{names:,} names, round {number + 1} of {bench.rounds}: {each.label}: {told}")
    ordered = findings.Story(names)
    ordered.rounds = {each: story.rounds[each] for each in contenders}
    return ordered


def compare(bench: Bench, host: lab.Host, options: argparse.Namespace, version: str) -> None:
    mine = [deployed(zones, version) for zones in options.zones]
    prove_rendered(host, deployed(1, version))
    # The rules of many zones cost bare dnsmasq something, too: it is asked with the most of them.
    contenders = [ECHO, BARE, with_zones(max(options.zones)), *mine, *findings.RIVALS]
    bring(host, contenders)
    stories = []
    for names in options.names:
        # Through libc, dig and dnspython once: they add the same to everything.
        every_way = names == options.names[0]
        amounts = _FEW if options.quick else Amounts()
        asked = contenders if every_way else [each for each in contenders if each is not NSCD]
        stories.append(rounds(bench, host, asked, names, amounts, every_way))
    for story in stories:
        bench.tables += [findings.latency_table(story, findings.SAME), findings.load_table(story)]
        bench.plots += [findings.latency_plot(story), findings.load_plot(story)]
    bench.tables += [findings.latency_table(stories[0], findings.OTHER), findings.ways_table(stories[0])]
    bench.plots.append(findings.spread_plot(stories[0]))
    if not options.quick:
        findings.claims(bench, stories, mine)


def explain(bench: Bench, host: lab.Host, version: str) -> None:
    contenders = [ECHO, BARE, *explaining(version), deployed(1, version)]
    bring(host, contenders)
    bench.tables.append(findings.explained_table(rounds(bench, host, contenders, 100, _SOME, False)))


def main() -> int:
    options = arguments()
    if os.geteuid():
        raise SystemExit("resolver: run it as root: the lab makes network namespaces and mounts")
    if (os.cpu_count() or 1) <= CLIENT_CPU:
        raise SystemExit("resolver: it takes two processors: one for the server and one for the client")
    bench = Bench(
        "resolver", "A cached name, beside every other cache", _WHAT, rounds=options.rounds, quick=options.quick
    )
    with booted() as host:
        bench.say("deploying the collection by its playbook")
        deploy(host)
        bench.versions, bench.commands = versions(host), commands()
        version = dnsmasq_version(host)
        if options.explain:
            explain(bench, host, version)
        else:
            compare(bench, host, options, version)
    return bench.finish(Path(options.json))


if __name__ == "__main__":
    sys.exit(main())
