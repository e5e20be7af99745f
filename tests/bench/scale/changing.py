# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy in which every host changes: the controller's processor time, split in Ansible's own and ours.

No host is there: the connection answers for each module. Ansible's own is what the same plays cost with the same tasks
made empty; ours is the rest: variables, templates, filters, arguments, results, and the validation of arguments.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from results import Bench, Cell, Claim, Table
from sites import Fleet
from watched import TooSlowError, run

HERE = Path(__file__).resolve().parent
STUBS = HERE.parents[1] / "integration" / "scale" / "connection"
SETTINGS = {
    "ANSIBLE_PIPELINING": "true",
    "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    "ANSIBLE_CONNECTION_PLUGINS": str(STUBS),
}
DEPLOY, EMPTY = "deploy", "empty tasks"
SECONDS = 60.0
#: What stands in the empty play for an action of the deploy; every other action stands for itself.
MODULE = "ansible.builtin.ping"
STANDS_FOR = {
    "everywhere.dnsmasq.derive_plans": "ansible.builtin.assert",
    "everywhere.dnsmasq.resolver_info": MODULE,
    "everywhere.dnsmasq.transaction": MODULE,
    "everywhere.dnsmasq.query_latency": MODULE,
    "ansible.builtin.apt": MODULE,
    # Ansible adds it to a role that describes its arguments: ours, since the empty play has no role.
    "ansible.builtin.validate_argument_spec": None,
}
Results = dict[str, Counter[str]]


@dataclass
class Changing:
    """Both plays at each size: seconds of the processor, of ansible-playbook and all its children."""

    fleets: list[Fleet]
    limit: float
    seconds: dict[tuple[str, int], float] = field(default_factory=dict)
    #: Plays that a size was too large for: no larger one is tried.
    too_slow: set[str] = field(default_factory=set)

    def argv(self, play: str, inventory: Path) -> list[str]:
        playbook = {DEPLOY: "everywhere.dnsmasq.deploy", EMPTY: str(HERE / "empty" / "deploy.yml")}[play]
        return ["ansible-playbook", playbook, "-i", str(inventory), "--connection", "stub_host"]

    def measure(self, bench: Bench, folder: Path) -> None:
        for fleet in self.fleets:
            at = folder / f"changing-{fleet.hosts}"
            inventories = {DEPLOY: fleet.write(at / "deploy"), EMPTY: fleet.write_bare(at / "empty")}
            results = {play: self._run(bench, play, fleet.hosts, inventory) for play, inventory in inventories.items()}
            check_alike(results[DEPLOY], results[EMPTY])

    def _run(self, bench: Bench, play: str, hosts: int, inventory: Path) -> Results | None:
        if play in self.too_slow:
            return None
        counted, output = inventory.with_suffix(".json"), inventory.with_suffix(".out")
        environment = (
            os.environ
            | SETTINGS
            | {
                "ANSIBLE_COLLECTIONS_PATH": os.environ["EVERYWHERE_COLLECTIONS"],
                "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
                "ANSIBLE_CALLBACKS_ENABLED": "count_results",
                "ANSIBLE_FORCE_COLOR": "false",
                "RESULTS": str(counted),
            }
        )
        try:
            cost = run(self.argv(play, inventory), sorted(os.sched_getaffinity(0)), self.limit, environment, output)
        except TooSlowError:
            self.too_slow.add(play)
            bench.say(f"{play}, {hosts} changing hosts: ended after {self.limit:.0f} s")
            return None
        self.seconds[play, hosts] = cost.processor
        bench.say(f"{play}, {hosts} changing hosts: {cost.wall:.1f} s, of processor {cost.processor:.1f} s")
        return {host: Counter(actions) for host, actions in json.loads(counted.read_text()).items()}

    def ours(self, hosts: int) -> float | None:
        deploy, empty = (self.seconds.get((play, hosts)) for play in (DEPLOY, EMPTY))
        return None if deploy is None or empty is None else deploy - empty

    def growth(self, hosts: int) -> float | None:
        whole, half = self.ours(hosts), self.ours(hosts // 2)
        return whole / half if whole and half else None

    def table(self) -> Table:
        columns = ["hosts", "deploy, s", "empty tasks, s", "ours, s", "ours, ms a host", "times its half"]
        rows: list[list[Cell]] = []
        for hosts in (fleet.hosts for fleet in self.fleets):
            ours = self.ours(hosts)
            each = None if ours is None else ours * 1000 / hosts
            both: list[Cell] = [self.seconds.get((play, hosts)) for play in (DEPLOY, EMPTY)]
            rows.append([hosts, *both, ours, each, self.growth(hosts)])
        note = (
            "Seconds of the processor, of ansible-playbook and its children, one run each. Every host changes; its "
            "modules are answered for at the connection. Empty tasks: the same plays over the same hosts without their "
            "variables, with as many results of each action for each host (checked), modules being ping, which answers "
            "in one word. Ours is the difference, so the validation of the roles' arguments counts as ours, as do the "
            "size of modules, what they answer, and what the inventory says. -: not done within the limit."
        )
        return Table("What a deploy that changes every host costs the controller", columns, rows, note)

    def claims(self, growth: float) -> list[Claim]:
        """What was not done within the limit has no figure, and so does not hold."""
        whole = self.fleets[-1]
        what = f"deploy of {whole.hosts} hosts that all change, beyond the same plays with empty tasks"
        return [
            Claim(f"{what}: seconds of the processor", self.ours(whole.hosts), SECONDS * whole.hosts / 5000),
            Claim(f"{what}: in times of that for half of the hosts", self.growth(whole.hosts), growth),
        ]


def check_alike(deploy: Results | None, empty: Results | None) -> None:
    """Only what stands for the same tasks may be subtracted."""
    if deploy is None or empty is None:
        return
    expected = {host: stand_ins(actions) for host, actions in deploy.items()}
    for host in sorted(expected.keys() | empty.keys()):
        if expected.get(host) != empty.get(host):
            raise SystemExit(
                f"scale: bring tests/bench/scale/empty in step with the deploy: {host} has results of "
                f"{dict(empty.get(host, {}))} there, and should have {dict(expected.get(host, {}))}"
            )


def stand_ins(actions: Counter[str]) -> Counter[str]:
    """The results that a host has in the empty play."""
    found: Counter[str] = Counter()
    for action, number in actions.items():
        stand_in = STANDS_FOR.get(action, action)
        if stand_in is not None:
            found[stand_in] += number
    return found
