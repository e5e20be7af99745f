"""From an address that no network names, nobody answers: no open resolver."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import lab
import pytest
from conftest import BRIDGES, CLIENTS, NETWORKS, ZONES, address_of, ask, shell

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
        if shell(bridge, "systemctl is-active everywhere-dnsmasq-filter dnsmasq || true").split() == ["active"] * 2:
            break
    assert ask("dc-bookworm", "app.corp.example", server=BRIDGES[bridge]).rcode == "NOERROR"


def test_the_rules_stay_while_dnsmasq_is_restarted():
    bridge = "gcp-bridge-2"
    shell(bridge, "systemctl stop dnsmasq; nft list table inet everywhere_dnsmasq; systemctl start dnsmasq")
    assert ask("gcp-bookworm", "app.gcp.example", server=BRIDGES[bridge]).rcode == "NOERROR"
    assert ask(STRANGER, "app.gcp.example", server=BRIDGES[bridge], wait=1).rcode == "silence"


@pytest.fixture
def cloud_dns():
    """The stranger with one more address, that of Google Cloud's forwarding zones, which gcp's `allow` names."""
    address = "35.199.192.5"
    names = list(NETWORKS)
    outside = names.index("outside")
    ways = [(lab.router(outside), ["via", "198.51.100.2"])] + [
        (lab.CORE, ["via", f"192.0.2.{2 * outside + 1}", "table", str(100 + names.index(name))])
        for name in ZONES.values()
    ]
    shell(STRANGER, f"ip address add {address}/32 dev eth0")
    for namespace, way in ways:
        lab.ip("route", "add", f"{address}/32", *way, namespace=namespace)
    yield address
    for namespace, way in ways:
        lab.ip("route", "delete", f"{address}/32", *way, namespace=namespace)
    shell(STRANGER, f"ip address delete {address}/32 dev eth0")


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_whom_allow_names_is_answered_there_and_only_there(cloud_dns, tcp):
    for bridge, address in BRIDGES.items():
        answer = ask(STRANGER, "app.gcp.example", server=address, tcp=tcp, wait=2, source=cloud_dns)
        assert answer.rcode == ("NOERROR" if bridge.startswith("gcp") else "silence"), bridge


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
