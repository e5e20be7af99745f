# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run costs a fleet: this collection's beside published roles' and beside the least that a playbook can do.

Each contender has hosts of its own in one lab, real systemd hosts with DHCP that are reached over ssh. First deploys
are made on fresh hosts; second runs, which change nothing, and changes of a zone's server take turns. Every run opens
its own connections. Run it as root by `make bench BENCH=run`.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contenders import ALL, FLOOR, OURS, PING, ROLES, SERVERS, VERIFY, Contender, fetch, write_inventory
from results import FOLDER, Bench, Claim, Plot, Table, middle, parser
from runner import Cost, Rig, up

#: Names that a verify has to prove, beside the zone and the upstream.
NAMES = 50
FIRST, AGAIN, CHANGE, PROVE, CONNECT = "first deploy", "nothing to change", "one zone changed", "verify", "connect"


@dataclass
class Level:
    """What was measured with so many hosts and one way of connecting."""

    hosts: int
    pipelining: bool
    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=dict)
    trips: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, kind: str, contender: Contender, cost: Cost) -> None:
        self.costs.setdefault((kind, contender.name), []).append(cost)

    def figure(self, kind: str, name: str, part: str) -> float | None:
        return middle([getattr(cost, part) for cost in self.costs.get((kind, name), [])])

    def without_packages(self, name: str) -> float | None:
        return middle([cost.wall - cost.packages for cost in self.costs.get((FIRST, name), [])])

    def ratio(self, kind: str, name: str, to: str) -> float | None:
        one, other = self.figure(kind, name, "wall"), self.figure(kind, to, "wall")
        return one / other if one and other else None

    @property
    def label(self) -> str:
        return f"{self.hosts} host{'s' if self.hosts > 1 else ''}, {'pipelining' if self.pipelining else 'defaults'}"


def checks(folder: Path) -> Path:
    """A file of variables with so many names to verify; hosts share processors, and what is measured is the run."""
    rows = "".join(f"  - {{name: page{number}.corp.example}}\n" for number in range(1, NAMES + 1))
    path = folder / "checks.yml"
    path.write_text(f"dnsmasq_verify_max_cached_ms: 20\ndnsmasq_checks:\n{rows}")
    return path


def measure(bench: Bench, level: Level, contenders: tuple[Contender, ...], rig: Rig, rounds: int) -> None:
    """On hosts that have just booted: first deploys, then the others in turns."""
    for contender in contenders:
        cost = rig.run(contender, level.hosts, level.pipelining)
        level.add(FIRST, contender, cost)
        bench.say(f"{level.label}: {contender.name} first in {cost.wall:.1f} s, packages {cost.packages:.1f} s")
    if not rounds:
        return
    for contender in contenders:  # where a second run still settles something, it is not the one that is measured
        rig.run(contender, level.hosts, level.pipelining)
    for number in range(rounds):
        for contender in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
            cost = rig.run(contender, level.hosts, level.pipelining)
            if contender is OURS and cost.changed:
                raise SystemExit(f"run: the second run of {contender.name} changed something")
            level.add(AGAIN, contender, cost)
        bench.say(f"{level.label}: round {number + 1} of {rounds} without a change")
    for number in range(max(1, rounds // 2)):
        server = f"bench_server={SERVERS[(number + 1) % 2]}"
        for contender in contenders:
            cost = rig.run(contender, level.hosts, level.pipelining, "-e", server)
            if not cost.changed:
                raise SystemExit(f"run: {contender.name} changed nothing for another {server}")
            level.add(CHANGE, contender, cost)
    for contender in contenders:
        rig.run(contender, level.hosts, level.pipelining)
        level.trips[(AGAIN, contender.name)] = rig.round_trips(contender, level.hosts, level.pipelining)


def measure_verify(bench: Bench, level: Level, rig: Rig, rounds: int) -> None:
    """The playbook verify with many names, beside one that only connects."""
    for number in range(rounds):
        level.add(PROVE, OURS, rig.run(VERIFY, level.hosts, level.pipelining, "-e", f"@{checks(rig.folder)}"))
        level.add(CONNECT, OURS, rig.run(PING, level.hosts, level.pipelining))
        bench.say(f"{level.label}: verify, round {number + 1} of {rounds}")


def tables(levels: list[Level]) -> list[Table]:
    made = []
    for level in levels:
        names = list(dict.fromkeys(name for kind, name in level.costs if kind == AGAIN))
        rows: list[list[Any]] = []
        for kind in (FIRST, AGAIN, CHANGE):
            for name in names:
                if (kind, name) not in level.costs:
                    continue
                costs = level.costs[(kind, name)]
                rows.append(
                    [
                        kind,
                        name,
                        level.figure(kind, name, "wall"),
                        level.ratio(kind, name, "floor"),
                        level.without_packages(name) if kind == FIRST else None,
                        level.figure(kind, name, "controller"),
                        level.figure(kind, name, "hosts"),
                        costs[-1].tasks,
                        level.trips.get((kind, name)),
                        len(costs),
                    ]
                )
        for kind in (PROVE, CONNECT):
            costs = level.costs.get((kind, "ours"), [])
            figures = [level.figure(kind, "ours", part) for part in ("controller", "hosts")]
            if costs:
                wall = level.figure(kind, "ours", "wall")
                rows.append([kind, "ours", wall, None, None, *figures, costs[-1].tasks, None, len(costs)])
        columns = ["run", "of", "wall s", "to floor", "less packages s", "controller CPU s", "hosts CPU s"]
        made.append(Table(level.label, [*columns, "tasks", "round trips", "runs"], rows, NOTE))
    return made


NOTE = (
    "Medians. less packages: without the tasks that run apt. tasks: as the run starts them, skipped ones too. round "
    "trips: programs started and files copied over ssh, for each host. The published roles leave resolv.conf alone and "
    "prove nothing."
)


def plots(levels: list[Level]) -> list[Plot]:
    made = []
    for kind in (FIRST, AGAIN, CHANGE):
        groups = {level.label: level for level in levels if any(key[0] == kind for key in level.costs)}
        series = [
            {
                "label": contender.name,
                "values": {label: level.figure(kind, contender.name, "wall") for label, level in groups.items()},
            }
            for contender in ALL
        ]
        made.append(Plot(f"Wall time: {kind}", "seconds", "bars", series))
    return made


def claims(level: Level, fewest: Level) -> list[Claim]:
    """Of five hosts with pipelining; of one host what is said of one."""
    roles = [role.name for role in ROLES]
    walls = [level.figure(AGAIN, name, "wall") for name in roles]
    fastest = min((wall for wall in walls if wall), default=None)
    ours = level.figure(AGAIN, "ours", "wall")
    firsts = [level.without_packages(name) for name in roles]
    first, least = level.without_packages("ours"), min((wall for wall in firsts if wall), default=None)
    verify, ping = fewest.figure(PROVE, "ours", "wall"), fewest.figure(CONNECT, "ours", "wall")
    return [
        Claim(
            "A run that changes nothing takes at most 1.25 times the floor", level.ratio(AGAIN, "ours", "floor"), 1.25
        ),
        Claim(
            "A run that changes nothing takes less than the fastest published role's",
            ours / fastest if ours and fastest else None,
            1.0,
        ),
        Claim(
            "A first deploy, packages apart, takes no longer than the fastest published role's",
            first / least if first and least else None,
            1.0,
        ),
        Claim(
            f"A verify of {NAMES} names, {fewest.label}, takes less than 1.5 s more than a play that only connects",
            verify - ping if verify and ping else None,
            1.5,
        ),
    ]


def main() -> int:
    options = parser("run", __doc__)
    options.add_argument(
        "--hosts", default="5,1,20", help="of each contender, with commas; the first is claimed of (%(default)s)"
    )
    options.add_argument("--rounds", type=int, default=5, help="of runs that change nothing (%(default)s)")
    options.add_argument(
        "--labs", type=int, default=3, help="fresh labs for the first deploys of the first (%(default)s)"
    )
    options.add_argument(
        "--roles", type=Path, default=FOLDER / "roles", help="where the published roles are, or are cloned to"
    )
    args = options.parse_args()
    bench = Bench("run", "What a run costs a fleet", " ".join((__doc__ or "").split("\n\n")[1].split()))
    bench.versions = {"ansible-core": version("ansible-core"), "python": sys.version.split()[0]}
    bench.versions |= {role.name: role.commit[:12] for role in ROLES}
    folder = FOLDER / "run"
    folder.mkdir(parents=True, exist_ok=True)
    contenders: tuple[Contender, ...] = (FLOOR, OURS) if args.quick else ALL
    roles = folder if args.quick else fetch(args.roles)
    sizes = [2] if args.quick else [int(word) for word in args.hosts.split(",")]
    rounds, labs = (1, 1) if args.quick else (args.rounds, args.labs)
    bench.rounds = rounds
    levels: list[Level] = []
    for size in sizes:
        taking_part = contenders if size <= 10 else contenders[:3]
        for pipelining in (True,) if args.quick or size != sizes[0] else (True, False):
            level = Level(size, pipelining)
            levels.append(level)
            for number in range(labs if size == sizes[0] and pipelining else 1):
                rig = Rig(write_inventory(folder / f"inventory-{size}", taking_part, size), roles, folder)
                with up(rig.inventory):
                    last = number == labs - 1 or size != sizes[0] or not pipelining
                    measure(bench, level, taking_part, rig, rounds if last else 0)
                    if last:
                        measure_verify(bench, level, rig, rounds)
    bench.commands = [" ".join(rig.argv(contender)) for contender in contenders]
    bench.tables, bench.plots = tables(levels), plots(levels)
    bench.claims = (
        [] if args.quick else claims(levels[0], min(levels, key=lambda level: (level.hosts, not level.pipelining)))
    )
    return bench.finish(args.json)


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main())
