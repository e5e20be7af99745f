# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's package manager says of dnsmasq.

The forms of apt are recorded: Debian 12's on a machine of its own, Ubuntu's and zypper's from logs that others
published. Those of yum, dnf and dnf5 follow the programs' own sources.
"""

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages import installed, updates

NOW = time.time()
HOUR, DAY = 3600, 86400
OLD, NEW = "2.90-4~deb12u1", "2.90-4~deb12u2"
BOOKWORM = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm", "PRETTY_NAME": "Debian GNU/Linux 12"}
JAMMY = {"ID": "ubuntu", "ID_LIKE": "debian", "VERSION_ID": "22.04", "VERSION_CODENAME": "jammy"}
FORKY = {"ID": "debian", "VERSION_CODENAME": "forky"}
ROCKY = {"ID": "rocky", "ID_LIKE": "rhel centos fedora", "VERSION_ID": "9.4", "PRETTY_NAME": "Rocky Linux 9.4"}
AMAZON = {"ID": "amzn", "ID_LIKE": "fedora", "VERSION_ID": "2023"}
LEAP = {"ID": "opensuse-leap", "ID_LIKE": "suse opensuse", "VERSION_ID": "15.6"}

MAIN = "500 http://deb.debian.org/debian bookworm/main amd64 Packages"
SECURITY = "500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages"
STATUS = "100 /var/lib/dpkg/status"


class Host:
    """Answers by the beginning of the command line, and keeps what was asked; what is not told is not installed."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def __call__(self, argv):
        line = " ".join(argv)
        self.asked.append(line)
        return next((answer for start, answer in self.answers.items() if line.startswith(start)), (127, ""))


def date(when):
    return time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(when))


def day(when):
    return time.strftime("%Y-%m-%d", time.gmtime(when))


def silent(program, refresh):
    return f"{program} does not say whether an update of dnsmasq is waiting: run '{refresh}'"


def put(root, path, text="", when=None):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    if when is not None:
        os.utime(file, (when, when))


# --- the installed package ---


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

    assert installed.installed(run) == (("deb", expected) if expected else (None, None))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((0, "(none):2.85-18.el9_8.1\n"), "2.85-18.el9_8.1"),
        ((0, "0:2.85-18.el9_8.1\n"), "2.85-18.el9_8.1"),
        ((0, "1:2.85-18.el9_8.1\n"), "1:2.85-18.el9_8.1"),
        ((1, "package dnsmasq is not installed\n"), None),
        ((127, ""), None),
        ((0, ""), None),
    ],
)
@pytest.mark.parametrize("dpkg_query", [(127, ""), (1, "")])  # some hosts of rpm have dpkg's programs too
def test_the_version_of_an_rpm(answer, expected, dpkg_query):
    host = Host({"rpm": answer, "dpkg-query": dpkg_query})
    assert installed.installed(host) == (("rpm", expected) if expected else (None, None))
    assert host.asked[-1] == r"rpm -q --qf %{EPOCH}:%{VERSION}-%{RELEASE}\n dnsmasq"


def test_the_real_dpkg_query_is_understood():
    """dpkg itself stands in for dnsmasq-base, which need not be on this machine."""

    def run(argv):
        argv = [{"dnsmasq-base": "dpkg", "dnsmasq-base-lua": "no-such-package"}.get(word, word) for word in argv]
        done = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.returncode, done.stdout

    kind, version = installed.installed(run)
    assert kind == "deb" and re.fullmatch(r"[0-9][A-Za-z0-9.+~:-]*", version)


# --- apt ---


def policy(installed, candidate, *rows, name="dnsmasq-base"):
    """`rows` are pairs of a version, with *** before the installed one, and its sources."""
    text = f"{name}:\n  Installed: {installed}\n  Candidate: {candidate}\n  Version table:\n"
    for version, *sources in rows:
        text += f" *** {version[3:]} 500\n" if version.startswith("***") else f"     {version} 500\n"
        text += "".join(f"{source.partition(' ')[0]:>11} {source.partition(' ')[2]}\n" for source in sources)
    return text


WAITING = policy(OLD, NEW, (NEW, SECURITY), (f"***{OLD}", MAIN, STATUS))
CURRENT = policy(NEW, NEW, (f"***{NEW}", MAIN, SECURITY, STATUS))
# as Debian 12 printed it
RECORDED = """\
dnsmasq-base:
  Installed: 2.90-4~deb12u2
  Candidate: 2.90-4~deb12u2
  Version table:
 *** 2.90-4~deb12u2 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
        500 http://deb.debian.org/debian-security bookworm-security/main amd64 Packages
        100 /var/lib/dpkg/status
"""


def test_the_form_of_these_tests_is_the_recorded_one():
    assert CURRENT == RECORDED


def apt(text, installed=OLD):
    return {"dpkg-query": (0, f"installed {installed}\n"), "apt-cache policy": (0, text)}


def debian_lists(root, published=NOW - HOUR, fetched=None):
    """The lists of a suite of Debian and of its security suite, just refreshed."""
    lists = "var/lib/apt/lists"
    put(root, f"{lists}/deb.debian.org_debian_dists_bookworm_InRelease", "Suite: oldstable\n", NOW - 130 * DAY)
    text = f"Origin: Debian\nSuite: oldstable-security\nDate: {date(published)}\n"
    put(root, f"{lists}/deb.debian.org_debian-security_dists_bookworm-security_InRelease", text)
    (root / lists / "partial").mkdir()


@pytest.mark.parametrize(
    ("text", "candidate", "security"),
    [
        (WAITING, NEW, True),
        (CURRENT, None, False),
        # a point release has the fix as well
        (policy(OLD, NEW, (NEW, MAIN, SECURITY), (f"***{OLD}", STATUS)), NEW, True),
        (policy(OLD, NEW, (NEW, MAIN), (f"***{OLD}", STATUS)), NEW, False),
        # the newest is none, and one that it leaves behind is
        (policy(OLD, "2.90-5", ("2.90-5", MAIN), (NEW, SECURITY), (f"***{OLD}", STATUS)), "2.90-5", True),
        # the admin pins the suite away
        (policy(OLD, OLD, (NEW, SECURITY.replace("500", "-10", 1)), (f"***{OLD}", MAIN, STATUS)), NEW, True),
        # backports are not what apt would install
        (
            policy(NEW, NEW, ("2.91-1~bpo12+1", MAIN.replace("bookworm", "bookworm-backports").replace("500", "100")),
                   (f"***{NEW}", MAIN, SECURITY, STATUS)),
            None, False,
        ),
        # the same version twice, once as another build of it
        (policy(NEW, NEW, (NEW, MAIN), (f"***{NEW}", STATUS)), None, False),
        # installed from elsewhere, newer than all
        (policy("2.92-1", "2.92-1", ("***2.92-1", STATUS), (NEW, MAIN, SECURITY)), None, False),
        # a pin over 1000 would go back
        (policy("2.92-1", NEW, ("***2.92-1", STATUS), (NEW, MAIN.replace("500", "1001"), SECURITY)), None, False),
        (policy(OLD, "(none)", (f"***{OLD}", STATUS)), None, False),
        (
            policy("2.91-1", "2.91-1+deb13u1", ("2.91-1+deb13u1", SECURITY), ("***2.91-1", MAIN, STATUS),
                   name="dnsmasq-base-lua"),
            "2.91-1+deb13u1", True,
        ),
        # one that is not installed stands beside it
        (WAITING + policy("(none)", "2.99-1", ("2.99-1", MAIN), name="dnsmasq-base-lua"), NEW, True),
        (policy("(none)", "2.99-1", ("2.99-1", MAIN)) + WAITING.replace("base", "base-lua"), NEW, True),
    ],
    ids=[
        "a security update", "nothing", "also in a point release", "a point release alone",
        "newer than the security update", "pinned away", "backports", "another build", "newer than all", "a pin back",
        "no candidate", "the package with lua", "the other one is not there", "the other one is there",
    ],
)  # fmt: skip
def test_what_apt_has_waiting(text, candidate, security, tmp_path):
    debian_lists(tmp_path)
    found = updates.updates(Host(apt(text)), BOOKWORM, NOW, str(tmp_path))
    assert (found["candidate"], found["security"]) == (candidate, security)


UBUNTU = """\
dnsmasq-base:
  Installed: 2.90-0ubuntu0.22.04.1
  Candidate: {candidate}
  Version table:
     2.90-0ubuntu0.22.04.4 {priority}
        500 http://archive.ubuntu.com/ubuntu jammy-updates/main amd64 Packages{security}
 *** 2.90-0ubuntu0.22.04.1 100
        100 /var/lib/dpkg/status
     2.86-1.1ubuntu0.1 500
        500 http://archive.ubuntu.com/ubuntu jammy/main amd64 Packages
"""


@pytest.mark.parametrize(
    ("differences", "candidate", "security"),
    [
        (
            {"candidate": "2.90-0ubuntu0.22.04.4", "priority": "500",
             "security": "\n        500 http://security.ubuntu.com/ubuntu jammy-security/main amd64 Packages"},
            "2.90-0ubuntu0.22.04.4", True,
        ),
        (
            {"candidate": "2.90-0ubuntu0.22.04.4", "priority": "510",
             "security": "\n        510 https://esm.ubuntu.com/infra/ubuntu jammy-infra-security/main amd64 Packages"},
            "2.90-0ubuntu0.22.04.4", True,
        ),
        ({"candidate": "2.90-0ubuntu0.22.04.4", "priority": "500", "security": ""}, "2.90-0ubuntu0.22.04.4", False),
        # given to a part of all hosts at first, and not to this one yet
        ({"candidate": "2.90-0ubuntu0.22.04.1", "priority": "500 (phased 10%)", "security": ""}, None, False),
    ],
    ids=["security", "ESM", "no security update", "phased"],
)  # fmt: skip
def test_what_ubuntu_has_waiting(differences, candidate, security, tmp_path):
    name = "var/lib/apt/lists/security.ubuntu.com_ubuntu_dists_jammy-security_InRelease"
    put(tmp_path, name, f"Suite: jammy-security\nDate: {date(NOW)}\n")
    host = Host(apt(UBUNTU.format(**differences), "2.90-0ubuntu0.22.04.1"))
    found = updates.updates(host, JAMMY, NOW, str(tmp_path))
    assert (found["candidate"], found["security"]) == (candidate, security)


@pytest.mark.parametrize(
    ("source", "security"),
    [
        ("http://mirror.example/debian-security bookworm-security/main amd64 Packages", True),
        ("file:/srv/debian-security ./ Packages", True),
        ("http://deb.freexian.com/extended-lts bullseye-lts/main amd64 Packages", True),
        ("file:/srv/apt ./ Packages", False),
        ("http://mirror.example/team-security-tools bookworm/main amd64 Packages", False),
        ("http://mirror.example/security bookworm/main amd64 Packages", False),
    ],
)
def test_which_sources_are_of_security_updates(source, security, tmp_path):
    debian_lists(tmp_path)
    text = policy(OLD, NEW, (NEW, "500 " + source), (f"***{OLD}", STATUS))
    assert updates.updates(Host(apt(text)), BOOKWORM, NOW, str(tmp_path))["security"] is security


def test_without_a_security_suite_nobody_knows_whether_an_update_is_one(tmp_path):
    put(tmp_path, "var/lib/apt/lists/_srv_apt_._Packages")
    text = policy(OLD, NEW, (NEW, "500 file:/srv/apt ./ Packages"), (f"***{OLD}", STATUS))
    found = updates.updates(Host(apt(text)), BOOKWORM, NOW, str(tmp_path))
    assert found["security"] is None
    assert found["notes"] == [f"an update of dnsmasq is waiting: {OLD} -> {NEW}, upgrade it"]
    assert "no suite of security updates" in found["not_latest"][1]
    # Debian's testing has none worth the name.
    assert len(updates.updates(Host(apt(text)), FORKY, NOW, str(tmp_path))["not_latest"]) == 1


HOOK = 'APT::Update::Post-Invoke-Success {"touch /var/lib/apt/periodic/update-success-stamp 2>/dev/null || true";};\n'


def test_how_old_apts_lists_are(tmp_path):
    """apt keeps no trace of a refresh that found nothing new, but in the folder that it makes ready for each."""
    now = time.time()  # when the folder is made
    debian_lists(tmp_path, published=now + 3 * DAY)

    def seen(later):
        found = updates.updates(Host(apt(CURRENT, NEW)), BOOKWORM, now + later, str(tmp_path))
        return found["lists_age"], found["not_latest"]

    age, why = seen(23 * HOUR)
    assert age == pytest.approx(23 * HOUR, abs=60)
    assert why == []
    age, why = seen(2.5 * DAY)
    assert age == pytest.approx(2.5 * DAY, abs=60)
    assert why == ["the package lists are 2.5 days old: run 'apt-get update'"]
    # Where a hook of the host's keeps the time of each success, that counts.
    put(tmp_path, "etc/apt/apt.conf.d/15update-stamp", HOOK)
    assert seen(0) == (None, ["the host has no package lists: run 'apt-get update'"])
    put(tmp_path, "var/lib/apt/periodic/update-success-stamp", when=now - 30 * HOUR)
    age, why = seen(0)
    assert age == pytest.approx(30 * HOUR, abs=60)
    assert why == ["the package lists are 1.2 days old: run 'apt-get update'"]
    put(tmp_path, "var/lib/apt/periodic/update-success-stamp", when=now - HOUR)
    assert seen(0)[1] == []


def test_a_host_without_lists_is_not_up_to_date(tmp_path):
    (tmp_path / "var/lib/apt/lists/partial").mkdir(parents=True)
    put(tmp_path, "var/lib/apt/lists/lock")
    found = updates.updates(Host(apt(policy(NEW, NEW, (f"***{NEW}", STATUS)), NEW)), BOOKWORM, NOW, str(tmp_path))
    assert (found["candidate"], found["lists_age"]) == (None, None)
    assert found["not_latest"][0] == "the host has no package lists: run 'apt-get update'"
    assert found["notes"] == []


@pytest.mark.parametrize(
    ("lines", "frozen"),
    [
        (f"Date: {date(NOW - 6 * DAY)}", False),
        (f"Date: {date(NOW - 8 * DAY)}", True),
        (f"Date: {date(NOW - 2 * DAY)}\nValid-Until: {date(NOW + 5 * DAY)}", False),
        (f"Date: {date(NOW - 8 * DAY)}\nValid-Until: {date(NOW - DAY)}", True),
        (f"Date: {date(NOW - 2 * DAY)}\nValid-Until: {date(NOW - DAY)}", True),
        (f"Date: {date(NOW - 20 * DAY)}\nValid-Until: {date(NOW + DAY)}", False),
        ("", False),  # by the file's own time
        ("Date: yesterday", False),
    ],
    ids=["6 days old", "8 days old", "valid", "expired", "expired soon", "valid for long", "no date", "no date either"],
)
def test_a_security_suite_that_is_published_no_more(lines, frozen, tmp_path):
    debian_lists(tmp_path)
    name = "var/lib/apt/lists/deb.debian.org_debian-security_dists_bookworm-security_InRelease"
    put(tmp_path, name, f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Debian\n{lines}\nSHA256:\n x\n")
    found = updates.updates(Host(apt(CURRENT, NEW)), BOOKWORM, NOW, str(tmp_path))
    assert bool(found["not_latest"]) is frozen
    if frozen:
        assert found["not_latest"][0].startswith("the newest list of security updates")
    # The newest counts: one of another mirror, or of extended maintenance.
    put(tmp_path, "var/lib/apt/lists/deb.freexian.com_extended-lts_dists_bookworm-lts_InRelease", f"Date: {date(NOW)}")
    assert updates.updates(Host(apt(CURRENT, NEW)), BOOKWORM, NOW, str(tmp_path))["not_latest"] == []


@pytest.mark.parametrize("answer", [(127, ""), (100, ""), (0, ""), (0, "N: Unable to locate package\n"), (0, "junk")])
def test_an_apt_that_does_not_answer(answer, tmp_path):
    debian_lists(tmp_path)
    host = Host({**apt(""), "apt-cache policy": answer})
    found = updates.updates(host, BOOKWORM, NOW, str(tmp_path))
    assert (found["candidate"], found["security"]) == (None, None)
    assert found["not_latest"] == [silent("apt-cache", "apt-get update")]


# --- yum, dnf and dnf5 ---

# a blank line, then columns; yum and dnf write the next one below a text that is too long for its own
YUM = """\
Loaded plugins: fastestmirror
Determining fastest mirrors

dnsmasq.x86_64                    2.76-16.el7_9.1                    updates
"""
DNF = """\
Last metadata expiration check: 0:11:40 ago on Thu 26 Nov 2026 08:00:00 PM UTC.

dnsmasq.x86_64               2.85-18.el9_8.1                appstream
"""
WRAPPED = """\

dnsmasq.x86_64
                  1:2.85-18.el9_8.1
                                    rhel-9-for-x86_64-appstream-eus-rpms
Obsoleting Packages
dnsmasq.x86_64    2.99-1.el9        appstream
    other.x86_64  1-1               @System
"""
DNF5 = """\
dnsmasq.x86_64       2.90-5.fc42 updates
dnsmasq-utils.x86_64 2.90-6.fc42 updates
"""
OBSOLETES = """\

Obsoleting Packages
newer.x86_64         3.0-1.el9       appstream
    dnsmasq.x86_64   2.85-16.el9_4   @appstream
"""
NO_SECURITY = "No security updates needed, but 1 update(s) available\n"


def rpm(version, **programs):
    """What a program answers to check-update, and perhaps to check-update --security."""
    answers = {"rpm -q": (0, f"(none):{version}\n")}
    for program, (plain, security) in programs.items():
        answers[f"timeout 60 {program} -C check-update --security dnsmasq"] = security
        answers[f"timeout 60 {program} -C check-update dnsmasq"] = plain
    return answers


def dnf_lists(root, repository="appstream", updateinfo=True, when=NOW - HOUR):
    put(root, f"var/cache/dnf/{repository}-0123456789abcdef/repodata/repomd.xml", when=when - 9 * DAY)
    put(root, f"var/cache/dnf/{repository}-0123456789abcdef/repodata/abc-primary.xml.gz", when=when)
    if updateinfo:
        put(root, f"var/cache/dnf/{repository}-0123456789abcdef/repodata/abc-updateinfo.xml.gz", when=when)


@pytest.mark.parametrize(
    ("plain", "security", "candidate", "is_security"),
    [
        ((0, ""), (0, ""), None, False),
        ((100, DNF), (100, DNF), "2.85-18.el9_8.1", True),
        ((100, DNF), (0, NO_SECURITY), "2.85-18.el9_8.1", False),
        ((100, DNF5), (100, DNF5), "2.90-5.fc42", True),
        ((100, WRAPPED), (100, WRAPPED), "1:2.85-18.el9_8.1", True),
        ((100, YUM), (0, " --> dnsmasq-2.76-16.el7_9.1.x86_64 from updates removed (updateinfo)\n"),
         "2.76-16.el7_9.1", False),
        ((100, OBSOLETES), (0, ""), None, False),
        ((100, DNF), (1, "Error: no such option\n"), "2.85-18.el9_8.1", None),
    ],
    ids=[
        "nothing", "a security update", "another update", "dnf5", "columns that are too narrow", "yum of Red Hat 7",
        "another package takes its place", "no answer on security",
    ],
)  # fmt: skip
def test_what_dnf_has_waiting(plain, security, candidate, is_security, tmp_path):
    put(tmp_path, "usr/bin/dnf")
    for repository in ("appstream", "updates", "rhel-9-for-x86_64-appstream-eus-rpms"):
        dnf_lists(tmp_path, repository)
    host = Host(rpm("2.85-16.el9_4", dnf=(plain, security)))
    found = updates.updates(host, ROCKY, NOW, str(tmp_path))
    assert (found["installed"], found["candidate"], found["security"]) == ("2.85-16.el9_4", candidate, is_security)


def test_a_repository_without_advisories_does_not_say_that_an_update_is_none_of_security(tmp_path):
    put(tmp_path, "usr/bin/dnf")
    dnf_lists(tmp_path, updateinfo=False)
    dnf_lists(tmp_path, "epel")
    answers = rpm("2.85-16.el9_4", dnf=((100, DNF), (0, "")))
    assert updates.updates(Host(answers), ROCKY, NOW, str(tmp_path))["security"] is None
    put(tmp_path, "var/cache/yum/x86_64/7/appstream/1f-updateinfo.xml.gz")
    assert updates.updates(Host(answers), ROCKY, NOW, str(tmp_path))["security"] is False


@pytest.mark.parametrize(
    ("programs", "asked"),
    [(("yum",), "yum"), (("dnf",), "dnf"), (("yum", "dnf"), "yum"), (("zypper", "dnf"), "dnf")],
    ids=["Red Hat 7", "without the link", "both, where yum is yum of old or leads to dnf", "zypper beside it"],
)
def test_which_program_is_asked_and_that_it_downloads_nothing(programs, asked, tmp_path):
    for program in programs:
        put(tmp_path, f"usr/bin/{program}")
    dnf_lists(tmp_path)
    host = Host(rpm("2.85-16.el9_4", **{asked: ((0, ""), (0, ""))}))
    assert updates.updates(host, ROCKY, NOW, str(tmp_path))["not_latest"] == []
    # --security only where something is waiting
    assert [line for line in host.asked if line.startswith("timeout")] == [
        f"timeout 60 {asked} -C check-update dnsmasq"
    ]


@pytest.mark.parametrize("rc", [1, 124, 200], ids=["no cache", "another one runs for too long", "locked"])
def test_a_dnf_that_does_not_answer(rc, tmp_path):
    put(tmp_path, "usr/bin/dnf")
    dnf_lists(tmp_path)
    error = "Error: Cache-only enabled but no cache for 'appstream'\n"
    found = updates.updates(Host(rpm("2.85-16.el9_4", dnf=((rc, error), (0, "")))), ROCKY, NOW, str(tmp_path))
    assert (found["candidate"], found["security"]) == (None, None)
    assert found["not_latest"] == [silent("dnf", "dnf makecache --refresh")]


def test_a_host_of_rpms_without_a_package_manager(tmp_path):
    found = updates.updates(Host(rpm("2.85-16.el9_4")), ROCKY, NOW, str(tmp_path))
    assert found["not_latest"] == ["neither yum nor dnf is there to say whether an update of dnsmasq is waiting"]


@pytest.mark.parametrize(
    "path",
    [
        "var/cache/dnf/appstream-0123456789abcdef/repodata/abc-primary.xml.gz",
        "var/cache/libdnf5/updates-0123456789abcdef/repodata/abc-primary.xml.zst",
        "var/cache/yum/x86_64/7/updates/cachecookie",
        "var/cache/yum/updates/cachecookie",
    ],
)
def test_how_old_the_lists_of_dnf_are(path, tmp_path):
    put(tmp_path, "usr/bin/yum")
    put(tmp_path, "var/cache/dnf/old-0123456789abcdef/repodata/repomd.xml", when=NOW - 90 * DAY)
    host = Host(rpm("2.85-16.el9_4", yum=((0, ""), (0, ""))))
    for age, old in ((HOUR, False), (25 * HOUR, True)):
        put(tmp_path, path, when=NOW - age)
        found = updates.updates(host, ROCKY, NOW, str(tmp_path))
        assert found["lists_age"] == pytest.approx(age, abs=2)
        assert found["not_latest"] == (
            ["the package lists are 1.0 days old: run 'yum clean expire-cache && yum makecache'"] if old else []
        )


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (None, "yum clean expire-cache && yum makecache"),
        ("dnf-3", "yum makecache --refresh"),
        ("dnf5", "yum makecache --refresh"),
    ],
    ids=["yum", "a link to dnf", "a link to dnf5"],
)
def test_how_lists_are_refreshed_that_have_not_expired(target, command, tmp_path):
    put(tmp_path, f"usr/bin/{target or 'yum'}")
    if target:
        (tmp_path / "usr/bin/yum").symlink_to(target)
    host = Host(rpm("2.85-16.el9_4", yum=((0, ""), (0, ""))))
    [why] = updates.updates(host, ROCKY, NOW, str(tmp_path))["not_latest"]
    assert why == f"the host has no package lists: run '{command}'"


def test_amazon_linux_2023_holds_its_repositories_at_one_release(tmp_path):
    put(tmp_path, "usr/bin/dnf")
    dnf_lists(tmp_path)
    host = Host(rpm("2.90-1.amzn2023.0.1", dnf=((0, ""), (0, ""))))
    found = updates.updates(host, AMAZON, NOW, str(tmp_path))
    [why] = found["not_latest"]
    assert why.startswith("its repositories stay at the release that is installed") and found["notes"] == []
    put(tmp_path, "etc/dnf/vars/releasever", "2023.9.20251208\n")
    assert updates.updates(host, AMAZON, NOW, str(tmp_path))["not_latest"] == [why]
    put(tmp_path, "etc/dnf/vars/releasever", "latest\n")
    assert updates.updates(host, AMAZON, NOW, str(tmp_path))["not_latest"] == []
    assert updates.updates(host, dict(AMAZON, VERSION_ID="2"), NOW, str(tmp_path))["not_latest"] == []


# --- zypper ---

ZYPPER = """\
<?xml version='1.0'?>
<stream>
<message type="info">Loading repository data...</message>
<message type="info">Reading installed packages...</message>
<update-status version="0.6">
<update-list>
%s</update-list>
</update-status>
</stream>
"""
SOURCE = '<source url="http://download.opensuse.org/update/leap/15.6/sle" alias="repo-sle-update"/>'
GIT = (
    '<update kind="package" name="git" edition="2.34.1-10.9.1" arch="x86_64" edition-old="2.26.2-3.34.1">'
    f"<summary>Fast, scalable revision control system</summary><license/>{SOURCE}</update>\n"
)
DNSMASQ = (
    '<update kind="package" name="dnsmasq" edition="2.90-150400.16.3.1" arch="x86_64" edition-old="2.86-150400.16.1">'
    f"<summary>DNS Forwarder and DHCP Server</summary><description>A\nforwarder</description><license/>{SOURCE}"
    "</update>\n"
)
# the order of older ones
DNSMASQ_OF_OLD = (
    '<update name="dnsmasq" edition="2.90-150400.16.3.1" arch="x86_64" kind="package" edition-old="2.86-1" >\n'
    f" <summary>DNS Forwarder and DHCP Server</summary>\n <license></license>\n {SOURCE}\n</update>\n"
)
PATCH = (
    '<update kind="patch" name="openSUSE-SLE-15.6-2025-71" edition="1" arch="noarch" status="needed" '
    'category="security" severity="moderate" pkgmanager="false" restart="false" interactive="false">'
    "<summary>Security update for {}</summary><description>This update for dnsmasq fixes the following issues:\n"
    f"- Version update to 2.90</description><license/>{SOURCE}</update>\n"
)
LIST_UPDATES = "timeout 60 zypper --no-refresh --non-interactive --xmlout list-updates"
LIST_PATCHES = "timeout 60 zypper --no-refresh --non-interactive --xmlout list-patches --category security"


def suse(root, updates, patches=(0, ZYPPER % ""), updateinfo=True):
    put(root, "usr/bin/zypper")
    put(root, "usr/bin/dnf")  # to be had there too
    put(root, "var/cache/zypp/raw/repo-sle-update/repodata/repomd.xml", when=NOW - HOUR)
    if updateinfo:
        put(root, "var/cache/zypp/raw/repo-sle-update/repodata/1f-updateinfo.xml.gz", when=NOW - 9 * DAY)
    return Host({"rpm -q": (0, "(none):2.86-150400.16.1\n"), LIST_UPDATES: updates, LIST_PATCHES: patches})


@pytest.mark.parametrize(
    ("listed", "patches", "candidate", "security"),
    [
        ("", "", None, False),
        (GIT, PATCH.format("dnsmasq"), None, False),
        (GIT + DNSMASQ, PATCH.format("git") + PATCH.format("dnsmasq"), "2.90-150400.16.3.1", True),
        (DNSMASQ_OF_OLD, PATCH.format("dnsmasq, libidn2"), "2.90-150400.16.3.1", True),
        # a patch whose description alone has the word
        (DNSMASQ, PATCH.format("libvirt"), "2.90-150400.16.3.1", False),
        (DNSMASQ.replace('"dnsmasq"', '"dnsmasq-utils"'), "", None, False),
        (PATCH.format("dnsmasq").replace("openSUSE-SLE-15.6-2025-71", "dnsmasq"), "", None, False),
    ],
    ids=["nothing", "another package", "a security update", "zypper of old", "a patch of another package",
         "a package of a longer name", "a patch of that name"],
)  # fmt: skip
def test_what_zypper_has_waiting(listed, patches, candidate, security, tmp_path):
    host = suse(tmp_path, (0, ZYPPER % listed), (0, ZYPPER % patches))
    found = updates.updates(host, LEAP, NOW, str(tmp_path))
    assert (found["candidate"], found["security"]) == (candidate, security)
    assert [line for line in host.asked if line.startswith("timeout")] == [LIST_UPDATES, LIST_PATCHES][
        : 1 + bool(candidate)
    ]


def test_tumbleweed_has_no_patches_that_would_tell(tmp_path):
    found = updates.updates(suse(tmp_path, (0, ZYPPER % DNSMASQ), updateinfo=False), LEAP, NOW, str(tmp_path))
    assert found["security"] is None
    assert found["notes"][0].startswith("an update of dnsmasq is waiting: 2.86-150400.16.1 -> 2.90-150400.16.3.1")


@pytest.mark.parametrize("rc", [7, 6, 124], ids=["locked", "no repositories", "too long"])
def test_a_zypper_that_does_not_answer(rc, tmp_path):
    found = updates.updates(suse(tmp_path, (rc, "<stream></stream>")), LEAP, NOW, str(tmp_path))
    assert found["not_latest"] == [silent("zypper", "zypper refresh")]


def test_how_old_zyppers_lists_are(tmp_path):
    host = suse(tmp_path, (0, ZYPPER % ""))
    assert updates.updates(host, LEAP, NOW, str(tmp_path))["lists_age"] == pytest.approx(HOUR, abs=2)
    assert updates.updates(host, LEAP, NOW + 2 * DAY, str(tmp_path))["not_latest"] == [
        "the package lists are 2.0 days old: run 'zypper refresh'"
    ]


# --- until when the release gets updates ---

DEBIAN_CSV = f"""\
version,codename,series,created,release,eol,eol-lts,eol-elts
11,Bullseye,bullseye,2019-07-06,2021-08-14,{day(NOW - 800 * DAY)},{day(NOW - 80 * DAY)},{day(NOW + 900 * DAY)}
12,Bookworm,bookworm,2021-08-14,2023-06-10,{day(NOW - 100 * DAY)},{day(NOW + 500 * DAY)},{day(NOW + 2000 * DAY)}
14,Forky,forky,2025-08-09
,Sid,sid,1993-08-16
"""
UBUNTU_CSV = f"""\
version,codename,series,created,release,eol,eol-server,eol-esm,eol-legacy
9.04,Jaunty Jackalope,jaunty,2008-10-30,2009-04-23,2010-10-23
22.04 LTS,Jammy Jellyfish,jammy,2021-10-14,2022-04-21,{day(NOW - DAY)},{day(NOW - DAY)},{day(NOW + 2000 * DAY)}
24.04 LTS,Noble Numbat,noble,2023-10-12,2024-04-25,{day(NOW + DAY)},{day(NOW + DAY)},{day(NOW + 2000 * DAY)}
"""
BULLSEYE = dict(BOOKWORM, VERSION_ID="11", VERSION_CODENAME="bullseye", PRETTY_NAME="Debian GNU/Linux 11")
NOBLE = dict(JAMMY, VERSION_ID="24.04", VERSION_CODENAME="noble")
ELTS = "deb.freexian.com_extended-lts_dists_bullseye-lts_InRelease"
ESM = "esm.ubuntu.com_infra_ubuntu_dists_jammy-infra-security_InRelease"


@pytest.mark.parametrize(
    ("os_release", "more_lists", "end"),
    [
        (BOOKWORM, None, 500),
        (BULLSEYE, None, -80),
        (BULLSEYE, ELTS, 900),
        (FORKY, None, None),
        (dict(BOOKWORM, VERSION_CODENAME="nobody"), None, None),
        ({"ID": "debian", "VERSION_ID": "12"}, None, None),
        (JAMMY, None, -1),
        (JAMMY, ESM, 2000),
        (NOBLE, None, 1),
        # os-release knows best
        (dict(BOOKWORM, SUPPORT_END=day(NOW + 7 * DAY)), None, 7),
        (dict(BOOKWORM, SUPPORT_END="soon"), None, 500),
        ({"ID": "raspbian", "ID_LIKE": "debian", "VERSION_CODENAME": "bookworm"}, None, None),
        ({"ID": "../debian", "VERSION_CODENAME": "bookworm"}, None, None),
        ({}, None, None),
    ],
)
def test_until_when_a_release_gets_updates(os_release, more_lists, end, tmp_path):
    debian_lists(tmp_path)
    put(tmp_path, "usr/share/distro-info/debian.csv", DEBIAN_CSV)
    put(tmp_path, "usr/share/distro-info/ubuntu.csv", UBUNTU_CSV)
    if more_lists:
        put(tmp_path, f"var/lib/apt/lists/{more_lists}", f"Date: {date(NOW)}\n")
    found = updates.updates(Host(apt(CURRENT, NEW)), os_release, NOW, str(tmp_path))
    assert found["support_end"] == (None if end is None else day(NOW + end * DAY))
    ended = [text for text in found["not_latest"] if "gets no updates any more" in text]
    assert bool(ended) is (end is not None and end < 0)
    assert found["notes"] == ended


@pytest.mark.parametrize(("days", "ended"), [(-1, True), (0, False), (1, False)])
def test_support_end_is_the_last_day_with_support(days, ended, tmp_path):
    put(tmp_path, "usr/bin/dnf")
    dnf_lists(tmp_path)
    end = day(NOW + days * DAY)
    host = Host(rpm("2.85-16.el9_4", dnf=((0, ""), (0, ""))))
    found = updates.updates(host, dict(ROCKY, SUPPORT_END=end), NOW, str(tmp_path))
    assert found["support_end"] == end
    text = f"Rocky Linux 9.4 gets no updates any more since {end}: move the host to a newer release"
    assert found["not_latest"] == found["notes"] == ([text] if ended else [])


def test_debians_own_table_is_understood(tmp_path):
    """The one of this machine, where there is one."""
    if not Path("/usr/share/distro-info/debian.csv").exists():
        pytest.skip("distro-info-data is not installed")
    found = updates.updates(Host(apt(CURRENT, NEW)), BULLSEYE, NOW, "/")
    assert found["support_end"] == "2026-08-31"


# --- all of it together ---


def test_a_host_on_which_all_is_well(tmp_path):
    debian_lists(tmp_path)
    host = Host(apt(CURRENT, NEW))
    found = updates.updates(host, BOOKWORM, NOW, str(tmp_path))
    assert found.pop("lists_age") in range(-2, 60)
    assert found == {
        "installed": NEW, "candidate": None, "security": False, "support_end": None, "not_latest": [], "notes": [],
    }  # fmt: skip
    assert host.asked[1:] == ["apt-cache policy dnsmasq-base dnsmasq-base-lua"]


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    debian_lists(tmp_path, published=NOW - 9 * DAY)
    put(tmp_path, "usr/share/distro-info/debian.csv", DEBIAN_CSV)
    found = updates.updates(Host(apt(WAITING)), BULLSEYE, time.time() + 2 * DAY, str(tmp_path))
    assert found["notes"] == [
        f"a security update of dnsmasq is waiting: {OLD} -> {NEW}, upgrade it",
        f"Debian GNU/Linux 11 gets no updates any more since {day(NOW - 80 * DAY)}: move the host to a newer release",
    ]
    assert found["not_latest"] == [
        *found["notes"],
        "the package lists are 2.0 days old: run 'apt-get update'",
        f"the newest list of security updates was made on {day(NOW - 9 * DAY)}, and one is made every week: run "
        "'apt-get update', and if it stays as it is, use another mirror or a newer release",
    ]


def test_an_update_that_is_none_of_security_is_no_note(tmp_path):
    debian_lists(tmp_path)
    text = policy(OLD, NEW, (NEW, MAIN), (f"***{OLD}", STATUS))
    found = updates.updates(Host(apt(text)), BOOKWORM, NOW, str(tmp_path))
    assert found["notes"] == []
    assert found["not_latest"] == [f"an update of dnsmasq is waiting: {OLD} -> {NEW}, upgrade it"]


def test_a_dnsmasq_of_no_package(tmp_path):
    host = Host({"dpkg-query": (1, ""), "rpm": (1, "")})
    found = updates.updates(host, BOOKWORM, NOW, str(tmp_path))
    assert (found["installed"], found["candidate"], found["security"]) == (None, None, None)
    assert found["not_latest"] == ["dnsmasq is of no package, and nothing on the host says whether it is the latest"]
    assert found["notes"] == []
    assert not [line for line in host.asked if "policy" in line]


EVIL = "2.99\x1b[31m"


@pytest.mark.parametrize(
    ("host", "os_release"),
    [
        (Host(apt(policy(OLD, EVIL, (EVIL, SECURITY), (f"***{OLD}", STATUS)))), BOOKWORM),
        (Host(rpm("1-1", dnf=((100, DNF.replace("2.85-18.el9_8.1", EVIL)), (100, DNF)))), ROCKY),
        (
            Host({"rpm -q": (0, "0:1-1\n"), LIST_UPDATES: (0, ZYPPER % DNSMASQ.replace("2.90-150400.16.3.1", EVIL))}),
            LEAP,
        ),
    ],
    ids=["apt", "dnf", "zypper"],
)
def test_what_is_no_version_is_passed_on_by_nobody(host, os_release, tmp_path):
    for program in ("dnf", "zypper"):
        put(tmp_path, f"usr/bin/{program}")
    debian_lists(tmp_path)
    put(tmp_path, "var/cache/zypp/raw/x/repodata/repomd.xml")
    found = updates.updates(host, os_release, NOW, str(tmp_path))
    assert "\x1b" not in repr(found) and "x1b" not in repr(found)
    assert found["candidate"] is None


# --- the real apt of this machine, on folders of its own ---

CONTROL = """\
Package: dnsmasq-base
Status: install ok installed
Version: {version}
Architecture: all
Maintainer: nobody
Filename: ./dnsmasq-base.deb
Size: 1
SHA256: {digest}
Description: a package of a test

"""


def publish(folder, *versions):
    folder.mkdir(parents=True, exist_ok=True)
    packages = "".join(CONTROL.format(version=version, digest=f"{1:064}") for version in versions)
    packages = packages.replace("Status: install ok installed\n", "")
    (folder / "Packages").write_text(packages)
    digest = hashlib.sha256(packages.encode()).hexdigest()
    (folder / "Release").write_text(f"Date: {date(time.time())}\nSHA256:\n {digest} {len(packages)} Packages\n")


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is not installed")
def test_the_real_apt_is_understood(tmp_path):
    for folder in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "var/lib/dpkg"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(CONTROL.format(version=OLD, digest=f"{1:064}"))
    main, security = tmp_path / "srv/apt", tmp_path / "srv/debian-security"
    sources = "".join(f"deb [trusted=yes] file:{folder} ./\n" for folder in (main, security))
    (tmp_path / "etc/apt/sources.list").write_text(sources)
    (tmp_path / "apt.conf").write_text(
        f'Dir "{tmp_path}"; Dir::State::status "{tmp_path}/var/lib/dpkg/status"; Dir::Bin "/usr/bin";\n'
        'APT::Sandbox::User ""; APT::Architecture "amd64";\n'
    )
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "APT_CONFIG": str(tmp_path / "apt.conf")}

    def run(argv):
        if argv[0] == "dpkg-query":
            return 0, f"installed {OLD}\n"
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)
        return done.returncode, done.stdout + done.stderr * (argv[0] == "apt-get")

    def seen():
        return updates.updates(run, BOOKWORM, time.time(), str(tmp_path))

    assert seen()["not_latest"][0] == "the host has no package lists: run 'apt-get update'"
    publish(main, OLD)
    publish(security)
    code, told = run(["apt-get", "update"])
    assert code == 0, told
    assert (seen()["candidate"], seen()["not_latest"]) == (None, [])
    publish(main, OLD, "2.90-5")
    run(["apt-get", "update"])
    assert (seen()["candidate"], seen()["security"]) == ("2.90-5", False)
    publish(security, NEW)
    run(["apt-get", "update"])
    found = seen()
    assert (found["candidate"], found["security"]) == ("2.90-5", True)
    assert (
        found["not_latest"]
        == found["notes"]
        == [f"a security update of dnsmasq is waiting: {OLD} -> 2.90-5, upgrade it"]
    )
    # A refresh that finds nothing new leaves its mark.
    before = (tmp_path / "var/lib/apt/lists/partial").stat().st_ctime_ns
    run(["apt-get", "update"])
    assert (tmp_path / "var/lib/apt/lists/partial").stat().st_ctime_ns > before
    (tmp_path / "etc/apt/sources.list").write_text(sources.splitlines(keepends=True)[0])
    run(["apt-get", "update"])
    assert (seen()["candidate"], seen()["security"]) == ("2.90-5", None)
    assert "apt knows no suite of security updates" in seen()["not_latest"][1]
