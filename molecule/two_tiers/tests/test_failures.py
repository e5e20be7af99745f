"""What a host gets while something is broken, for a name that it knows, expired by now, and for one that it does not.

Each test prints one line: how many of the lookups were answered, and the slowest in milliseconds. Each has a known name
of its own: for ten seconds dnsmasq goes on with what was asked while something was broken, and who asks for that name
waits with it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import lab
import pytest
from conftest import CLIENTS, NETWORKS, address_of, ask, shell

#: Their TTL is 5 s: after PAUSE they are expired everywhere, and within the hour in which these hosts still give them.
KNOWN, PAUSE = [f"known-{number}.brief.corp.example" for number in range(16)], 6
FAR, NEAR = "gcp-bookworm", "dc-bookworm"
SERVFAIL = """
import socket
wire = socket.socket(type=socket.SOCK_DGRAM)
wire.bind(("{address}", 53))
while True:
    query, who = wire.recvfrom(4096)
    end = query.index(bytes(1), 12) + 5
    wire.sendto(query[:2] + bytes([query[2] | 0x84, 2]) + query[4:6] + bytes(6) + query[12:end], who)
"""


@pytest.fixture(scope="module")
def expired():
    """Names that every host knows, and that are expired by now."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: ask(*pair), product(CLIENTS, KNOWN)))
    assert {answer.rcode for answer in answers} == {"NOERROR"}
    time.sleep(PAUSE)
    return iter(KNOWN)


@pytest.fixture
def known(expired):
    return next(expired)


def look(what: str, host: str, name: str, times: int, wait: int = 5) -> tuple[list[str], float]:
    """Ask again and again, for another name each time if the name has a {}; print and return codes and the slowest."""
    answers = [ask(host, name.format(f"{host}-{time.time_ns()}"), wait=wait) for _number in range(times)]
    codes = [answer.rcode for answer in answers]
    slowest = max(answer.ms for answer in answers)
    told = ", ".join(f"{codes.count(code)} {code}" for code in sorted(set(codes)))
    print(f"{what}: {host} asks {name}: {told}; slowest {slowest:.0f} ms")
    return codes, slowest


def known_names_are_answered(what: str, known: str, *hosts: str) -> None:
    for host in hosts:
        codes, slowest = look(what, host, known, 20)
        assert set(codes) == {"NOERROR"}, host
        assert slowest < 500, host


def test_the_authority_is_dead(unplugged, known):
    what = "authority dead"
    unplugged("dc-ns1")
    unplugged("dc-ns2")
    known_names_are_answered(what, known, FAR, NEAR, "branch-bookworm")
    assert "NOERROR" not in look(what, FAR, "{}.any.corp.example", 2)[0]
    assert set(look(what, FAR, "{}.any.gcp.example", 5)[0]) == {"NOERROR"}
    assert set(look(what, FAR, "{}.any.example.net", 5)[0]) == {"NOERROR"}


def test_the_interconnect_is_cut(known):
    what = "interconnect cut"
    router = lab.router(list(NETWORKS).index("gcp"))
    lab.ip("link", "set", "wan", "down", namespace=router)
    try:
        known_names_are_answered(what, known, FAR)
        assert "NOERROR" not in look(what, FAR, "{}.any.corp.example", 2)[0]
        assert set(look(what, FAR, "{}.any.gcp.example", 5)[0]) == {"NOERROR"}
        assert set(look(what, NEAR, "{}.any.corp.example", 5)[0]) == {"NOERROR"}
    finally:
        number = list(NETWORKS).index("gcp")
        lab.ip("link", "set", "wan", "up", namespace=router)
        lab.ip(
            "neighbour", "replace", f"192.0.2.{2 * number}", "lladdr", lab.wan_mac(number, 2), "dev", "wan",
            "nud", "permanent", namespace=router,
        )  # fmt: skip
        lab.ip("route", "replace", "default", "via", f"192.0.2.{2 * number}", namespace=router)
    assert set(look("interconnect mended", FAR, "{}.any.corp.example", 5)[0]) == {"NOERROR"}


@pytest.mark.parametrize(
    ("bridge", "limit"),
    [("gcp-bridge-1", 500), ("gcp-bridge-2", 500), ("dc-bridge-1", 2000), ("dc-bridge-2", 2000)],
    ids=[
        "an own one: the other answers at once",
        "the other own one: the same",
        "the far one that is asked: who asks again gets the next one",
        "the far one that is not asked",
    ],
)
def test_one_bridge_is_frozen(bridge, limit, frozen, known):
    frozen(bridge)
    known_names_are_answered(f"{bridge} frozen", known, FAR)
    codes, slowest = look(f"{bridge} frozen", FAR, "{}.any.corp.example", 10)
    assert set(codes) == {"NOERROR"}
    assert slowest < limit


def test_one_bridge_of_the_other_side_is_stopped(known):
    shell("dc-bridge-1", "systemctl stop dnsmasq")
    try:
        known_names_are_answered("dc-bridge-1 stopped", known, FAR)
        codes, slowest = look("dc-bridge-1 stopped", FAR, "{}.any.corp.example", 10)
        assert set(codes) == {"NOERROR"}
        assert slowest < 2000
    finally:
        shell("dc-bridge-1", "systemctl start dnsmasq")


def test_both_own_bridges_are_frozen(frozen, known):
    what = "both own bridges frozen"
    frozen("gcp-bridge-1")
    frozen("gcp-bridge-2")
    known_names_are_answered(what, known, FAR)
    assert "NOERROR" not in look(what, FAR, "{}.any.corp.example", 2)[0]
    assert set(look(what, FAR, "{}.any.gcp.example", 5)[0]) == {"NOERROR"}
    assert set(look(what, FAR, "{}.any.example.net", 5)[0]) == {"NOERROR"}


def test_a_name_server_is_a_black_hole(unplugged, known):
    what = "dc-ns1 a black hole"
    unplugged("dc-ns1")
    known_names_are_answered(what, known, NEAR, FAR)
    codes, slowest = look(what, NEAR, "{}.any.corp.example", 10)
    assert set(codes) == {"NOERROR"}
    assert slowest < 500, "all servers are asked at once"
    codes, slowest = look(what, FAR, "{}.any.corp.example", 10)
    assert set(codes) == {"NOERROR"}
    assert slowest < 2000, "through a bridge, who asks again gets the next one"


def test_a_name_server_fails_fast(known):
    what = "dc-ns1 says SERVFAIL"
    server = SERVFAIL.format(address=address_of("dc-ns1"))
    shell("dc-ns1", f"systemctl stop knot; systemd-run --unit=servfail python3 -c '{server}'")
    try:
        known_names_are_answered(what, known, NEAR, FAR)
        codes, slowest = look(what, FAR, "{}.any.corp.example", 10)
        assert set(codes) == {"NOERROR"}, "a bridge takes the next server"
        # The local tier asks both at once and takes the first answer, whatever it is; what libc does then is to ask
        # the next line of resolv.conf.
        codes, slowest = look(what, NEAR, "{}.any.corp.example", 10)
        assert set(codes) <= {"NOERROR", "SERVFAIL"}
        assert slowest < 500
    finally:
        shell("dc-ns1", "systemctl stop servfail; systemctl start knot")
    assert set(look("dc-ns1 mended", NEAR, "{}.any.corp.example", 5)[0]) == {"NOERROR"}
