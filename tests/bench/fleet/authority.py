# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name server that owns everything: answers after a delay, and counts what it is asked.

    authority.py ADDRESS MILLISECONDS

The first label of a name says its TTL in seconds: ttl300.cold-1.corp.example. A name sent to the port for counts gets
the number of queries there were for it.
"""

from __future__ import annotations

import asyncio
import collections
import socket
import sys
from typing import Any

COUNTS_PORT = 5300
_HEADER = 12
_A, _IN = b"\x00\x01", b"\x00\x01"
_ADDRESS = socket.inet_aton("203.0.113.80")
_COUNTS: collections.Counter[bytes] = collections.Counter()


def encode(name: str) -> bytes:
    """A name as labels."""
    labels = name.encode().split(b".")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\x00"


def _ttl(name: bytes) -> int:
    label = name[1 : 1 + name[0]]
    return int(label[3:]) if label[:3] == b"ttl" and label[3:].isdigit() else 300


def answer(query: bytes) -> bytes:
    end = query.index(b"\x00", _HEADER) + 1
    name, kind = query[_HEADER:end].lower(), query[end : end + 2]
    _COUNTS[name] += 1
    found = b""
    if kind == _A:
        found = b"\xc0\x0c" + _A + _IN + _ttl(name).to_bytes(4, "big") + b"\x00\x04" + _ADDRESS
    flags = bytes([0x84 | query[2] & 1, 0])
    counts = b"\x00\x01" + (b"\x00\x01" if found else b"\x00\x00") + b"\x00\x00\x00\x00"
    return query[:2] + flags + counts + query[_HEADER : end + 4] + found


class Authority(asyncio.DatagramProtocol):
    def __init__(self, delay: float) -> None:
        self.delay = delay

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        asyncio.get_running_loop().call_later(self.delay, self.transport.sendto, answer(data), addr)


class Counts(Authority):
    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(str(_COUNTS[data]).encode(), addr)


def asked(address: str, name: str) -> int:
    """How often the authority was asked for the name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(5)
        channel.connect((address, COUNTS_PORT))
        channel.send(encode(name))
        return int(channel.recv(64))


async def serve(address: str, delay: float) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: Authority(delay), (address, 53))
    await loop.create_datagram_endpoint(lambda: Counts(0), (address, COUNTS_PORT))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2]) / 1000))
