# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each package manager's answer consists of, and how all of them look at files. Runs under Python 3.6."""

import glob
import os
import typing

#: A version of any of them, so that nothing else that a program prints is passed on as one.
VERSION = r"[0-9A-Za-z.+~^:_-]+"
#: Before a program that would wait for another one to end.
LIMITED = ["timeout", "60"]


class PackageAnswer(typing.NamedTuple):
    """What a package manager says. `security` is None where its lists do not tell what kind of update is waiting."""

    candidate: typing.Optional[str]
    security: typing.Optional[bool]
    #: When its lists were last refreshed, in seconds since 1970; None without lists.
    refreshed: typing.Optional[float]
    #: The command that refreshes them.
    refresh: str
    #: Why its word is not enough, a sentence each.
    doubts: typing.Tuple[str, ...] = ()


def silent(program, refresh):
    """The doubt about a program that did not answer."""
    return "%s does not say whether an update of dnsmasq is waiting: run '%s'" % (program, refresh)


def read_text(*path):
    """The text of a file; empty where it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def newest(root, *patterns):
    """When the newest of the files was changed, or None without any."""
    times = []
    for pattern in patterns:
        for path in glob.glob(os.path.join(root, pattern)):
            try:
                times.append(os.stat(path).st_mtime)
            except OSError:  # gone meanwhile
                pass
    return max(times) if times else None
