# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which published fixes a package lacks: Debian's by the real dpkg, Red Hat's by what rpm 4.18 printed."""

import itertools
import re
import subprocess

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils import _advisories

SYSTEMS = sorted({(row.os_id, row.major) for row in _advisories.ADVISORIES})
DEB_SYSTEMS = [system for system in SYSTEMS if system[0] in _advisories.DPKG]
RPM_SYSTEMS = [system for system in SYSTEMS if system[0] not in _advisories.DPKG]
SIX = ["CVE-2026-2291", "CVE-2026-4890", "CVE-2026-4891", "CVE-2026-4892", "CVE-2026-4893", "CVE-2026-5172"]
FIVE = SIX[:-1]
JUNE = ["CVE-2026-12725", "CVE-2026-12969"]
KEYTRAP = ["CVE-2023-50387", "CVE-2023-50868"]
BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
# as /etc/os-release of the image says it
FORKY = {
    "PRETTY_NAME": "Debian GNU/Linux forky/sid",
    "NAME": "Debian GNU/Linux",
    "VERSION_CODENAME": "forky",
    "ID": "debian",
}
LUA = re.compile(
    r'%\{lua: print\(rpm\.vercmp\("([^"]*)", "([^"]*)"\) \.\. " " \.\. '
    r'rpm\.vercmp\("([^"]*)", "([^"]*)"\) \.\. " " \.\. rpm\.vercmp\("([^"]*)", "([^"]*)"\)\)\}'
)


def vercmp(one, other):
    """rpmvercmp, for versions without ~ and ^: numbers above words, then by value, then the longer one."""
    for left, right in itertools.zip_longest(*(re.findall(r"\d+|[A-Za-z]+", text) for text in (one, other))):
        if left is None or right is None:
            return -1 if left is None else 1
        keys = [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in (left, right)]
        if keys[0] != keys[1]:
            return -1 if keys[0] < keys[1] else 1
    return 0


class Host:
    """Answers as the programs would, and keeps what was asked."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.asked = []

    def __call__(self, argv):
        self.asked.append(argv)
        if argv[0] in self.answers:
            return self.answers[argv[0]]
        if argv[:2] == ["rpm", "--eval"]:
            parts = LUA.fullmatch(argv[2]).groups()
            return 0, " ".join(str(vercmp(*parts[at : at + 2])) for at in (0, 2, 4)) + "\n"
        if argv[0] == "dpkg":
            return subprocess.run(argv, check=False).returncode, ""
        return 127, ""


def release(os_id, major):
    return {"ID": os_id, "VERSION_ID": major}


def lacked(os_release, version):
    rows = _advisories.unfixed(Host(), os_release, version)
    return [(row["fixed"], row["cves"]) for row in rows]


@pytest.mark.parametrize("row", _advisories.ADVISORIES, ids=lambda row: "-".join(row[:3]))
def test_every_row_names_a_version_and_where_it_was_seen(row):
    shape = r"2\.\d\d-[0-9][A-Za-z0-9.+~]*" if row.os_id in _advisories.DPKG else r"2\.\d\d-[0-9]+\.[A-Za-z0-9._]+"
    assert re.fullmatch(shape, row.fixed)
    assert row.cves
    assert len(set(row.cves)) == len(row.cves)
    assert all(re.fullmatch(r"CVE-20\d\d-\d{4,5}", cve) for cve in row.cves)
    advisory = (
        r"(USN|RHSA|ALSA|ELSA|ALAS2|SUSE-SU)-20\d\d[-:]\d+|USN-\d+-\d|changelog of dnsmasq \S+|Ubuntu's records of "
    )
    assert re.match(advisory, row.source)
    if row.source.startswith("changelog"):
        assert row.source == "changelog of dnsmasq " + row.fixed


def test_no_cve_is_told_twice_of_a_system():
    for system in SYSTEMS:
        told = [cve for row in _advisories.ADVISORIES if row[:2] == system for cve in row.cves]
        assert len(set(told)) == len(told), system


@pytest.mark.parametrize("system", DEB_SYSTEMS + RPM_SYSTEMS)
def test_rows_are_newest_first_and_each_is_met_by_its_own_version(system):
    rows = [row for row in _advisories.ADVISORIES if row[:2] == system]
    assert len({row.fixed for row in rows}) == len(rows)
    for at, row in enumerate(rows):
        found = _advisories.unfixed(Host(), release(*system), row.fixed)
        assert [one["fixed"] for one in found] == [newer.fixed for newer in rows[:at]]


@pytest.mark.parametrize(
    ("os_release", "version", "expected"),
    [
        (release("debian", "11"), "2.85-1+deb11u2", []),
        (release("debian", "11"), "2.85-1+deb11u1", [("2.85-1+deb11u2", FIVE)]),
        (
            release("debian", "11"), "2.85-1",
            [("2.85-1+deb11u2", FIVE), ("2.85-1+deb11u1", ["CVE-2022-0934", "CVE-2023-28450", *KEYTRAP])],
        ),
        (BOOKWORM, "2.90-4~deb12u2", []),
        (BOOKWORM, "2.90-4~deb12u1", [("2.90-4~deb12u2", SIX)]),
        (BOOKWORM, "2.89-1", [("2.90-4~deb12u2", SIX), ("2.90-4~deb12u1", ["CVE-2023-28450", *KEYTRAP])]),
        # 2.90-4 is above 2.90-4~deb12u2 by its number: dpkg's order, not the eye's
        (BOOKWORM, "2.90-4", []),
        (BOOKWORM, "1:2.50-1", []),
        (release("debian", "13"), "2.91-1+deb13u2", []),
        (release("debian", "13"), "2.91-1+deb13u1", [("2.91-1+deb13u2", JUNE)]),
        (release("debian", "13"), "2.91-1", [("2.91-1+deb13u2", JUNE), ("2.91-1+deb13u1", SIX)]),
        (FORKY, "2.93-3", []),
        (FORKY, "2.92-5", [("2.93-1", JUNE)]),
        (FORKY, "2.92-4", [("2.93-1", JUNE), ("2.92-5", SIX)]),
        (FORKY, "2.92-3", [("2.93-1", JUNE), ("2.92-5", SIX), ("2.92-4", ["CVE-2026-6507"])]),
        (dict(FORKY, VERSION_ID="14"), "2.92-5", [("2.93-1", JUNE)]),
        (dict(FORKY, VERSION_ID="14.1"), "2.92-5", [("2.93-1", JUNE)]),
        (
            release("ubuntu", "26.04"), "2.92-1ubuntu0.2",
            [("2.92-1ubuntu0.4", JUNE), ("2.92-1ubuntu0.3", ["CVE-2026-6507"])],
        ),
        (release("ubuntu", "24.04"), "2.90-2build2", [("2.90-2ubuntu0.4", JUNE), ("2.90-2ubuntu0.3", SIX)]),
        (
            release("ubuntu", "22.04"), "2.90-0ubuntu0.22.04.1",
            [("2.90-0ubuntu0.22.04.4", JUNE), ("2.90-0ubuntu0.22.04.3", SIX)],
        ),
        (
            release("ubuntu", "20.04"), "2.90-0ubuntu0.20.04.1",
            [("2.90-0ubuntu0.20.04.1+esm3", JUNE), ("2.90-0ubuntu0.20.04.1+esm2", SIX)],
        ),
    ],
)  # fmt: skip
def test_debs_by_the_changelogs_and_dpkg(os_release, version, expected):
    assert lacked(os_release, version) == expected


def test_the_first_packages_of_ubuntu_20_04_lack_dnspooq():
    *newer, last = _advisories.unfixed(Host(), release("ubuntu", "20.04"), "2.80-1.1ubuntu1")
    assert len(newer) == 6
    assert last == {
        "fixed": "2.80-1.1ubuntu1.2",
        "cves": [f"CVE-2020-{number}" for number in range(25681, 25688)] + ["CVE-2019-14834"],
        "source": "USN-4698-1",
    }


@pytest.mark.parametrize("os_id", ["rhel", "rocky", "almalinux", "centos", "ol"])
def test_rebuilds_share_red_hats_rows(os_id):
    assert lacked(release(os_id, "9.7"), "0:2.85-16.el9_4") == [("2.85-18.el9_8.1", FIVE)]
    assert lacked(release(os_id, "9.8"), "0:2.85-18.el9_8.1") == []
    assert lacked(release(os_id, "10"), "0:2.90-6.el10") == [("2.90-7.el10_2", SIX)]
    assert lacked(release(os_id, "8"), "0:2.79-31.el8_9.2") == [("2.79-36.el8_10", FIVE)]
    assert lacked(release(os_id, "8"), "0:2.79-31.el8") == [("2.79-36.el8_10", FIVE), ("2.79-31.el8_9.2", KEYTRAP)]


@pytest.mark.parametrize(
    ("os_release", "version", "expected"),
    [
        (release("centos", "7"), "0:2.76-16.el7", ["2.76-16.el7_9.1"]),
        (release("centos", "7"), "0:2.76-16.el7_9.1", []),
        (release("centos", "7"), "0:2.66-21.el7", ["2.76-16.el7_9.1", "2.76-16.el7", "2.76-2.el7_4.2"]),
        (release("amzn", "2"), "0:2.76-16.amzn2", ["2.76-16.amzn2.1.1"]),
        (release("amzn", "2"), "0:2.76-16.amzn2.1.2", []),
        (release("opensuse-leap", "15.6"), "0:2.86-150400.16.1", ["2.90-150400.16.3.1"]),
        (release("sles", "15.5"), "0:2.90-150400.16.3.1", []),
        # an epoch outweighs the version, and none is 0
        (release("rhel", "8"), "1:2.50-1.el8", []),
        (release("rhel", "10"), "2.90-6.el10", ["2.90-7.el10_2"]),
        # a version part decides before a release does
        (release("rhel", "10"), "0:2.92rel2-1.el10", []),
    ],
)
def test_rpms(os_release, version, expected):
    assert [fixed for fixed, unused_cves in lacked(os_release, version)] == expected


def test_what_rpm_is_asked_and_what_it_printed():
    host = Host({"rpm": (0, "0 0 -1\n")})  # recorded with rpm 4.18.0
    assert len(_advisories.unfixed(host, release("rhel", "10"), "0:2.90-6.el10")) == 1
    program = (
        '%{lua: print(rpm.vercmp("0", "0") .. " " .. rpm.vercmp("2.90", "2.90")'
        ' .. " " .. rpm.vercmp("6.el10", "7.el10_2"))}'
    )
    assert host.asked == [["rpm", "--eval", program]]


@pytest.mark.parametrize(
    ("printed", "unmet"), [("0 -1 1", True), ("0 1 -1", False), ("1 -1 -1", False), ("-1 1 1", True), ("0 0 0", False)]
)
def test_the_first_part_that_differs_decides(printed, unmet):
    host = Host({"rpm": (0, printed + "\n")})
    assert bool(_advisories.unfixed(host, release("rhel", "10"), "2.90-6.el10")) is unmet


@pytest.mark.parametrize(
    "answer", [(127, ""), (1, "0 0 -1"), (0, ""), (0, "%{lua: print()}"), (0, "0 -1"), (0, "a b c")]
)
def test_a_comparer_that_does_not_answer_gives_nothing(answer):
    assert _advisories.unfixed(Host({"rpm": answer}), release("rhel", "10"), "2.90-6.el10") == []
    assert _advisories.unfixed(Host({"dpkg": (127, "")}), BOOKWORM, "2.89-1") == []


@pytest.mark.parametrize(
    "version",
    [
        '0:2.90"); os.execute("true"); --6.el10', "2.90-6.el10\n", "2.90-6%{lua:x}", "2.90-6}", "2.90", "a:2.90-6",
        "-6", "2.90-6 el10", "2.90-6\\", "2.90-6.él10",
    ],
)  # fmt: skip
def test_what_is_no_version_never_gets_into_the_program(version):
    host = Host()
    assert _advisories.unfixed(host, release("rhel", "10"), version) == []
    assert host.asked == []


def test_what_is_no_version_is_not_listed_by_dpkg_either():
    for version in ("", "--help", "2.90 4", "no;version"):
        assert lacked(BOOKWORM, version) == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_one_comparison_is_enough_where_all_is_fixed_and_one_a_row_at_most(system):
    name = "dpkg" if system[0] in _advisories.DPKG else "rpm"
    rows = [row for row in _advisories.ADVISORIES if row[:2] == system]
    met, unmet = ((1, ""), (0, "")) if name == "dpkg" else ((0, "0 0 0\n"), (0, "0 0 -1\n"))
    for answer, runs, found in ((met, 1, 0), (unmet, len(rows), len(rows))):
        host = Host({name: answer})
        assert len(_advisories.unfixed(host, release(*system), "2.00-1")) == found
        assert len(host.asked) == runs


@pytest.mark.parametrize(
    "os_release",
    [
        {}, {"ID": "debian"}, {"ID": "debian", "VERSION_CODENAME": "sid"}, release("debian", "10"),
        release("ubuntu", "25.10"), release("ubuntu", "22"), release("rhel", "6"), release("fedora", "44"),
        release("amzn", "2023"), release("sles", "15.7"), release("opensuse-leap", "15.3"), release("arch", ""),
        {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "VERSION_ID": "22"},
        {"ID": "fedora", "VERSION_CODENAME": "forky"},
    ],
)  # fmt: skip
def test_an_unlisted_system_is_asked_nothing(os_release):
    host = Host()
    assert _advisories.unfixed(host, os_release, "2.00-1") == []
    assert host.asked == []


@pytest.mark.parametrize("version", [None, ""])
def test_no_version_is_asked_nothing(version):
    host = Host()
    assert _advisories.unfixed(host, BOOKWORM, version) == []
    assert host.asked == []


@pytest.mark.parametrize(
    ("base", "lua", "expected"),
    [
        ((0, "installed 2.90-4~deb12u2\n"), (1, ""), "2.90-4~deb12u2"),
        ((0, "installed 1:2.90-4\n"), (1, ""), "1:2.90-4"),
        # one conflicts with the other, whose configuration files may have stayed behind
        ((0, "config-files 2.85-1\n"), (0, "installed 2.91-1\n"), "2.91-1"),
        ((1, ""), (0, "installed 2.91-1\n"), "2.91-1"),
        ((0, "not-installed \n"), (1, ""), None),
        ((0, "config-files 2.85-1\n"), (1, ""), None),
        ((1, ""), (1, ""), None),
    ],
)
def test_the_version_of_a_deb(base, lua, expected):
    asked = {"dnsmasq-base": base, "dnsmasq-base-lua": lua}

    def run(argv):
        assert argv[:4] == ["dpkg-query", "-W", "-f", r"${db:Status-Status} ${Version}\n"] or argv[0] == "rpm"
        return asked[argv[4]] if argv[0] == "dpkg-query" else (127, "")

    assert _advisories.package_version(run) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((0, "(none):2.85-18.el9_8.1\n"), "0:2.85-18.el9_8.1"),
        ((0, "1:2.85-18.el9_8.1\n"), "1:2.85-18.el9_8.1"),
        ((1, "package dnsmasq is not installed\n"), None),
        ((127, ""), None),
        ((0, ""), None),
    ],
)
@pytest.mark.parametrize("dpkg_query", [(127, ""), (1, "")])  # some hosts of rpm have dpkg's programs too
def test_the_version_of_an_rpm(answer, expected, dpkg_query):
    host = Host({"rpm": answer, "dpkg-query": dpkg_query})
    assert _advisories.package_version(host) == expected
    assert host.asked[-1] == ["rpm", "-q", "--qf", r"%{EPOCH}:%{VERSION}-%{RELEASE}\n", "dnsmasq"]


def test_the_real_dpkg_query_is_understood():
    """dpkg itself stands in for dnsmasq-base, which need not be on this machine."""

    def run(argv):
        argv = [{"dnsmasq-base": "dpkg", "dnsmasq-base-lua": "no-such-package"}.get(word, word) for word in argv]
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.returncode, done.stdout

    assert re.fullmatch(r"[0-9][A-Za-z0-9.+~:-]*", _advisories.package_version(run))
