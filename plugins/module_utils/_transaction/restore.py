# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: what the record says was there, as a transaction of its own that is all done or not at all."""

import contextlib
import os

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    apply,
    backup,
    file_swap,
    files,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.units import Step, steps_for


def restore(request, host, check_mode: bool) -> dict:
    """Puts the host back, or raises what `apply.deploy` raises. Where nothing was deployed there is nothing to do."""
    record, lost = backup_or_assumption(request, host)
    if record is None:
        return apply.ChangeSet([], {}, [], False).result()
    change_set = way_back(record, host)
    if check_mode:
        return dict(change_set.result(), changed=True, lost=lost)  # the record itself goes
    with file_swap.exclusive(host.record_dir), file_swap.uninterrupted():
        record, lost = backup_or_assumption(request, host)
        if record is None:  # another restore went through meanwhile
            return apply.ChangeSet([], {}, [], False).result()
        change_set = way_back(record, host)
        units = [unit for unit in backup.units_back(record) if change_set.states[unit.name].there]
        if any(change.gone and change.wanted.undo.way == "watched" for change in change_set.changes):
            host = host._replace(prove=None)  # the host had no resolver of its own before
        result = apply.carry_out(request._replace(units=units), change_set, host)
        forget(request.name, record, host)
    return dict(result, changed=True, lost=lost)


def backup_or_assumption(request, host):
    """The backup, or, where it is lost, what takes away all that the request names; and why it is lost.

    Neither where nothing was deployed.
    """
    path = backup.path_of(request.name, host.record_dir)
    try:
        record, lost = backup.read_backup(request.name, host.record_dir), f"the record {path} is missing"
        if record is not None:
            return record, None
    except backup.Unreadable as error:
        if not request.files:
            raise
        lost = str(error)
    assumption = backup.assumed(request, host.systemctl.states([unit.name for unit in request.units]))
    return (assumption, lost) if assumption["files"] or os.path.lexists(path) else (None, None)


def way_back(record, host):
    """The same change set as a deploy's, the other way round."""
    changes = files.changes_for(backup.wanted_back(record))
    moving = {change.path for change in changes if change.needed}
    units = backup.units_back(record)
    states = host.systemctl.states([unit.name for unit in units])
    first, steps = [], []
    for unit in units:
        state = states[unit.name]
        if not state.there:
            continue
        if state.load == "masked":  # what Debian 11 does to the unit of a package that it removes
            first.append(Step("unmask", unit.name))
        wanted = unit._replace(enabled=unit.enabled if state.enablement in ("enabled", "disabled") else None)
        for step in steps_for(wanted, state, outdated=bool(moving.intersection(unit.restart_for))):
            (first if step.verb in ("stop", "disable") else steps).append(step)
    run = [command for command in record["commands"] if moving.intersection(command["run_for"])]
    read = {path for unit in units for path in unit.restart_for}
    read.update(path for command in record["commands"] for path in command["run_for"])
    return apply.ChangeSet(
        changes,
        states,
        steps,
        reload=any(path.startswith(host.unit_directories) for path in moving),
        first=first[::-1],
        commands=[command["undo"] for command in reversed(run)],
        commands_back=[command["argv"] for command in run],
        alone=frozenset(
            change.path
            for change in changes
            if change.path not in read and not change.path.startswith(host.unit_directories)
        ),
        back=True,
    )


def forget(name, record, host) -> None:
    """The record, and the directories that were made for it and the files and are empty now."""
    for kept in (backup.kept_of(name, host.record_dir), backup.kept_of(name, host.record_dir) + ".new"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(kept)
    with contextlib.suppress(FileNotFoundError):  # it was lost
        os.unlink(backup.path_of(name, host.record_dir))
    for directory in sorted(record["directories"], reverse=True) + [host.record_dir]:
        with contextlib.suppress(OSError):  # somebody else's file is in it
            os.rmdir(directory)
