# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every obstacle to a deploy is told, each with its remedy, and nothing else is one."""

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import preflight

INFO = {
    "manageable": True,
    "obstacle": "",
    "provider": "static",
    "evidence": "nothing runs that writes it",
    "path": "/etc/resolv.conf",
    "source": "/etc/resolv.conf",
    "options": ["edns0"],
    "nameservers": ["192.0.2.11"],
    "upstreams": ["192.0.2.11"],
    "listeners": [],
    "dnsmasq": {"ours": False},
    "updates": None,
    "os": {"id": "debian"},
}
PLAN = {"listen": ["127.0.0.1"], "upstream": {"mode": "dhcp", "servers": []}}
WAITING = "a newer dnsmasq is waiting: 2.90-4 -> 2.90-5, upgrade it"


def listening(*addresses, process="named"):
    return [{"address": address, "process": process} for address in addresses]


def obstacles(require_latest=False, platform="debian.yml", plan=None, **differences):
    return preflight.dnsmasq_obstacles({**INFO, **differences}, plan or PLAN, platform, require_latest)


@pytest.mark.parametrize(
    "differences",
    [
        {},
        {"listeners": listening("192.0.2.31", "127.0.0.53", "[::]")},
        {"listeners": listening("127.0.0.1", process="dnsmasq"), "dnsmasq": {"ours": True}},
        {"plan": {**PLAN, "upstream": {"mode": "none"}}, "upstreams": []},
        {"updates": {"not_latest": [WAITING]}},
        {"require_latest": True, "updates": {"not_latest": []}},
        {"require_latest": True},
    ],
    ids=[
        "a plain host",
        "port 53 of other addresses",
        "the dnsmasq of an earlier deploy",
        "no upstream, and none is needed",
        "an update that nobody insists on",
        "the latest",
        "nothing known before an install",
    ],
)
def test_what_is_no_obstacle(differences):
    assert obstacles(**differences) == []


@pytest.mark.parametrize(
    ("differences", "words"),
    [
        ({"platform": ""}, ["ID of /etc/os-release is debian", "leave the host out"]),
        ({"listeners": listening("0.0.0.0")}, ["Port 53 of 127.0.0.1 is held by named", "stop and disable it"]),
        ({"listeners": listening("*", process=None)}, ["is held by None"]),
        ({"listeners": listening("127.0.0.1", process="dnsmasq")}, ["is held by dnsmasq"]),
        (
            {
                "plan": {**PLAN, "listen": ["127.0.0.1", "2001:db8::53"]},
                "listeners": listening("[2001:db8::53]", "127.0.0.1") + listening("127.0.0.1", process="unbound"),
            },
            ["Port 53 of 127.0.0.1 or 2001:db8::53 is held by named and unbound"],
        ),
        (
            {"upstreams": [], "nameservers": ["127.0.0.1"]},
            ["/etc/resolv.conf names no resolver but this host itself (127.0.0.1)", "set upstream"],
        ),
        (
            {"require_latest": True, "updates": {"not_latest": [WAITING, "the lists are old"]}},
            [f"latest: {WAITING}; the lists are old. Or set dnsmasq_require_latest to false."],
        ),
    ],
    ids=[
        "an unknown distribution",
        "all addresses",
        "all addresses of both families, by nobody known",
        "a dnsmasq of the admin's",
        "two programs, at two addresses",
        "no upstream",
        "not the latest",
    ],
)
def test_an_obstacle_is_one_sentence_with_the_remedy(differences, words):
    [told] = obstacles(**differences)
    assert [word for word in words if word not in told] == []


def test_all_obstacles_are_told_at_once():
    found = obstacles(platform="", listeners=listening("127.0.0.1"), upstreams=[])
    assert len(found) == 3


LOCAL = ["127.0.0.1"]


def test_a_resolv_conf_that_cannot_be_taken_over():
    assert preflight.resolv_conf_obstacles(INFO, "app1", LOCAL) == []
    immutable = {**INFO, "manageable": False, "obstacle": "/etc/resolv.conf is immutable: run chattr -i."}
    assert preflight.resolv_conf_obstacles(immutable, "app1", LOCAL) == [
        "/etc/resolv.conf is immutable: run chattr -i."
    ]
    [told] = preflight.resolv_conf_obstacles({**INFO, "provider": "connman"}, "app1", LOCAL)
    assert "of app1 is written by connman (nothing runs" in told and "static and systemd_networkd" in told


def test_netconfig_writes_one_address_of_its_own():
    netconfig = {**INFO, "provider": "netconfig"}
    assert preflight.resolv_conf_obstacles(netconfig, "app1", LOCAL) == []
    [told] = preflight.resolv_conf_obstacles(netconfig, "app1", ["127.0.0.1", "127.0.0.2"])
    assert "set resolv_conf_nameservers to [127.0.0.1] there, and not to [127.0.0.1, 127.0.0.2]" in told


def test_a_host_that_asks_its_servers_in_turn_is_left_alone():
    [told] = preflight.resolv_conf_obstacles({**INFO, "options": ["edns0", "rotate"]}, "app1", LOCAL)
    assert "/etc/resolv.conf of app1 says 'options rotate'" in told
    assert "past 127.0.0.1: take 'rotate' out" in told
