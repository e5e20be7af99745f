# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What apt says of dnsmasq, on Debian, Ubuntu and what is made of them. Runs under Python 3.6.

The output of Debian 12's apt and the times of its files were recorded, and Ubuntu's sources from published logs.
"""

import glob
import os
import re
import time
from email.utils import mktime_tz, parsedate_tz

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.answer import (
    VERSION,
    PackageAnswer,
    newest,
    read_text,
    silent,
)

REFRESH = "apt-get update"
WEEK = 7 * 86400
#: In a line of `apt-cache policy` and in the name of a list: a suite or a site of security updates, or Debian's
#: extended maintenance.
_SECURITY = re.compile(r"-security(?=[_/ ]|$)|/extended-lts |_extended-lts_")
#: A version, marked where it is the installed one, and the lines with its sources.
_ROW = re.compile(r"^ (\*\*\*|   ) (%s)(?: .*)?\n((?: {7,}.*\n?)*)" % VERSION, re.M)


def lists(root):
    """The files of all lists that apt has."""
    return glob.glob(os.path.join(root, "var/lib/apt/lists/*_*"))


def _is_security(path):
    return bool(_SECURITY.search(os.path.basename(path)))


def _refreshed(root):
    """When apt last refreshed its lists.

    A refresh that finds nothing new leaves no trace but in the folder `partial`, which apt makes ready for each one. A
    failed refresh does that as well: the date of the security updates tells so within a week. Ubuntu and others have a
    hook that keeps the time of each success; there only that counts.
    """
    if not lists(root):
        return None
    hooks = glob.glob(os.path.join(root, "etc/apt/apt.conf.d/*"))
    if any("update-success-stamp" in read_text(path) for path in hooks):
        return newest(root, "var/lib/apt/periodic/update-success-stamp")
    try:
        ready = os.stat(os.path.join(root, "var/lib/apt/lists/partial")).st_ctime
    except OSError:
        ready = 0.0
    return max(ready, newest(root, "var/lib/apt/lists") or 0.0)


def _header(text, name):
    """A date of a Release file in seconds since 1970, or None."""
    found = re.search(r"^%s: (.+)$" % name, text, re.M)
    when = parsedate_tz(found.group(1)) if found else None
    return mktime_tz(when) if when else None


def _outdated(root, now):
    """When the newest list of security updates was made, where it is valid no more; else None.

    Debian makes one at least every week and says how long it is valid. Ubuntu makes one almost every day.
    """
    made, valid = 0.0, 0.0
    for path in lists(root):
        if path.endswith("Release") and _is_security(path):
            text = read_text(path)
            date = _header(text, "Date") or newest(root, glob.escape(path)) or 0.0
            made, valid = max(made, date), max(valid, _header(text, "Valid-Until") or date + WEEK)
    return made if made and valid < now else None


def _policy(block, has_security):
    """The candidate and whether a security update is waiting, by a package's block of `apt-cache policy`.

    Its table is in the order of versions. A security update counts even where a pin of the admin's leaves it out.
    """
    ours, chosen = [re.search(r"^  %s: (\S+)$" % key, block, re.M).group(1) for key in ("Installed", "Candidate")]
    newer = []
    for mark, version, sources in _ROW.findall(block):
        if mark == "***":
            break
        # The installed one stands twice where somebody has built it again.
        if version != ours:
            newer.append((version, any(map(_SECURITY.search, sources.splitlines()))))
    of_security = [version for version, is_security in newer if is_security]
    candidate = next((version for version, unused in newer if version == chosen), None)
    candidate = candidate or (of_security or [None])[0]
    if candidate is None or of_security:
        return candidate, bool(of_security)
    return candidate, False if has_security else None


def waiting(run, os_release, now, root):
    """The PackageAnswer of apt."""
    candidate, security, doubts = None, None, []
    has_security = any(map(_is_security, lists(root)))
    rc, out = run(["apt-cache", "policy", "dnsmasq-base", "dnsmasq-base-lua"])
    blocks = re.findall(r"^\S+:\n((?:  Installed: [^(]\S*)\n  Candidate: \S+\n(?: .*\n?)*)", out, re.M)
    if rc == 0 and blocks:
        candidate, security = _policy(blocks[0], has_security)
    else:
        doubts.append(silent("apt-cache", REFRESH))
    outdated = _outdated(root, now)
    if outdated:
        doubts.append(
            "the newest list of security updates was made on %s, and one is made every week: run '%s', and if it "
            "stays as it is, use another mirror or a newer release"
            % (time.strftime("%Y-%m-%d", time.gmtime(outdated)), REFRESH)
        )
    # Debian's testing and unstable have no VERSION_ID and do without; what others need is for them to know.
    if not has_security and os_release.get("ID") in ("debian", "ubuntu") and os_release.get("VERSION_ID"):
        doubts.append("apt knows no suite of security updates: add one to its sources, and run '%s'" % REFRESH)
    return PackageAnswer(candidate, security, _refreshed(root), REFRESH, tuple(doubts))
