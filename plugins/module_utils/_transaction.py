# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, units and a proof as one transaction: all of it, or the host exactly as it was."""

import base64
import json
import os
import re
import time
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils import _files, _swap, _units

UNIT_DIRECTORIES = ("/etc/systemd/system/", "/run/systemd/system/", "/usr/local/lib/systemd/system/")
PAUSE = 0.5


class Unproven(Exception):
    """The proof does not hold (yet), with the reason."""


class RolledBack(Exception):
    """The transaction failed half-way and was taken back; lost names what could not be."""

    def __init__(self, reason, lost):
        self.lost = lost
        after = f"NOT put back: {', '.join(lost)}" if lost else "everything that this step changed is back as it was"
        super().__init__(f"{reason}; {after}")


UNTOUCHED = (Unproven, _files.Unusable, _swap.NotWritten, _units.Failed, OSError)  # raised while nothing is changed


class Request(typing.NamedTuple):
    """What the caller wants, already checked."""

    name: str
    files: typing.List[_files.Wanted]
    units: typing.List[_units.Wanted]
    check: typing.Optional[dict]  # argv of a program that accepts or rejects the staged copy of file
    proof_deadline: float
    prepare_only: bool


class Host(typing.NamedTuple):
    """Everything that touches the host; run answers (rc, stdout, stderr), prove returns or raises Unproven."""

    systemctl: _units.Systemctl
    run: typing.Callable
    record_dir: str
    prove: typing.Optional[typing.Callable] = None
    label: typing.Callable = lambda path, like: None
    sleep: typing.Callable = time.sleep
    clock: typing.Callable = time.monotonic
    unit_directories: typing.Tuple[str, ...] = UNIT_DIRECTORIES


class Plan(typing.NamedTuple):
    """What there is to do, and what was there before."""

    changes: typing.List[_files.Change]
    states: typing.Dict[str, _units.State]
    steps: typing.List[_units.Step]
    reload: bool

    @property
    def landing(self):
        return [change for change in self.changes if change.needed]

    @property
    def changed(self):
        return bool(self.landing or self.steps or self.reload)

    def result(self, proof=None):
        started = [step.unit for step in self.steps if step.verb in _units.STARTS]
        return {
            "changed": self.changed,
            "files": [change.path for change in self.landing],
            "restarted": started,
            "reloaded": self.reload,
            "proof": proof,
            "diff": [_files.diff_of(change) for change in self.landing] + _units.diff_of(self.states, self.steps),
        }


def request_from(params: dict) -> Request:
    """The module's parameters, every mistake named before anything is touched."""
    if not re.match(r"[a-z_]+\Z", params["name"]):
        raise _files.Unusable(f"the name {params['name']!r} may have lower case letters and underscores only")
    files = [_files.wanted_file(raw) for raw in params["files"]]
    units = [_units.wanted_unit(raw) for raw in params["units"]]
    for what, given in (("files", [file.path for file in files]), ("units", [unit.name for unit in units])):
        if len(set(given)) != len(given):
            twice = next(one for one in given if given.count(one) > 1)
            raise _files.Unusable(f"{what}: {twice} is given twice; give it once")
    check = params["check"]
    asked = [("check", check["file"])] if check else []
    asked += [(f"restart_for of {unit.name}", path) for unit in units for path in unit.restart_for]
    for where, path in asked:
        if path not in {file.path for file in files}:
            raise _files.Unusable(f"{where} names {path!r}, which is not in files; name the path of one of them")
    if check and not any("{staged}" in word for word in check["argv"][1:]):
        raise _files.Unusable("check: argv does not name {staged}; put it where the program takes the file to check")
    if not os.path.isabs(params["record_dir"]):
        raise _files.Unusable(f"record_dir {params['record_dir']!r} is not absolute; write it like /var/lib/name")
    if not 0 <= params["proof_deadline"] <= 3600:
        raise _files.Unusable(f"proof_deadline is {params['proof_deadline']}; give 0 to 3600 seconds")
    return Request(params["name"], files, units, check, params["proof_deadline"], params["prepare_only"])


def execute(request: Request, host: Host, check_mode: bool) -> dict:
    """The whole transaction, or RolledBack, or one of UNTOUCHED."""
    plan = plan_for(request, host)
    if check_mode:
        return plan.result()
    if not request.prepare_only:
        _units.require_there(request.units, plan.states, {os.path.basename(file.path) for file in request.files})
    healing = []
    if not plan.changed:
        try:
            return plan.result(proof=prove_within(0, request, host))
        except Unproven:  # perhaps a block or line landed without its restart, in a run that was cut off
            healing = [
                _units.Step("restart", unit.name) for unit in request.units if unit.running and shared(unit, request)
            ]
            if not healing:
                raise
    with _swap.alone(host.record_dir), _swap.uninterrupted():
        plan = plan_for(request, host)  # another run may have been at work meanwhile
        return apply(request, plan if plan.changed else plan._replace(steps=healing), host)


def plan_for(request: Request, host: Host) -> Plan:
    """Compares what is there with what is wanted and touches nothing."""
    changes = _files.changes_for(request.files)
    states = host.systemctl.states([unit.name for unit in request.units])
    if request.prepare_only:
        return Plan(changes, states, [], False)
    steps = []
    for unit in request.units:
        state = states[unit.name]
        steps += _units.steps_for(unit, state, outdated(unit, state, changes, host.systemctl.clocks()[0]))
    moved = any(change.needed and change.path.startswith(host.unit_directories) for change in changes)
    reload = moved or any(state.stale for state in states.values())
    return Plan(changes, states, sorted(steps, key=lambda step: step.verb not in ("enable", "disable")), reload)


def shared(unit, request) -> bool:
    """It reads a file that is only partly ours, whose age says nothing; for a file of our own `outdated` knows better,
    and a restart on suspicion would throw away a cache that serves while the upstreams are down."""
    return any(file.content is None for file in request.files if file.path in unit.restart_for)


def outdated(unit, state, changes, now) -> bool:
    """One of its files changes now, or one that is wholly ours changed after the unit started (an interrupted run)."""
    of_unit = [change for change in changes if change.path in unit.restart_for]
    ours = [change.found.mtime_ns / 1e9 for change in of_unit if change.wanted.content is not None and state.since]
    return any(change.needed for change in of_unit) or any(state.since < written <= now for written in ours)


def apply(request: Request, plan: Plan, host: Host) -> dict:
    """Check, record, swap, reload, enable, start, prove; on any failure from the swap on, everything back."""
    check(request, plan, host)
    record = write_down(request, plan, host)
    swap, taken = _swap.Swap(plan.landing, host.label), []
    try:
        swap.land()
        if plan.reload:
            host.systemctl.reload()
        for step in plan.steps:
            taken.append(step)
            host.systemctl.take(step)
        if not request.prepare_only:
            host.systemctl.require_up([unit.name for unit in request.units if unit.running])
        return plan.result(proof=prove_within(request.proof_deadline, request, host))
    except BaseException as error:  # SystemExit too: nothing may leave the host half-way
        lost = roll_back(plan, host, swap, taken)
        lost += [] if lost else record.undo()
        raise RolledBack(str(error) or type(error).__name__, lost) from error


def check(request, plan, host) -> None:
    """The program's own verdict on the staged copy, before anything lands."""
    if request.check is None or not plan.landing:
        return
    path = request.check["file"]
    change = next(change for change in plan.changes if change.path == path)
    with _swap.staged(change) as staged:
        argv = [word.replace("{staged}", staged) for word in request.check["argv"]]
        rc, out, err = host.run(argv)
        if rc != 0:
            words = _units.last_line(err, out).replace(staged, path) or f"rc {rc}"
            raise _files.Unusable(f"{argv[0]} does not accept the new {path}: {words}")


def prove_within(seconds, request, host):
    """The proof, asked again until it holds or the time is over; its last failure is the reason."""
    if host.prove is None or request.prepare_only:
        return None
    end = host.clock() + seconds
    while True:
        try:
            return host.prove()
        except Unproven:
            if host.clock() + PAUSE > end:
                raise
        host.sleep(PAUSE)


def roll_back(plan, host, swap, taken) -> typing.List[str]:
    """Enablement, files, running units; returns by name what is not as it was."""
    # Not only those that a step was taken for: a reload alone stops a unit that is bound to one that does not run.
    touched = list(dict.fromkeys([step.unit for step in taken] + list(plan.states)))
    ran = [name for name in touched if plan.states[name].active not in _units.DOWN]
    started = [step.unit for step in taken if step.verb in _units.STARTS]
    troubles = {}

    def attempt(part, call, *arguments):
        try:
            return call(*arguments)
        except Exception as error:  # the other parts still have to be put back
            troubles[part] = f"{part} ({error})"
            return None

    for step in reversed(taken):
        if step.verb in _units.OPPOSITES:
            attempt(step.unit, host.systemctl.take, _units.Step(_units.OPPOSITES[step.verb], step.unit))
    lost = swap.undo()
    for name in reversed(touched):
        if name in started and name not in ran:
            attempt(name, host.systemctl.take, _units.Step("stop", name))
    if plan.reload:
        attempt("daemon-reload", host.systemctl.reload)
    now = attempt("systemd", host.systemctl.states, touched) or {}
    stepped = {step.unit for step in taken}
    for name in ran:
        if (swap.landed and name in stepped) or name not in now or not now[name].up:
            attempt(name, host.systemctl.take, _units.Step("restart", name))
    now = attempt("systemd", host.systemctl.states, touched) or {}
    for name in touched:  # what counts is the state, not whether each command liked it
        if name not in now or not _units.alike(plan.states[name], now[name]):
            lost.append(troubles.get(name, f"{name} ({_units.words_for(now.get(name, _units.State()))})"))
    return lost + [troubles[part] for part in ("daemon-reload",) if part in troubles]


def write_down(request, plan, host) -> _swap.Swap:
    """Adds what was found to the record that a restore reads; undoing the swap takes it out again."""
    wanted = _files.Wanted(os.path.join(host.record_dir, request.name + ".json"), content=b"", mode=0o600)
    found = _files.look(wanted.path)
    directories = _swap.missing_directories(plan.landing)
    try:
        content = recorded(found.content if found.existed else b"{}", plan, directories)
    except (AttributeError, TypeError, ValueError) as error:
        raise _files.Unusable(f"the record {wanted.path} is not readable ({error}); move it away") from error
    restarts_only = not plan.landing and all(step.verb == "restart" for step in plan.steps)
    swap = _swap.Swap([] if restarts_only else [_files.Change(wanted, found, content, wanted.mode)])
    try:
        swap.land()
    except _swap.NotWritten:
        swap.undo()
        raise
    return swap


def recorded(previous: bytes, plan: Plan, directories) -> bytes:
    """The first state of each path and unit, for good: an entry that is there stays."""
    record = dict({"version": 1, "files": {}, "directories": [], "units": {}}, **json.loads(previous.decode("utf-8")))
    for change in plan.changes:
        found = change.found
        record["files"].setdefault(
            found.path,
            {
                "existed": found.existed,
                "link": found.link,
                "target": found.target,
                "content": base64.b64encode(found.content).decode("ascii") if found.existed else None,
                "mode": f"{found.mode:04o}",
                "uid": found.uid,
                "gid": found.gid,
            },
        )
    record["directories"] += [path for path in directories if path not in record["directories"]]
    for name, state in plan.states.items():
        entry = {"LoadState": state.load, "UnitFileState": state.enablement, "ActiveState": state.active}
        record["units"].setdefault(name, entry)
    return json.dumps(record, indent=1, sort_keys=True).encode("ascii") + b"\n"
