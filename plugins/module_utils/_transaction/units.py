# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units: what they are now, which steps make them what is wanted, and systemctl behind one callable."""

import re
import time
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.files import ValidationError

PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,ActiveEnterTimestampMonotonic"
UP = ("active", "reloading", "refreshing")
DOWN = ("inactive", "failed")
ENABLED = ("enabled", "static", "indirect", "generated", "alias")  # nothing that systemctl enable could add
TYPES = (".service", ".socket", ".path", ".timer", ".target", ".mount", ".automount", ".swap", ".slice", ".scope")
LONGEST = 255  # characters of a unit's name: UNIT_NAME_MAX of systemd, less its NUL
STARTS = ("start", "restart")
OPPOSITES = {"enable": "disable", "disable": "enable", "unmask": "mask"}
JOURNAL_LINES = 5
CLIPPED = 500
STEADY = 0.25  # seconds by which two looks at the same start may differ: it is told by two clocks


class CommandFailed(Exception):
    """systemd refused, with its own words and, for a start, the end of the journal."""


class UnitSpec(typing.NamedTuple):
    """One unit as the caller wants it; enabled None leaves the enablement alone."""

    name: str
    enabled: typing.Optional[bool]
    running: bool
    restart_for: typing.Tuple[str, ...] = ()


def unit_spec(raw: dict) -> UnitSpec:
    """One entry of the option units, checked before anything is touched; a name without a type is a service."""
    name = raw["name"]
    if not re.match(r"[A-Za-z0-9:_][A-Za-z0-9:_.@\\-]*\Z", name):
        raise ValidationError(f"units: {name!r} is not the name of a systemd unit; write it like dnsmasq.service")
    if not name.endswith(TYPES):
        name += ".service"
    if len(name) > LONGEST:
        raise ValidationError(
            f"units: the name {name[:40]!r}... has {len(name)} characters; systemd knows up to {LONGEST}"
        )
    return UnitSpec(name, raw.get("enabled"), raw["running"], tuple(raw["restart_for"]))


class UnitState(typing.NamedTuple):
    """One unit as systemd sees it; since is when it became active, in seconds of the wall clock."""

    load: str = "not-found"
    active: str = "inactive"
    sub: str = "dead"
    enablement: str = ""
    stale: bool = False
    since: typing.Optional[float] = None

    @property
    def there(self):
        return self.load != "not-found"

    @property
    def up(self):
        return self.active in UP


class Step(typing.NamedTuple):
    """One systemctl verb for one unit."""

    verb: str
    unit: str


def steps_for(wanted: UnitSpec, state: UnitState, outdated: bool) -> typing.List[Step]:
    """What makes the unit what is wanted; outdated says that it runs with an older file than the one in place."""
    if "masked" in state.load and (wanted.enabled or wanted.running):
        raise ValidationError(f"units: {wanted.name} is masked; run systemctl unmask {wanted.name} first")
    steps = []
    if wanted.enabled and state.enablement not in ENABLED:
        steps.append(Step("enable", wanted.name))
    if wanted.enabled is False and state.enablement in ("enabled", "enabled-runtime"):
        steps.append(Step("disable", wanted.name))
    if wanted.running and not state.up:
        steps.append(Step("start", wanted.name))
    elif wanted.running and outdated:
        steps.append(Step("restart", wanted.name))
    elif not wanted.running and state.active not in DOWN:
        steps.append(Step("stop", wanted.name))
    return steps


def require_there(
    units: typing.Sequence[UnitSpec], states: typing.Dict[str, UnitState], brought: typing.Container
) -> None:
    """A unit that has to run is on the host, or its unit file is among the files that this run brings."""
    for unit in units:
        if (unit.running or unit.enabled) and not states[unit.name].there and unit.name not in brought:
            raise ValidationError(f"units: {unit.name} is not on this host; install its package first")


def words_for(state: UnitState) -> str:
    """One unit in one line, for --diff and the like."""
    return f"{state.enablement or 'not enabled'}, {state.active}" if state.there else "not there"


def words_after(state: UnitState, verbs: typing.Sequence[str]) -> str:
    """The same line as it will be once the verbs are done."""
    after = state._replace(
        load="loaded",
        enablement="enabled" if "enable" in verbs else "disabled" if "disable" in verbs else state.enablement,
        active="active" if any(verb in STARTS for verb in verbs) else "inactive" if "stop" in verbs else state.active,
    )
    return words_for(after) + (" (restarted)" if "restart" in verbs else "")


def unit_diffs(states: typing.Dict[str, UnitState], steps: typing.Sequence[Step]) -> typing.List[dict]:
    """Before and after, as ansible prints them under --diff; empty if no unit is touched."""
    verbs = {}
    for step in steps:
        verbs.setdefault(step.unit, []).append(step.verb)
    before = "".join(f"{name}: {words_for(states[name])}\n" for name in verbs)
    after = "".join(f"{name}: {words_after(states[name], does)}\n" for name, does in verbs.items())
    headers = dict.fromkeys(("before_header", "after_header"), "systemd units")
    return [dict(headers, before=before, after=after)] if verbs else []


def alike(before: UnitState, now: UnitState) -> bool:
    """Whether a unit is again what it was: failed and inactive both mean that it does not run."""
    return (before.enablement, before.active in DOWN) == (now.enablement, now.active in DOWN)


def last_line(*texts: str) -> str:
    """The last line that says something: programs put the reason there."""
    lines = [line.strip() for text in texts for line in reversed(text.splitlines()) if line.strip()]
    return lines[0][-CLIPPED:] if lines else ""


def _properties(block):
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _number(text):
    return int(text) if re.match(r"[0-9]+\Z", text) else 0


class Systemctl:
    """systemctl and journalctl; run takes an argument list and returns (rc, stdout, stderr)."""

    def __init__(self, run, clocks=lambda: (time.time(), time.clock_gettime(time.CLOCK_MONOTONIC))):
        self.run = run
        self.clocks = clocks

    def states(self, names: typing.Sequence[str]) -> typing.Dict[str, UnitState]:
        """All units in one call; systemd answers in the order of the names, aliases included."""
        if not names:
            return {}
        rc, out, err = self.run(["systemctl", "show", "--property=" + PROPERTIES, "--"] + list(names))
        blocks = [_properties(block) for block in out.strip().split("\n\n")]
        if rc != 0 or len(blocks) != len(names):
            raise CommandFailed(
                f"systemd does not tell the state of {', '.join(names)}: {last_line(err, out) or f'rc {rc}'}"
            )
        return {name: self._state(blocks[at]) for at, name in enumerate(names)}

    def _state(self, block):
        now, monotonic = self.clocks()
        entered = _number(block.get("ActiveEnterTimestampMonotonic", ""))
        return UnitState(
            load=block.get("LoadState", "not-found"),
            active=block.get("ActiveState", "inactive"),
            sub=block.get("SubState", ""),
            enablement=block.get("UnitFileState", ""),
            stale=block.get("NeedDaemonReload") == "yes",
            since=now - (monotonic - entered / 1e6) if entered else None,
        )

    def take(self, step: Step) -> None:
        """One step; a unit that failed before, or was restarted often, gets a clean slate first."""
        starts = step.verb in STARTS
        if starts:
            self.run(["systemctl", "reset-failed", "--", step.unit])
        rc, out, err = self.run(["systemctl", step.verb, "--", step.unit])
        if step.verb == "stop":
            self.run(["systemctl", "reset-failed", "--", step.unit])
        if rc != 0:
            reason = last_line(err, out) or f"rc {rc}"
            journal = self.journal(step.unit) if starts else ""
            raise CommandFailed(f"systemctl {step.verb} {step.unit} failed: {reason}{journal}")

    def reload(self) -> None:
        rc, out, err = self.run(["systemctl", "daemon-reload"])
        if rc != 0:
            raise CommandFailed(f"systemctl daemon-reload failed: {last_line(err, out) or f'rc {rc}'}")

    def require_up(self, names: typing.Sequence[str]) -> typing.Dict[str, UnitState]:
        """A start that systemd calls done may still have died at once."""
        states = self.states(names)
        for name, state in states.items():
            if not state.up:
                raise CommandFailed(f"{name} did not stay up, it is {state.active} ({state.sub}){self.journal(name)}")
        return states

    def require_steady(self, ran: typing.Dict[str, UnitState]) -> None:
        """Still up, and not once more: systemd starts again what dies."""
        for name, state in self.require_up(list(ran)).items():
            if abs((state.since or 0) - (ran[name].since or 0)) > STEADY:
                raise CommandFailed(f"{name} did not stay up, systemd had to start it again{self.journal(name)}")

    def journal(self, name: str) -> str:
        """The unit's own last words, ready to be appended to a sentence."""
        rc, out, _err = self.run(["journalctl", "-u", name, "-n", str(JOURNAL_LINES), "--no-pager", "-o", "cat"])
        words = " | ".join(line.strip() for line in out.splitlines() if line.strip())
        return f"; its journal ends with: {words[-CLIPPED:]}" if rc == 0 and words else ""
