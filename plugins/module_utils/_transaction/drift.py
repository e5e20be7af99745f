# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what an earlier run deployed still stands: its own requests, kept on the host, compared and proven once more.

Nothing is taken on trust: the words stand for all that a request was derived from, the basis for all that the host has
said of itself, and files, units and answers are looked at as they are now.
"""

import json
import os

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    apply,
    backup,
    files,
    spec,
    validation,
)


def keep(params: dict) -> None:
    """A transaction that holds, by its options; what only matters while it lands is left out."""
    path = backup.kept_of(params["name"], params["record_dir"])
    text = json.dumps(dict(params, check=None, trial=None), sort_keys=True)
    if _read(path) == text or not os.path.isdir(params["record_dir"]):
        return
    with open(path + ".new", "w") as stream:
        os.fchmod(stream.fileno(), 0o600)
        stream.write(text)
    os.rename(path + ".new", path)


def drift(names, words: str, record_dir: str, host_for) -> str:
    """The first thing that is not as it was left, in a clause; empty where all of it stands.

    `host_for` makes the `apply.Host` for the options of a call.
    """
    for name in names:
        try:
            kept = json.loads(_read(backup.kept_of(name, record_dir)) or "{}")
            if kept.get("deployed") != words:
                return f"{name} was not deployed from the same inventory, collection and host"
            trouble = _changed(kept, host_for)
        except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
            trouble = f"what is kept of it is not readable ({validation.one_line(error)})"
        if trouble:
            return f"{name}: {trouble}"
    return ""


def _changed(kept, host_for):
    try:
        request, host = spec.request_from(kept), host_for(kept)
        change_set = apply.change_set_for(request, host)
        if change_set.changed:
            moved = [change.path for change in change_set.landing] + [step.unit for step in change_set.steps]
            return f"{(moved or ['a unit that systemd has to read again'])[0]} is not as it was left"
        apply.prove_within(0, request, host)
    except apply.UNTOUCHED as error:
        return files.explain(error)
    return ""


def _read(path):
    try:
        with open(path) as stream:
            return stream.read()
    except FileNotFoundError:
        return None
