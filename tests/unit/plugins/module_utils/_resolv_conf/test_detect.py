# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of each kind of host, and how the answers of its programs are read."""

import re

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import detect, facts
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import text_edits
from ansible_collections.everywhere.dnsmasq.plugins.modules import resolver_info

# A host on which nothing runs that writes resolv.conf; each row below says only in what its host differs.
BASE = {
    "path": "/etc/resolv.conf",
    "text": "search example.org\nnameserver 192.0.2.11\nnameserver 192.0.2.12\n",
    "target": "/etc/resolv.conf",
    "mounted": False,
    "immutable": False,
    "active": [],
    "rc_manager": None,
    "nm_manages": False,
    "nm_dhclient": [],
    "nm_loopback": False,
    "nm_loopback_profiles": [],
    "nm_off": False,
    "no_stub": None,
    "resolved": {"text": None, "links": [], "global": []},
    "networkd": None,
    "dhclient_confs": {},
    "dhclient_running": False,
    "dhclient_hook": None,
    "dhcpcd_running": False,
    "resolvconf": None,
    "resolvconf_is_debian": False,
    "nsswitch": "passwd: files\nhosts: files dns\n",
    "addresses": ["127.0.0.1", "::1", "192.0.2.31", "fe80::31"],
    "listeners": [],
    "dnsmasq": {
        "installed": False,
        "version": "2.90",
        "package": None,
        "ours": False,
        "brought": False,
        "metrics": False,
    },
    "podman": False,
    "kubelet_reads": None,
    "systemd": True,
    "systemd_version": 252,
    "os_release": {"ID": "debian", "VERSION_ID": "12"},
}
ETH0 = {"interface": "eth0", "uuid": "11111111-2222-3333-4444-555555555555"}
ETH1 = {"interface": "eth1", "uuid": "66666666-7777-8888-9999-000000000000"}
NM = {"active": ["NetworkManager"], "rc_manager": "symlink", "nm_manages": True, "nm_loopback": True}
NM_DHCLIENT = {**NM, "nm_dhclient": [ETH0]}
IFUPDOWN = {"dhclient_running": True, "dhclient_hook": "/etc/dhcp/dhclient-enter-hooks.d"}
INITSCRIPTS = {"dhclient_running": True, "dhclient_hook": "/etc/dhcp/dhclient-enter-hooks"}
NETWORKD = {"active": ["systemd-networkd"], "networkd": "OPER_STATE=routable\nDNS=192.0.2.11 192.0.2.12#dns.example\n"}
RESOLVED = {
    "active": ["systemd-resolved", "systemd-networkd"],
    "resolved": {
        "text": "nameserver 127.0.0.1\nnameserver 192.0.2.53\n",
        "links": ["192.0.2.53"],
        "global": [],
    },
}
RESOLVECTL = {"resolvconf": "/usr/bin/resolvectl"}
DEBIAN_RESOLVCONF = {"resolvconf": "/usr/sbin/resolvconf", "resolvconf_is_debian": True}
OPENRESOLV = {"resolvconf": "/usr/sbin/resolvconf"}


def link(target):
    return {"target": target}


def verdict(**differences):
    return detect.detect({**BASE, **differences})


HOSTS = {
    "NetworkManager with dhclient under it": (NM_DHCLIENT, "dhclient_networkmanager"),
    "NetworkManager with dhclient, writing the file": (
        {**NM_DHCLIENT, "rc_manager": "file"},
        "dhclient_networkmanager",
    ),
    "NetworkManager with dhclient and a link into /run": (
        {**NM_DHCLIENT, **link("/run/NetworkManager/resolv.conf")},
        "dhclient_networkmanager",
    ),
    "NetworkManager with its own DHCP": (NM, "networkmanager"),
    "NetworkManager before 1.42, which leaves lo alone": ({**NM, "nm_loopback": False}, "networkmanager_old"),
    "NetworkManager told by us to leave resolv.conf alone": (
        {**NM, "rc_manager": "unmanaged", "nm_off": True},
        "networkmanager_old",
    ),
    "NetworkManager stopped, its link left": (link("/run/NetworkManager/resolv.conf"), "networkmanager_old"),
    "NetworkManager beside the dhclient of another link": ({**NM, **IFUPDOWN}, "networkmanager"),
    "NetworkManager without a device beside ifupdown's dhclient": (
        {**NM, **IFUPDOWN, "nm_manages": False},
        "dhclient_ifupdown",
    ),
    "NetworkManager unmanaged beside dhclient": ({**NM, **IFUPDOWN, "rc_manager": "unmanaged"}, "dhclient_ifupdown"),
    "NetworkManager unmanaged, with dhclient under it": ({**NM_DHCLIENT, "rc_manager": "unmanaged"}, "static"),
    "NetworkManager feeding Debian resolvconf": ({**NM, **DEBIAN_RESOLVCONF, "rc_manager": "resolvconf"}, "resolvconf"),
    "NetworkManager feeding openresolv": ({**NM_DHCLIENT, **OPENRESOLV, "rc_manager": "resolvconf"}, "openresolv"),
    "NetworkManager feeding systemd-resolved": (
        {**NM_DHCLIENT, **link("/run/systemd/resolve/stub-resolv.conf"), "rc_manager": "unmanaged"},
        "systemd_resolved",
    ),
    "systemd-resolved with its stub": (
        {**RESOLVED, "target": "/run/systemd/resolve/stub-resolv.conf"},
        "systemd_resolved",
    ),
    "systemd-resolved without its stub": (
        {**RESOLVED, "target": "/run/systemd/resolve/resolv.conf"},
        "systemd_resolved",
    ),
    "systemd-resolved with its static file": (
        {**RESOLVED, "target": "/usr/lib/systemd/resolv.conf"},
        "systemd_resolved",
    ),
    "systemd-resolved that dhclient writes through": (
        {**RESOLVED, **IFUPDOWN, "target": "/run/systemd/resolve/stub-resolv.conf"},
        "systemd_resolved",
    ),
    "systemd-resolved running, resolv.conf not its own": (
        {**IFUPDOWN, "active": ["systemd-resolved"]},
        "dhclient_ifupdown",
    ),
    "resolvconf is only resolved's alias": ({**NETWORKD, **RESOLVECTL}, "systemd_networkd"),
    "resolvconf is only resolved's alias, and dhclient runs": ({**IFUPDOWN, **RESOLVECTL}, "dhclient_ifupdown"),
    "Debian resolvconf": ({**DEBIAN_RESOLVCONF, **link("/run/resolvconf/resolv.conf")}, "resolvconf"),
    "Debian resolvconf fed by dhclient": (
        {**DEBIAN_RESOLVCONF, **IFUPDOWN, **link("/run/resolvconf/resolv.conf")},
        "resolvconf",
    ),
    "Debian resolvconf, its link replaced by a file": (DEBIAN_RESOLVCONF, "resolvconf"),
    "openresolv": (OPENRESOLV, "openresolv"),
    "openresolv fed by dhcpcd": ({**OPENRESOLV, "active": ["dhcpcd"], "dhcpcd_running": True}, "openresolv"),
    "SUSE netconfig": (link("/run/netconfig/resolv.conf"), "netconfig"),
    "dhcpcd daemon": ({"active": ["dhcpcd"]}, "dhcpcd"),
    "dhcpcd under ifupdown": ({"dhcpcd_running": True}, "dhcpcd"),
    "ifupdown with dhclient": (IFUPDOWN, "dhclient_ifupdown"),
    "ifupdown with dhclient, networkd idle beside it": ({**IFUPDOWN, **NETWORKD}, "dhclient_ifupdown"),
    "dhclient whose script has no hooks": ({"dhclient_running": True}, "dhclient"),
    "dhclient of Red Hat's initscripts": (INITSCRIPTS, "dhclient_initscripts"),
    "hooks left by a dhclient that does not run": ({"dhclient_hook": "/etc/dhcp/dhclient-enter-hooks.d"}, "static"),
    "networkd without servers, a file by hand": ({**NETWORKD, "networkd": "DNS=\n"}, "static"),
    "networkd beside a file by hand that names others": (
        {**NETWORKD, "text": "nameserver 198.51.100.53\n"},
        "static",
    ),
    "networkd alone, after our takeover": (
        {**NETWORKD, "text": "nameserver 127.0.0.1\nnameserver 192.0.2.11\n"},
        "systemd_networkd",
    ),
    "networkd alone on a fresh host, without resolv.conf": ({**NETWORKD, "text": None}, "systemd_networkd"),
    "networkd alone": (NETWORKD, "systemd_networkd"),
    "static file": ({}, "static"),
    "static file, NetworkManager's header left in it": ({"text": "# Generated by NetworkManager\n"}, "static"),
    "static file that is a link": (link("/srv/resolv.conf"), "static"),
}


@pytest.mark.parametrize(("differences", "provider"), HOSTS.values(), ids=HOSTS)
def test_who_writes_resolv_conf(differences, provider):
    assert verdict(**differences)["provider"] == provider


@pytest.mark.ansible
def test_the_table_of_hosts_has_every_provider_that_is_documented():
    documented = " ".join(yaml.safe_load(resolver_info.RETURN)["provider"]["description"])
    assert {provider for unused_differences, provider in HOSTS.values()} == set(re.findall(r"V\((\w+)\)", documented))


@pytest.mark.parametrize(
    ("differences", "evidence"),
    [
        ({**NM, "nm_dhclient": [ETH0, ETH1]}, "dhclient on eth0, eth1"),
        (NM, "RcManager is symlink"),
        (link("/run/resolvconf/resolv.conf"), "a link to /run/resolvconf/resolv.conf"),
        (OPENRESOLV, "/usr/sbin/resolvconf is there"),
        (IFUPDOWN, "reads /etc/dhcp/dhclient-enter-hooks.d"),
    ],
    ids=["each interface", "NetworkManager's manager", "the link", "the program", "the hooks"],
)
def test_the_evidence_names_what_was_seen(differences, evidence):
    assert evidence in verdict(**differences)["evidence"]


# What Debian ships: the option is requested, and the rules on it are examples.
DEBIAN_CONF = """\
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
#supersede domain-name "example.org";
#prepend domain-name-servers 127.0.0.1;
request subnet-mask, broadcast-address, time-offset, routers,
\tdomain-name, domain-name-servers, domain-search, host-name;
"""
OWN_BLOCK = f"{text_edits.BEGIN.decode()}\nprepend domain-name-servers 127.0.0.1;\n{text_edits.END.decode()}\n"
ADMINS_RULE = "/etc/dhcp/dhclient.conf already says '{}': take that line out"


def merging(text, name="/etc/dhcp/dhclient.conf"):
    return {**NM_DHCLIENT, "dhclient_confs": {name: text}}


@pytest.mark.parametrize(
    "differences",
    [
        {},
        {"immutable": None},
        {**RESOLVED, **link("/run/systemd/resolve/resolv.conf")},
        {
            **RESOLVED,
            **link("/run/systemd/resolve/stub-resolv.conf"),
            "nsswitch": "hosts: files resolve [!UNAVAIL=return] dns\n",
        },
        {**NETWORKD, "text": None},
        NM_DHCLIENT,
        merging(DEBIAN_CONF),
        merging(DEBIAN_CONF + OWN_BLOCK),
        merging(OWN_BLOCK + DEBIAN_CONF),
        merging("  # supersede domain-name-servers 192.0.2.53;\n"),
        merging('prepend domain-name "example.org";\nappend domain-search "example.org";\n'),
        merging("send host-name = gethostname(); # prepend domain-name-servers 192.0.2.53;\n"),
        merging(None),
        {**IFUPDOWN, "dhclient_confs": {"/etc/dhcp/dhclient.conf": "supersede domain-name-servers 192.0.2.53;\n"}},
        {
            **NM_DHCLIENT,
            "dhclient_confs": {
                "/etc/NetworkManager/dhclient.conf": "",
                "/etc/dhcp/dhclient.conf": "supersede domain-name-servers 192.0.2.53;\n",
            },
        },
    ],
    ids=[
        "a plain file",
        "a file system without an immutable bit",
        "resolved without its stub",
        "resolved with its stub and nss-resolve",
        "networkd without any resolv.conf",
        "no dhclient.conf at all",
        "Debian's dhclient.conf",
        "our own block does not count",
        "our own block first",
        "a commented rule does not count",
        "rules on other options",
        "a rule in a comment behind a statement",
        "a dhclient.conf that cannot be read",
        "ifupdown's hook comes after the admin's rule",
        "the admin's rule is in a file that is not merged",
    ],
)
def test_a_host_that_can_be_taken_over(differences):
    assert (verdict(**differences)["manageable"], verdict(**differences)["obstacle"]) == (True, "")


@pytest.mark.parametrize(
    ("differences", "obstacle"),
    [
        ({"systemd": False}, "not booted with systemd"),
        ({"mounted": True}, "/etc/resolv.conf is a bind mount"),
        ({"immutable": True}, "chattr -i /etc/resolv.conf"),
        ({"text": None}, "/etc/resolv.conf cannot be read"),
        ({"mounted": True, "immutable": True, "text": None}, "bind mount"),
        ({**RESOLVED, "nsswitch": "hosts: files resolve [!UNAVAIL=return] dns\n"}, "take 'resolve' out of that line"),
        (
            {**RESOLVED, **IFUPDOWN, **link("/run/systemd/resolve/stub-resolv.conf"), "resolved": BASE["resolved"]},
            "shows no server of any link (dhclient runs by itself and does not tell it)",
        ),
        (
            {**link("/run/systemd/resolve/stub-resolv.conf")},
            "systemd-resolved's, which does not run",
        ),
        (link("/run/NetworkManager/resolv.conf"), "NetworkManager's, which does not run"),
        (
            {**NM, "nm_loopback_profiles": ["/etc/NetworkManager/system-connections/lo.nmconnection"]},
            "configures lo already",
        ),
        (DEBIAN_RESOLVCONF, "run 'ln -sf ../run/resolvconf/resolv.conf /etc/resolv.conf'"),
        (
            merging("supersede domain-name-servers 192.0.2.53;\n"),
            ADMINS_RULE.format("supersede domain-name-servers 192.0.2.53;"),
        ),
        (
            merging("prepend domain-name-servers 127.0.0.1;\n"),
            ADMINS_RULE.format("prepend domain-name-servers 127.0.0.1;"),
        ),
        (
            merging("append domain-name-servers\n\t192.0.2.53,\n\t192.0.2.54;\n"),
            ADMINS_RULE.format("append domain-name-servers 192.0.2.53, 192.0.2.54;"),
        ),
        (
            merging("\tdefault  domain-name-servers 192.0.2.53;"),
            ADMINS_RULE.format("default domain-name-servers 192.0.2.53;"),
        ),
        (
            merging(DEBIAN_CONF + OWN_BLOCK + "supersede domain-name-servers 192.0.2.53;\n"),
            ADMINS_RULE.format("supersede domain-name-servers 192.0.2.53;"),
        ),
        (
            merging('interface "eth0" {\n  supersede domain-name-servers 192.0.2.53;\n}\n'),
            ADMINS_RULE.format("supersede domain-name-servers 192.0.2.53;"),
        ),
        (
            merging('send user-class "lab"; supersede domain-name-servers 192.0.2.53;\n'),
            ADMINS_RULE.format("supersede domain-name-servers 192.0.2.53;"),
        ),
        (
            merging("prepend domain-name-servers 192.0.2.53;\n", "/etc/dhcp/dhclient-eth0.conf"),
            "/etc/dhcp/dhclient-eth0.conf already says",
        ),
        (
            {
                **NM,
                "nm_dhclient": [ETH0, ETH1],
                "dhclient_confs": {
                    "/etc/dhcp/dhclient.conf": DEBIAN_CONF,
                    "/etc/dhcp/dhclient-eth1.conf": "prepend domain-name-servers 192.0.2.53;\n",
                },
            },
            "/etc/dhcp/dhclient-eth1.conf already says",
        ),
    ],
    ids=[
        "no systemd",
        "a bind mount",
        "the immutable bit",
        "unreadable",
        "a bind mount is told first",
        "names that go past resolv.conf",
        "a resolved that nobody feeds",
        "resolved's link without resolved",
        "NetworkManager's link without NetworkManager",
        "an admin's own profile of lo",
        "a resolvconf whose link was replaced",
        "an admin's own supersede",
        "an admin's own prepend, even of the same address",
        "an append over several lines",
        "a default without a line's end",
        "an admin's own rule beside our block",
        "a rule for one interface",
        "a rule behind another on its line",
        "a rule in the file of one interface",
        "a rule for the second of two interfaces",
    ],
)
def test_a_host_that_cannot_be_taken_over(differences, obstacle):
    seen = verdict(**differences)
    assert seen["manageable"] is False
    assert obstacle in seen["obstacle"]


@pytest.mark.parametrize(
    ("nameservers", "upstreams"),
    [
        (["192.0.2.11", "192.0.2.12"], ["192.0.2.11", "192.0.2.12"]),
        (["127.0.0.1", "192.0.2.11"], ["192.0.2.11"]),
        (["127.0.0.53", "127.1.2.3"], []),
        (["::1", "192.0.2.11"], ["192.0.2.11"]),
        (["192.0.2.31", "192.0.2.11"], ["192.0.2.11"]),
        (["192.0.2.3", "192.0.2.131"], ["192.0.2.3", "192.0.2.131"]),
        (["0.0.0.0", "192.0.2.11"], ["192.0.2.11"]),
        (["::", "192.0.2.11"], ["192.0.2.11"]),
        (["fe80::1%eth0", "2001:db8::53"], ["fe80::1%eth0", "2001:db8::53"]),
        (["fe80::31%eth0", "192.0.2.11"], ["192.0.2.11"]),
        (["192.0.2.11", "192.0.2.11"], ["192.0.2.11", "192.0.2.11"]),
        ([], []),
    ],
    ids=[
        "in order",
        "without 127.0.0.1",
        "all of 127/8 is loopback",
        "without ::1",
        "without its own LAN address",
        "an address that only begins or ends like its own stays",
        "without 0.0.0.0, which is itself",
        "without ::, which is itself",
        "a scoped IPv6 address keeps its scope",
        "without its own scoped address",
        "as often as named: the script that writes dnsmasq's file takes each once",
        "none",
    ],
)
def test_the_upstreams(nameservers, upstreams):
    seen = verdict(text="".join(f"nameserver {address}\n" for address in nameservers))
    assert (seen["nameservers"], seen["upstreams"]) == (nameservers, upstreams)


# NetworkManager takes the first that exists (find_existing_config in nm-dhcp-dhclient.c) and combines nothing.
CANDIDATES = [
    "/etc/NetworkManager/dhclient-11111111-2222-3333-4444-555555555555.conf",
    "/etc/NetworkManager/dhclient-eth0.conf",
    "/etc/NetworkManager/dhclient.conf",
    "/etc/dhcp/dhclient-eth0.conf",
    "/etc/dhclient-eth0.conf",
    "/etc/dhcp/dhclient.conf",
    "/etc/dhclient.conf",
]


@pytest.mark.parametrize("first", range(len(CANDIDATES)), ids=CANDIDATES)
def test_the_first_candidate_that_exists_is_merged(first):
    seen = verdict(**NM_DHCLIENT, dhclient_confs=dict.fromkeys(reversed(CANDIDATES[first:]), ""))
    assert seen["dhclient_confs"] == [CANDIDATES[first]]


@pytest.mark.parametrize(
    ("interfaces", "there", "merged"),
    [
        ([ETH0], [], ["/etc/dhcp/dhclient.conf"]),
        ([ETH0], ["/etc/dhcp/dhclient-eth1.conf"], ["/etc/dhcp/dhclient.conf"]),
        (
            [ETH0, ETH1],
            ["/etc/dhcp/dhclient-eth1.conf", "/etc/dhcp/dhclient.conf"],
            ["/etc/dhcp/dhclient-eth1.conf", "/etc/dhcp/dhclient.conf"],
        ),
        ([ETH0, ETH1], ["/etc/dhcp/dhclient.conf"], ["/etc/dhcp/dhclient.conf"]),
        ([], ["/etc/dhcp/dhclient.conf"], []),
    ],
    ids=[
        "none exists: the one to be made",
        "the file of another interface is not merged",
        "two interfaces merge different files",
        "two interfaces merge one file",
        "NetworkManager runs no dhclient",
    ],
)
def test_the_merged_files(interfaces, there, merged):
    seen = verdict(**{**NM, "nm_dhclient": interfaces, "dhclient_confs": dict.fromkeys(there, "")})
    assert seen["dhclient_confs"] == merged


@pytest.mark.parametrize(
    ("nsswitch", "resolve"),
    [
        ("hosts: files resolve [!UNAVAIL=return] dns\n", True),
        ("hosts:\tfiles mymachines resolve dns\n", True),
        ("passwd: files\nhosts: files dns\n", False),
        ("#hosts: files resolve dns\nhosts: files dns\n", False),
        ("hosts: files dns\nnetworks: resolve\n", False),
        ("", False),
    ],
    ids=["resolve first", "tabs", "dns only", "a commented line", "another database", "no file"],
)
def test_whether_nsswitch_asks_resolved(nsswitch, resolve):
    assert verdict(nsswitch=nsswitch)["nsswitch_resolve"] is resolve


@pytest.mark.parametrize(
    ("os_release", "os"),
    [
        ({"ID": "debian", "VERSION_ID": "12"}, {"id": "debian", "like": [], "version": "12"}),
        (
            {"ID": "rocky", "ID_LIKE": "rhel centos fedora"},
            {"id": "rocky", "like": ["rhel", "centos", "fedora"], "version": ""},
        ),
        ({}, {"id": "", "like": [], "version": ""}),
    ],
    ids=["Debian", "a derivative without a version", "no os-release"],
)
def test_what_the_platform_calls_itself(os_release, os):
    assert verdict(os_release=os_release)["os"] == os


class Programs:
    """Answers by the beginning of the command line; what is not told is not installed."""

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, argv):
        line = " ".join(argv)
        return next((answer for start, answer in self.answers.items() if line.startswith(start)), (127, ""))


def banner(version):
    return (0, f"Dnsmasq version {version}  Copyright (c) 2000-2024 Simon Kelley\nCompile time options: IPv6 DBus\n")


def policy(candidate):
    return (0, f"dnsmasq:\n  Installed: (none)\n  Candidate: {candidate}\n  Version table:\n     {candidate} 500\n")


@pytest.mark.parametrize(
    ("answers", "service", "found"),
    [
        ({"dnsmasq --version": banner("2.85")}, True, {"installed": True, "version": "2.85", "ours": False}),
        ({"dnsmasq --version": banner("2.90")}, True, {"installed": True, "version": "2.90", "ours": False}),
        ({"dnsmasq --version": banner("2.91test")}, True, {"installed": True, "version": "2.91test", "ours": False}),
        (
            {"dnsmasq --version": banner("2.90"), "apt-cache": policy("2.91-1")},
            False,
            {"installed": False, "version": "2.90", "ours": False},
        ),
        (
            {"apt-cache policy dnsmasq": policy("2.90-4~deb12u1")},
            False,
            {"installed": False, "version": "2.90", "ours": False},
        ),
        (
            {"apt-cache policy dnsmasq": policy("1:2.92-1")},
            False,
            {"installed": False, "version": "2.92", "ours": False},
        ),
        (
            {"apt-cache policy dnsmasq": policy("2.91test1-1")},
            False,
            {"installed": False, "version": "2.91", "ours": False},
        ),
        ({"apt-cache policy dnsmasq": policy("(none)")}, False, {"installed": False, "version": None, "ours": False}),
        ({"apt-cache policy dnsmasq": (0, "")}, False, {"installed": False, "version": None, "ours": False}),
        ({"dnsmasq --version": (1, "junk")}, True, {"installed": False, "version": None, "ours": False}),
        ({}, False, {"installed": False, "version": None, "ours": False}),
    ],
    ids=[
        "2.85",
        "2.90",
        "2.91test",
        "the binary alone, without its service",
        "what an install would bring",
        "a candidate with an epoch",
        "a candidate with letters in it",
        "no candidate",
        "a package that apt does not know",
        "a binary that does not run",
        "neither dnsmasq nor apt",
    ],
)
def test_which_dnsmasq_is_there(answers, service, found, tmp_path, monkeypatch):
    if service:
        (tmp_path / "dnsmasq.service").touch()
    monkeypatch.setattr(facts, "UNIT_FOLDERS", ("/nonexistent", str(tmp_path)))
    told = {"brought": False, "metrics": False, "package": None}
    assert facts._dnsmasq(Programs(answers)) == {**found, **told}


@pytest.mark.parametrize(
    ("row", "listener"),
    [
        (
            'udp UNCONN 0 0 127.0.0.1:53 0.0.0.0:* users:(("dnsmasq",pid=712,fd=4))',
            {"protocol": "udp", "address": "127.0.0.1", "process": "dnsmasq"},
        ),
        (
            'tcp LISTEN 0 32 [::1]:53 [::]:* users:(("dnsmasq",pid=712,fd=7))',
            {"protocol": "tcp", "address": "[::1]", "process": "dnsmasq"},
        ),
        (
            'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("systemd-resolve",pid=301,fd=13))',
            {"protocol": "udp", "address": "127.0.0.53%lo", "process": "systemd-resolve"},
        ),
        (
            'udp UNCONN 0 0 [fe80::31]%eth0:53 [::]:* users:(("named",pid=9,fd=3))',
            {"protocol": "udp", "address": "[fe80::31]%eth0", "process": "named"},
        ),
        (
            'tcp LISTEN 0 511 *:53 *:* users:(("coredns",pid=88,fd=9))',
            {"protocol": "tcp", "address": "*", "process": "coredns"},
        ),
        (
            'tcp LISTEN 0 10 0.0.0.0:53 0.0.0.0:* users:(("named",pid=9,fd=3),("worker",pid=10,fd=3))',
            {"protocol": "tcp", "address": "0.0.0.0", "process": "named"},
        ),
        ("udp UNCONN 0 0 127.0.0.1:53 0.0.0.0:*", {"protocol": "udp", "address": "127.0.0.1", "process": None}),
    ],
    ids=[
        "IPv4",
        "IPv6 in brackets",
        "resolved's stub on 127.0.0.53%lo",
        "a scoped address",
        "every address",
        "a socket of several processes",
        "without process",
    ],
)
def test_who_holds_port_53(row, listener):
    # ss pads its columns
    answer = (0, row.replace(" ", "   ") + "   \n")
    assert facts._listeners(Programs({"ss -Hlntup sport = :53": answer})) == [listener]


@pytest.mark.parametrize(
    "answer", [(0, ""), (0, "\nudp\n"), (1, "udp UNCONN 0 0 127.0.0.1:53 0.0.0.0:*"), (127, "")],
    ids=["nobody", "lines that are none", "ss fails", "no ss"],
)  # fmt: skip
def test_nobody_holds_port_53(answer):
    assert facts._listeners(Programs({"ss": answer})) == []


IP = r"""1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \       valid_lft forever preferred_lft forever
2: eth0    inet 192.0.2.31/24 brd 192.0.2.255 scope global dynamic eth0\       valid_lft 3000sec preferred_lft 3000sec
2: eth0    inet6 fe80::31/64 scope link \       valid_lft forever preferred_lft forever
3: tun0    inet 198.51.100.1 peer 198.51.100.2/32 scope global tun0\       valid_lft forever preferred_lft forever
"""


def test_its_own_addresses_are_without_peer_and_broadcast():
    own = [
        ("lo", "127.0.0.1/8"),
        ("lo", "::1/128"),
        ("eth0", "192.0.2.31/24"),
        ("eth0", "fe80::31/64"),
        ("tun0", "198.51.100.1"),
    ]
    assert facts._addresses(Programs({"ip -o address show": (0, IP)})) == own
    assert facts._addresses(Programs({})) == []


NMCLI = """\
eth0:connected:11111111-2222-3333-4444-555555555555
eth1:connected (externally):66666666-7777-8888-9999-000000000000
eth2:connected:99999999-9999-9999-9999-999999999999
eth3:connecting (getting IP configuration):88888888-8888-8888-8888-888888888888
eth4:disconnected:
lo:unmanaged:
"""


def collected(monkeypatch, path, answers=None, mountinfo=""):
    """What one look sees, with the programs and /proc/self/mountinfo of another host."""
    read = facts._read
    monkeypatch.setattr(facts, "_read", lambda name: mountinfo if name == "/proc/self/mountinfo" else read(name))
    return facts.collect(Programs(answers or {}), str(path))


def test_networkmanagers_dhclient_is_known_by_its_pid_file_on_a_device_that_it_manages(tmp_path, monkeypatch):
    monkeypatch.setattr(
        facts,
        "_command",
        lambda name: (
            "dhclient -d -sf /usr/lib/NetworkManager/nm-dhcp-helper"
            if re.search(r"^/run/NetworkManager/dhclient-eth[0134]\.pid$", name)
            else ""
        ),
    )
    runs = {"busctl get-property": (0, 's "symlink"\n')}
    seen = collected(monkeypatch, tmp_path / "x", {**runs, "nmcli -t -f DEVICE,STATE,CON-UUID device": (0, NMCLI)})
    assert (seen["nm_manages"], seen["nm_dhclient"]) == (True, [ETH0])
    seen = collected(
        monkeypatch, tmp_path / "x", {**runs, "nmcli": (0, "eth1:connected (externally):6\nlo:unmanaged:\n")}
    )
    assert (seen["nm_manages"], seen["nm_dhclient"]) == (False, [])
    seen = collected(monkeypatch, tmp_path / "x", runs)
    assert (seen["nm_manages"], seen["nm_dhclient"]) == (False, [])


def test_one_look_sees_what_the_table_of_hosts_is_made_of(tmp_path, monkeypatch):
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.11\n")
    seen = collected(monkeypatch, tmp_path / "resolv.conf")
    assert seen.keys() == BASE.keys()
    assert (seen["text"], seen["mounted"]) == ("nameserver 192.0.2.11\n", False)


@pytest.mark.parametrize(
    ("answer", "manager"),
    [((0, 's "symlink"\n'), "symlink"), ((0, 's "unmanaged"\n'), "unmanaged"), ((1, ""), None), ((127, ""), None)],
    ids=["symlink", "unmanaged", "NetworkManager does not run", "no busctl"],
)
def test_networkmanager_is_asked_over_dbus(answer, manager, tmp_path, monkeypatch):
    question = "busctl get-property org.freedesktop.NetworkManager /org/freedesktop/NetworkManager/DnsManager"
    assert collected(monkeypatch, tmp_path / "resolv.conf", {question: answer})["rc_manager"] == manager


@pytest.mark.parametrize(
    ("states", "active"),
    [
        ("active\ninactive\nactive\ninactive\nfailed\n", ["NetworkManager", "systemd-networkd"]),
        ("unknown\nactivating\ninactive\nactive\nactive\n", ["dhcpcd", "dnsmasq"]),
        ("", []),
    ],
    ids=["two of them", "only what is up", "no systemd"],
)
def test_which_units_are_active(states, active, tmp_path, monkeypatch):
    # is-active ends with 3 where one of them is not
    assert collected(monkeypatch, tmp_path / "resolv.conf", {"systemctl is-active": (3, states)})["active"] == active


@pytest.mark.parametrize("linked", [False, True], ids=["on the file", "on the file that the link leads to"])
def test_a_bind_mount_is_seen(linked, tmp_path, monkeypatch):
    path, target = tmp_path / "resolv.conf", tmp_path / "target.conf"
    target.touch()
    if linked:
        path.symlink_to(target)
    # mount(2) follows the link, so the kernel lists what it leads to
    mountinfo = f"36 35 8:1 /lib/containers/resolv.conf {target if linked else path} rw,relatime - ext4 /dev/sda1 rw\n"
    seen = collected(monkeypatch, path, mountinfo=mountinfo + "\n")
    assert seen["mounted"]


def test_a_dangling_link_cannot_be_read(tmp_path, monkeypatch):
    path = tmp_path / "resolv.conf"
    path.symlink_to("/run/systemd/resolve/stub-resolv.conf.missing")
    seen = collected(monkeypatch, path)
    assert (seen["text"], seen["immutable"], seen["target"]) == (
        None,
        None,
        "/run/systemd/resolve/stub-resolv.conf.missing",
    )


def test_each_provider_has_its_own_list_of_what_dhcp_handed_out():
    for differences, provider, source, upstreams in (
        (
            {**RESOLVED, **link("/run/systemd/resolve/stub-resolv.conf")},
            "systemd_resolved",
            "/run/systemd/resolve/resolv.conf",
            ["192.0.2.53"],
        ),
        (
            {**NM, "no_stub": "nameserver 127.0.0.1\nnameserver 192.0.2.54\n"},
            "networkmanager",
            "/run/NetworkManager/no-stub-resolv.conf",
            ["192.0.2.54"],
        ),
        (NETWORKD, "systemd_networkd", "/run/systemd/netif/state", ["192.0.2.11", "192.0.2.12"]),
        (
            {**DEBIAN_RESOLVCONF, **link("/run/resolvconf/resolv.conf")},
            "resolvconf",
            "/run/resolvconf/resolv.conf",
            ["192.0.2.11", "192.0.2.12"],
        ),
    ):
        seen = verdict(**differences)
        assert (seen["provider"], seen["source"], seen["upstreams"]) == (provider, source, upstreams)


RESOLVED_CONF = """\
# /etc/systemd/resolved.conf
[Resolve]
#DNS=
DNS=192.0.2.1

# /etc/systemd/resolved.conf.d/10-admin.conf
[Resolve]
DNS=
DNS=192.0.2.2 192.0.2.3

# /etc/systemd/resolved.conf.d/90-everywhere-dnsmasq.conf
[Resolve]
DNS=
DNS=127.0.0.1 192.0.2.2 192.0.2.3
"""


def test_an_admins_servers_are_those_of_all_files_but_ours():
    assert facts.admins_servers(RESOLVED_CONF) == ["192.0.2.2", "192.0.2.3"]
    assert facts.admins_servers("") == []


@pytest.mark.parametrize(
    ("differences", "feeds", "warned"),
    [
        ({}, [], False),
        ({"active": ["docker", "containerd"], "podman": True}, ["docker", "containerd", "podman"], False),
        ({"active": ["kubelet"]}, ["kubelet"], True),
        ({"active": ["kubelet"], "kubelet_reads": "/run/systemd/resolve/resolv.conf"}, ["kubelet"], True),
        ({"active": ["kubelet"], "kubelet_reads": "/run/dnsmasq-everywhere/resolv.conf"}, ["kubelet"], False),
        ({"kubelet_reads": "/etc/resolv.conf"}, [], True),
    ],
    ids=[
        "nobody",
        "docker, containerd and podman take loopback out by themselves",
        "kubelet reads /etc/resolv.conf if nothing else is said",
        "resolved's list begins with 127.0.0.1 too",
        "kubelet that was told",
        "a kubelet that is configured and does not run yet",
    ],
)
def test_what_the_host_feeds(differences, feeds, warned):
    seen = verdict(**differences)
    assert (seen["resolv_conf_consumers"], bool(seen["notes"])) == (feeds, warned)


def test_lo_is_left_to_networkmanager_only_with_its_two_addresses(tmp_path, monkeypatch):
    runs = {
        "busctl get-property": (0, 's "symlink"\n'),
        "nmcli": (0, "lo:connected (externally):1\neth0:connected:2\n"),
    }
    lo = "1: lo    inet 127.0.0.1/8 scope host lo\n1: lo    inet6 ::1/128 scope host\n"
    assert collected(monkeypatch, tmp_path / "x", {**runs, "ip -o": (0, lo)})["nm_loopback"]
    anycast = lo + "1: lo    inet 198.51.100.53/32 scope global lo\n"
    assert not collected(monkeypatch, tmp_path / "x", {**runs, "ip -o": (0, anycast)})["nm_loopback"]
