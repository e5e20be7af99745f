# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of every instance: one socket each, one query each, no retry.

A latency is from just before the query is sent until the kernel has the answer (SO_TIMESTAMPNS): that this one process
reads thousands of sockets does not count.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from authority import encode
from results import percentile

_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("qq")
_CHAOS_VERSION = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + encode("version.bind") + b"\x00\x10\x00\x03"
_RCODES = {0: "ok", 2: "servfail", 5: "refused"}
#: Seconds that a client waits for its answer, as glibc does.
PATIENCE = 5.0


def _question(name: str) -> bytes:
    """A query for its address as glibc sends it, without the id."""
    return b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + encode(name) + b"\x00\x01\x00\x01"


@dataclass
class Outcome:
    """What came of a wave of queries; latencies of the answered ones in milliseconds."""

    asked: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    seconds_to_send: float = 0.0

    def figures(self) -> dict[str, float | int | None]:
        answered = sum(self.answers[kind] for kind in ("ok", "refused", "servfail", "other"))
        return {
            "asked": self.asked,
            **{kind: self.answers[kind] for kind in ("ok", "refused", "servfail", "other")},
            "lost": self.asked - answered,
            # With an id that nobody waits for: a resolver library drops it, and waits on.
            "stray": self.answers["stray"],
            "p50": percentile(self.latencies, 0.5),
            "p99": percentile(self.latencies, 0.99),
            "p999": percentile(self.latencies, 0.999),
            "max": max(self.latencies, default=None),
            "seconds_to_send": self.seconds_to_send,
        }


class Client:
    """Sockets connected to the instances, for as long as the block runs."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._sockets: list[socket.socket] = []
        #: By socket and by the query's id, when it was sent (ns).
        self._waiting: dict[int, dict[int, int]] = {}
        self._pending = 0

    def __enter__(self) -> Client:
        # Only here: what is started elsewhere gets the limit that it would have on a real host.
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._limits[1], self._limits[1]))
        self._poll = select.epoll()
        for address in self._addresses:
            channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            channel.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            channel.connect((address, 53))
            self._sockets.append(channel)
            self._poll.register(channel, select.EPOLLIN)
        self._by_number = {channel.fileno(): channel for channel in self._sockets}
        return self

    def __exit__(self, *_exception: object) -> None:
        self._poll.close()
        for channel in self._sockets:
            channel.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def burst(self, name: str, when_sent: Callable[[], None] = lambda: None) -> Outcome:
        """All ask for the name as fast as one process can send; then `when_sent` is called, and answers are read."""
        outcome = Outcome()
        with self._wave():
            question = _question(name)
            start = time.monotonic()
            for channel in self._sockets:
                self._send(channel, question, outcome)
            outcome.seconds_to_send = time.monotonic() - start
            when_sent()
            self._collect(outcome, time.monotonic() + PATIENCE)
        return outcome

    def paced(self, name: str, rate: float, enough: Callable[[float], bool]) -> Outcome:
        """One after the other asks, `rate` queries a second in all, until it is enough (looked at each second)."""
        outcome = Outcome()
        with self._wave():
            question = _question(name)
            start = time.monotonic()
            number, look = 0, start + 1
            while True:
                now = time.monotonic()
                if now >= look:
                    look += 1
                    if enough(now - start):
                        break
                if now >= start + number / rate:
                    self._send(self._sockets[number % len(self._sockets)], question, outcome)
                    number += 1
                else:
                    self._receive(outcome, start + number / rate - now)
            outcome.seconds_to_send = time.monotonic() - start
            self._collect(outcome, time.monotonic() + PATIENCE)
        return outcome

    @contextmanager
    def _wave(self) -> Iterator[None]:
        """What comes late from the wave before is thrown away; neither garbage nor the servers' work delays a query."""
        self._waiting = {number: {} for number in self._by_number}
        self._pending = 0
        self._receive(Outcome(), 0)
        gc.collect()
        gc.disable()
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        try:
            yield
        finally:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
            gc.enable()

    def _send(self, channel: socket.socket, question: bytes, outcome: Outcome) -> None:
        identity = random.getrandbits(16)
        query = identity.to_bytes(2, "big") + question
        outcome.asked += 1
        self._pending += 1
        self._waiting[channel.fileno()][identity] = time.time_ns()
        # The answer to an earlier query, "port unreachable", is told at the next call.
        with suppress(ConnectionRefusedError):
            channel.send(query)

    def _collect(self, outcome: Outcome, deadline: float) -> None:
        while self._pending and (left := deadline - time.monotonic()) > 0:
            self._receive(outcome, left)

    def _receive(self, outcome: Outcome, seconds: float) -> None:
        for number, _event in self._poll.poll(seconds, 1024):
            with suppress(BlockingIOError, ConnectionRefusedError):
                while True:
                    answer, ancillary, _flags, _sender = self._by_number[number].recvmsg(4096, 64)
                    arrived, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                    sent = self._waiting[number].pop(int.from_bytes(answer[:2], "big"), None)
                    if sent is None:
                        outcome.answers["stray"] += 1
                        continue
                    self._pending -= 1
                    outcome.answers[_RCODES.get(answer[3] & 15, "other")] += 1
                    outcome.latencies.append((arrived * 1_000_000_000 + nanoseconds - sent) / 1_000_000)


def silent(addresses: list[str], patience: float) -> set[str]:
    """Those that do not say which version they are within so many seconds; they answer that without asking anybody."""
    missing, deadline = set(addresses), time.monotonic() + patience
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        channel.settimeout(0.1)
        while missing and time.monotonic() < deadline:
            for address in missing:
                with suppress(OSError):
                    channel.sendto(_CHAOS_VERSION, (address, 53))
            with suppress(TimeoutError, ConnectionRefusedError):
                while missing:
                    missing.discard(channel.recvfrom(4096)[1][0])
    return missing
