# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What yum, dnf and dnf5 say of dnsmasq from their caches alone: Red Hat and its kin, Fedora, Amazon Linux.

By the programs' own sources (yum 3.4.3, dnf 4, dnf5) and Amazon's manual: no such host was asked. Runs under
Python 3.6.
"""

import glob
import os
import re

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.answer import (
    LIMITED,
    VERSION,
    PackageAnswer,
    newest,
    read_text,
    silent,
)

#: Columns, with a line break where a text is too long for its own.
_ROW = re.compile(r"^dnsmasq\.\S+\s+(%s)\s+(\S+)\s*$" % VERSION, re.M)
#: A refresh that finds nothing new touches the primary list of dnf and the cookie of yum.
_LISTS = (
    "var/cache/dnf/*/repodata/*",
    "var/cache/libdnf5/*/repodata/*",
    "var/cache/yum/*/*/*/cachecookie",
    "var/cache/yum/*/cachecookie",
)
#: Where the advisories of a repository are, if it has any.
_ADVISORIES = (
    "var/cache/dnf/%s-*/repodata/*updateinfo*",
    "var/cache/libdnf5/%s-*/repodata/*updateinfo*",
    "var/cache/yum/*/*/%s/*updateinfo*",
)


def _check_update(run, program, *options):
    """Whether it answered, and the version and the repository of the update, if there is one.

    Not with --quiet, which makes yum say nothing. What takes the place of other packages is listed behind.
    """
    rc, out = run(LIMITED + [program, "-C", "check-update"] + list(options) + ["dnsmasq"])
    found = _ROW.search(re.split(r"^Obsoleting", out, flags=re.M)[0]) if rc == 100 else None
    return rc in (0, 100), found.groups() if found else None


def _refresh(root, program):
    """The command that asks the repositories also where a list has not expired yet, which may take days."""
    is_yum = os.path.basename(os.path.realpath(os.path.join(root, "usr/bin", program))) == "yum"
    return "yum clean expire-cache && yum makecache" if is_yum else program + " makecache --refresh"


def waiting(run, os_release, root, program):
    """The PackageAnswer of one of these programs."""
    refresh = _refresh(root, program)
    candidate, security, doubts = None, None, []
    answered, update = _check_update(run, program)
    if update:
        candidate = update[0]
        knows, of_security = _check_update(run, program, "--security")
        advised = newest(root, *[pattern % glob.escape(update[1]) for pattern in _ADVISORIES])
        security = True if of_security else (False if knows and advised else None)
    elif answered:
        security = False
    else:
        doubts.append(silent(program, refresh))
    amazon_2023 = (os_release.get("ID"), os_release.get("VERSION_ID")) == ("amzn", "2023")
    if amazon_2023 and read_text(root, "etc/dnf/vars/releasever").strip() != "latest":
        doubts.append(
            "its repositories stay at the release that is installed: ask 'dnf check-release-update', or write latest "
            "to /etc/dnf/vars/releasever"
        )
    return PackageAnswer(candidate, security, newest(root, *_LISTS), refresh, tuple(doubts))
