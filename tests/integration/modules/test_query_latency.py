# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against a real dnsmasq, and against servers that do what they should not."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset
import pytest
from conftest import AUTHORITY, BAD, DB, RESOLVER, UNHURRIED, Run, at, run_module
from dns_servers import Authority, Server, dnsmasq, free_port, running


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_what_dnsmasq_caches_is_proven(run: Run, authority: Authority, resolver: int, transport: str) -> None:
    reference = at(authority)
    result = run(
        {**DB, "expected": ["192.0.2.80", "192.0.2.79"], "reference": reference},
        {**DB, "type": "AAAA", "reference": reference},
        {"name": "www.corp.example", "reference": reference},
        {"name": "no-such.corp.example", "rcode": "NXDOMAIN", "reference": reference},
        {"name": "www.corp.example", "type": "SRV", "rcode": "NOERROR", "expected": []},
        {"name": "many.corp.example", "reference": reference},
        {**DB, "type": "TXT", "cached": False, "expected": ["text"]},
        port=resolver,
        transport=transport,
        **UNHURRIED,
    )
    assert "failed" not in result, result["msg"]
    assert (result["changed"], result["counters"]) == (False, True)
    assert [query["from_cache"] for query in result["queries"]] == [True] * 6 + [False]
    assert {(query["evidence"]["misses"], query["evidence"]["sent"]) for query in result["queries"][:6]} == {(0, 0)}
    assert result["queries"][0]["ttls"][0] == 300 > result["queries"][0]["ttls"][-1]
    assert len(result["queries"][5]["answers"]) == 60
    assert result["slowest_ms"] >= result["queries"][0]["cached"]["max"] >= result["queries"][0]["cached"]["min"] > 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"name": "zero.corp.example"}, "TTL stayed at 0; an answer with TTL 0 is not cached"),
        ({**DB, "type": "TXT"}, "dnsmasq caches TXT only with cache-rr, from 2.90 on"),
        ({"name": "own.corp.example"}, "TTL stayed at 0; it is the server's own data, so ask for it with cached=false"),
        ({**DB, "expected": ["192.0.2.1"]}, "db.corp.example A: expected 192.0.2.1, got 192.0.2.79, 192.0.2.80"),
    ],
    ids=["TTL 0", "TXT", "its own data", "another answer"],
)
def test_what_dnsmasq_does_not_cache_is_told(
    run: Run, resolver: int, query: dict[str, Any], message: str, transport: str
) -> None:
    result = run(query, port=resolver, transport=transport, **UNHURRIED)
    assert result["failed"] and message in result["msg"]
    assert result["queries"][0]["cold_ms"] > 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_dnsmasq_without_a_cache_is_found_out(run: Run, authority: Authority, transport: str) -> None:
    with dnsmasq(RESOLVER, "--cache-size=0", upstream=authority) as port:
        result = run(DB, port=port, transport=transport, **UNHURRIED)
    assert "db.corp.example A: not proven to come from the cache: misses moved by " in result["msg"]


def test_an_answer_other_than_the_authoritys_is_found_out(run: Run, authority: Authority) -> None:
    with dnsmasq(RESOLVER, "--host-record=db.corp.example,192.0.2.99", upstream=authority) as port:
        result = run({**DB, "reference": at(authority)}, port=port, **UNHURRIED)
    assert (
        f"{AUTHORITY}#{authority.port} says 192.0.2.79, 192.0.2.80, but {RESOLVER}#{port} answers 192.0.2.99"
        in result["msg"]
    )


def test_what_is_not_required_waits_for_a_reference_that_knows(run: Run, authority: Authority, resolver: int) -> None:
    heard: list[bytes] = []
    closed = f"{BAD}#{free_port(BAD)}"

    def listen(query: bytes) -> list[bytes]:
        heard.append(query)
        return []

    with (
        running(Server(BAD, listen)) as mute,
        running(Server(BAD, lambda query: [truncated(query)])) as cut,
    ):
        silent = [closed, f"{BAD}#{mute.port}"]
        optional = {**DB, "required": False}
        queries = [
            {**optional, "reference": silent},
            {**optional, "type": "AAAA", "reference": silent},
            {**optional, "reference": silent + at(authority)},
        ]
        result = run(*queries, port=resolver, **UNHURRIED)
        refused = run({**optional, "reference": [f"{BAD}#{cut.port}"]}, port=resolver, **UNHURRIED)
    assert "failed" not in result, result["msg"]
    words = (
        f"no reference answered ({closed} could not be asked over udp: Connection refused, "
        f"{BAD}#{mute.port} did not answer in 2 tries of 1.0 s)"
    )
    assert [query["skipped"] for query in result["queries"]] == [words, words, None]
    assert [query["from_cache"] for query in result["queries"]] == [False, False, True]
    assert len(heard) == 2
    assert "failed" not in refused, refused["msg"]
    assert "no reference answered" in refused["queries"][0]["skipped"]


@pytest.mark.parametrize(
    ("options", "name", "words"),
    [
        (["--no-ident"], "db", "the server shows no counters, TTL fell from 300 to "),
        (["--max-ttl=60"], "db", "misses and upstream sends unchanged over 20 answers, TTL stayed at 60"),
        (["--min-cache-ttl=30"], "brief", "misses and upstream sends unchanged over 20 answers, TTL fell from 30 to "),
        (["--cache-rr=TXT"], "db", "misses and upstream sends unchanged over 20 answers, TTL fell from 300 to "),
    ],
    ids=[
        "without counters the TTL proves it",
        "a capped TTL stands still",
        "a raised TTL rises once",
        "any type with cache-rr",
    ],
)
def test_other_settings_of_dnsmasq(run: Run, authority: Authority, options: list[str], name: str, words: str) -> None:
    query = {"name": f"{name}.corp.example", "type": "TXT" if "--cache-rr=TXT" in options else "A"}
    try:
        with dnsmasq(RESOLVER, *options, upstream=authority) as port:
            result = run(query, port=port, **UNHURRIED)
    except RuntimeError as error:
        pytest.skip(f"this dnsmasq is too old: {error}")
    assert "failed" not in result, result["msg"]
    assert words in result["queries"][0]["evidence"]["words"]


def test_a_stale_answer_is_said_to_be_stale(run: Run, authority: Authority) -> None:
    try:
        with dnsmasq(RESOLVER, "--use-stale-cache", upstream=authority) as port:
            dns.query.udp(dns.message.make_query("brief.corp.example", "A"), RESOLVER, port=port, timeout=2)
            authority.mood = "silent"
            time.sleep(3)
            result = run({"name": "brief.corp.example"}, port=port, **UNHURRIED)
    except RuntimeError as error:
        pytest.skip(f"this dnsmasq is too old: {error}")
    assert "failed" not in result, result["msg"]
    evidence = result["queries"][0]["evidence"]
    assert (evidence["stale"], evidence["ttl_first"], evidence["sent"]) == (True, 0, 0)


def test_other_clients_do_not_spoil_the_proof(run: Run, authority: Authority) -> None:
    done = threading.Event()

    def disturb() -> None:
        for number in range(10**6):
            if done.wait(0.003):
                return
            with suppress(dns.exception.DNSException):
                dns.query.udp(dns.message.make_query(f"n{number}.corp.example", "A"), RESOLVER, port=port, timeout=1)

    with dnsmasq(RESOLVER, "--cache-size=10000", upstream=authority) as port:
        other = threading.Thread(target=disturb)
        other.start()
        try:
            result = run(DB, port=port, samples=200, **UNHURRIED)
        finally:
            done.set()
            other.join()
    assert "failed" not in result, result["msg"]
    assert result["queries"][0]["evidence"]["misses"] > 0


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        ("SERVFAIL", "answered SERVFAIL (its upstream failed)"),
        ("REFUSED", "answered REFUSED"),
        ("silent", "did not answer in 2 tries of 1.0 s"),
    ],
)
def test_a_failing_upstream_is_told(run: Run, authority: Authority, resolver: int, mood: str, message: str) -> None:
    authority.mood = mood
    assert f"db.corp.example A: {RESOLVER}#{resolver} {message}" in run(DB, port=resolver, **UNHURRIED)["msg"]


def test_a_dnsmasq_without_upstream_is_told(run: Run) -> None:
    with dnsmasq(RESOLVER) as port:
        result = run(DB, port=port, **UNHURRIED)
    assert "answered REFUSED (it has no upstream for this name, or does not serve this host)" in result["msg"]
    assert result["counters"]


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_nothing_listening_is_told_at_once(run: Run, transport: str) -> None:
    port, began = free_port(RESOLVER), time.monotonic()
    patient = {**UNHURRIED, "timeout": 30.0}
    result = run(DB, {**DB, "type": "AAAA"}, port=port, transport=transport, **patient)
    assert result["msg"] == (
        f"db.corp.example A: {RESOLVER}#{port} could not be asked over {transport}: Connection refused; "
        "1 more query failed"
    )
    assert time.monotonic() - began < patient["timeout"]


def genuine(query: bytes, ttl: int = 300) -> bytes:
    asked = dns.message.from_wire(query)
    answer = dns.message.make_response(asked)
    if asked.question[0].rdclass == 3:
        answer.set_rcode(5)
    else:
        answer.answer.append(dns.rrset.from_text(asked.question[0].name, ttl, "IN", "A", "192.0.2.80"))
    return answer.to_wire()


def truncated(query: bytes) -> bytes:
    answer = dns.message.make_response(dns.message.from_wire(query))
    answer.flags |= dns.flags.TC
    return answer.to_wire()


def falling() -> Callable[[bytes], bytes]:
    began = time.monotonic()
    return lambda query: genuine(query, 300 - int(time.monotonic() - began))


def slowly(reply: Callable[[bytes], bytes]) -> Callable[[bytes], list[bytes]]:
    def late(query: bytes) -> list[bytes]:
        time.sleep(0.06)
        return [reply(query)]

    return late


def forged(query: bytes) -> bytes:
    return bytes([query[0] ^ 1]) + genuine(query)[1:]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda query: [], "did not answer in 2 tries of 0.3 s"),
        (lambda query: [forged(query)], "did not answer in 2 tries of 0.3 s"),
        (lambda query: [b""], "did not answer in 2 tries of 0.3 s"),
        (lambda query: [query[:2] + b"\x81\x80" + b"\xff" * 40], "sent a malformed answer"),
        (lambda query: [genuine(query)[:-3]], "sent a malformed answer"),
        (lambda query: [query], "sent something that is not an answer"),
        (lambda query: [genuine(query).replace(b"\2db", b"\2dc")], "answered another question"),
        (lambda query: [truncated(query)], "could not be asked over udp: Connection refused"),
        (lambda query: [genuine(query)], "the server shows no counters, TTL stayed at 300"),
        (slowly(falling()), "median of 20 cached answers is "),
    ],
    ids=[
        "silence",
        "answers of another id",
        "empty datagrams",
        "noise",
        "a cut answer",
        "an echo",
        "another name",
        "truncated, and no tcp",
        "a TTL that stands still, and no counters",
        "too slow",
    ],
)
def test_a_server_that_misbehaves_is_one_sentence(
    run: Run, reply: Callable[[bytes], list[bytes]], message: str
) -> None:
    with running(Server(BAD, reply)) as server:
        result = run(DB, port=server.port, **{**UNHURRIED, "server": BAD, "timeout": 0.3, "max_cached_ms": 50.0})
    assert result["failed"] and not result["counters"]
    assert result["msg"].startswith("db.corp.example A: ") and message in result["msg"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda query: [], "could not be asked over tcp: it closed the connection before the answer was complete"),
        (lambda query: [b""], "sent a malformed answer"),
        (lambda query: [genuine(query)[:-3]], "sent a malformed answer"),
        (lambda query: [forged(query)], "sent something that is not an answer"),
    ],
    ids=["closed at once", "an empty message", "a cut answer", "another id"],
)
def test_a_server_that_misbehaves_over_tcp_is_one_sentence(
    run: Run, reply: Callable[[bytes], list[bytes]], message: str
) -> None:
    with running(Server(BAD, lambda query: [], reply)) as server:
        result = run(DB, port=server.port, transport="tcp", **{**UNHURRIED, "server": BAD, "timeout": 0.3})
    assert message in result["msg"]


def test_forged_and_late_answers_are_passed_over(run: Run) -> None:
    honest = falling()
    with running(Server(BAD, lambda query: [forged(query), b"", b"x", honest(query)])) as server:
        result = run({**DB, "expected": ["192.0.2.80"]}, port=server.port, **{**UNHURRIED, "server": BAD})
    assert "failed" not in result, result["msg"]
    assert not result["queries"][0]["evidence"]["counters"]


def test_a_lost_query_is_asked_again(run: Run) -> None:
    lost: set[bytes] = set()

    def second_time(query: bytes) -> list[bytes]:
        again = query[12:] in lost
        lost.add(query[12:])
        return [genuine(query)] if again else []

    with running(Server(BAD, second_time)) as server:
        options = {**UNHURRIED, "server": BAD, "timeout": 0.2}
        result = run({**DB, "cached": False}, port=server.port, **options)
        assert "failed" not in result, result["msg"]
        assert 200 < result["queries"][0]["cold_ms"] < 1000
        lost.clear()
        assert (
            "did not answer in 1 try of 0.2 s"
            in run({**DB, "cached": False}, port=server.port, tries=1, **options)["msg"]
        )


PRIVATE_RESOLV_CONF = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/resolv.conf && exec "$@"')


def through_libc(run: Run, tmp_path: Path, text: str, *queries: dict[str, Any], **options: Any) -> dict[str, Any]:
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text(text)
    before = (*PRIVATE_RESOLV_CONF, str(resolv_conf))
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a private /etc/resolv.conf needs root and unshare")
    return run(*queries, before=before, transport="libc", **{**UNHURRIED, **options})


def test_libc_is_proven_to_ask_the_resolver(run: Run, authority: Authority, tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((RESOLVER, 53))
        except OSError as error:
            pytest.skip(f"port 53 of {RESOLVER} cannot be had: {error.strerror}")
    with dnsmasq(RESOLVER, "--host-record=own.corp.example,192.0.2.7", upstream=authority, port=53):
        text = f"search lab.example other.example\nnameserver {RESOLVER}\noptions timeout:1 attempts:1\n"
        result = through_libc(
            run,
            tmp_path,
            text,
            {**DB, "expected": ["192.0.2.80", "192.0.2.79"], "reference": at(authority)},
            {**DB, "type": "AAAA", "expected": ["2001:db8::80"]},
            {"name": "www.corp.example"},
            {"name": "no-such.corp.example", "rcode": "NXDOMAIN"},
            {"name": "own.corp.example", "type": "AAAA", "cached": False, "expected": []},
        )
        assert "failed" not in result, result["msg"]
        assert [query["from_cache"] for query in result["queries"]] == [True] * 4 + [False]

        authority.mood = "SERVFAIL"
        result = through_libc(run, tmp_path, text, {"name": "unseen.corp.example"})
        assert f"unseen.corp.example A: {RESOLVER}#53 answered SERVFAIL" in result["msg"]


def test_libc_that_asks_another_server_is_told(run: Run, tmp_path: Path) -> None:
    result = through_libc(run, tmp_path, f"nameserver 192.0.2.53\nnameserver {RESOLVER}\n", DB)
    assert result["msg"] == f"libc does not ask {RESOLVER}: /etc/resolv.conf names 192.0.2.53 first"


def test_a_missing_dnspython_is_named(tmp_path: Path, run: Run) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    result = run_module(run.args[0], tmp_path / "bare/bin/python", tmp_path, DB)
    assert "python3-dnspython" in result["msg"] and "python3-dns " in result["msg"].replace(")", " ")
