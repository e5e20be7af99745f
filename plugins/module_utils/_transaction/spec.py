# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction is asked for: the module's options, every mistake named before anything is touched."""

import re
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import validation
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.files import FileSpec, file_spec
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.units import UnitSpec, unit_spec
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.validation import ValidationError

LONGEST = 200  # characters of a record's name, which is a file's with more behind it


class Command(typing.NamedTuple):
    """A program that makes changed files count, and the one that does so after they went back."""

    argv: typing.Tuple[str, ...]
    undo: typing.Tuple[str, ...]
    run_for: typing.Tuple[str, ...]


class Request(typing.NamedTuple):
    """What the caller wants, already checked."""

    name: str
    files: typing.List[FileSpec]
    units: typing.List[UnitSpec]
    check: typing.Optional[dict]  # argv of a program that accepts or rejects the staged copy of file
    proof_deadline: float
    prepare_only: bool
    commands: typing.List[Command] = []
    settle: float = 0.0  # seconds that a unit has to stay up after it was started
    after: typing.Optional[dict] = None  # unit that has to have been up for so many seconds before anything lands
    evidence: str = ""  # a path that shows that a deploy was made
    trial: typing.Optional[dict] = None  # argv and file of a daemon to prove beside unit, which runs


def request_from(params: dict) -> Request:
    """The module's parameters, every mistake named before anything is touched."""
    if not re.match(r"[a-z_]+\Z", params["name"]):
        raise ValidationError(f"the name {params['name']!r} may have lower case letters and underscores only")
    if len(params["name"]) > LONGEST:
        raise ValidationError(f"the name has {len(params['name'])} characters; give it {LONGEST} at most")
    files = [file_spec(raw) for raw in params["files"]]
    units = [unit_spec(raw) for raw in params["units"]]
    commands = [_command(raw) for raw in params["commands"]]
    for what, given in (("files", [file.path for file in files]), ("units", [unit.name for unit in units])):
        if len(set(given)) != len(given):
            twice = next(one for one in given if given.count(one) > 1)
            raise ValidationError(f"{what}: {twice} is given twice; give it once")
    check = params["check"]
    asked = [("check", check["file"])] if check else []
    asked += [(f"restart_for of {unit.name}", path) for unit in units for path in unit.restart_for]
    asked += [
        (f"run_for of {validation.one_line(command.argv)}", path) for command in commands for path in command.run_for
    ]
    for where, path in asked:
        if path not in {file.path for file in files}:
            raise ValidationError(f"{where} names {path!r}, which is not in files; name the path of one of them")
    if check and not any("{staged}" in word for word in check["argv"][1:]):
        raise ValidationError("check: argv does not name {staged}; put it where the program takes the file to check")
    if check:
        validation.require_words("check: argv", check["argv"])
    validation.plain_path("record_dir", params["record_dir"], "/var/lib/name")
    if not 0 <= params["proof_deadline"] <= 3600:
        raise ValidationError(f"proof_deadline is {params['proof_deadline']}; give 0 to 3600 seconds")
    if not 0 <= params["settle"] <= 60:
        raise ValidationError(f"settle is {params['settle']}; give 0 to 60 seconds")
    return Request(
        params["name"],
        files,
        units,
        check,
        params["proof_deadline"],
        params["prepare_only"],
        commands,
        params["settle"],
        _checked_after(params["after"]),
        validation.plain_path("evidence", params["evidence"], "/etc/name.conf") if params["evidence"] else "",
        _checked_trial(params["trial"], files, units, params["proof"]),
    )


def _checked_after(after):
    if after is None:
        return None
    if not 0 <= after["seconds"] <= 60:
        raise ValidationError(f"after: seconds is {after['seconds']}; give 0 to 60")
    return dict(after, unit=unit_spec({"name": after["unit"], "running": True, "restart_for": ()}).name)


def _checked_trial(trial, files, units, proof):
    if trial is None:
        return None
    if trial["unit"] not in [unit.name for unit in units]:
        raise ValidationError(f"trial: unit {trial['unit']!r} is not in units; name one of them")
    if not any("{staged}" in word for word in trial["argv"][1:]) or not any("{port}" in word for word in trial["argv"]):
        raise ValidationError("trial: argv does not name {staged} and {port}; put them where the program takes them")
    if not proof:
        raise ValidationError("trial goes with proof, which says what has to be answered; give both")
    validation.require_words("trial: argv", trial["argv"])
    if trial["file"] not in [file.path for file in files]:
        raise ValidationError(f"trial names {trial['file']!r}, which is not in files; name the path of one of them")
    validation.require_words("trial: without", trial["without"])
    return trial


def _command(raw):
    for option in ("argv", "undo"):
        if raw[option] is not None and not (raw[option] and raw[option][0].strip()):
            raise ValidationError(f"commands: {option} is empty; name the program and its arguments")
        validation.require_words(f"commands: {option}", raw[option] or [])
    return Command(tuple(raw["argv"]), tuple(raw["undo"] or raw["argv"]), tuple(raw["run_for"]))
