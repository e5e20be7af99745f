# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 drawn inputs: topologies with hostile text anywhere, and answers of a real server that says anything.

EVERYWHERE_FUZZ=20 draws twenty times as many. The draws are the same in each run.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check as _check
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import wire
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import settings as _settings
from ansible_collections.everywhere.dnsmasq.tests.unit.hostile import POISONS, SIZES, TYPES
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import (
    is_one_sentence,
    leaves,
)
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

TEMPLATE = Path(__file__).resolve().parents[2] / "roles/dnsmasq/templates/dnsmasq.conf.j2"
FACTOR = int(os.environ.get("EVERYWHERE_FUZZ", "1"))
#: How many examples each test runs at least.
EXAMPLES = {"topologies": 4000, "variables": 1200, "forged plans": 800, "answers": 3600, "proofs": 400, "slow": 40}


def drawn(what: str) -> Any:
    return settings(
        max_examples=EXAMPLES[what] * FACTOR,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


class Count:
    """How many examples of a test ran, to be told at its end."""

    def __init__(self, what: str) -> None:
        self.what, self.seen = what, 0

    def one(self) -> None:
        self.seen += 1

    def end(self) -> None:
        print(f"{self.what}: {self.seen} examples")
        assert self.seen >= EXAMPLES[self.what] * FACTOR, "hypothesis found no more to draw"


def test_ten_thousand_are_drawn() -> None:
    assert sum(EXAMPLES.values()) >= 10_000


# --- topologies ---

SHORT = [poison for poison in POISONS.values() if len(poison) < 1000] + ["a" * 1200, "\ud800"]
TEXT = st.one_of(
    st.sampled_from(SHORT),
    st.text(max_size=12),
    st.text("ab.-_#/*,=\n\r\t\0\x1b\"' %:;10\u3002\uff0f\u00fc\u0130\u212a\u200b\u00ad\u202e", max_size=12),
)
JUNK = st.one_of(
    TEXT, st.sampled_from(list(TYPES.values())).map(deepcopy), st.integers(), st.floats(), st.binary(max_size=4)
)


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """One to three sound networks."""
    topology: dict[str, Any] = {}
    for index in range(1, draw(st.integers(2, 4))):
        shape = draw(st.integers(0, 31))
        network: dict[str, Any] = {"subnets": [f"10.{index}.0.0/16"]}
        if shape & 1:
            network |= {"zones": [f"z{index}.example", f"y{index}.example"], "nameservers": [f"10.{index}.0.11#5353"]}
        if shape & 2 or not shape & 1:
            network["bridges"] = {f"b{index}": f"10.{index}.0.53", f"c{index}": f"10.{index}.0.54"}
            network["allow"] = ["203.0.113.0/24"]
        if shape & 4:
            network["upstream"] = ["2001:db8::99"] if shape & 8 else "none"
        if shape & 16 and index > 1:
            network["links"] = [f"n{number}" for number in range(1, index)]
        topology[f"n{index}"] = network
    return topology


Spot = tuple[Any, Any]


def spots(container: Any) -> Iterator[Spot]:
    """Each key and each index that something can be put at, with what has it."""
    for key in container if isinstance(container, dict) else range(len(container)):
        yield container, key
        if isinstance(container[key], (dict, list)):
            yield from spots(container[key])


def spoil(draw: Callable[[Any], Any], holder: Any, key: Any) -> None:
    """The value there, or the key itself, becomes something hostile."""
    how, old = draw(st.integers(0, 9)), holder[key]
    if how == 0:
        holder[key] = draw(JUNK)
    elif how == 1 and isinstance(holder, dict):
        holder[key + draw(TEXT)] = holder.pop(key)
    elif isinstance(old, str):
        poison, at = draw(TEXT), draw(st.sampled_from([0, len(old) // 2, len(old)]))
        holder[key] = old[:at] + poison + old[at:]
    elif isinstance(old, list):
        old.append(draw(TEXT))
    elif isinstance(old, dict):
        old[draw(TEXT)] = draw(JUNK)
    else:
        holder[key] = draw(JUNK)


NAMED = re.compile(r"(dnsmasq_topology|dnsmasq_network|dnsmasq_sizes|host|listen|members)\b")
LEAF = re.compile(r"[A-Za-z0-9_.:#/-]{0,253}")
VALUE = re.compile(r"/[a-z0-9_.-]{1,253}/([0-9a-f.:]{2,39}(#[0-9]{1,5})?)?|[A-Za-z0-9_.:#/-]{1,253}")
RENDER = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
RENDER.filters["comment"] = "# {}".format
FILE = RENDER.from_string(TEMPLATE.read_text())
LINE = re.compile(r"|#( [ -~]{1,900})?|[a-z-]+(=[A-Za-z0-9_.:#/-]{1,512})?")


def plan_is_sound_or_refused(**given: Any) -> None:
    """One sentence for each mistake, with the name of what is wrong; or nothing hostile in the plan and its file."""
    try:
        made = plan.plan(**given)
    except plan.TopologyError as error:
        assert error.findings
        for finding in error.findings:
            assert is_one_sentence(finding) and NAMED.match(finding), finding
        event("refused")
        return
    event("planned")
    assert made["host"].isprintable()
    host = made.pop("host")
    for leaf in leaves(made):
        assert leaf is None or isinstance(leaf, (bool, int)) or LEAF.fullmatch(leaf), leaf
    made["host"] = "app1"
    for version in ("2.76", "2.90"):
        lines = _settings.settings(made, version, resolv_file="/run/x/upstream.conf")
        assert all(line["value"] is None or VALUE.fullmatch(line["value"]) for line in lines)
    text = FILE.render(ansible_managed="x", __dnsmasq_plan=made, __dnsmasq_settings=lines, __dnsmasq_includes=[])
    assert all(LINE.fullmatch(line) for line in text.split("\n"))
    # The host's own name is in none of it.
    other = {**made, "host": host}
    assert text == FILE.render(
        ansible_managed="x", __dnsmasq_plan=other, __dnsmasq_settings=lines, __dnsmasq_includes=[]
    )


def test_hostile_text_anywhere_in_a_topology_is_refused_or_harmless() -> None:
    count = Count("topologies")

    @drawn("topologies")
    @given(networks(), st.data())
    def check(topology: dict[str, Any], data: st.DataObject) -> None:
        count.one()
        for _time in range(data.draw(st.integers(1, 2))):
            places = list(spots(topology))
            spoil(data.draw, *places[data.draw(st.integers(0, len(places) - 1))])
        host, home = data.draw(
            st.sampled_from([("app1", "n1"), ("b1", "n1"), ("app1", ""), ("app1", "n2"), ("c2", "n2")])
        )
        plan_is_sound_or_refused(topology=topology, host=host, network=home)

    check()
    count.end()


GOOD = {"n1": {"zones": ["z.example"], "nameservers": ["10.1.0.11"], "bridges": {"b1": "10.1.0.53"}}}


def test_hostile_variables_beside_the_topology_are_refused_or_harmless() -> None:
    count = Count("variables")

    @drawn("variables")
    @given(
        st.one_of(st.just("b1"), st.just("app1"), TEXT, TEXT.map("b1{}".format), JUNK),
        st.one_of(st.just("n1"), TEXT.map("n1{}".format), JUNK),
        st.dictionaries(st.one_of(st.sampled_from(SIZES), TEXT), st.one_of(st.integers(-1, 400000), JUNK), max_size=2),
        st.lists(st.one_of(st.just("127.0.0.1"), TEXT.map("127.0.0.1{}".format), JUNK), max_size=2),
        st.one_of(st.just([]), st.lists(JUNK, max_size=3), JUNK),
    )
    def check(host: Any, network: Any, sizes: Any, listen: Any, members: Any) -> None:
        count.one()
        plan_is_sound_or_refused(topology=GOOD, host=host, network="n1")
        plan_is_sound_or_refused(topology=GOOD, host="b1", network=network, members=members)
        plan_is_sound_or_refused(topology=GOOD, host="b1", network="n1", sizes=sizes, listen=listen or ["127.0.0.1"])

    check()
    count.end()


def test_a_forged_plan_is_refused_or_harmless() -> None:
    count = Count("forged plans")

    @drawn("forged plans")
    @given(networks(), st.data())
    def check(topology: dict[str, Any], data: st.DataObject) -> None:
        count.one()
        try:
            made = plan.plan(topology, data.draw(st.sampled_from(["app1", "b1"])), "n1")
        except plan.TopologyError:
            made = plan.plan(GOOD, "b1", "n1")
        places = list(spots(made))
        spoil(data.draw, *places[data.draw(st.integers(0, len(places) - 1))])
        try:
            lines = _settings.settings(made, "2.90", resolv_file="/run/x/upstream.conf")
        except _settings.SettingsError as error:
            assert all(is_one_sentence(finding) and finding.startswith("plan") for finding in error.findings)
            return
        for line in lines:
            assert re.fullmatch(r"[a-z-]+", line["option"])
            assert line["value"] is None or re.fullmatch(r"[!-~]{1,900}", line["value"])
            assert line["reason"] is None or (line["reason"].isprintable() and len(line["reason"].encode()) < 1000)

    check()
    count.end()


# --- answers ---

NAME = "db.corp.example"
ASKED = wire.question(NAME, "A")
QUESTION = ASKED.wire[12:]
POINTER = b"\xc0\x0c"  # the name of the question
A, CNAME, SOA, TXT = 1, 5, 6, 16
SHORT_TIME, LONG_TIME = 0.02, 5.0


def record(owner: bytes, kind: int, ttl: int, data: bytes, length: int | None = None) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, ttl, len(data) if length is None else length) + data


def message(
    query: bytes,
    *answers: bytes,
    flags: int = 0x8180,
    counts: tuple[int, ...] | None = None,
    question: bytes | None = None,
) -> bytes:
    asked = query[12:] if question is None else question
    header = struct.pack("!HHHH", *(counts or (1 if asked else 0, len(answers), 0, 0)))
    return query[:2] + struct.pack("!H", flags) + header + asked + b"".join(answers)


class Reply(NamedTuple):
    """What the server does: datagrams, then what comes over TCP; both are made from the query."""

    kind: str
    udp: Callable[[bytes], list[bytes]]
    tcp: Callable[[bytes], bytes | None] = lambda query: b""
    expected: tuple[str, ...] | None = None
    timeout: float = LONG_TIME


class Server(threading.Thread):
    """A name server on 127.0.0.1 that says what it is told to, for as long as a test runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.reply = Reply("silent", lambda query: [])
        self.pause = 0.0
        self.sent: list[tuple[bytes, bytes]] = []
        self.udp, self.tcp = self._sockets()
        self.port = self.udp.getsockname()[1]
        self._over, self._wake = socket.socketpair()
        self._held: list[socket.socket] = []

    @staticmethod
    def _sockets() -> tuple[socket.socket, socket.socket]:
        """Both at one port that is free."""
        while True:
            udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            udp.bind(("127.0.0.1", 0))
            try:
                tcp.bind(udp.getsockname())
            except OSError:
                udp.close()
                tcp.close()
                continue
            tcp.listen(16)
            return udp, tcp

    def run(self) -> None:
        while True:
            ready, _writable, _broken = select.select([self.udp, self.tcp, self._over], [], [])
            if self._over in ready:
                break
            try:
                if self.udp in ready:
                    self._datagrams()
                if self.tcp in ready:
                    self._connection()
            except OSError:  # whoever asked is gone
                continue
        for one in [self.udp, self.tcp, self._over, *self._held]:
            one.close()

    def _datagrams(self) -> None:
        query, client = self.udp.recvfrom(65535)
        for datagram in self.reply.udp(query):
            time.sleep(self.pause)
            self.sent.append((query, datagram))
            self.udp.sendto(datagram, client)

    def _connection(self) -> None:
        channel, _client = self.tcp.accept()
        channel.settimeout(1)
        with channel:
            query = channel.recv(65535)[2:]
            stream = self.reply.tcp(query)
            if stream is None:
                self._held = [*self._held[-8:], channel.dup()]
                return
            self.sent.append((query, stream[2:]))
            for at in range(0, len(stream), 4 if self.pause else 1 << 16):
                time.sleep(self.pause)
                channel.sendall(stream[at : at + (4 if self.pause else 1 << 16)])

    def end(self) -> None:
        self._wake.close()
        self.join(10)
        assert not self.is_alive()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    thread = Server()
    thread.start()
    yield thread
    thread.end()


def framed(reply: bytes, lie: int = 0) -> bytes:
    return struct.pack("!H", max(0, min(65535, len(reply) + lie))) + reply


def addresses(numbers: list[int]) -> tuple[str, ...]:
    return tuple(sorted(f"192.0.2.{number}" for number in set(numbers)))


@st.composite
def right(draw: st.DrawFn) -> Reply:
    numbers = draw(st.lists(st.integers(0, 255), max_size=4))
    aliases, ttl = draw(st.integers(0, 3)), draw(st.integers(0, 1 << 31))
    extra = draw(st.sampled_from(["", "late", "forged", "tcp", "upper"]))

    def answer(query: bytes) -> bytes:
        # Each alias is written out where the next record's owner points to.
        made, owner = [], POINTER
        at = 12 + len(query[12:])
        for number in range(aliases):
            target = b"\3" + b"c%02d" % number + b"\0"
            made.append(record(owner, CNAME, ttl, target))
            owner, at = struct.pack("!H", 0xC000 | (at + 12)), at + 12 + len(target)
        made += [record(owner, A, ttl, bytes([192, 0, 2, number])) for number in numbers]
        return message(
            query, *made, question=query[12:].upper() if extra == "upper" and query[12:] == QUESTION else None
        )

    def udp(query: bytes) -> list[bytes]:
        whole = answer(query)
        forged = bytes([whole[0] ^ 1]) + whole[1:12] + b"\0" * 9
        if extra == "tcp":
            return [message(query, flags=0x8380)]
        return {"forged": [forged, b"", forged, whole], "late": [whole, whole, forged]}.get(extra, [whole])

    return Reply(f"right {extra}", udp, lambda query: framed(answer(query)), addresses(numbers))


WRONG_QUESTIONS = [
    b"",
    b"\0" + QUESTION[-4:],
    b"\5other\7example\0\0\1\0\1",
    QUESTION[:-4] + b"\0\x1c\0\1",
    QUESTION[:-4] + b"\0\1\0\3",
    b"\2dc" + QUESTION[3:],
    b"\xc0\x0c\0\1\0\1",
    QUESTION + QUESTION,
]


@st.composite
def wrong_question(draw: st.DrawFn) -> Reply:
    question, rcode = draw(st.sampled_from(WRONG_QUESTIONS)), draw(st.sampled_from([0, 3, 2, 5]))
    count = 2 if question == QUESTION + QUESTION else 1 if question else 0

    def udp(query: bytes) -> list[bytes]:
        found = record(b"\2db\4corp\7example\0", A, 60, b"\xc0\0\2\x42")
        return [message(query, found, flags=0x8180 | rcode, counts=(count, 1, 0, 0), question=question)]

    return Reply("wrong question", udp)


@st.composite
def wrong_id(draw: st.DrawFn) -> Reply:
    flip, times = draw(st.integers(1, 65535)), draw(st.integers(1, 3))

    def udp(query: bytes) -> list[bytes]:
        (number,) = struct.unpack("!H", query[:2])
        return [struct.pack("!H", number ^ flip) + message(query, record(POINTER, A, 60, b"\xc0\0\2\x42"))[2:]] * times

    return Reply("wrong id", udp, timeout=SHORT_TIME)


@st.composite
def wrong_id_over_tcp(draw: st.DrawFn) -> Reply:
    flip = draw(st.integers(1, 65535))

    def tcp(query: bytes) -> bytes:
        (number,) = struct.unpack("!H", query[:2])
        return framed(struct.pack("!H", number ^ flip) + message(query, record(POINTER, A, 60, b"\xc0\0\2\x42"))[2:])

    return Reply("wrong id over tcp", lambda query: [message(query, flags=0x8380)], tcp)


@st.composite
def broken(draw: st.DrawFn) -> Reply:
    """A right answer, cut off or with bytes changed, taken out or put in; its id stays."""
    cut = draw(st.one_of(st.none(), st.integers(2, 60)))
    changes = draw(st.lists(st.tuples(st.integers(2, 90), st.integers(0, 255), st.integers(0, 2)), max_size=5))

    def reply(query: bytes) -> bytes:
        whole = bytearray(
            message(query, record(POINTER, CNAME, 60, b"\1x" + POINTER), record(b"\xc0\x2d", A, 60, b"\xc0\0\2\x42"))
        )
        for at, value, how in changes:
            whole[at : at + (how != 2)] = b"" if how == 1 else bytes([value])
        return bytes(whole[:cut])

    return Reply("broken", lambda query: [reply(query)], lambda query: framed(reply(query)))


LOOPS: list[Callable[[bytes], bytes]] = [
    # a name that points to itself, ahead, at the header, and round two others
    lambda query: message(query, record(b"\xc0\x21", A, 60, b"\xc0\0\2\x42")),
    lambda query: message(query, record(b"\xc0\xff", A, 60, b"\xc0\0\2\x42")),
    lambda query: message(query, record(b"\xc0\0", A, 60, b"\xc0\0\2\x42")),
    lambda query: message(query, record(b"\1a\xc0\x23\1b\xc0\x21", A, 60, b"\xc0\0\2\x42")),
    lambda query: message(query, record(POINTER, CNAME, 60, b"\xc0\x2d")),
    # aliases of itself and of each other
    lambda query: message(query, record(POINTER, CNAME, 60, POINTER)),
    lambda query: message(query, record(POINTER, CNAME, 60, b"\1x" + POINTER), record(b"\xc0\x2d", CNAME, 60, POINTER)),
    # a label of a kind that nobody has, and one that is too long
    lambda query: message(query, record(b"\x80x", A, 60, b"\xc0\0\2\x42")),
    lambda query: message(query, record((b"\x3f" + b"a" * 63) * 5 + b"\0", A, 60, b"\xc0\0\2\x42")),
    # counts and lengths that are not there
    lambda query: message(query, counts=(1, 65535, 65535, 65535)),
    lambda query: message(query, record(POINTER, A, 60, b"\xc0\0\2\x42", length=65535)),
    lambda query: message(query, record(POINTER, A, 60, b"\xc0\0\2")),
    lambda query: message(query, record(POINTER, A, 0xFFFFFFFF, b"\xc0\0\2\x42")),
    lambda query: message(query, record(b"\0", 41, 0xFFFFFFFF, b"\xff" * 9)),
    lambda query: message(query, record(b"\0", 250, 0, b"\xff" * 9)),
    lambda query: message(query, record(POINTER, TXT, 60, b"\xff" + b"\n\0\x1b" * 9)),
    lambda query: message(query, flags=0xA980),
    lambda query: message(query, flags=0x0100),
    lambda query: query,
]


def chain(query: bytes, size: int) -> bytes:
    """As many aliases as there is room for, each of the one before."""
    made, owner, length = [], POINTER, len(query)
    for number in range(5000):
        label = b"\4%04d" % number + b"\xc0\x14"
        made.append(record(owner, CNAME, 60, label))
        length += len(made[-1])
        if length > size:
            made.pop()
            break
        owner = label
    return message(query, *made)


@st.composite
def huge(draw: st.DrawFn) -> Reply:
    size = draw(st.sampled_from([513, 4096, 16384, 65000]))
    kind = draw(st.sampled_from(["addresses", "text", "zeros", "ones", "chain"]))

    def reply(query: bytes) -> bytes:
        start = message(query)
        if kind == "addresses":
            count = (size - len(start)) // 16
            found = [record(POINTER, A, 60, b"\xc0\0" + struct.pack("!H", number)) for number in range(count)]
            return message(query, *found)
        if kind == "text":
            count = (size - len(start)) // 268
            return message(query, *[record(POINTER, TXT, 60, b"\xff" + b"\n" * 255)] * count)
        if kind == "chain":
            return chain(query, size // 8)
        return message(query, counts=(1, 9, 9, 9)) + (b"\0" if kind == "zeros" else b"\xff") * (size - len(start))

    over = draw(st.booleans())
    return Reply(
        "huge",
        lambda query: [message(query, flags=0x8380)] if over else [reply(query)],
        lambda query: framed(reply(query)),
    )


@st.composite
def noise(draw: st.DrawFn) -> Reply:
    data, ours = draw(st.binary(max_size=120)), draw(st.booleans())
    fits = ours or len(data) < 2
    return Reply(
        "noise",
        lambda query: [query[:2] + data if ours else data],
        lambda query: framed(query[:2] + data),
        timeout=LONG_TIME if fits and ours else SHORT_TIME,
    )


@st.composite
def streams(draw: st.DrawFn) -> Reply:
    """Truncated over UDP, and something odd over TCP."""
    how, number = draw(st.integers(0, 4)), draw(st.integers(1, 40))

    def tcp(query: bytes) -> bytes | None:
        whole = message(query, record(POINTER, A, 60, b"\xc0\0\2\x42"))
        odd = [b"", b"\0", framed(whole, number), framed(whole, -number), framed(b"")]
        return odd[how]

    return Reply("stream", lambda query: [message(query, flags=0x8380)], tcp)


REPLIES = st.one_of(
    right(),
    right(),
    wrong_question(),
    wrong_id(),
    wrong_id_over_tcp(),
    broken(),
    broken(),
    broken(),
    st.sampled_from(LOOPS).map(
        lambda make: Reply("loop", lambda query: [make(query)], lambda query: framed(make(query)))
    ),
    huge(),
    noise(),
    noise(),
    streams(),
)


def belongs(query: bytes, reply: bytes) -> bool:
    """Whether it is an answer to the question: told from its bytes, not by the code under test."""
    if len(reply) < 12 or reply[:2] != query[:2] or not reply[2] & 0x80:
        return False
    (count,) = struct.unpack("!H", reply[4:6])
    asked = query[12:]
    if count == 0:  # a refusal may leave it out
        return reply[3] & 0x0F not in (0, 3)
    return count == 1 and reply[12 : 12 + len(asked)].lower() == asked.lower()


def test_a_server_that_says_anything_is_answered_or_refused_in_time(server: Server) -> None:
    count = Count("answers")

    @drawn("answers")
    @given(REPLIES, st.sampled_from(["udp", "udp", "udp", "tcp"]))
    def check(reply: Reply, transport: str) -> None:
        count.one()
        event(reply.kind)
        server.reply, server.sent = reply, []
        began = time.monotonic()
        try:
            answer = wire.ask(ASKED, "127.0.0.1", server.port, transport, reply.timeout, 1)
        except wire.NoAnswer as error:
            assert reply.expected is None, (reply.kind, error)
            assert str(error).startswith(f"127.0.0.1#{server.port} ") and str(error).isprintable()
            event("refused")
        else:
            assert any(belongs(query, sent) for query, sent in server.sent), (reply.kind, server.sent, answer)
            assert reply.expected is None or (answer.rcode, answer.rdatas) == ("NOERROR", reply.expected)
            assert all(text.isprintable() and text.isascii() for text in (*answer.rdatas, *answer.chain, answer.rcode))
            assert answer.ttl is None or 0 <= answer.ttl < 1 << 32
            event("answered")
        assert time.monotonic() - began < 2 * reply.timeout + 3

    check()
    count.end()


def test_a_proof_against_such_a_server_holds_or_fails_in_one_sentence(server: Server) -> None:
    query = {
        "name": NAME,
        "type": "A",
        "expected": None,
        "rcode": None,
        "exists": False,
        "reference": None,
        "required": True,
    }
    query.update(server=None, transport=None)
    params = {"server": "127.0.0.1", "port": server.port, "max_cached_ms": 60000.0, "quantile": "median", "tries": 1}
    params["statistics"] = True

    count = Count("proofs")

    @drawn("proofs")
    @given(REPLIES, st.sampled_from(["udp", "tcp"]), st.booleans())
    def check(reply: Reply, transport: str, cached: bool) -> None:
        count.one()
        server.reply, server.sent = reply, []
        given = {
            "transport": transport,
            "samples": 2,
            "timeout": reply.timeout,
            "queries": [{**query, "cached": cached}],
        }
        try:
            results = _check.assess({**params, **given}, sleep=lambda seconds: None)
        except _check.CheckFailed as error:
            assert str(error).startswith(f"{NAME} A: ") and str(error).isprintable()
        else:
            [found] = results["queries"]
            assert found["rcode"] in ("NOERROR", "NXDOMAIN") and found["failure"] is None

    check()
    count.end()


def test_a_slow_server_costs_the_tries_and_no_more(server: Server) -> None:
    count = Count("slow")

    @drawn("slow")
    @given(
        st.sampled_from(["late", "drip", "stall", "forged without end"]),
        st.integers(1, 2),
        st.integers(20, 60),
    )
    def check(how: str, tries: int, milliseconds: int) -> None:
        count.one()

        timeout = milliseconds / 1000

        def whole(query: bytes) -> bytes:
            return message(query, record(POINTER, A, 60, b"\xc0\0\2\x42"))

        def cut(query: bytes) -> list[bytes]:
            return [message(query, flags=0x8380)]

        server.pause, server.reply = {
            "late": (0.2, Reply(how, lambda query: [whole(query)])),
            "drip": (0.02, Reply(how, cut, lambda query: framed(whole(query)))),
            "stall": (0.0, Reply(how, cut, lambda query: None)),
            "forged without end": (0.002, Reply(how, lambda query: [b"\0\0" + whole(query)[2:]] * 100)),
        }[how]
        began = time.monotonic()
        try:
            with pytest.raises(wire.NoAnswer, match=r"did not answer in|could not be asked"):
                wire.ask(ASKED, "127.0.0.1", server.port, "udp", timeout, tries)
            # Twice, because a truncated answer has a second conversation; and what a busy machine takes.
            assert time.monotonic() - began < 2 * tries * timeout + 1
        finally:
            time.sleep(0.25 if how == "late" else 0)
            server.pause = 0.0

    check()
    count.end()
