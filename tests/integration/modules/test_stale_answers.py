# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much longer than its TTL dnsmasq gives an answer: as long as the plan says, and no longer, "no such name" too."""

from __future__ import annotations

import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns_servers
import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.settings import settings
from conftest import AUTHORITY, RESOLVER
from dns_servers import Authority, dnsmasq, running

#: Seconds: of each record and of each "no such name"; how much longer they may be given here.
TTL, BOUND = 1, 2
#: dnsmasq counts in whole seconds.
LATE = TTL + BOUND + 1.2


def options(stale_seconds: int) -> list[str]:
    """What the plan of a host says of stale answers, for the dnsmasq that is here."""
    made = plan({}, "app1", "", sizes={"stale_seconds": stale_seconds})
    lines = settings(made, "2.90", resolv_file="/run/upstream.conf")
    return [f"--{line['option']}={line['value']}" for line in lines if line["option"] == "use-stale-cache"]


def ask(port: int, name: str) -> str:
    """The address, or the response code; "silence" where nothing came."""
    try:
        answer = dns.query.udp(dns.message.make_query(name, "A"), RESOLVER, port=port, timeout=0.7)
    except dns.exception.Timeout:
        return "silence"
    return str(answer.answer[-1][0]) if answer.answer else dns.rcode.to_text(answer.rcode())


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch):
    soa = f"corp.example. {TTL} SOA ns.corp.example. root.corp.example. 1 2 3 4 {TTL}"
    monkeypatch.setattr(dns_servers, "SOA", soa)
    with running(Authority(AUTHORITY, f"db.corp.example. {TTL} A 192.0.2.80")) as server:
        yield server


def create(authority: Authority, name: str) -> None:
    authority.records[f"{name}.", "A"] = dns.rrset.from_text(f"{name}.", TTL, "IN", "A", "192.0.2.81")


@pytest.mark.parametrize(
    ("bound", "late"), [(BOUND, "silence"), (3600, "192.0.2.80")], ids=["within the bound", "an hour"]
)
def test_an_address_is_given_for_so_long_after_it_expired(authority: Authority, bound: int, late: str) -> None:
    with dnsmasq(RESOLVER, *options(bound), upstream=authority) as port:
        assert ask(port, "db.corp.example") == "192.0.2.80"
        authority.mood = "silent"
        time.sleep(TTL + 0.5)
        assert ask(port, "db.corp.example") == "192.0.2.80"
        time.sleep(LATE - TTL - 0.5)
        assert ask(port, "db.corp.example") == late


@pytest.mark.parametrize(
    ("bound", "late"), [(BOUND, "192.0.2.81"), (3600, "NXDOMAIN")], ids=["within the bound", "an hour"]
)
def test_no_such_name_is_told_for_no_longer_than_that(authority: Authority, bound: int, late: str) -> None:
    """A name that is created while its absence is in the cache: right at the first lookup after the bound."""
    with dnsmasq(RESOLVER, *options(bound), upstream=authority) as port:
        assert ask(port, "new.corp.example") == "NXDOMAIN"
        create(authority, "new.corp.example")
        time.sleep(LATE)
        assert ask(port, "new.corp.example") == late


def test_a_bridge_gives_nothing_that_expired(authority: Authority) -> None:
    assert options(0) == []
    with dnsmasq(RESOLVER, *options(0), upstream=authority) as port:
        assert ask(port, "new.corp.example") == "NXDOMAIN"
        create(authority, "new.corp.example")
        time.sleep(TTL + 1.2)
        assert ask(port, "new.corp.example") == "192.0.2.81"
