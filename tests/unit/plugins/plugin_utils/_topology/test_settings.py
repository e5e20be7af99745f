# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any

import hypothesis
import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import settings
from hypothesis import given
from hypothesis import strategies as st

DATACENTER = {
    "zones": ["corp.example"],
    "subnets": ["192.0.2.0/30", "2001:db8::/32"],
    "nameservers": ["192.0.2.11", "192.0.2.12#5353"],
}
RESOLV_FILE = "/run/dnsmasq/upstream.conf"
STALE, RETRY, TCP = "use-stale-cache=60", "fast-dns-retry=500", "max-tcp-connections=150"


def plan(**cloud: Any) -> dict[str, Any]:
    return _plan.plan({"datacenter": DATACENTER, "cloud": cloud}, "app1", "cloud")


def sized(**sizes: Any) -> dict[str, Any]:
    return _plan.plan({}, "app1", "", sizes=sizes)


def lines(version: str = "2.90", made: Any = None, **more: Any) -> list[str]:
    """The settings as dnsmasq.conf has them."""
    found = settings.settings(made or plan(), version, resolv_file=RESOLV_FILE, **more)
    return [line["option"] if line["value"] is None else f"{line['option']}={line['value']}" for line in found]


def findings(made: Any = None, version: Any = "2.90", **more: Any) -> list[str]:
    with pytest.raises(settings.SettingsError) as raised:
        settings.settings(made or plan(), version, **{"resolv_file": RESOLV_FILE, **more})
    for finding in raised.value.findings:
        assert finding.isprintable() and finding.endswith(".")
    return raised.value.findings


def test_the_settings_of_a_local_tier_are_golden() -> None:
    small = _plan.plan({"datacenter": {**DATACENTER, "subnets": ["192.0.2.0/24"]}, "cloud": {}}, "app1", "cloud")
    assert lines(made=small) == [
        "user=dnsmasq",
        "pid-file=/run/dnsmasq/dnsmasq.pid",
        "listen-address=127.0.0.1",
        "bind-interfaces",
        "no-hosts",
        "local=/invalid/",
        "all-servers",
        "dns-loop-detect",
        "cache-size=10000",
        "dns-forward-max=1024",
        "use-stale-cache=60",
        "fast-dns-retry=500",
        "resolv-file=/run/dnsmasq/upstream.conf",
        "server=/corp.example/192.0.2.11",
        "server=/corp.example/192.0.2.12#5353",
        "server=/2.0.192.in-addr.arpa/192.0.2.11",
        "server=/2.0.192.in-addr.arpa/192.0.2.12#5353",
    ]


def test_the_settings_of_a_bridge_are_golden() -> None:
    cloud = {"subnets": ["198.51.100.0/24"], "bridges": {"bridge": "198.51.100.53"}, "upstream": ["198.51.100.2"]}
    topology = {"datacenter": {**DATACENTER, "subnets": ["192.0.2.0/24"]}, "cloud": cloud}
    assert lines(made=_plan.plan(topology, "bridge", "cloud", members=["cloud"] * 5000)) == [
        "user=dnsmasq",
        "pid-file=/run/dnsmasq/dnsmasq.pid",
        "listen-address=127.0.0.1",
        "listen-address=198.51.100.53",
        "bind-dynamic",
        "no-hosts",
        "local=/invalid/",
        "strict-order",
        "dns-loop-detect",
        "cache-size=16384",
        "dns-forward-max=16384",
        "max-tcp-connections=300",
        "fast-dns-retry=500",
        "no-resolv",
        "server=198.51.100.2",
        "server=/corp.example/192.0.2.11",
        "server=/corp.example/192.0.2.12#5353",
        "server=/2.0.192.in-addr.arpa/192.0.2.11",
        "server=/2.0.192.in-addr.arpa/192.0.2.12#5353",
    ]


@pytest.mark.parametrize(
    ("version", "host", "first"),
    [
        ("2.90", "one", "192.0.2.11"),
        ("2.90", "two", "192.0.2.11"),
        ("2.85", "one", "192.0.2.11"),
        ("2.85", "two", "192.0.2.12#5353"),
        ("2.85", "three", "192.0.2.11"),
    ],
    ids=[
        "a bridge begins with the first server",
        "and so does the other, so that a name is asked for once",
        "before 2.88 the first bridge does",
        "and the second begins with the second, since nobody asks again",
        "and the third with the first again",
    ],
)
def test_a_bridge_begins_with_a_server(version: str, host: str, first: str) -> None:
    bridges = {"one": "198.51.100.53", "two": "198.51.100.54", "three": "198.51.100.55"}
    topology = {"datacenter": DATACENTER, "cloud": {"subnets": ["198.51.100.0/24"], "bridges": bridges}}
    asked = [line for line in lines(version, made=_plan.plan(topology, host, "cloud")) if "/corp.example/" in line]
    assert len(asked) == 2
    assert asked[0] == f"server=/corp.example/{first}"


@pytest.mark.parametrize(
    ("version", "present", "absent"),
    [
        ("2.76", {"neg-ttl=60", "dns-loop-detect"}, {STALE, RETRY, TCP}),
        ("2.85", {"neg-ttl=60"}, {STALE, RETRY, TCP}),
        ("2.88test3", {"neg-ttl=60"}, {STALE, RETRY, TCP}),
        ("2.88", {"neg-ttl=60", STALE, RETRY}, {TCP}),
        ("2.89", {"neg-ttl=60", STALE, RETRY}, {TCP}),
        ("2.90", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
        ("2.90rc1", {STALE, RETRY, "neg-ttl=60"}, {TCP}),
        ("2.91test3", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
        ("2.93", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
        ("2.90-4~deb12u1", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
        ("2.100", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
        ("3.0", {STALE, RETRY, TCP}, {"neg-ttl=60"}),
    ],
)
def test_options_are_chosen_by_version(version: str, present: set[str], absent: set[str]) -> None:
    found = set(lines(version, made=sized(tcp_connections=150)))
    assert {line.partition("=")[0] for line in absent}.isdisjoint(line.partition("=")[0] for line in found)
    assert present <= found and not absent & found


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ("dhcp", ["resolv-file=/run/dnsmasq/upstream.conf"]),
        (["192.0.2.98", "2001:db8::99#5353"], ["no-resolv", "server=192.0.2.98", "server=2001:db8::99#5353"]),
        ("none", ["no-resolv"]),
    ],
    ids=["dhcp reads a file", "a list is written out", "none leaves names outside all zones alone"],
)
def test_an_upstream(upstream: Any, expected: list[str]) -> None:
    found = lines(made=plan(upstream=upstream))
    assert [line for line in found if "resolv" in line or (line.startswith("server=") and "/" not in line)] == expected


def test_accounts_and_paths_are_taken() -> None:
    found = lines(user="_dnsmasq", group="nogroup", pid_file="/run/other.pid")
    assert found[:3] == ["user=_dnsmasq", "group=nogroup", "pid-file=/run/other.pid"]


def test_a_reason_is_told_once() -> None:
    found = settings.settings(plan(upstream=["192.0.2.98", "192.0.2.99"]), "2.90")
    reasons = [(line["value"], line["reason"]) for line in found if line["option"] == "server"]
    assert reasons[:5] == [
        ("192.0.2.98", "names outside all zones go here"),
        ("192.0.2.99", None),
        ("/corp.example/192.0.2.11", "corp.example is datacenter's, asked directly"),
        ("/corp.example/192.0.2.12#5353", None),
        ("/0.2.0.192.in-addr.arpa/192.0.2.11", "192.0.2.0/30 is datacenter's, asked directly"),
    ]
    assert [reason for _value, reason in reasons[5:] if reason] == ["2001:db8::/32 is datacenter's, asked directly"]
    assert all(line["reason"] for line in found if line["option"] != "server")


def test_a_way_through_bridges_is_told() -> None:
    made = plan(subnets=["198.51.100.0/24"], bridges={"bridge": "198.51.100.53"})
    [reason] = [
        line["reason"]
        for line in settings.settings(made, "2.90", resolv_file=RESOLV_FILE)
        if line["value"] == "/corp.example/198.51.100.53"
    ]
    assert reason == "corp.example is datacenter's, asked through cloud's bridges"


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({}, ["cache-size=10000", "dns-forward-max=1024", "use-stale-cache=60"]),
        ({"cache_size": 0}, ["cache-size=0", "dns-forward-max=1024", "use-stale-cache=60"]),
        ({"forward_max": 1}, ["cache-size=10000", "dns-forward-max=1", "use-stale-cache=60"]),
        ({"stale_seconds": 86400}, ["cache-size=10000", "dns-forward-max=1024", "use-stale-cache=86400"]),
        ({"stale_seconds": 0}, ["cache-size=10000", "dns-forward-max=1024"]),
        (
            {"tcp_connections": 300},
            ["cache-size=10000", "dns-forward-max=1024", "max-tcp-connections=300", "use-stale-cache=60"],
        ),
        ({"receive_buffer": 4096}, ["cache-size=10000", "dns-forward-max=1024", "use-stale-cache=60"]),
    ],
    ids=[
        "the plan's",
        "no cache",
        "one lookup",
        "stale for a day",
        "without stale answers there is no such line",
        "connections",
        "the receive buffer is no setting of dnsmasq",
    ],
)
def test_the_sizes_of_the_plan_are_set(sizes: dict[str, int], expected: list[str]) -> None:
    options = {"cache-size", "dns-forward-max", "max-tcp-connections", "use-stale-cache"}
    assert [line for line in lines(made=sized(**sizes)) if line.partition("=")[0] in options] == expected


@pytest.mark.parametrize(
    ("host", "present", "absent"),
    [
        ("app1", {"all-servers", "bind-interfaces"}, {"strict-order", "bind-dynamic"}),
        ("bridge", {"strict-order", "bind-dynamic"}, {"all-servers", "bind-interfaces"}),
    ],
    ids=[
        "a host asks all servers at once, on loopback that is always there",
        "a bridge asks one server, on an address that may come late",
    ],
)
@pytest.mark.parametrize("version", ["2.76", "2.90"])
def test_options_are_chosen_by_tier(version: str, host: str, present: set[str], absent: set[str]) -> None:
    made = _plan.plan({"home": {"subnets": ["192.0.2.0/24"], "bridges": {"bridge": "192.0.2.53"}}}, host, "home")
    found = set(lines(version, made=made))
    assert present <= found and not absent & found


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        ({"version": "2.75"}, "version is '2.75', which is too old: install dnsmasq 2.76 or newer."),
        ({"version": "2.76test1"}, "version is '2.76test1', which is too old"),
        ({"version": "1.99"}, "version is '1.99', which is too old"),
        ({"version": "UNKNOWN"}, "version is 'UNKNOWN', which is no version of dnsmasq: pass one such as '2.90'."),
        ({"version": "2.90\n"}, "version is '2.90\\n', which is no version"),
        ({"version": ""}, "version is '', which is no version"),
        ({"version": 2.9}, "version is 2.9, which is no version"),
        ({"version": None}, "version is None, which is no version"),
        ({"user": "a b"}, "user is 'a b', which is not safe in dnsmasq.conf: give the name of an account."),
        ({"user": None}, "user is None, which is nothing: give the name of an account as a string."),
        ({"group": "x\ny"}, "group is 'x\\ny', which is not safe"),
        ({"pid_file": "run/x"}, "pid_file is 'run/x', which is not safe in dnsmasq.conf: give an absolute path"),
        ({"pid_file": "/run/x\n"}, "pid_file is '/run/x\\n', which is not safe"),
        ({"resolv_file": None}, "resolv_file is None, which is nothing: give the absolute path"),
        ({"made": "corp.example"}, "plan is 'corp.example', which is no plan: pass what everywhere.dnsmasq.plan"),
        ({"made": {"listen": []}}, "which is no plan"),
        ({"made": {key: value for key, value in plan().items() if key != "tier"}}, "which is no plan"),
    ],
)
def test_a_mistake_is_told(more: dict[str, Any], finding: str) -> None:
    [found] = findings(**more)
    assert finding in found


def test_every_mistake_is_told_at_once() -> None:
    assert len(findings(version="old", user="", group="a b", pid_file=1, resolv_file="x")) == 5


def test_the_resolv_file_is_asked_for_where_dhcp_is_the_upstream_only() -> None:
    assert "resolv-file" not in [line["option"] for line in settings.settings(plan(upstream="none"), "2.90")]


@hypothesis.settings(deadline=None)
@given(st.text(min_size=1), st.sampled_from(["zone", "servers", "owner", "listen", "sizes"]))
def test_a_plan_made_by_hand_adds_no_line(text: str, where: str) -> None:
    made = copy.deepcopy(plan())
    if where == "listen":
        made["listen"] = [text]
    elif where == "sizes":
        made["sizes"] = dict.fromkeys(made["sizes"], text)
    else:
        made["forwards"][0][where] = [text] if where == "servers" else text
    try:
        found = settings.settings(made, "2.90", resolv_file=RESOLV_FILE)
    except settings.SettingsError as error:
        assert all(finding.isprintable() for finding in error.findings)
        return
    for line in found:
        assert len((line["value"] or "x").split()) == 1 and (line["reason"] or "x").isprintable()
