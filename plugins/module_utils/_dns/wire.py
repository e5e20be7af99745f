# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server one question and time it: dnspython encodes and reads, plain sockets carry.

``dns.query.udp`` costs 0.2 to 0.5 ms of Python a call, as much as the cached answer it would time.
So the question is encoded before the clock starts and the answer is read after it stopped.
Runs on the managed host: Python 3.6 and dnspython 1.15 are enough.
"""

import collections
import functools
import ipaddress
import os
import re
import socket
import struct
import time

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rcode
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    HAS_DNSPYTHON = True
except ImportError:
    HAS_DNSPYTHON = False

# type is text ("A"), name is a dns.name.Name, wire has the id 0, label is for messages
Question = collections.namedtuple("Question", "name type rdclass wire label")
# rcode: None through libc; rdatas: texts at the end of the CNAME chain, sorted; chain: the CNAME targets;
# ttl: the smallest, None where there is none; local: the AA flag; complete: False when the chain ends elsewhere
Answer = collections.namedtuple("Answer", "rcode rdatas chain ttl local complete seconds")
Counters = collections.namedtuple("Counters", "hits misses sent")

STATISTICS = ("cachesize", "insertions", "evictions", "hits", "misses")
CHAOS_ASKS = 3  # what one reading of the counters adds to hits
_HEADER = 12
_TRUNCATED = 0x02  # in the third byte of the header
_NO_SUCH_NAME = [getattr(socket, code) for code in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, code)]


class NoAnswer(Exception):
    """No usable answer came; the message is a clause that names the server."""


class Silence(NoAnswer):
    """Nothing came at all, in none of the tries."""


class BadAnswer(NoAnswer):
    """Bytes came, but they are no answer to the question."""


def parse_ip(text):
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("%r is not an IP address" % text) from None


def parse_address(text):
    address, mark, port = text.partition("#")
    if mark and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError("%r has no port from 1 to 65535 after the #" % text)
    return str(parse_ip(address)), int(port) if mark else 53


def question(name, rdtype, rdclass="IN"):
    """Encode a question: recursion desired, no EDNS, the same form each time and so one key in every cache."""
    if not name or re.search(r"\s", name):
        raise ValueError("%r is not a domain name: it is empty or has white space" % name)
    try:
        qname = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError("%r is not a domain name: %s" % (name, _clause(error))) from error
    try:
        number = dns.rdatatype.from_text(rdtype)
        known = not dns.rdatatype.is_metatype(number)
    except (dns.exception.DNSException, ValueError):
        known = False
    if not known:
        raise ValueError("%r is not a record type that can be asked for" % rdtype)
    wire = dns.message.make_query(qname, number, dns.rdataclass.from_text(rdclass)).to_wire()
    type_text = dns.rdatatype.to_text(number)
    label = "%s %s" % (qname.to_text(True), type_text)
    return Question(qname, type_text, rdclass, b"\0\0" + wire[2:], label)


@functools.lru_cache(maxsize=512)
def rdata(asked, text):
    """The one spelling of a record's data: names absolute and in lower case, addresses in their shortest form."""
    if re.search(r"[\r\n]", text):  # dnspython reads the first line and leaves the rest
        raise ValueError("%r is not data of type %s: it has more than one line" % (text, asked.type))
    try:
        rdclass, rdtype = _types(asked)
        return _canonical(dns.rdata.from_text(rdclass, rdtype, text, dns.name.root, False))
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError("%r is not data of type %s: %s" % (text, asked.type, _clause(error))) from error


def ask(asked, address, port, transport, timeout, tries):
    """Ask over udp (and over tcp when the answer is truncated, as any client does) or over tcp."""
    exchange = _over_tcp if transport == "tcp" else _over_udp
    where = "%s#%d" % (address, port)
    query = os.urandom(2) + asked.wire[2:]
    spent, kind = 0.0, Silence
    for _attempt in range(tries):
        began = time.perf_counter()
        try:
            reply, seconds = exchange(query, address, port, timeout)
            kind = NoAnswer
            if transport != "tcp" and len(reply) >= _HEADER and reply[2] & _TRUNCATED:
                reply, more = _over_tcp(query, address, port, timeout)
                seconds += more
        except socket.timeout:
            trouble = "%s did not answer in %d %s of %s s" % (where, tries, "try" if tries == 1 else "tries", timeout)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or error
            trouble = "%s could not be asked over %s: %s" % (where, transport, reason)
        else:
            return read_answer(asked, query, reply, where)._replace(seconds=spent + seconds)
        spent += time.perf_counter() - began
    raise kind(trouble)


def counters(answer_to):
    """Read dnsmasq's counters, None where the server keeps or shows none (no-ident, other software)."""
    try:
        hits = int(_chaos_strings(answer_to, "hits.bind")[0])
        misses = int(_chaos_strings(answer_to, "misses.bind")[0])
    except (NoAnswer, LookupError, ValueError):
        return None
    try:  # "192.0.2.53#53 120 3": address, sent, failed
        return Counters(hits, misses, sum(int(line.split()[1]) for line in _chaos_strings(answer_to, "servers.bind")))
    except BadAnswer:  # a dnsmasq without upstreams sends a TXT of no strings, which dnspython refuses
        return Counters(hits, misses, 0)
    except (NoAnswer, LookupError, ValueError):
        return None


def statistics(answer_to):
    """All that dnsmasq counts since its start, None where the server shows nothing."""
    try:
        found = {name: int(_chaos_strings(answer_to, name + ".bind")[0]) for name in STATISTICS}
        try:
            rows = [line.split() for line in _chaos_strings(answer_to, "servers.bind")]
        except BadAnswer:  # no upstreams, as above
            rows = []
        servers = [{"address": row[0], "sent": int(row[1]), "failed": int(row[2])} for row in rows]
    except (NoAnswer, LookupError, ValueError):
        return None
    return dict(found, servers=servers)


def libc(asked):
    """Look an A or AAAA record up as every process does; the final dot keeps the search list out of it."""
    family = socket.AF_INET6 if asked.type == "AAAA" else socket.AF_INET
    name = asked.name.to_text().encode("ascii")
    began = time.perf_counter()
    try:
        found = socket.getaddrinfo(name, None, family, socket.SOCK_STREAM)
        seconds = time.perf_counter() - began
    except socket.gaierror as error:
        seconds = time.perf_counter() - began
        if error.errno not in _NO_SUCH_NAME:
            raise NoAnswer("libc could not look it up: %s" % error.strerror) from error
        found = []
    rdatas = sorted({rdata(asked, entry[4][0].split("%")[0]) for entry in found})
    return Answer(None, tuple(rdatas), (), None, False, True, seconds)


def _over_udp(query, address, port, timeout):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        channel.connect((address, port))
        began = time.perf_counter()
        channel.send(query)
        reply = channel.recv(65535)
        ended = time.perf_counter()
        while reply[:2] != query[:2]:  # not ours: late, or forged; wait on for the rest of this try
            left = began + timeout - ended
            if left <= 0:
                raise socket.timeout()
            channel.settimeout(left)
            reply = channel.recv(65535)
            ended = time.perf_counter()
        return reply, ended - began


def _over_tcp(query, address, port, timeout):
    """One connection per question, as libc and most clients do: the time includes the handshake."""
    began = time.perf_counter()
    with socket.create_connection((address, port), timeout) as channel:
        channel.sendall(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", _receive(channel, 2, began + timeout))
        reply = _receive(channel, length, began + timeout)
        return reply, time.perf_counter() - began


def _receive(channel, length, deadline):
    data = b""
    while len(data) < length:
        left = deadline - time.perf_counter()
        if left <= 0:
            raise socket.timeout()
        channel.settimeout(left)
        part = channel.recv(length - len(data))
        if not part:
            raise EOFError("it closed the connection before the answer was complete")
        data += part
    return data


def read_answer(asked, query, reply, where):
    """Judge the bytes that came: an Answer, or BadAnswer for whatever else a server may send."""
    try:
        flags, questions, answer = _parsed(asked, reply[2:])
    except Exception as error:  # pylint: disable=broad-except  # hostile bytes: each dnspython raises something else
        raise BadAnswer("%s sent a malformed answer (%s)" % (where, type(error).__name__)) from error
    if reply[:2] != query[:2] or not flags & dns.flags.QR:
        raise BadAnswer("%s sent something that is not an answer" % where)
    if questions != [(asked.name,) + _types(asked)] and (
        questions or answer.rcode in ("NOERROR", "NXDOMAIN")
    ):  # refusals may leave the question out
        raise BadAnswer("%s answered another question" % where)
    return answer


@functools.lru_cache(maxsize=512)
def _parsed(asked, body):
    """What stands behind the id. A cache says the same until its TTL falls, and reading it is most of an ask's cost."""
    message = dns.message.from_wire(b"\0\0" + body)
    questions = [(entry.name, entry.rdclass, entry.rdtype) for entry in message.question]
    return message.flags, questions, _digest(asked, message)


def _digest(asked, message):
    """What a message says of the question, its CNAME chain followed."""
    rdclass, rdtype = _types(asked)
    name, chain, ttls = asked.name, collections.OrderedDict(), []  # looked up in: an answer can hold 3,000 CNAMEs
    found = message.get_rrset(message.answer, name, rdclass, rdtype)
    while found is None:
        alias = message.get_rrset(message.answer, name, rdclass, dns.rdatatype.CNAME)
        if alias is None or alias[0].target in chain:
            break
        name = alias[0].target
        chain[name] = None
        ttls.append(alias.ttl)
        found = message.get_rrset(message.answer, name, rdclass, rdtype)
    # a negative answer lives as long as the SOA beside it (RFC 2308)
    end = [found] if found else [rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA]
    ttls.extend(rrset.ttl for rrset in end)
    rcode = dns.rcode.to_text(message.rcode())
    return Answer(
        rcode=rcode,
        rdatas=tuple(sorted(_canonical(record) for record in found or [])),
        chain=tuple(target.to_text().lower() for target in chain),
        ttl=min(ttls) if ttls else None,
        local=bool(message.flags & dns.flags.AA),
        complete=bool(end) or not chain or rcode != "NOERROR",
        seconds=None,
    )


def _types(asked):
    return dns.rdataclass.from_text(asked.rdclass), dns.rdatatype.from_text(asked.type)


def _canonical(record):
    wire = record.to_digestable(dns.name.root)
    return dns.rdata.from_wire(record.rdclass, record.rdtype, wire, 0, len(wire)).to_text()


def _chaos_strings(answer_to, name):
    answer = answer_to(question(name, "TXT", "CH"))
    if answer.rcode != "NOERROR":
        raise LookupError(name)
    return [text for line in answer.rdatas for text in re.findall(r'"([^"]*)"', line)]


def _clause(error):
    """An exception's text as the end of a sentence."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
