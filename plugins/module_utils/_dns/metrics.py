# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what dnsmasq counts, for node_exporter's textfile collector: ``python3 -m _dns.metrics FILE``.

Runs on the managed host, by a timer: Python 3.6 and dnspython 1.15 are enough.
"""

import os
import re
import signal
import sys
import time

# Not by the collection's name: a host has a copy of these two files, in a folder _dns, and no collection.
from . import wire

ADDRESS = "127.0.0.1"
PID_FILE = "/run/dnsmasq/dnsmasq.pid"


def ask_local(question):
    """One question to the host's own dnsmasq."""
    return wire.ask(question, ADDRESS, 53, "udp", 1.0, 1)


def read_file(path):
    """Its text, empty where it cannot be read."""
    try:
        with open(path, encoding="ascii", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def started_at(read):
    """When dnsmasq was started, in seconds since the epoch; None while it does not run."""
    # The name of a process may hold spaces and brackets: what counts begins behind the last one.
    fields = read("/proc/%s/stat" % (read(PID_FILE).strip() or "none")).rpartition(")")[2].split()
    booted = re.search(r"^btime (\d+)", read("/proc/stat"), re.M)
    return int(booted.group(1)) + int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields and booted else None


def receive_errors(read):
    """Datagrams that came while the queue of their socket was full, of all sockets of the host."""
    lines = [line.split() for line in read("/proc/net/snmp").splitlines() if line.startswith("Udp:")]
    if len(lines) != 2:
        return None
    names, values = lines
    return int(values[names.index("RcvbufErrors")])


def rows(answer_to, read, now):
    """Each metric: name, type, help, and its samples, a label with its value and a number."""
    try:
        answer = answer_to(wire.question("version.bind", "TXT", "CH"))
        version = answer.rdatas[0].strip('"').replace("dnsmasq-", "") if answer.rdatas else ""
        took = answer.seconds
    except wire.NoAnswer:
        version, took = "", None
    counted = wire.statistics(answer_to) if took is not None else None
    yield "up", "gauge", "Whether dnsmasq answers on 127.0.0.1.", [(None, int(took is not None))]
    yield "answer_seconds", "gauge", "How long it took to say its version, which needs nobody else.", [(None, took)]
    yield "info", "gauge", "Its version.", [(("version", version), 1 if version else None)]
    yield "process_start_time_seconds", "gauge", "When it was started.", [(None, started_at(read))]
    yield (
        "udp_receive_buffer_errors_total",
        "counter",
        "UDP datagrams lost to a full queue, of all sockets.",
        [(None, receive_errors(read))],
    )
    if counted:
        yield "cache_size", "gauge", "Names that the cache holds at most.", [(None, counted["cachesize"])]
        yield "cache_hits_total", "counter", "Queries answered from the cache.", [(None, counted["hits"])]
        yield "cache_misses_total", "counter", "Queries that were forwarded.", [(None, counted["misses"])]
        yield "cache_insertions_total", "counter", "Names put into the cache.", [(None, counted["insertions"])]
        yield (
            "cache_evictions_total",
            "counter",
            "Unexpired names that made room for others.",
            [(None, counted["evictions"])],
        )
        servers = counted["servers"]
        yield (
            "upstream_queries_total",
            "counter",
            "Queries sent to a server.",
            [(("server", row["address"]), row["sent"]) for row in servers],
        )
        yield (
            "upstream_failures_total",
            "counter",
            "Of these, refused or not answered.",
            [(("server", row["address"]), row["failed"]) for row in servers],
        )
    yield "metrics_written_timestamp_seconds", "gauge", "When this was written.", [(None, now)]


def exposition(metrics):
    """The metrics in Prometheus's text format; a sample without a number is left out."""
    lines = []
    for name, kind, words, samples in metrics:
        known = [(label, value) for label, value in samples if value is not None]
        if known:
            lines += ["# HELP dnsmasq_%s %s" % (name, words), "# TYPE dnsmasq_%s %s" % (name, kind)]
        for label, value in known:
            lines.append("dnsmasq_" + name + ("{" + _text_of(*label) + "}" if label else "") + " %r" % value)
    return "\n".join(lines) + "\n"


def _text_of(name, value):
    return '%s="%s"' % (name, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n"))


def write(path, text):
    """In one piece: the collector never reads half of it."""
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), 0o644)
    os.rename(beside, path)


def main(path):
    # Whoever stops it waits for its end, a matter of seconds: nothing half-written stays behind.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    write(path, exposition(rows(ask_local, read_file, time.time())))


if __name__ == "__main__":
    main(sys.argv[1])
