# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the host's own package manager has a newer dnsmasq waiting, and how far its word can be trusted.

It is asked for what its lists say already: nothing is downloaded, installed or configured. A package manager may write
caches and logs of its own while it answers. Runs under Python 3.6.
"""

import csv
import os
import re
import time

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages import apt, dnf, zypper
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.answer import PackageAnswer, read_text
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.installed import DEB, installed

DAY = 86400
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")
#: Columns of distro-info's tables, the longest maintenance first, each with what the names of apt's lists say where a
#: host gets it.
_ENDS = {
    "debian": (("_extended-lts_", "eol-elts"), ("", "eol-lts"), ("", "eol")),
    "ubuntu": (("-infra-security_", "eol-esm"), ("", "eol")),
}


def _ask(run, kind, os_release, now, root):
    if kind is None:
        doubt = "dnsmasq is of no package, and nothing on the host says whether it is the latest"
        return PackageAnswer(None, None, None, "", (doubt,))
    if kind == DEB:
        return apt.waiting(run, os_release, now, root)
    # From Red Hat 8 on, yum leads to dnf.
    programs = ["yum", "dnf"]
    if "suse" in os_release.get("ID_LIKE", "").split():
        programs.insert(0, "zypper")
    there = [name for name in programs if os.path.exists(os.path.join(root, "usr/bin", name))]
    if not there:
        doubt = "neither yum nor dnf is there to say whether an update of dnsmasq is waiting"
        return PackageAnswer(None, None, None, "", (doubt,))
    return zypper.waiting(run, root) if there[0] == "zypper" else dnf.waiting(run, os_release, root, there[0])


def _support_end(os_release, root):
    """The last day on which the release gets updates, as os-release or distro-info says it; None where neither does."""
    if _DATE.match(os_release.get("SUPPORT_END", "")):
        return os_release["SUPPORT_END"]
    columns = _ENDS.get(os_release.get("ID"), ())
    table = read_text(root, "usr/share/distro-info", os_release["ID"] + ".csv") if columns else ""
    for known in csv.DictReader(table.splitlines()):
        if known.get("series") == os_release.get("VERSION_CODENAME", "-"):
            lists = " ".join(map(os.path.basename, apt.lists(root)))
            ends = (known.get(column) or "" for mark, column in columns if mark in lists)
            return next(filter(_DATE.match, ends), None)
    return None


def _age(answer, now):
    return None if answer.refreshed is None else int(max(0, now - answer.refreshed))


def _too_old(answer, age):
    if age is None:
        return "the host has no package lists: run '%s'" % answer.refresh
    if age > DAY:
        return "the package lists are %.1f days old: run '%s'" % (age / DAY, answer.refresh)
    return None


def updates(run, os_release, now, root="/"):
    """What is waiting, how old that word is, and why the installed dnsmasq does not pass for the latest.

    `run(argv)` gives (return code, output); `os_release` is that file as a dictionary. `notes` are those of the reasons
    that matter also where nobody asked for the latest.
    """
    kind, version = installed(run)
    answer = _ask(run, kind, os_release, now, root)
    age, end = _age(answer, now), _support_end(os_release, root)
    notes, reasons = [], []
    if answer.candidate:
        what = "a security update" if answer.security else "an update"
        reasons.append("%s of dnsmasq is waiting: %s -> %s, upgrade it" % (what, version, answer.candidate))
        # One of which nobody knows the kind may be.
        notes += [] if answer.security is False else reasons
    if end and end < time.strftime("%Y-%m-%d", time.gmtime(now)):
        name = os_release.get("PRETTY_NAME") or os_release.get("ID", "")
        reasons.append("%s gets no updates any more since %s: move the host to a newer release" % (name, end))
        notes += reasons[-1:]
    too_old = _too_old(answer, age) if answer.refresh else None
    return {
        "installed": version,
        "candidate": answer.candidate,
        "security": answer.security,
        "lists_age": age,
        "support_end": end,
        "not_latest": reasons + ([too_old] if too_old else []) + list(answer.doubts),
        "notes": notes,
    }
