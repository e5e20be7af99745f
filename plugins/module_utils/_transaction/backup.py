# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host was before the first change, and the change set that makes it that again."""

import base64
import json
import os
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import file_swap, files, units

_TEXTS = ("regexp", "replace")
#: What reading a record raises that is JSON and no record.
MALFORMED = (AttributeError, KeyError, TypeError)


def path_of(name: str, record_dir: str) -> str:
    return os.path.join(record_dir, name + ".json")


def kept_of(name: str, record_dir: str) -> str:
    """Where `_deployed` keeps what holds now; it is of no use for the way back and goes with it."""
    return os.path.join(record_dir, name + ".deployed.json")


def read_backup(name: str, record_dir: str) -> typing.Optional[dict]:
    """The record, or None where there is none."""
    found = files.look(path_of(name, record_dir))
    return _parsed(found) if found.existed else None


def _unreadable(path, error):
    return files.ValidationError(f"the record {path} is not readable ({error}); move it away")


def _parsed(found):
    try:
        record = json.loads(found.content.decode("utf-8"))
        return dict({"version": 1, "files": {}, "directories": [], "units": {}, "commands": []}, **record)
    except (TypeError, ValueError) as error:
        raise _unreadable(found.path, error) from error


def written(request, change_set, host) -> file_swap.Swap:
    """Adds what was found to the record; undoing the swap takes it out again."""
    wanted = files.FileSpec(path_of(request.name, host.record_dir), content=b"", mode=0o600)
    found = files.look(wanted.path)
    try:
        content = recorded(
            _parsed(found) if found.existed else _parsed(found._replace(content=b"{}")), request, change_set
        )
    except MALFORMED as error:
        raise _unreadable(wanted.path, error) from error
    restarts_only = not change_set.landing and all(step.verb == "restart" for step in change_set.steps)
    swap = file_swap.Swap([] if restarts_only else [files.Change(wanted, found, content, wanted.mode)])
    try:
        swap.land()
    except file_swap.NotWritten:
        swap.undo()
        raise
    return swap


def recorded(record: dict, request, change_set) -> bytes:
    """The first state of each path and unit, for good: an entry that is there stays."""
    for change in change_set.changes:
        entry = record["files"].setdefault(change.path, _file_entry(change))
        entry["lines"] += [line for line in map(_as_text, change.wanted.lines) if line not in entry["lines"]]
    directories = file_swap.missing_directories(change_set.changes)
    record["directories"] += [path for path in directories if path not in record["directories"]]
    for number, unit in enumerate(request.units, start=len(record["units"])):
        state = change_set.states[unit.name]
        entry = {"LoadState": state.load, "UnitFileState": state.enablement, "ActiveState": state.active}
        record["units"].setdefault(unit.name, dict(entry, order=number, restart=[]))
        # Which of its files matter may change from one version of the role to the next.
        record["units"][unit.name]["restart"] = sorted(
            set(record["units"][unit.name]["restart"]).union(unit.restart_for)
        )
    for command in request.commands:
        entry = {"argv": list(command.argv), "undo": list(command.undo), "run_for": list(command.run_for)}
        if entry not in record["commands"]:
            record["commands"].append(entry)
    return json.dumps(record, indent=1, sort_keys=True).encode("ascii") + b"\n"


def _as_text(octets):
    return octets.decode("utf-8", "surrogateescape")


def _as_octets(text):
    return text.encode("utf-8", "surrogateescape")


def _file_entry(change):
    found, wanted = change.found, change.wanted
    texts = {key: _as_text(getattr(wanted, key)) for key in _TEXTS if getattr(wanted, key)}
    return dict(
        texts,
        lines=[_as_text(line) for line in wanted.lines],
        way=wanted.way,
        in_place=wanted.in_place,
        existed=found.existed,
        link=found.link,
        target=found.target,
        content=base64.b64encode(found.content).decode("ascii") if found.existed else None,
        mode=f"{found.mode:04o}",
        uid=found.uid,
        gid=found.gid,
    )


def wanted_back(record: dict) -> typing.List[files.FileSpec]:
    """What the files have to become, for the way back."""
    return [_wanted_back(path, entry) for path, entry in sorted(record["files"].items())]


def with_former_lines(wanted, name, record_dir):
    """Each file with the lines that earlier runs put into it."""
    if not any(file.lines for file in wanted):
        return wanted
    record = read_backup(name, record_dir)
    try:
        former = {file.path: file.undo.own_lines for file in wanted_back(record)} if record else {}
    except MALFORMED as error:
        raise _unreadable(path_of(name, record_dir), error) from error
    return [file._replace(former=former.get(file.path, frozenset())) if file.lines else file for file in wanted]


def _wanted_back(path, entry):
    texts = {key: _as_octets(entry.get(key, "")) for key in _TEXTS}
    content = base64.b64decode(entry["content"] or "")
    was = files.BackupEntry(
        entry["way"],
        entry["existed"],
        entry["link"],
        content,
        int(entry["mode"], 8),
        entry["uid"],
        entry["gid"],
        lines=tuple(_as_octets(line) for line in entry["lines"]),
        **texts,
    )
    return files.FileSpec(path, in_place=entry["in_place"], undo=was)


def units_back(record: dict) -> typing.List[units.UnitSpec]:
    """The units that ran, ran not, started at boot or did not, in the order in which they were started."""
    rows = sorted(record["units"].items(), key=lambda row: row[1]["order"])
    return [
        units.UnitSpec(
            name,
            was["UnitFileState"] in ("enabled", "enabled-runtime"),
            was["ActiveState"] not in units.DOWN,
            tuple(was["restart"]),
        )
        for name, was in rows
    ]
