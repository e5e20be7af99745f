# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One query's proof: what is asked of the resolver, what was seen, and what follows from it."""

import collections
import itertools
import math
import operator
import statistics

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import wire
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.query import LIBC_TYPES

ROUNDS = 3  # other clients move the counters too, and a record may expire while it is watched
TTL_STEP = 1.1  # seconds after which a TTL that counts down must have fallen
PAUSE = 0.1  # seconds between two looks at it
_SHORT_TTL = 2  # seconds: it may have expired, and been fetched anew, before it was seen to fall
_GOOD = ("NOERROR", "NXDOMAIN")
_WHY = {
    "SERVFAIL": " (its upstream failed)",
    "REFUSED": " (it has no upstream for this name, or does not serve this host)",
}
_CACHED_TYPES = ("A", "AAAA", "CNAME", "PTR", "SRV")

# What a cached answer is judged by. asked: the timed ones; counted: all that the counters would have seen;
# hits, misses, sent: by how much they moved, None where there are none; ttls: in order, the last after the wait
Seen = collections.namedtuple("Seen", "asked counted hits misses sent ttls local")
Verdict = collections.namedtuple("Verdict", "cached stale again words")


class Wrong(Exception):
    """One query failed; the message is the clause that follows its name."""


class NotAnswered(Wrong):
    """A response that says nothing about the name."""


class Untold(Wrong):
    """No reference knows the answer."""


def verdict(seen):
    """A cached answer moves no counter and its TTL falls; where one of the two cannot be had, the other must do."""
    ttls, first, last = seen.ttls, seen.ttls[0], seen.ttls[-1]
    known, mute = seen.misses is not None, None in seen.ttls
    unmoved = known and seen.misses == 0 and seen.sent == 0
    forwarded = known and max(seen.misses, seen.sent) >= seen.counted
    # with use-stale-cache an expired answer has TTL 0 and is refreshed behind it, so few of them are sent on;
    # the server's own data has TTL 0 too, and is authoritative
    stale = known and first == 0 and not seen.local and 0 <= seen.sent < seen.counted
    rises = [] if mute else [(ttls[at], ttl) for at, ttl in enumerate(ttls[1:]) if ttls[at] < ttl]
    fell = not mute and not rises and last < first
    # a cached negative answer may have no TTL, max-ttl holds one still, a short one may have been renewed
    excused = mute or last == first > 0 or (rises and first <= _SHORT_TTL)
    cached = stale or (fell and not forwarded) or (unmoved and not seen.local and bool(excused))

    if not known:
        moves = "the server shows no counters"
    elif unmoved:
        moves = "misses and upstream sends unchanged over %d answers" % seen.asked
    else:
        moves = "misses moved by %d and upstream sends by %d over %d answers" % (seen.misses, seen.sent, seen.asked)
    if mute:
        change = "the answers carry no TTL"
    elif rises:
        change = "TTL rose from %d to %d" % rises[0]
    elif fell:
        change = "TTL fell from %d to %d" % (first, last)
    else:
        change = "TTL stayed at %d" % first
    words = "%s, %s%s" % (moves, change, ", stale answers served from the cache" if stale else "")
    return Verdict(cached, stale, bool(rises) and (stale or not cached), words)


def figures(seconds):
    """The distribution of the samples in milliseconds; percentiles by nearest rank."""
    ordered = sorted(seconds)

    def rank(share):
        return ordered[int(math.ceil(share * len(ordered))) - 1]

    points = {
        "min": ordered[0],
        "median": statistics.median(ordered),
        "p95": rank(0.95),
        "p99": rank(0.99),
        "max": ordered[-1],
    }
    return {name: _ms(value) for name, value in points.items()}


_PAST = "libc does not ask %s: of %d lookups it saw %d (look at nsswitch.conf, nscd and /etc/hosts)"


class Server:
    """The resolver under test: how it is asked, and what it counts."""

    def __init__(self, params, ask, libc, libc_over_tcp=False):
        self.address = params["server"]
        self.port = params["port"]
        self.where = "%s#%d" % (self.address, self.port)
        self.transport = params["transport"]
        self._tries = (params["timeout"], params["tries"])
        self._ask = ask
        self._libc = libc
        self._silent = {}  # the references that did not answer: address to what became of it
        self.counts = self.counters() is not None
        # dnsmasq forgets what its children for TCP count.
        self.counts_libc = self.counts and not libc_over_tcp

    def timed(self, question):
        """Ask the way that is measured."""
        if self.transport == "libc":
            return self._libc(question)
        return self._ask(question, self.address, self.port, self.transport, *self._tries)

    def plain(self, question):
        """Ask the way that shows TTL and rcode and that is counted: dnsmasq forgets what its tcp children count."""
        transport = "tcp" if self.transport == "tcp" and not self.counts else "udp"
        return self._ask(question, self.address, self.port, transport, *self._tries)

    def counters(self):
        return wire.counters(lambda question: self._ask(question, self.address, self.port, "udp", *self._tries))

    def references(self, question, addresses):
        """Each reference that answers, and its answer; one that was silent once is not asked again."""
        troubles, transport = [], "tcp" if self.transport == "tcp" else "udp"
        for address in addresses:
            trouble = self._silent.get(address)
            if trouble is None:
                try:
                    answer = self._ask(question, *address, transport, *self._tries)
                except wire.Silence as error:
                    trouble = self._silent[address] = str(error)
                except wire.NoAnswer as error:
                    trouble = str(error)
                else:
                    if answer.rcode in _GOOD:
                        yield "%s#%d" % address, answer
                        continue
                    trouble = "%s#%d answered %s" % (address + (answer.rcode,))
            troubles.append(trouble)
        if len(troubles) == len(addresses):
            raise Untold("no reference answered (%s)" % ", ".join(troubles))


class Lookup:
    """One query on its way from the first ask to the verdict."""

    def __init__(self, query, way):
        self.question = wire.question(query["name"], query["type"].upper())
        self.cached = query["cached"]
        self.way = way  # the module's options, as they hold for this query
        self._rcode = query["rcode"]
        self._exists = query["exists"]
        self._expected = None
        if query["expected"] is not None:
            self._expected = sorted({wire.rdata(self.question, text) for text in query["expected"]})
        self._reference = [wire.parse_address(text) for text in query["reference"] or []]
        if way["transport"] == "libc" and self.question.type not in LIBC_TYPES:
            raise ValueError("%s cannot be asked through libc: it looks up A and AAAA" % self.question.label)
        self._required = query["required"]
        self.failure = self.skipped = self.since = self.verdict = None
        self.server = self._answer = self._cold = self._seen = None
        self._samples, self._ttls = [], []

    def begin(self, server):
        """The first ask: fetched by the server if it was not in its cache, and compared."""
        truths = server.references(self.question, self._reference) if self._reference else iter(())
        if not self._required:
            try:
                truths = itertools.chain([next(truths)], truths)
            except Untold as error:
                self.skipped, self.cached = str(error), False
                return
        try:
            self._first(server, truths)
        except (wire.NoAnswer, NotAnswered) as error:
            raise Wrong("%s%s" % (error, _why(truths))) from error

    def _first(self, server, truths):
        before = server.counters() if server.transport == "libc" and server.counts_libc else None
        try:
            cold = server.timed(self.question)
        except wire.NoAnswer:
            if server.transport == "libc":  # what the server itself says is clearer than libc's "try again"
                self._accept(server.plain(self.question), server.where)
            raise
        self._cold = cold.seconds
        after = server.counters() if before else None
        answer = server.plain(self.question) if server.transport == "libc" else cold
        self._accept(answer, server.where)
        if cold.rdatas != answer.rdatas:
            raise Wrong("libc got %s, but %s answers %s" % (_told(cold), server.where, _told(answer)))
        # From 2.91 on dnsmasq counts a stale answer (TTL 0) neither as hit nor, while it is fetched anew, as miss.
        if after and answer.ttl != 0 and _reached(before, after) == 0:
            before = server.counters()
            server.timed(self.question)
            if _reached(before, server.counters()) == 0:
                raise Wrong(_PAST % (server.where, 1, 0))
        self._compare(answer, truths, server.where)

    def _compare(self, answer, truths, where):
        """One reference that agrees is enough: during a zone transfer they differ, and the server asks the fastest."""
        others = []
        for source, truth in truths:
            if _agree(answer, truth):
                return
            others.append("%s says %s" % (source, _told(truth)))
        if others:
            life = "" if answer.ttl is None else " for another %d s" % answer.ttl
            raise Wrong("%s, but %s answers %s%s" % (", ".join(others), where, _told(answer), life))

    def sample(self, server, clock):
        """Ask for the cached answer, timed, between two readings of the counters."""
        for _round in range(ROUNDS):
            before = server.counters() if server.counts else None
            self.since = clock()
            shown = [] if server.transport == "udp" else [server.plain(self.question)]
            timed = [server.timed(self.question) for _sample in range(self.way["samples"])]
            after = server.counters() if before else None
            moved = list(map(operator.sub, after, before)) if after else [None, None, None]
            counted = len(shown) if server.transport == "tcp" else len(shown + timed)
            ttls = [answer.ttl for answer in (shown if server.transport == "libc" else timed)]
            self._seen = Seen(len(timed), counted, *(moved + [ttls, (shown + timed)[0].local]))
            self._samples = [answer.seconds for answer in timed]
            self._ttls.extend(ttls)
            if not self._seen.misses and not self._seen.sent:
                break
        for answer in shown + timed:
            if answer.rdatas != self._answer.rdatas or answer.rcode not in (None, self._answer.rcode):
                raise Wrong("answered %s first and %s later" % (_told(self._answer), _told(answer)))
        if server.transport == "libc" and server.counts_libc and self._seen.hits is not None and 0 not in ttls:
            reached = self._seen.hits + self._seen.misses - wire.CHAOS_ASKS
            if 0 <= reached < counted:
                raise Wrong(_PAST % (server.where, len(timed), max(0, reached - len(shown))))

    def has_fallen(self, server):
        """Whether the TTL has, a second after the sample at the latest; where there is none, or it is 0, never."""
        try:
            ttl = server.plain(self.question).ttl
        except wire.NoAnswer:
            return True  # which is told by who looks at it next
        return None not in (ttl, self._seen.ttls[-1]) and ttl < self._seen.ttls[-1]

    def end(self, server):
        """After the wait: has the TTL fallen?"""
        last = server.plain(self.question)
        self._ttls.append(last.ttl)
        self._seen = self._seen._replace(ttls=self._seen.ttls + [last.ttl])
        self.verdict = verdict(self._seen)

    def judge(self):
        if not self.cached:
            return
        if not self.verdict.cached:
            raise Wrong("not proven to come from the cache: %s%s" % (self.verdict.words, self._hint()))
        times, quantile, limit = figures(self._samples), self.way["quantile"], self.way["max_cached_ms"]
        if times[quantile] > limit:
            raise Wrong(
                "%s of %d cached answers is %s ms, over max_cached_ms %s (min %s, p99 %s)"
                % (quantile, len(self._samples), times[quantile], limit, times["min"], times["p99"])
            )

    def result(self):
        answer, proof, seen = self._answer, self.verdict, self._seen
        evidence = None
        if proof:
            evidence = {
                "counters": seen.misses is not None,
                "misses": seen.misses,
                "sent": seen.sent,
                "ttl_first": seen.ttls[0],
                "ttl_last": seen.ttls[-1],
                "stale": proof.stale,
                "words": proof.words,
            }
        return {
            "name": self.question.name.to_text(True),
            "type": self.question.type,
            "transport": self.way["transport"],
            "rcode": answer.rcode if answer else None,
            "answers": list(answer.rdatas) if answer else [],
            "cold_ms": None if self._cold is None else _ms(self._cold),
            "cached": figures(self._samples) if self._samples else None,
            "ttls": list(collections.OrderedDict.fromkeys(ttl for ttl in self._ttls if ttl is not None)),
            "from_cache": bool(proof and proof.cached),
            "evidence": evidence,
            "skipped": self.skipped,
            "failure": self.failure,
        }

    def _accept(self, answer, where):
        """The answer must be one, and the expected one."""
        self._answer = answer
        self._ttls.append(answer.ttl)
        if answer.rcode not in _GOOD:
            raise NotAnswered("%s answered %s%s" % (where, answer.rcode, _WHY.get(answer.rcode, "")))
        if not answer.complete:
            told = "%s answered a chain of CNAMEs that ends at %s, of which it says nothing: %s"
            remedy = "whoever it asks for %s has to follow the chain to its end" % self.question.name.to_text(True)
            raise Wrong(told % (where, answer.chain[-1].rstrip("."), remedy))
        if self._exists and not answer.rdatas:
            raise Wrong("expected %s records, got %s" % (self.question.type, _told(answer)))
        if self._expected is not None and (answer.rcode, list(answer.rdatas)) != ("NOERROR", self._expected):
            raise Wrong("expected %s, got %s" % (", ".join(self._expected) or "no data", _told(answer)))
        if self._rcode not in (None, answer.rcode):
            raise Wrong("expected %s, got %s" % (self._rcode, _told(answer)))

    def _hint(self):
        if self._seen.local and not self._seen.misses and not self._seen.sent:
            return "; it is the server's own data, so ask for it with cached=false"
        if self.question.type not in _CACHED_TYPES:
            return "; dnsmasq caches %s only with cache-rr, from 2.90 on" % self.question.type
        return "; an answer with TTL 0 is not cached" if self._seen.ttls[0] == 0 else ""


def _why(truths):
    """Where those whom the server asks are silent too, that is the cause."""
    try:
        next(truths, None)
    except Untold as error:
        return "; %s" % error
    return ""


def _reached(before, after):
    """How many lookups the server saw between two readings of its counters."""
    return sum(after[:2]) - sum(before[:2]) - wire.CHAOS_ASKS


def _agree(answer, truth):
    """The same data; an authority that stops at a CNAME out of its zones is followed as far as it goes."""
    if not truth.complete:
        return answer.chain[: len(truth.chain)] == truth.chain
    return (answer.rcode, answer.rdatas) == (truth.rcode, truth.rdatas)


def _told(answer):
    return ", ".join(answer.rdatas) or (answer.rcode if answer.rcode == "NXDOMAIN" else "no data")


def _ms(seconds):
    return round(seconds * 1000, 3)
