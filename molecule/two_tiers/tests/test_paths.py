"""The way of a query, by what each bridge and each server saw of it, is the way that the playbook `plan` printed."""

from __future__ import annotations

import time
from ipaddress import ip_address

import pytest
from conftest import CLIENTS, TOPOLOGY, ZONES, address_of, ask, seen, shell


def probe(host: str, name: str) -> str:
    """A name that only this host asks for, so that its way is its own."""
    return f"{host}-{time.time_ns()}.{name}"


@pytest.mark.parametrize("below", ["any.{}", "{}"], ids=["names that exist", "names that do not exist"])
@pytest.mark.parametrize("zone", ZONES)
def test_a_query_takes_the_way_of_the_plan(zone, below, routes, names_of):
    began = time.time()
    asked = {host: probe(host, below.format(zone)) for host in CLIENTS}
    for host, name in asked.items():
        answer = ask(host, name)
        assert answer.rcode == ("NOERROR" if below.startswith("any") else "NXDOMAIN"), f"{host}: {name}: {answer}"
    rows = seen(began)
    planned = routes(below.format(zone))
    for host, name in asked.items():
        took = {(names_of[row["client"]], row["at"]): row["count"] for row in rows if row["name"] == f"{name}."}
        steps = [{(at, names_of[server]) for at in step.at for server in step.asks} for step in planned[host]]
        assert steps, host
        assert took.keys() <= set().union(*steps), f"{host}: {name} left the way of the plan: {took}"
        for number, step in enumerate(steps):
            assert took.keys() & step, f"{host}: {name} did not take step {number + 1} of {planned[host]}: {took}"
        assert set(took.values()) == {1}, f"{host}: {name} went some way twice: {took}"


@pytest.mark.parametrize(
    ("network", "addresses"), [("datacenter", "10.20.9"), ("gcp", "10.30.9"), ("branch", "10.40.0")]
)
def test_an_address_takes_the_way_of_its_network(network, addresses, routes, names_of):
    began = time.time()
    asked = {host: ip_address(f"{addresses}.{100 + number}").reverse_pointer for number, host in enumerate(CLIENTS)}
    for host, name in asked.items():
        assert ask(host, name, "PTR").rcode == "NXDOMAIN"
    rows = seen(began)
    planned = routes(f"{addresses}.1")
    authorities = {names_of[server] for server in TOPOLOGY[network]["nameservers"]}
    for host, name in asked.items():
        ways = {(at, names_of[server]) for step in planned[host] for at in step.at for server in step.asks}
        took = {(names_of[row["client"]], row["at"]) for row in rows if row["name"] == f"{name}."}
        assert took <= ways, f"{host}: {name}: {took}"
        assert {at for _client, at in took} & authorities


def test_a_public_name_goes_to_the_cloud_of_the_hosts_own_network_and_to_nobody_else():
    began = time.time()
    for host in CLIENTS:
        assert ask(host, f"{host}-{time.time_ns()}.any.example.net").data == ["203.0.113.40"]
    rows = [row for row in seen(began) if row["name"].endswith(".any.example.net.")]
    clouds = {"dc": "dc-cloud", "gcp": "gcp-cloud", "branch": "branch-cloud"}
    for host in CLIENTS:
        mine = {(row["client"], row["at"]) for row in rows if row["name"].startswith(f"{host}-")}
        assert mine == {(address_of(host), clouds[host.partition("-")[0]])}


def test_a_large_answer_comes_over_tcp_through_both_tiers():
    for host in CLIENTS:
        for zone in ZONES:
            answer = ask(host, f"large.{zone}", "TXT")
            assert (answer.rcode, len("".join(answer.data).replace('"', "").replace(" ", ""))) == ("NOERROR", 2000)
            assert ";; Truncated, retrying in TCP mode." in shell(host, f"dig @127.0.0.1 large.{zone} TXT")
