# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host was before the first change, and the change set that makes it that again."""

import base64
import json
import os
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    file_swap,
    files,
    text_edits,
    units,
)

_TEXTS = ("regexp", "replace")


class Unreadable(files.ValidationError):
    """The record is there and tells nothing."""

    def __init__(self, path, error):
        super().__init__(f"the record {path} is not readable ({error}); move it away")


def path_of(name: str, record_dir: str) -> str:
    return os.path.join(record_dir, name + ".json")


def kept_of(name: str, record_dir: str) -> str:
    """Where `_deployed` keeps what holds now; it is of no use for the way back and goes with it."""
    return os.path.join(record_dir, name + ".deployed.json")


def read_backup(name: str, record_dir: str) -> typing.Optional[dict]:
    """The record, or None where there is none."""
    found = files.look(path_of(name, record_dir))
    return _parsed(found) if found.existed else None


def _parsed(found):
    try:
        record = json.loads(found.content.decode("utf-8"))
        record = dict({"version": 1, "files": {}, "directories": [], "units": {}, "commands": []}, **record)
        # Whatever is asked of it later.
        wanted_back(record)
        units_back(record)
        list(map(_commands_of, record["commands"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unreadable(found.path, error) from error
    return record


def written(request, change_set, host) -> file_swap.Swap:
    """Adds what was found to the record; undoing the swap takes it out again."""
    wanted = files.FileSpec(path_of(request.name, host.record_dir), content=b"", mode=0o600)
    found = files.look(wanted.path)
    content = recorded(_parsed(found if found.existed else found._replace(content=b"{}")), request, change_set)
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
        if _command_entry(command) not in record["commands"]:
            record["commands"].append(_command_entry(command))
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
    former = {file.path: file.undo.own_lines for file in wanted_back(record)} if record else {}
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


def assumed(request, states) -> dict:
    """The backup as it would be if nothing of what the request names had been there before, as far as it is there now.

    Whole files go, out of shared ones our part. What a link or a substitution took the place of, nobody knows: they
    stay. A unit of which the file goes, or that the request does not want to run, is stopped and disabled; any other is
    restarted where it reads what goes.
    """
    record = _parsed(files.FileState("", "", content=b"{}"))
    held = {}  # by where the bytes are: two paths may lead to one file
    for file in request.files:
        found = files.look(file.path)
        if _holds(file, found):
            held.setdefault(found.target, (file, found))
    # A line, or a file that another program writes, may be anybody's.
    if not (
        os.path.lexists(request.evidence) or any(file.way in ("content", "block") for file, _found in held.values())
    ):
        return record
    for file, found in held.values():
        entry = _file_entry(files.Change(file, found, b"", 0))
        record["files"][file.path] = dict(entry, existed=file.way == "lines", content=None)
    gone = set(record["files"])
    for unit in request.units:
        state, made = states[unit.name], any(path.endswith("/" + unit.name) for path in gone)
        entry = {"order": len(record["units"]), "restart": sorted(gone.intersection(unit.restart_for))}
        if made or not unit.running:
            entry.update(LoadState="not-found", UnitFileState="disabled", ActiveState="inactive")
        else:
            entry.update(LoadState=state.load, UnitFileState=state.enablement, ActiveState=state.active)
        if made or entry["restart"]:
            record["units"][unit.name] = entry
    for command in request.commands:
        if gone.intersection(command.run_for):
            record["commands"].append(_command_entry(command))
    return record


def _holds(file, found):
    """Whether what the request would put there is there."""
    if file.way in ("content", "watched"):
        return found.existed
    present = found.content.splitlines()
    return (file.way == "block" and text_edits.BEGIN in present) or any(line in present for line in file.lines)


def _commands_of(entry):
    """Both programs, and the files that they are run for."""
    return list(entry["argv"]), list(entry["undo"]), list(entry["run_for"])


def _command_entry(command):
    return {"argv": list(command.argv), "undo": list(command.undo), "run_for": list(command.run_for)}


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
