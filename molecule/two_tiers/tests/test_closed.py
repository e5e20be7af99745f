"""From an address that no network names, nobody answers: no open resolver."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import BRIDGES, CLIENTS, address_of, ask, shell

STRANGER = "outsider"
NAMES = ["app.corp.example", "app.gcp.example", "www.example.org", "servers.bind"]


def test_the_stranger_reaches_every_host():
    for host in CLIENTS:
        shell(STRANGER, f"ping -c 1 -W 2 {address_of(host)}")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("host", CLIENTS)
def test_a_stranger_gets_no_answer(host, tcp):
    server = address_of(host)
    with ThreadPoolExecutor(len(NAMES)) as pool:
        answers = list(pool.map(lambda name: ask(STRANGER, name, server=server, tcp=tcp, wait=1), NAMES))
    assert [answer.rcode for answer in answers] == ["silence"] * len(NAMES), answers


@pytest.mark.parametrize("bridge", BRIDGES)
def test_the_rules_outlive_what_an_admin_does_to_others(bridge):
    """A flush, as in the first line of Debian's /etc/nftables.conf, takes all tables but the one that has an owner."""
    shell(bridge, "nft add table inet admin; nft flush ruleset")
    assert "inet admin" not in shell(bridge, "nft list tables")
    for tcp in (False, True):
        assert ask(STRANGER, "app.corp.example", server=BRIDGES[bridge], tcp=tcp, wait=1).rcode == "silence"


def test_without_its_rules_a_bridge_does_not_run():
    """The rules go with a holder that is killed, and dnsmasq is stopped at once; both come back together."""
    bridge = "dc-bridge-1"
    pid = shell(bridge, "systemctl show --value --property MainPID everywhere-dnsmasq-filter").strip()
    shell(bridge, f"kill -9 {pid}; for n in $(seq 20); do pgrep -x dnsmasq || exit 0; sleep 0.05; done; exit 1")
    for _round in range(20):
        assert ask(STRANGER, "app.corp.example", server=BRIDGES[bridge], wait=1).rcode == "silence"
        if "active\nactive" in shell(bridge, "systemctl is-active everywhere-dnsmasq-filter dnsmasq || true"):
            break
    assert ask("dc-bookworm", "app.corp.example", server=BRIDGES[bridge]).rcode == "NOERROR"


def test_the_rules_come_and_go_with_dnsmasq():
    bridge = "gcp-bridge-2"
    shell(
        bridge,
        "systemctl stop dnsmasq; for n in $(seq 50); do nft list tables | grep -q . || exit 0; sleep 0.1; done; exit 1",
    )
    shell(bridge, "systemctl start dnsmasq; nft list table inet everywhere_dnsmasq")
    shell(bridge, "systemctl restart dnsmasq; nft list table inet everywhere_dnsmasq")
    assert ask("gcp-bookworm", "app.gcp.example", server=BRIDGES[bridge]).rcode == "NOERROR"
    assert ask(STRANGER, "app.gcp.example", server=BRIDGES[bridge], wait=1).rcode == "silence"


def test_a_host_of_another_network_is_answered_by_its_own_bridges_only():
    assert ask("branch-bookworm", "app.gcp.example", server=BRIDGES["dc-bridge-1"]).rcode == "NOERROR"
    assert ask("gcp-bookworm", "app.gcp.example", server=BRIDGES["gcp-bridge-1"]).rcode == "NOERROR"
    assert ask("dc-bookworm", "app.gcp.example", server=BRIDGES["gcp-bridge-1"], wait=1).rcode == "silence"


@pytest.mark.parametrize("host", CLIENTS)
def test_who_listens_where(host):
    wanted = {"127.0.0.1"} | ({BRIDGES[host]} if host in BRIDGES else set())
    held = shell(host, "ss -Hlntu sport = :53 | awk '{print $5}'").split()
    assert {address.rpartition(":")[0].partition("%")[0] for address in held} == wanted
    assert set(shell(host, "ps -o user= -C dnsmasq").split()) == {"dnsmasq"}
