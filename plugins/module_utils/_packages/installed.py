# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package that holds dnsmasq on this host. Runs under Python 3.6."""

import re

DEB, RPM = "deb", "rpm"
_ABSENT = ("not-installed", "config-files")


def installed(run):
    """The kind of the package that holds the program, and its full version; None twice where there is none.

    `run(argv)` gives (return code, output).
    """
    for name in ("dnsmasq-base", "dnsmasq-base-lua"):
        rc, out = run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}\\n", name])
        state, unused_space, version = (out.splitlines() or [""])[0].partition(" ")
        if rc == 0 and version and state not in _ABSENT:
            return DEB, version
    rc, out = run(["rpm", "-q", "--qf", "%{EPOCH}:%{VERSION}-%{RELEASE}\\n", "dnsmasq"])
    version = (out.splitlines() or [""])[-1]
    return (RPM, re.sub(r"^(\(none\)|0):", "", version)) if rc == 0 and version else (None, None)
