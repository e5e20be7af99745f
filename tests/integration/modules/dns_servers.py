# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that the module meets here: a real dnsmasq, an authority behind it, and servers that misbehave."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

DNSMASQ = shutil.which("dnsmasq", path="/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/usr/local/bin")
SOA = "corp.example. 60 SOA ns.corp.example. root.corp.example. 1 2 3 4 60"
Reply = Callable[[bytes], "list[bytes]"]


class Server:
    """One address, one port, over udp and (if there is a reply for it) over tcp; each query is a call of reply."""

    def __init__(self, address: str, reply: Reply, reply_tcp: Reply | None = None) -> None:
        self.address = address
        self._open = True
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 0))
        self.port = self.udp.getsockname()[1]
        self._serve(self._over_udp, reply)
        if reply_tcp:
            self.tcp = socket.create_server((address, self.port))
            self._serve(self._over_tcp, reply_tcp)

    def _serve(self, loop: Callable[[Reply], None], reply: Reply) -> None:
        threading.Thread(target=loop, args=(reply,), daemon=True).start()

    def _over_udp(self, reply: Reply) -> None:
        while self._open:
            with suppress(OSError):
                query, client = self.udp.recvfrom(65535)
                for datagram in reply(query):
                    self.udp.sendto(datagram, client)

    def _over_tcp(self, reply: Reply) -> None:
        while self._open:
            with suppress(OSError):
                channel, _client = self.tcp.accept()
                with channel:
                    query = channel.recv(65535)
                    for message in reply(query[2:]) if len(query) > 2 else []:
                        channel.sendall(len(message).to_bytes(2, "big") + message)

    def close(self) -> None:
        self._open = False
        self.udp.close()
        if hasattr(self, "tcp"):
            self.tcp.close()


class Authority(Server):
    """Answers for what it is given; everything else under its zone is NXDOMAIN, with the SOA."""

    def __init__(self, address: str, *records: str) -> None:
        self.mood: str | None = None  # an rcode to answer everything with, or "silent"
        self.records: dict[tuple[str, str], dns.rrset.RRset] = {}
        for name, ttl, rdtype, data in (record.split(None, 3) for record in records):
            key = (name, rdtype)
            if key in self.records:
                self.records[key].add(dns.rrset.from_text(name, int(ttl), "IN", rdtype, data)[0])
            else:
                self.records[key] = dns.rrset.from_text(name, int(ttl), "IN", rdtype, data)
        super().__init__(address, self.reply, self.reply)

    def reply(self, wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if self.mood == "silent":
            return []
        if self.mood:
            answer.set_rcode(dns.rcode.from_text(self.mood))
            return [answer.to_wire()]
        name, rdtype = query.question[0].name.to_text().lower(), dns.rdatatype.to_text(query.question[0].rdtype)
        while (name, rdtype) not in self.records and (name, "CNAME") in self.records:
            answer.answer.append(self.records[name, "CNAME"])
            name = self.records[name, "CNAME"][0].target.to_text()
        if (name, rdtype) in self.records:
            answer.answer.append(self.records[name, rdtype])
        elif name.endswith("corp.example."):
            owner, ttl, _type, data = SOA.split(None, 3)
            answer.authority.append(dns.rrset.from_text(owner, int(ttl), "IN", "SOA", data))
            if name not in {owner for owner, _rdtype in self.records} and not answer.answer:
                answer.set_rcode(dns.rcode.NXDOMAIN)
        return [answer.to_wire()]


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.close()


def free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


@contextmanager
def dnsmasq(address: str, *options: str, upstream: Server | None = None, port: int | None = None) -> Iterator[int]:
    """A real dnsmasq for as long as the block runs; gives its port."""
    port = port or free_port(address)
    forward = [f"--server={upstream.address}#{upstream.port}"] if upstream else []
    process = subprocess.Popen(
        [
            *(DNSMASQ, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file"),
            *(f"--port={port}", f"--listen-address={address}", "--bind-interfaces", f"--user={getpass.getuser()}"),
            *("--log-facility=-", *forward, *options),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _attempt in range(100):
            if process.poll() is not None:
                raise RuntimeError(f"dnsmasq ended with {process.returncode}: {process.stderr.read().strip()}")
            with suppress(OSError, dns.exception.DNSException):
                dns.query.udp(dns.message.make_query("version.bind", "TXT", "CH"), address, port=port, timeout=0.2)
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)
        process.stderr.close()
