# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large fleet: what its plans and its deploy cost the controller, and how that grows with the number of hosts.

No host is connected to. The plans in three ways, each on one core: the playbook plan, what the playbook deploy does
before it touches a host, and the collection's own functions and template without Ansible around them. Then a deploy
in which every host changes, beside the same plays with empty tasks: changing.py.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from changing import DEPLOY, EMPTY, SETTINGS, Changing
from results import Bench, Cell, Claim, Plot, Table, middle, parser
from sites import BRIDGES, NETWORKS, Fleet
from watched import Cost, TooSlowError, run

HERE = Path(__file__).resolve().parent
PLAN, CHECK, DERIVE = "playbook plan", "check of deploy", "without Ansible"
#: Of a size and its half: twice would be linear, and less where a part does not grow; n log n is 2.2 here, squared 4.
GROWTH = 2.6
SECONDS, MEMORY = 60.0, 2048.0


@dataclass
class Way:
    """One way to derive all plans, and what each round of each size cost."""

    name: str
    costs: dict[int, list[Cost]] = field(default_factory=dict)
    #: What the way said or wrote, at each size.
    output: dict[int, int] = field(default_factory=dict)
    steps: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    #: The smallest size that was not done within the limit: no larger one is tried.
    too_slow_at: int | None = None

    def argv(self, fleet: Fleet, inventory: Path) -> list[str]:
        return {
            PLAN: ["ansible-playbook", "everywhere.dnsmasq.plan", "-i", str(inventory)],
            CHECK: ["ansible-playbook", str(HERE / "check.yml"), "-i", str(inventory)],
            DERIVE: [sys.executable, str(HERE / "derive.py"), str(fleet.hosts), str(fleet.zones)],
        }[self.name]

    def figure(self, hosts: int, part: str) -> float | None:
        return middle([getattr(cost, part) for cost in self.costs.get(hosts, [])])

    def step(self, hosts: int, name: str) -> float | None:
        return middle([steps[name] for steps in self.steps.get(hosts, [])])


def sizes(largest: int) -> list[int]:
    """Each twice the one before it."""
    return [largest // part for part in (8, 4, 2, 1)]


def measure(bench: Bench, way: Way, fleet: Fleet, inventory: Path, limit: float) -> None:
    hosts = fleet.hosts
    if way.too_slow_at is not None and hosts >= way.too_slow_at:
        return
    output = inventory.parent / "output"
    environment = dict(
        os.environ,
        ANSIBLE_COLLECTIONS_PATH=os.environ["EVERYWHERE_COLLECTIONS"],
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_FORCE_COLOR="false",
    )
    try:
        cost = run(way.argv(fleet, inventory), [max(os.sched_getaffinity(0))], limit, environment, output)
    except TooSlowError:
        way.too_slow_at = hosts
        bench.say(f"{way.name}, {hosts} hosts: ended after {limit:.0f} s, with {output.stat().st_size} bytes of output")
        return
    way.costs.setdefault(hosts, []).append(cost)
    way.output[hosts] = output.stat().st_size
    if way.name == DERIVE:
        way.steps.setdefault(hosts, []).append(json.loads(output.read_text()))
    bench.say(
        f"{way.name}, {hosts} hosts: {cost.wall:.1f} s, of processor {cost.processor:.1f} s, {cost.memory:.0f} MiB"
    )


def costs(ways: list[Way], asked: list[int]) -> Table:
    rows: list[list[Cell]] = [
        [
            way.name,
            hosts,
            way.figure(hosts, "wall"),
            way.figure(hosts, "processor"),
            way.figure(hosts, "memory"),
            growth(way, hosts),
            way.output.get(hosts),
        ]
        for way in ways
        for hosts in asked
    ]
    columns = ["way", "hosts", "wall, s", "processor, s", "memory, MiB", "times its half", "output, bytes"]
    note = (
        "Medians. Memory: the resident sets of the process and its children at one time, added up, so that what they "
        "share counts for each. Growth is that of processor time. -: not done within the limit."
    )
    return Table("What deriving all plans costs the controller", columns, rows, note)


def steps(way: Way, asked: list[int]) -> Table:
    names = ("plan", "settings", "render")
    rows: list[list[Cell]] = [
        [hosts, *((value * 1000 / hosts if (value := way.step(hosts, name)) else None) for name in names)]
        for hosts in asked
    ]
    note = "Milliseconds of processor for each host, every host derived anew."
    return Table("Without Ansible, step by step", ["hosts", *names], rows, note)


def growth(way: Way, hosts: int) -> float | None:
    whole, half = way.figure(hosts, "processor"), way.figure(hosts // 2, "processor")
    return whole / half if whole and half else None


def claims(ways: list[Way], fleet: Fleet) -> list[Claim]:
    """What was not done within the limit has no figure, and so does not hold."""
    made = []
    for way in ways:
        what = f"{way.name}, {fleet.hosts} hosts and {fleet.zones} zones"
        # Nobody renders the files of a fleet in one process: without Ansible the plans alone are held to the limit.
        seconds = way.step(fleet.hosts, "plan") if way.name == DERIVE else way.figure(fleet.hosts, "wall")
        made += [
            Claim(f"{what}: seconds on one core{' for the plans' if way.name == DERIVE else ''}", seconds, SECONDS),
            Claim(f"{what}: MiB, children included", way.figure(fleet.hosts, "memory"), MEMORY),
            Claim(f"{what}: processor time in times of that for half of the hosts", growth(way, fleet.hosts), GROWTH),
        ]
    return made


def plots(ways: list[Way], asked: list[int]) -> list[Plot]:
    return [
        Plot(
            title,
            unit,
            "lines",
            [
                {
                    "label": way.name,
                    "x": [hosts for hosts in asked if hosts in way.costs],
                    "y": [way.figure(hosts, part) for hosts in asked if hosts in way.costs],
                }
                for way in ways
            ],
            note="By the number of hosts.",
        )
        for title, unit, part in (
            ("Processor time by hosts", "s", "processor"),
            ("Memory by hosts", "MiB", "memory"),
        )
    ]


def main() -> int:
    options = parser("scale", __doc__)
    options.add_argument("--hosts", type=int, default=5000, help="the largest fleet (%(default)s)")
    options.add_argument("--zones", type=int, default=1000, help="zones in all networks together (%(default)s)")
    options.add_argument("--rounds", type=int, default=3, help="runs of each way and size (%(default)s)")
    options.add_argument("--limit", type=float, default=180.0, help="seconds that one run may take (%(default)s)")
    options.add_argument(
        "--deploy-hosts", type=int, default=5000, help="the largest fleet that is deployed to; 0: none (%(default)s)"
    )
    options.add_argument(
        "--deploy-limit", type=float, default=7200.0, help="seconds that one run of it may take (%(default)s)"
    )
    given = options.parse_args()
    networks = NETWORKS
    if given.quick:
        given.hosts, given.zones, given.rounds, given.limit = 480, 100, 1, 10.0
        given.deploy_hosts, given.deploy_limit, networks = 8, 120.0, 1
    if sizes(given.hosts)[0] < NETWORKS * BRIDGES:
        options.error(f"--hosts: an eighth of {given.hosts} is less than the {NETWORKS * BRIDGES} bridges")
    if given.deploy_hosts and given.deploy_hosts // 4 < networks * BRIDGES:
        options.error(
            f"--deploy-hosts: a quarter of {given.deploy_hosts} is less than the {networks * BRIDGES} bridges"
        )
    whole = Fleet(given.hosts, given.zones)
    asked = sizes(given.hosts)
    deploys = [given.deploy_hosts // part for part in ((2, 1) if given.quick else (4, 2, 1)) if given.deploy_hosts]
    changing = Changing([Fleet(hosts, given.zones, networks) for hosts in deploys], given.deploy_limit)
    ways = [Way(PLAN), Way(CHECK), Way(DERIVE)]
    bench = Bench(
        "scale",
        "A large fleet on one controller",
        f"Plans: {given.hosts} hosts and {given.zones} zones in {NETWORKS} networks with two bridges each, then half, "
        "a quarter and an eighth of these hosts; every run has one core. A deploy in which every host changes: "
        f"{given.deploy_hosts} hosts, then fewer, on all cores. No host is connected to.",
        rounds=given.rounds,
        versions={"ansible-core": version("ansible-core"), "python": platform.python_version()},
        quick=given.quick,
    )
    bench.commands = [" ".join(["taskset --cpu-list 1", *way.argv(whole, Path("inventory"))]) for way in ways]
    environment = [f"{name}={value}" for name, value in SETTINGS.items()]
    bench.commands += [" ".join([*environment, *changing.argv(play, Path("inventory"))]) for play in (DEPLOY, EMPTY)]
    folder = Path(tempfile.mkdtemp(prefix="everywhere-scale-"))
    try:
        inventories = {hosts: Fleet(hosts, given.zones).write(folder / str(hosts)) for hosts in asked}
        for number in range(given.rounds):
            for hosts in asked if number % 2 == 0 else reversed(asked):
                for way in ways:
                    measure(bench, way, Fleet(hosts, given.zones), inventories[hosts], given.limit)
        changing.measure(bench, folder)
    finally:
        shutil.rmtree(folder)
    bench.tables = [costs(ways, asked), steps(ways[-1], asked), *([changing.table()] if deploys else [])]
    bench.plots = plots(ways, asked)
    bench.claims = [] if given.quick else claims(ways, whole) + (changing.claims(GROWTH) if deploys else [])
    return bench.finish(given.json)


if __name__ == "__main__":
    sys.exit(main())
