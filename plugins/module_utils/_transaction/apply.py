# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, units and a proof as one transaction: all of it, or the host exactly as it was."""

import os
import time
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    backup,
    file_swap,
    files,
    spec,
    text_edits,
    units,
    validation,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.trial import Refuted, run_trial

UNIT_DIRECTORIES = ("/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/")
PAUSE = 0.5


class ProofFailed(Exception):
    """The proof does not hold (yet), with the reason."""


class RolledBack(Exception):
    """The transaction failed half-way and was taken back; lost names what could not be."""

    def __init__(self, reason, lost):
        self.lost = lost
        after = f"NOT put back: {', '.join(lost)}" if lost else "everything that this step changed is back as it was"
        super().__init__(f"{reason}; {after}")


UNTOUCHED = (
    ProofFailed,
    files.ValidationError,
    file_swap.NotWritten,
    units.CommandFailed,
    OSError,
)  # raised while nothing is changed


class Host(typing.NamedTuple):
    """Everything that touches the host; run answers (rc, stdout, stderr), prove returns or raises ProofFailed."""

    systemctl: units.Systemctl
    run: typing.Callable
    record_dir: str
    prove: typing.Optional[typing.Callable] = None
    prove_at: typing.Optional[typing.Callable] = None  # the same proof, asked of a port of 127.0.0.1
    label: typing.Callable = lambda path, like: None
    sleep: typing.Callable = time.sleep
    clock: typing.Callable = time.monotonic
    unit_directories: typing.Tuple[str, ...] = UNIT_DIRECTORIES


class ChangeSet(typing.NamedTuple):
    """What there is to do, and what was there before."""

    changes: typing.List[files.Change]
    states: typing.Dict[str, units.UnitState]
    steps: typing.List[units.Step]
    reload: bool
    first: typing.List[units.Step] = []  # before any file moves
    commands: typing.List[typing.Sequence[str]] = []
    commands_back: typing.List[typing.Sequence[str]] = []
    alone: typing.FrozenSet[str] = frozenset()  # paths that no unit and no program reads
    back: bool = False  # whether this is itself a way back

    @property
    def landing(self):
        return [change for change in self.changes if change.needed]

    @property
    def changed(self):
        return bool(self.landing or self.steps or self.reload or self.first)

    def result(self, proof=None):
        steps = self.first + self.steps
        started = [step.unit for step in steps if step.verb in units.STARTS]
        return {
            "changed": self.changed,
            "files": [change.path for change in self.landing],
            "restarted": started,
            "reloaded": self.reload,
            "proof": proof,
            "diff": [files.file_diff(change) for change in self.landing] + units.unit_diffs(self.states, steps),
        }


def deploy(request: spec.Request, host: Host, check_mode: bool) -> dict:
    """The whole transaction, or RolledBack, or one of UNTOUCHED."""
    change_set = change_set_for(request, host)
    if check_mode:
        return change_set.result()
    if not request.prepare_only:
        units.require_there(request.units, change_set.states, {os.path.basename(file.path) for file in request.files})
    repairing = None
    if not change_set.changed:
        try:
            return change_set.result(proof=prove_within(0, request, host))
        except ProofFailed:  # perhaps a block or line landed without its restart, in a run that was cut off
            repairing = repaired(request, change_set)
            if repairing is None:
                raise
    with file_swap.exclusive(host.record_dir), file_swap.uninterrupted():
        change_set = change_set_for(request, host)  # another run may have been at work meanwhile
        return carry_out(
            request, change_set if change_set.changed else repaired(request, change_set) or change_set, host
        )


def change_set_for(request: spec.Request, host: Host) -> ChangeSet:
    """Compares what is there with what is wanted and touches nothing."""
    changes = files.changes_for(backup.with_former_lines(request.files, request.name, host.record_dir))
    states = host.systemctl.states([unit.name for unit in request.units])
    if request.prepare_only:
        return ChangeSet(changes, states, [], False)
    steps = []
    for unit in request.units:
        state = states[unit.name]
        steps += units.steps_for(unit, state, outdated(unit, state, changes, host.systemctl.clocks()[0]))
    moved = any(change.needed and change.path.startswith(host.unit_directories) for change in changes)
    reload = moved or any(state.stale for state in states.values())
    moving = {change.path for change in changes if change.needed}
    run = [command for command in request.commands if moving.intersection(command.run_for)]
    read = {path for reader in request.units for path in reader.restart_for}
    read.update(path for command in request.commands for path in command.run_for)
    paths = {change.path for change in changes}
    return ChangeSet(
        changes,
        states,
        sorted(steps, key=lambda step: step.verb not in ("enable", "disable")),
        reload,
        commands=[command.argv for command in run],
        commands_back=[command.undo for command in reversed(run)],
        alone=frozenset(path for path in paths - read if not path.startswith(host.unit_directories)),
    )


def repaired(request, change_set) -> typing.Optional[ChangeSet]:
    """The same with the restarts and programs that a run which was cut off may have left out; None without any."""
    steps = [units.Step("restart", unit.name) for unit in request.units if unit.running and shared(unit, request)]
    commands = [command.argv for command in request.commands]
    return change_set._replace(steps=steps, commands=commands) if steps or commands else None


def shared(unit, request) -> bool:
    """It reads a file that is only partly ours, whose age says nothing; for a file of our own `outdated` knows better,
    and a restart on suspicion would throw away a cache that serves while the upstreams are down."""
    return any(file.content is None for file in request.files if file.path in unit.restart_for)


def outdated(unit, state, changes, now) -> bool:
    """One of its files changes now, or one that is wholly ours changed after the unit started (an interrupted run)."""
    of_unit = [change for change in changes if change.path in unit.restart_for]
    ours = [change.found.mtime_ns / 1e9 for change in of_unit if change.wanted.content is not None and state.since]
    return any(change.needed for change in of_unit) or any(state.since < written <= now for written in ours)


def carry_out(request: spec.Request, change_set: ChangeSet, host: Host) -> dict:
    """Check, record, swap, reload, enable, start, run, prove; on any failure, everything back."""
    await_steady(request, host)
    run_check(request, change_set, host)
    try_beside(request, change_set, host)
    record = backup.written(request, change_set, host) if not change_set.back else None
    swap, taken = file_swap.Swap(change_set.changes, host.label), []
    try:
        take(change_set.first, taken, host)
        # What nobody reads goes first, and on a way back last: libc then never reads of a server that is not there.
        swap.land(
            [change.path for change in change_set.landing if not (change_set.back and change.path in change_set.alone)]
        )
        if change_set.reload:
            host.systemctl.reload()
        take(change_set.steps, taken, host)
        run_all(change_set.commands, host)
        swap.land()
        ran = {}
        if not request.prepare_only:
            ran = host.systemctl.require_up([unit.name for unit in request.units if unit.running])
        began, started = host.clock(), {step.unit for step in taken if step.verb in units.STARTS}
        proof = prove_within(request.proof_deadline, request, host)
        if started and request.settle:
            host.sleep(max(0.0, began + request.settle - host.clock()))
            host.systemctl.require_steady({name: state for name, state in ran.items() if name in started})
        return change_set.result(proof=proof)
    except BaseException as error:  # SystemExit too: nothing may leave the host half-way
        lost = roll_back(change_set, host, swap, taken)
        lost += [] if lost or record is None else record.undo()
        raise RolledBack(str(error) or type(error).__name__, lost) from error


def await_steady(request, host) -> None:
    """The unit that this one relies on has been up for so long, or is waited for; one that dies meanwhile fails it."""
    if request.after is None:
        return
    name, seconds = request.after["unit"], request.after["seconds"]
    ran = host.systemctl.require_up([name])
    up = host.systemctl.clocks()[0] - (ran[name].since or 0)
    if up < seconds:
        host.sleep(seconds - up)
        host.systemctl.require_steady(ran)


def take(steps, taken, host) -> None:
    for step in steps:
        taken.append(step)
        host.systemctl.take(step)


def run_all(commands, host) -> None:
    """Programs that make files count; the first that fails is the reason."""
    for argv in commands:
        rc, out, err = host.run(list(argv))
        if rc != 0:
            raise units.CommandFailed(f"{validation.one_line(argv)} failed: {units.last_line(err, out) or f'rc {rc}'}")


def run_check(request, change_set, host) -> None:
    """The program's own verdict on the staged copy, before anything lands."""
    if request.check is None or not change_set.landing:
        return
    path = request.check["file"]
    change = next(change for change in change_set.changes if change.path == path)
    with file_swap.staged(change) as staged:
        argv = [word.replace("{staged}", staged) for word in request.check["argv"]]
        rc, out, err = host.run(argv)
        if rc != 0:
            words = units.last_line(err, out).replace(staged, path) or f"rc {rc}"
            raise files.ValidationError(f"{validation.one_line(argv[0])} does not accept the new {path}: {words}")


def try_beside(request, change_set, host) -> None:
    """Beside a unit that runs, the new configuration answers before it takes the place of the old one."""
    trial = request.trial
    if trial is None or host.prove_at is None or not change_set.landing:
        return
    if not change_set.states[trial["unit"]].up or units.Step("restart", trial["unit"]) not in change_set.steps:
        return
    change = next(change for change in change_set.changes if change.path == trial["file"])
    try:
        run_trial(
            trial["argv"],
            text_edits.without_settings(change.content, trial["without"]),
            host.prove_at,
            request.proof_deadline,
            ProofFailed,
            host.clock,
            host.sleep,
        )
    except Refuted as error:
        raise files.ValidationError(f"{error} (tried beside {trial['unit']}, which runs on as it was)") from error


def prove_within(seconds, request, host):
    """The proof, asked again until it holds or the time is over; its last failure is the reason."""
    if host.prove is None or request.prepare_only:
        return None
    end = host.clock() + seconds
    while True:
        try:
            return host.prove()
        except ProofFailed:
            if host.clock() + PAUSE > end:
                raise
        host.sleep(PAUSE)


def roll_back(change_set, host, swap, taken) -> typing.List[str]:
    """Enablement, files, running units; returns by name what is not as it was."""
    # Not only those that a step was taken for: a reload alone stops a unit that is bound to one that does not run.
    touched = list(dict.fromkeys([step.unit for step in taken] + list(change_set.states)))
    ran = [name for name in touched if change_set.states[name].active not in units.DOWN]
    started = [step.unit for step in taken if step.verb in units.STARTS]
    stepped = {step.unit for step in taken}
    landed = bool(swap.landed)
    troubles = {}

    def attempt(part, call, *arguments):
        try:
            return call(*arguments)
        except Exception as error:  # the other parts still have to be put back
            troubles[part] = f"{part} ({error})"
            return None

    def opposites(verb):
        for step in reversed(taken):
            if step.verb == verb:
                attempt(step.unit, host.systemctl.take, units.Step(units.OPPOSITES[verb], step.unit))

    opposites("enable")  # while its file is there
    for name in reversed(touched):  # before the files: what watches one of them would still act on it
        if name in started and name not in ran:
            attempt(name, host.systemctl.take, units.Step("stop", name))
    lost = swap.undo(but=frozenset() if change_set.back else change_set.alone)
    if change_set.reload:
        attempt("daemon-reload", host.systemctl.reload)
    opposites("disable")
    opposites("unmask")
    now = attempt("systemd", host.systemctl.states, touched) or {}
    for name in ran:
        if (landed and name in stepped) or name not in now or not now[name].up:
            attempt(name, host.systemctl.take, units.Step("restart", name))
    for argv in change_set.commands_back if landed else ():
        attempt(argv[0], run_all, [argv], host)
    now = attempt("systemd", host.systemctl.states, touched) or {}
    dead = [name for name in ran if name not in now or not now[name].up]
    if dead and not change_set.back:
        # What libc reads could lead to a resolver that is gone: what landed leads to servers.
        lost += [f"{path} (left as it is, since {dead[0]} does not run)" for path in swap.keep(change_set.alone)]
    lost += swap.undo()
    now = attempt("systemd", host.systemctl.states, touched) or {}
    for name in touched:  # what counts is the state, not whether each command liked it
        if name not in now or not units.alike(change_set.states[name], now[name]):
            lost.append(troubles.get(name, f"{name} ({units.words_for(now.get(name, units.UnitState()))})"))
    others = ["daemon-reload"] + [argv[0] for argv in change_set.commands_back]
    return lost + [troubles[part] for part in dict.fromkeys(others) if part in troubles]
