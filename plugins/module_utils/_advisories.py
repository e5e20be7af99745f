# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the distribution's package of dnsmasq has the fixes that its distribution published, and which it lacks.

A package keeps its upstream version when a fix is backported: only the package's own version says what is in it, and
only the distribution's own comparer which of two is newer. Runs under Python 3.6.
"""

import re
import typing


class Advisory(typing.NamedTuple):
    """What one published package fixed. `major` is VERSION_ID to its first dot; all of it where os_id is in WHOLE."""

    os_id: str
    major: str
    fixed: str
    cves: typing.Tuple[str, ...]
    source: str


DPKG = ("debian", "ubuntu")
#: Here the part after the dot is another release, with packages of its own.
WHOLE = ("ubuntu", "opensuse-leap", "sles")
#: These ship Red Hat's packages, rebuilt under the same version and release.
ALIASES = {"rocky": "rhel", "almalinux": "rhel", "centos": "rhel", "ol": "rhel"}
#: Debian's testing has no VERSION_ID.
CODENAMES = {("debian", "forky"): "14"}

CVES_2017 = tuple("CVE-2017-%d" % number for number in range(14491, 14497))
DNSPOOQ = tuple("CVE-2020-%d" % number for number in range(25681, 25688))
DNSPOOQ_WITHOUT_DNSSEC = ("CVE-2020-25684", "CVE-2020-25685", "CVE-2020-25686")
KEYTRAP = ("CVE-2023-50387", "CVE-2023-50868")
EDNS_SIZE = ("CVE-2023-28450",)
#: 2.79 and 2.85 as Red Hat and Debian 11 have them were fixed without CVE-2026-5172.
MAY_2026_OF_OLD = ("CVE-2026-2291", "CVE-2026-4890", "CVE-2026-4891", "CVE-2026-4892", "CVE-2026-4893")
MAY_2026 = MAY_2026_OF_OLD + ("CVE-2026-5172",)
JUNE_2026 = ("CVE-2026-12725", "CVE-2026-12969")

#: Newest first within a system, and only what a package of that release ever lacked: Debian 11 began with 2.85, which
#: has the fixes of 2017 and DNSpooq. ALSA and ELSA name Red Hat's packages, under the numbers of Red Hat's own RHSA.
#: What is not listed is not known to be fixed: for Fedora, Amazon Linux 2023 and SLES 15.7 there is no data.
ADVISORIES = (
    Advisory("debian", "11", "2.85-1+deb11u2", MAY_2026_OF_OLD, "changelog of dnsmasq 2.85-1+deb11u2"),
    Advisory(
        "debian", "11", "2.85-1+deb11u1", ("CVE-2022-0934",) + EDNS_SIZE + KEYTRAP,
        "changelog of dnsmasq 2.85-1+deb11u1",
    ),
    Advisory("debian", "12", "2.90-4~deb12u2", MAY_2026, "changelog of dnsmasq 2.90-4~deb12u2"),
    Advisory("debian", "12", "2.90-4~deb12u1", EDNS_SIZE + KEYTRAP, "changelog of dnsmasq 2.90-4~deb12u1"),
    Advisory("debian", "13", "2.91-1+deb13u2", JUNE_2026, "changelog of dnsmasq 2.91-1+deb13u2"),
    Advisory("debian", "13", "2.91-1+deb13u1", MAY_2026, "changelog of dnsmasq 2.91-1+deb13u1"),
    Advisory(
        "debian", "14", "2.93-1", JUNE_2026, "Ubuntu's records of CVE-2026-12725 and CVE-2026-12969, which name 2.93-1",
    ),
    Advisory("debian", "14", "2.92-5", MAY_2026, "changelog of dnsmasq 2.92-5"),
    Advisory("debian", "14", "2.92-4", ("CVE-2026-6507",), "changelog of dnsmasq 2.92-4"),
    Advisory("ubuntu", "20.04", "2.90-0ubuntu0.20.04.1+esm3", JUNE_2026, "USN-8542-1, with Ubuntu Pro"),
    Advisory("ubuntu", "20.04", "2.90-0ubuntu0.20.04.1+esm2", MAY_2026, "USN-8268-1, with Ubuntu Pro"),
    Advisory("ubuntu", "20.04", "2.90-0ubuntu0.20.04.1", KEYTRAP, "USN-6657-1"),
    Advisory("ubuntu", "20.04", "2.80-1.1ubuntu1.7", EDNS_SIZE, "USN-6034-1"),
    Advisory("ubuntu", "20.04", "2.80-1.1ubuntu1.5", ("CVE-2022-0934",), "USN-5408-1"),
    Advisory("ubuntu", "20.04", "2.80-1.1ubuntu1.4", ("CVE-2021-3448",), "USN-4976-1"),
    Advisory("ubuntu", "20.04", "2.80-1.1ubuntu1.2", DNSPOOQ + ("CVE-2019-14834",), "USN-4698-1"),
    Advisory("ubuntu", "22.04", "2.90-0ubuntu0.22.04.4", JUNE_2026, "USN-8542-1"),
    Advisory("ubuntu", "22.04", "2.90-0ubuntu0.22.04.3", MAY_2026, "USN-8268-1"),
    Advisory("ubuntu", "22.04", "2.90-0ubuntu0.22.04.1", KEYTRAP, "USN-6657-1"),
    Advisory("ubuntu", "22.04", "2.86-1.1ubuntu0.3", EDNS_SIZE, "USN-6034-1"),
    Advisory("ubuntu", "22.04", "2.86-1.1ubuntu0.1", ("CVE-2022-0934",), "USN-5408-1"),
    Advisory("ubuntu", "24.04", "2.90-2ubuntu0.4", JUNE_2026, "USN-8542-1"),
    Advisory("ubuntu", "24.04", "2.90-2ubuntu0.3", MAY_2026, "USN-8268-1"),
    Advisory("ubuntu", "26.04", "2.92-1ubuntu0.4", JUNE_2026, "USN-8542-1"),
    Advisory("ubuntu", "26.04", "2.92-1ubuntu0.3", ("CVE-2026-6507",), "USN-8308-1"),
    Advisory("ubuntu", "26.04", "2.92-1ubuntu0.2", MAY_2026, "USN-8268-1"),
    Advisory("rhel", "7", "2.76-16.el7_9.1", DNSPOOQ_WITHOUT_DNSSEC, "RHSA-2021:0153"),
    Advisory("rhel", "7", "2.76-16.el7", ("CVE-2019-14834",), "ELSA-2020-3878"),
    Advisory("rhel", "7", "2.76-2.el7_4.2", CVES_2017, "RHSA-2017:2836"),
    Advisory("rhel", "8", "2.79-36.el8_10", MAY_2026_OF_OLD, "RHSA-2026:20589 (ALSA-2026:20589, ELSA-2026-20589)"),
    Advisory("rhel", "8", "2.79-31.el8_9.2", KEYTRAP, "RHSA-2024:1335 (ALSA-2024:1335)"),
    Advisory("rhel", "8", "2.79-31.el8", EDNS_SIZE, "RHSA-2023:7046 (ALSA-2023:7046)"),
    Advisory("rhel", "8", "2.79-24.el8", ("CVE-2022-0934",), "RHSA-2022:7633 (ALSA-2022:7633)"),
    Advisory("rhel", "8", "2.79-19.el8", ("CVE-2021-3448",), "ALSA-2021:4153"),
    Advisory("rhel", "8", "2.79-13.el8_3.1", DNSPOOQ, "ELSA-2021-0150"),
    Advisory("rhel", "8", "2.79-11.el8", ("CVE-2019-14834",), "ELSA-2020-1715"),
    Advisory("rhel", "9", "2.85-18.el9_8.1", MAY_2026_OF_OLD, "RHSA-2026:19373 (ALSA-2026:19373, ELSA-2026-19373)"),
    Advisory("rhel", "9", "2.85-14.el9_3.1", KEYTRAP, "RHSA-2024:1334 (ALSA-2024:1334)"),
    Advisory("rhel", "9", "2.85-14.el9", EDNS_SIZE, "RHSA-2023:6524 (ALSA-2023:6524)"),
    Advisory("rhel", "9", "2.85-5.el9", ("CVE-2022-0934",), "RHSA-2022:8070 (ALSA-2022:8070)"),
    Advisory("rhel", "10", "2.90-7.el10_2", MAY_2026, "RHSA-2026:19158 (ALSA-2026:19158)"),
    Advisory("amzn", "2", "2.76-16.amzn2.1.1", DNSPOOQ_WITHOUT_DNSSEC, "ALAS2-2021-1587"),
    Advisory("opensuse-leap", "15.6", "2.90-150400.16.3.1", EDNS_SIZE + KEYTRAP, "SUSE-SU-2025:0071-1"),
    Advisory("sles", "15.4", "2.90-150400.16.3.1", EDNS_SIZE + KEYTRAP, "SUSE-SU-2025:0071-1"),
    Advisory("sles", "15.5", "2.90-150400.16.3.1", EDNS_SIZE + KEYTRAP, "SUSE-SU-2025:0071-1"),
    Advisory("sles", "15.6", "2.90-150400.16.3.1", EDNS_SIZE + KEYTRAP, "SUSE-SU-2025:0071-1"),
)  # fmt: skip

_EVR = re.compile(r"(?:([0-9]+):)?([A-Za-z0-9._+~^]+)-([A-Za-z0-9._+~^]+)")
_ABSENT = ("not-installed", "config-files")


def package_version(run):
    """The full version of the package that holds the program, or None. `run(argv)` gives (return code, output)."""
    for name in ("dnsmasq-base", "dnsmasq-base-lua"):
        rc, out = run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}\\n", name])
        state, unused_space, version = (out.splitlines() or [""])[0].partition(" ")
        if rc == 0 and version and state not in _ABSENT:
            return version
    rc, out = run(["rpm", "-q", "--qf", "%{EPOCH}:%{VERSION}-%{RELEASE}\\n", "dnsmasq"])
    version = (out.splitlines() or [""])[-1]
    return version.replace("(none):", "0:", 1) if rc == 0 and version else None


def _rows(os_release):
    os_id = os_release.get("ID", "")
    version = os_release.get("VERSION_ID") or CODENAMES.get((os_id, os_release.get("VERSION_CODENAME")), "")
    os_id = ALIASES.get(os_id, os_id)
    major = version if os_id in WHOLE else version.partition(".")[0]
    return [row for row in ADVISORIES if (row.os_id, row.major) == (os_id, major)]


def _older_deb(run, version, fixed):
    return run(["dpkg", "--compare-versions", version, "lt", fixed])[0] == 0


def _older_rpm(run, version, fixed):
    """By rpm's own Lua, part by part: before 4.16 its vercmp knows neither epoch nor release. What is no version never
    gets into the program text."""
    evrs = [_EVR.fullmatch(text) for text in (version, fixed)]
    if not all(evrs):
        return False
    ours, theirs = [found.groups("0") for found in evrs]
    compared = ' .. " " .. '.join('rpm.vercmp("%s", "%s")' % (ours[part], theirs[part]) for part in range(3))
    rc, out = run(["rpm", "--eval", "%{lua: print(" + compared + ")}"])
    if rc != 0 or not re.match(r"-?[01] -?[01] -?[01]\s*$", out):
        return False
    return next((number for number in map(int, out.split()) if number), 0) < 0


def unfixed(run, os_release, version):
    """The rows of this system whose fix is newer than the installed version, newest first.

    `os_release` is a dictionary of that file. A system without rows, or a version that the comparer does not know,
    gives none. The rows are in order: the first fix that the package has ends the search.
    """
    found = []
    older = _older_deb if os_release.get("ID") in DPKG else _older_rpm
    for row in _rows(os_release) if version else ():
        if not older(run, version, row.fixed):
            break
        found.append({"fixed": row.fixed, "cves": list(row.cves), "source": row.source})
    return found
