# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What zypper says of dnsmasq from its caches alone, on SUSE. Runs under Python 3.6.

The output was recorded by others and published; zypper's own source says the same.
"""

import glob
import re

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.answer import (
    LIMITED,
    VERSION,
    PackageAnswer,
    newest,
    silent,
)

REFRESH = "zypper refresh"
_UPDATE = re.compile(r"<update\s([^>]*)>(.*?)</update>", re.S)
#: The summary of a patch names what it is for; its description may name others.
_OF_DNSMASQ = re.compile(r"<summary>[^<]*\bdnsmasq\b(?!-)")


def _listed(run, *command):
    """Whether it answered, and of each update the attributes and what stands in it."""
    rc, out = run(LIMITED + ["zypper", "--no-refresh", "--non-interactive", "--xmlout"] + list(command))
    found = _UPDATE.findall(out) if rc == 0 else []
    return rc == 0, [(dict(re.findall(r'([a-z-]+)="([^"]*)"', names)), inner) for names, inner in found]


def _is_security(run, inner, root):
    """Whether a security patch for it is needed; None where its repository has no patches."""
    knows, patches = _listed(run, "list-patches", "--category", "security")
    if any(_OF_DNSMASQ.search(text) for unused, text in patches):
        return True
    alias = re.search(r'<source [^>]*alias="([^"]*)"', inner)
    folder = glob.escape(alias.group(1)) if alias else "*"
    return False if knows and newest(root, "var/cache/zypp/raw/%s/repodata/*updateinfo*" % folder) else None


def waiting(run, root):
    """The PackageAnswer of zypper."""
    candidate, security = None, None
    answered, updates = _listed(run, "list-updates")
    of_dnsmasq = [
        (update["edition"], inner)
        for update, inner in updates
        if (update.get("kind"), update.get("name")) == ("package", "dnsmasq")
        and re.match(VERSION + "$", update.get("edition", ""))
    ]
    if of_dnsmasq:
        candidate = of_dnsmasq[0][0]
        security = _is_security(run, of_dnsmasq[0][1], root)
    elif answered:
        security = False
    # A refresh that finds nothing new touches the index.
    refreshed = newest(root, "var/cache/zypp/raw/*/repodata/repomd.xml", "var/cache/zypp/raw/*/cookie")
    return PackageAnswer(candidate, security, refreshed, REFRESH, () if answered else (silent("zypper", REFRESH),))
