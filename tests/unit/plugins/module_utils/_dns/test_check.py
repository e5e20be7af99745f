# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves that a name is cached, and what does not: no socket is opened here."""

import copy
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import cache_proof, check
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import wire as _wire

SERVER = "127.0.0.1"
NAME = "db.corp.example"


def defaults(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: copy.copy(spec.get("default")) for name, spec in arguments.items()}


def parameters(*queries: dict[str, Any], **options: Any) -> dict[str, Any]:
    """What AnsibleModule would hand over, read from the same specification."""
    query = defaults(check.ARGUMENTS["queries"]["options"])
    return {**defaults(check.ARGUMENTS), "queries": [{**query, **given} for given in queries], **options}


class Resolver:
    """A dnsmasq on a clock of its own, as far as the proof can see it."""

    def __init__(
        self,
        *,
        rcode: str = "NOERROR",
        rdatas: tuple[str, ...] = ("192.0.2.80",),
        ttl=300,
        falls: bool = True,
        caches: bool = True,
        stale: bool = False,
        counts_stale: bool = True,
        local: bool = False,
        ident: bool = True,
        took: float = 0.0001,
        disturbed: int = 0,
        noise: int = 1,
        refreshes: int = 0,
        silent: tuple[str, ...] = (),
        references=None,
    ) -> None:
        self.__dict__.update(locals())
        self.now, self.naps = 1000.0, []
        self.hits = self.misses = self.sent = 0
        self.since = None
        self.asked: list[tuple[str, str]] = []
        self.referred: list[tuple[str, str]] = []
        self.readings = 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds
        if self.refreshes:
            self.refreshes -= 1
            self.ttl += 100
            self.since = self.now

    def ask(
        self, question: _wire.Question, address: str, port: int, transport: str, timeout: float, tries: int
    ) -> _wire.Answer:
        if address != SERVER:
            self.referred.append((question.label.split(".")[0], address))
            known = (self.references or {})[address]
            if isinstance(known, Exception):
                raise known
            if isinstance(known, str):
                raise _wire.Silence(known)
            return known
        if question.rdclass == "CH":
            return self.counter(question.label.split(".")[0])
        self.asked.append((question.label, transport))
        if question.label.split(".")[0] in self.silent:
            raise _wire.NoAnswer(f"{address}#{port} did not answer in {tries} tries of {timeout} s")
        self.now += self.took
        return self.answer()

    def libc(self, question: _wire.Question) -> _wire.Answer:
        self.now += self.took
        return self.answer()._replace(rcode=None, ttl=None)

    def answer(self) -> _wire.Answer:
        fresh = self.since is None or not self.caches
        if fresh:
            self.since = self.now
        self.hits += not fresh and (self.counts_stale or not self.stale)
        self.misses += fresh or (self.stale and self.counts_stale)
        self.sent += fresh
        ttl = self.ttl
        if ttl is not None and self.falls:
            ttl = 0 if self.stale else ttl - int(self.now - self.since)
        return answer(self.rcode, self.rdatas, ttl, local=self.local, seconds=self.took)

    def counter(self, name: str) -> _wire.Answer:
        if not self.ident:
            return answer("NOTIMP", ())
        self.hits += 1
        if name == "hits":
            self.readings += 1
            if self.disturbed and self.readings % 2 == 1 and self.readings > 1:
                self.disturbed -= 1
                self.misses += self.noise
        text = f"192.0.2.53#53 {self.sent} 0" if name == "servers" else str(getattr(self, name))
        return answer("NOERROR", (f'"{text}"',))


def answer(rcode: str = "NOERROR", rdatas: tuple[str, ...] = ("192.0.2.80",), ttl=300, **more: Any) -> Any:
    rest = {"chain": (), "local": False, "complete": True, "seconds": 0.0001, **more}
    return _wire.Answer(rcode=rcode, rdatas=rdatas, ttl=ttl, **rest)


def assess(
    resolver: Resolver,
    *queries: dict[str, Any],
    nameservers: tuple[str, ...] = (SERVER,),
    resolv_options: tuple[str, ...] = (),
    **options: Any,
) -> Any:
    return check.assess(
        parameters(*(queries or [{"name": NAME}]), **options),
        ask=resolver.ask,
        clock=resolver.clock,
        sleep=resolver.sleep,
        libc=resolver.libc,
        resolv_conf=lambda: {"nameservers": list(nameservers), "options": list(resolv_options)},
    )


def refusal(resolver: Resolver, *queries: dict[str, Any], **options: Any) -> tuple[str, dict[str, Any]]:
    with pytest.raises(check.CheckFailed) as caught:
        assess(resolver, *queries, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.results


UNMOVED = (0, 0)
NO_COUNTERS = (None, None)


@pytest.mark.parametrize(
    ("moved", "ttls", "local", "cached", "stale", "words"),
    [
        (UNMOVED, [300, 300, 299], False, True, False, "unchanged over 20 answers, TTL fell from 300 to 299"),
        (UNMOVED, [None, None], False, True, False, "the answers carry no TTL"),
        (UNMOVED, [60, 60], False, True, False, "TTL stayed at 60"),
        (UNMOVED, [0, 0], True, False, False, "TTL stayed at 0"),
        (UNMOVED, [60, 60], True, False, False, "TTL stayed at 60"),
        (UNMOVED, [1, 1, 5], False, True, False, "TTL rose from 1 to 5"),
        (UNMOVED, [10, 10, 300], False, False, False, "TTL rose from 10 to 300"),
        ((20, 20), [300, 299], False, False, False, "misses moved by 20 and upstream sends by 20 over 20 answers"),
        ((0, 20), [300, 299], False, False, False, "misses moved by 0 and upstream sends by 20"),
        ((3, 3), [300, 299], False, True, False, "misses moved by 3 and upstream sends by 3"),
        ((3, 3), [300, 300], False, False, False, "TTL stayed at 300"),
        ((-500, -500), [300, 299], False, True, False, "misses moved by -500"),
        (UNMOVED, [0, 0], False, True, True, "stale answers served from the cache"),
        ((20, 1), [0, 0], False, True, True, "stale answers served from the cache"),
        ((20, 20), [0, 0], False, False, False, "upstream sends by 20 over 20 answers, TTL stayed at 0"),
        (NO_COUNTERS, [300, 299], False, True, False, "the server shows no counters, TTL fell from 300 to 299"),
        (NO_COUNTERS, [300, 300], False, False, False, "the server shows no counters, TTL stayed at 300"),
        (NO_COUNTERS, [290, 300, 299], False, False, False, "TTL rose from 290 to 300"),
        (NO_COUNTERS, [None, None], False, False, False, "the server shows no counters, the answers carry no TTL"),
        (NO_COUNTERS, [0, 0], False, False, False, "TTL stayed at 0"),
    ],
    ids=[
        "counters that stand still and a falling TTL prove the cache",
        "a negative answer without TTL is proven by the counters",
        "a TTL held still by max-ttl is excused by the counters",
        "an authoritative TTL 0 without a miss is the server's own data",
        "an authoritative answer whose TTL stands still is the server's own data",
        "a TTL too short to be watched is excused by the counters",
        "a renewed record proves nothing",
        "as many misses as asks: forwarded",
        "as many sends as asks: forwarded",
        "fewer misses than asks are other clients: the falling TTL decides",
        "fewer misses than asks and no falling TTL prove nothing",
        "a server that restarted lost its counters: the falling TTL decides",
        "TTL 0 with nothing sent is a stale cache",
        "TTL 0 with hardly any sends is a stale cache",
        "TTL 0 with as many sends as asks is not cached",
        "without counters a falling TTL decides",
        "without counters a TTL that stands still proves nothing",
        "without counters a TTL that rises between asks proves nothing",
        "with neither counters nor TTL nothing is proven",
        "without counters TTL 0 proves nothing",
    ],
)
def test_what_proves_a_cached_answer(moved, ttls, local: bool, cached: bool, stale: bool, words: str) -> None:
    found = cache_proof.verdict(cache_proof.Seen(20, 20, 0, *moved, ttls, local))
    assert (found.cached, found.stale) == (cached, stale)
    assert words in found.words


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        ([1.0], {"min": 1.0, "median": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0}),
        ([4.0, 1.0, 3.0, 2.0], {"min": 1.0, "median": 2.5, "p95": 4.0, "p99": 4.0, "max": 4.0}),
        (list(range(100, 0, -1)), {"min": 1.0, "median": 50.5, "p95": 95.0, "p99": 99.0, "max": 100.0}),
        ([0.0004], {"min": 0.0, "median": 0.0, "p95": 0.0, "p99": 0.0, "max": 0.0}),
    ],
    ids=[
        "one sample is all figures",
        "an even number has its median between two",
        "nearest rank",
        "microseconds at most",
    ],
)
def test_the_figures_of_the_samples(milliseconds: list[float], expected: dict[str, float]) -> None:
    assert cache_proof.figures([value / 1000 for value in milliseconds]) == expected


def test_a_cached_name_is_proven_with_all_its_figures() -> None:
    assert assess(Resolver()) == {
        "server": SERVER,
        "port": 53,
        "transport": "udp",
        "counters": True,
        "slowest_ms": 0.1,
        "statistics": None,
        "queries": [
            {
                "name": NAME,
                "type": "A",
                "transport": "udp",
                "rcode": "NOERROR",
                "answers": ["192.0.2.80"],
                "cold_ms": 0.1,
                "cached": dict.fromkeys(["min", "median", "p95", "p99", "max"], 0.1),
                "ttls": [300, 299],
                "from_cache": True,
                "evidence": {
                    "counters": True,
                    "misses": 0,
                    "sent": 0,
                    "ttl_first": 300,
                    "ttl_last": 299,
                    "stale": False,
                    "words": "misses and upstream sends unchanged over 20 answers, TTL fell from 300 to 299",
                },
                "skipped": None,
                "failure": None,
            }
        ],
    }


def test_the_wait_happens_once_for_all_queries() -> None:
    resolver = Resolver()
    assess(resolver, *({"name": f"h{number}.example"} for number in range(10)))
    assert sum(resolver.naps) == pytest.approx(1.1, abs=0.11)


def test_nothing_is_waited_for_when_no_cache_is_to_be_proven() -> None:
    resolver = Resolver()
    results = assess(resolver, {"name": NAME, "cached": False})
    assert resolver.naps == []
    assert resolver.asked == [(f"{NAME} A", "udp")]
    assert (results["queries"][0]["cached"], results["queries"][0]["evidence"], results["slowest_ms"]) == (None,) * 3


@pytest.mark.parametrize(
    ("resolver", "asks", "misses"),
    [
        (Resolver(), 1 + 20 + 1, 0),
        (Resolver(disturbed=1), 1 + 40 + 1, 0),
        (Resolver(disturbed=2), 1 + 60 + 1, 0),
        (Resolver(disturbed=9), 1 + 60 + 1, 1),
    ],
    ids=["a quiet host", "one disturbance", "two disturbances", "a busy host: the TTL decides after three"],
)
def test_a_disturbed_measurement_is_repeated(resolver: Resolver, asks: int, misses: int) -> None:
    (query,) = assess(resolver)["queries"]
    looks = len(resolver.naps) + 1  # whether the TTL has fallen
    assert (len(resolver.asked), query["evidence"]["misses"]) == (asks + looks, misses)


def test_a_record_renewed_while_it_is_watched_is_watched_again() -> None:
    resolver = Resolver(ttl=100, refreshes=1)
    (query,) = assess(resolver)["queries"]
    assert 1.1 < sum(resolver.naps) <= 2.2
    assert query["ttls"] == [100, 200, 199, 198]


@pytest.mark.parametrize(
    ("resolver", "query", "message"),
    [
        (Resolver(rcode="SERVFAIL"), {}, "127.0.0.1#53 answered SERVFAIL (its upstream failed)"),
        (Resolver(rcode="REFUSED"), {}, "127.0.0.1#53 answered REFUSED (it has no upstream for this name"),
        (Resolver(silent=("db",)), {}, "127.0.0.1#53 did not answer in 2 tries of 2.0 s"),
        (Resolver(), {"expected": ["192.0.2.81"]}, "expected 192.0.2.81, got 192.0.2.80"),
        (Resolver(), {"expected": []}, "expected no data, got 192.0.2.80"),
        (Resolver(rcode="NXDOMAIN", rdatas=()), {"expected": ["192.0.2.80"]}, "expected 192.0.2.80, got NXDOMAIN"),
        (Resolver(rcode="NXDOMAIN", rdatas=()), {"expected": []}, "expected no data, got NXDOMAIN"),
        (Resolver(rdatas=()), {"rcode": "NXDOMAIN"}, "expected NXDOMAIN, got no data"),
        (Resolver(caches=False), {}, "not proven to come from the cache: misses moved by 20 and upstream sends by 20"),
        (Resolver(caches=False), {"type": "MX"}, "dnsmasq caches MX only with cache-rr, from 2.90 on"),
        (Resolver(caches=False, ttl=0), {}, "an answer with TTL 0 is not cached"),
        (Resolver(local=True, falls=False), {}, "it is the server's own data, so ask for it with cached=false"),
        (Resolver(ident=False, falls=False), {}, "the server shows no counters, TTL stayed at 300"),
        (
            Resolver(took=0.00143),
            {},
            "median of 20 cached answers is 1.43 ms, over max_cached_ms 1.0 (min 1.43, p99 1.43)",
        ),
    ],
    ids=[
        "SERVFAIL",
        "REFUSED",
        "no answer",
        "another address than expected",
        "an address where none was expected",
        "no such name where an address was expected",
        "no such name where an empty one was expected",
        "an empty name where none was expected",
        "forwarded each time",
        "a type that dnsmasq does not cache",
        "TTL 0",
        "the server's own data",
        "no counters and no falling TTL",
        "too slow",
    ],
)
def test_each_failure_says_what_was_seen(resolver: Resolver, query: dict[str, Any], message: str) -> None:
    said, results = refusal(resolver, {"name": NAME, **query})
    assert said.startswith(f"{NAME} {query.get('type', 'A')}: ")
    assert message in said
    assert said.endswith(results["queries"][0]["failure"])


REFERENCE = "192.0.2.11"
OTHER = answer(rdatas=("192.0.2.81",))
DANGLING = answer(rdatas=(), chain=("www.cdn.example.",), complete=False)


@pytest.mark.parametrize(
    ("ours", "truths", "message"),
    [
        (answer(), {REFERENCE: answer(ttl=86400)}, None),
        (answer(), {REFERENCE: OTHER}, "says 192.0.2.81, but 127.0.0.1#53 answers 192.0.2.80 for another 300 s"),
        (answer(), {REFERENCE: answer("NXDOMAIN", ())}, "192.0.2.11#53 says NXDOMAIN, but"),
        (answer(), {REFERENCE: "timed out", "2001:db8::11": answer()}, None),
        (answer(), {REFERENCE: OTHER, "2001:db8::11": answer()}, None),
        (answer(), {REFERENCE: OTHER, "2001:db8::11": answer("NXDOMAIN", ())},
         "192.0.2.11#53 says 192.0.2.81, 2001:db8::11#53 says NXDOMAIN, but"),
        (answer(), {REFERENCE: answer("REFUSED", ()), "2001:db8::11": OTHER}, "2001:db8::11#53 says 192.0.2.81"),
        (answer(), {REFERENCE: "a did not answer", "2001:db8::11": answer("SERVFAIL", ())},
         "no reference answered (a did not answer, 2001:db8::11#53 answered SERVFAIL)"),
        (answer(chain=("www.cdn.example.", "x.example.")), {REFERENCE: DANGLING}, None),
        (answer(chain=("old.cdn.example.",)), {REFERENCE: DANGLING}, "192.0.2.11#53 says no data, but"),
    ],
    ids=[
        "the same data with another TTL agrees",
        "other data differs",
        "no such name differs",
        "a silent reference passes the word to the next",
        "one that agrees is enough while a zone is transferred",
        "none that agrees is told with all that they say",
        "a reference that refuses passes the word to the next",
        "no reference answers",
        "a chain that the authority ends early agrees as far as it goes",
        "a chain that leads elsewhere differs",
    ],
)  # fmt: skip
def test_the_answer_is_that_of_the_reference(
    monkeypatch: pytest.MonkeyPatch, ours: Any, truths: dict[str, Any], message
) -> None:
    resolver = Resolver(references=truths)
    monkeypatch.setattr(resolver, "answer", lambda: ours)
    query = {"name": NAME, "cached": False, "reference": list(truths)}
    if message is None:
        assert assess(resolver, query)["queries"][0]["failure"] is None
    else:
        assert message in refusal(resolver, query)[0]


SECOND = "2001:db8::11"
LATE = f"{REFERENCE}#53 did not answer in 2 tries of 2.0 s"
CLOSED = f"{SECOND}#53 could not be asked over udp: Connection refused"
REFUSAL = answer("REFUSED", ())
MALFORMED = _wire.BadAnswer(f"{SECOND}#53 sent a malformed answer")


@pytest.mark.parametrize(
    ("truths", "skipped", "failure", "asked"),
    [
        ({REFERENCE: LATE}, f"no reference answered ({LATE})", None, 0),
        ({REFERENCE: LATE, SECOND: CLOSED}, f"no reference answered ({LATE}, {CLOSED})", None, 0),
        ({REFERENCE: answer()}, None, None, 22),
        ({REFERENCE: LATE, SECOND: answer()}, None, None, 22),
        ({REFERENCE: OTHER, SECOND: answer()}, None, None, 22),
        ({REFERENCE: OTHER, SECOND: CLOSED}, None, "192.0.2.11#53 says 192.0.2.81, but 127.0.0.1#53 answers", 1),
        ({REFERENCE: LATE, SECOND: REFUSAL}, f"no reference answered ({LATE}, {SECOND}#53 answered REFUSED)", None, 0),
        ({REFERENCE: LATE, SECOND: MALFORMED}, f"no reference answered ({LATE}, {MALFORMED})", None, 0),
    ],
    ids=[
        "silent: skipped",
        "all silent: skipped",
        "one that answers: proven",
        "one of two answers: proven",
        "one of two agrees: proven",
        "one that differs is not silent",
        "one that refuses does not know: skipped",
        "one that answers nonsense does not either: skipped",
    ],
)
def test_a_query_that_is_not_required_is_skipped_while_no_reference_knows(
    truths: dict[str, Any], skipped, failure, asked: int
) -> None:
    resolver = Resolver(references=truths)
    query = {"name": NAME, "reference": list(truths), "required": False}
    if failure is None:
        results = assess(resolver, query)
    else:
        said, results = refusal(resolver, query)
        assert failure in said
    row = results["queries"][0]
    looks = len(resolver.naps) + 1 if resolver.naps else 0  # whether the TTL has fallen
    assert (row["skipped"], bool(row["failure"]), len(resolver.asked) - looks) == (skipped, bool(failure), asked)
    assert resolver.referred[0] == ("db", REFERENCE)
    if skipped:
        assert (resolver.naps, results["slowest_ms"]) == ([], None)
        assert [row[name] for name in ("rcode", "answers", "cold_ms", "cached", "ttls", "from_cache", "evidence")] == [
            None, [], None, None, [], False, None
        ]  # fmt: skip


def test_the_references_of_a_query_that_is_not_required_are_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver, order = Resolver(references={REFERENCE: OTHER, SECOND: answer()}), []
    ask = resolver.ask

    def noted(question: _wire.Question, address: str, *rest: Any) -> _wire.Answer:
        if question.rdclass == "IN":
            order.append(address)
        return ask(question, address, *rest)

    monkeypatch.setattr(resolver, "ask", noted)
    query = {"name": NAME, "cached": False, "reference": [REFERENCE, SECOND]}
    for required, expected in ((False, [REFERENCE, SERVER, SECOND]), (True, [SERVER, REFERENCE, SECOND])):
        order.clear()
        assess(resolver, {**query, "required": required})
        assert order == expected


@pytest.mark.parametrize(
    ("truths", "referred", "skipped", "message"),
    [
        ({REFERENCE: LATE}, [("a", REFERENCE)], 2, f"c.example A: no reference answered ({LATE})"),
        ({REFERENCE: LATE, SECOND: answer()}, [("a", REFERENCE), ("a", SECOND), ("b", SECOND), ("c", SECOND)], 0, None),
        ({REFERENCE: LATE, SECOND: REFUSAL},
         [("a", REFERENCE), ("a", SECOND), ("b", SECOND), ("c", SECOND)], 2,
         f"c.example A: no reference answered ({LATE}, {SECOND}#53 answered REFUSED)"),
    ],
    ids=["the only one", "the other one answers", "the other one refuses"],
)  # fmt: skip
def test_a_reference_that_was_silent_is_not_asked_again(
    truths: dict[str, Any], referred: list[tuple[str, str]], skipped: int, message
) -> None:
    resolver = Resolver(references=truths)
    queries = [
        {"name": f"{name}.example", "cached": False, "reference": list(truths), "required": required}
        for name, required in (("a", False), ("b", False), ("c", True))
    ]
    if message is None:
        results = assess(resolver, *queries)
    else:
        said, results = refusal(resolver, *queries)
        assert said == message
    assert resolver.referred == referred
    assert len([row for row in results["queries"] if row["skipped"]]) == skipped


def test_all_queries_are_assessed_before_the_first_failure_is_told() -> None:
    said, results = refusal(
        Resolver(silent=("a", "c")),
        {"name": "a.example"},
        {"name": "b.example"},
        {"name": "c.example", "cached": False},
    )
    assert said == "a.example A: 127.0.0.1#53 did not answer in 2 tries of 2.0 s; 1 more query failed"
    assert [query["from_cache"] for query in results["queries"]] == [False, True, False]
    assert results["slowest_ms"] == 0.1


@pytest.mark.parametrize("quantile", ["min", "median", "p95", "p99", "max"])
def test_the_limit_holds_the_chosen_figure(quantile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    times = iter([0.0001] + [0.0001 * step for step in range(1, 101)] + [0.0001] * 20)
    whole = resolver.answer
    monkeypatch.setattr(resolver, "answer", lambda: whole()._replace(seconds=next(times)))
    limits = {"min": 0.1, "median": 5.05, "p95": 9.5, "p99": 9.9, "max": 10.0}
    assert assess(resolver, samples=100, quantile=quantile, max_cached_ms=limits[quantile])["slowest_ms"] == 10.0
    times = iter([0.0001] + [0.0001 * step for step in range(1, 101)] + [0.0001] * 20)
    said, _results = refusal(resolver, samples=100, quantile=quantile, max_cached_ms=limits[quantile] - 0.01)
    assert f": {quantile} of 100 cached answers is {limits[quantile]} ms" in said


def test_a_stale_cache_is_proven_and_said_to_be_stale() -> None:
    resolver = Resolver(stale=True)
    resolver.since = 0.0
    evidence = assess(resolver)["queries"][0]["evidence"]
    assert (evidence["stale"], evidence["misses"], evidence["sent"]) == (True, 20, 0)


def test_a_stale_answer_that_is_refreshed_meanwhile_is_proven_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(stale=True, refreshes=0)
    resolver.since = 0.0
    whole = resolver.sleep

    def refreshed(seconds: float) -> None:
        whole(seconds)
        if resolver.stale:
            resolver.stale, resolver.since = False, resolver.now

    monkeypatch.setattr(resolver, "sleep", refreshed)
    (query,) = assess(resolver)["queries"]
    assert (query["evidence"]["stale"], query["ttls"]) == (False, [0, 300, 299, 298])


def test_an_answer_that_changes_between_the_asks_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    answers = iter([answer(), OTHER] + [answer()] * 99)
    monkeypatch.setattr(resolver, "answer", lambda: next(answers))
    assert "answered 192.0.2.80 first and 192.0.2.81 later" in refusal(resolver)[0]


@pytest.mark.parametrize(
    ("transport", "ident", "asked_over"),
    [("udp", True, {"udp"}), ("tcp", True, {"tcp", "udp"}), ("tcp", False, {"tcp"}), ("libc", True, {"udp"})],
    ids=[
        "udp",
        "tcp is proven by one ask over udp",
        "tcp without counters needs no udp",
        "libc shows its TTL over udp",
    ],
)
def test_how_the_server_is_asked(transport: str, ident: bool, asked_over: set[str]) -> None:
    resolver = Resolver(ident=ident)
    assert assess(resolver, transport=transport)["queries"][0]["from_cache"]
    assert {transport for _label, transport in resolver.asked} == asked_over


@pytest.mark.parametrize(
    ("nameservers", "message"),
    [
        ((), "libc does not ask 127.0.0.1: /etc/resolv.conf names no nameserver"),
        (("192.0.2.53", SERVER), "libc does not ask 127.0.0.1: /etc/resolv.conf names 192.0.2.53 first"),
        (("resolver.example",), "'resolver.example' is not an IP address"),
    ],
    ids=["no nameserver", "another nameserver first", "a nameserver that is no address"],
)
def test_libc_must_ask_the_server_first(nameservers: tuple[str, ...], message: str) -> None:
    said, results = refusal(Resolver(), transport="libc", nameservers=nameservers)
    assert (said, results["queries"]) == (message, [])


@pytest.mark.parametrize(
    ("seen", "told"),
    [(0, "of 1 lookups it saw 0"), (1, "of 20 lookups it saw 0")],
    ids=["from /etc/hosts", "from nscd"],
)
def test_libc_lookups_must_reach_the_server(seen: int, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    ask, lookups = resolver.libc, []

    def libc(question: _wire.Question) -> _wire.Answer:
        lookups.append(question)
        return ask(question) if len(lookups) <= seen else answer(None, ttl=None)

    monkeypatch.setattr(resolver, "libc", libc)
    said, _results = refusal(resolver, transport="libc")
    assert f"libc does not ask 127.0.0.1#53: {told} (look at nsswitch.conf, nscd and /etc/hosts)" in said


@pytest.mark.parametrize("cached", [True, False], ids=["proven to be cached", "asked once"])
@pytest.mark.parametrize("fresh_after", [1, 2, 30], ids=["at once", "after a look", "after all samples"])
def test_a_stale_answer_that_dnsmasq_does_not_count_is_no_detour_of_libc(
    fresh_after: int, cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 2.91 on, while another query has it fetched anew."""
    resolver = Resolver(stale=True, counts_stale=False)
    resolver.since = 0.0
    answers, given = resolver.answer, []

    def answered() -> _wire.Answer:
        given.append(answers())
        if resolver.stale and len(given) >= fresh_after:
            resolver.stale, resolver.since = False, resolver.now
        return given[-1]

    monkeypatch.setattr(resolver, "answer", answered)
    (query,) = assess(resolver, {"name": NAME, "cached": cached}, transport="libc")["queries"]
    assert query["failure"] is None


@pytest.mark.parametrize("cached", [True, False], ids=["proven to be cached", "asked once"])
@pytest.mark.parametrize("options", [(), ("edns0", "use-vc")], ids=["over UDP", "over TCP"])
def test_lookups_of_libc_over_tcp_count_though_dnsmasq_does_not_count_them(
    options: tuple[str, ...], cached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child of dnsmasq answers each, and what it counts goes with it."""
    resolver = Resolver()
    monkeypatch.setattr(resolver, "libc", lambda question: answer(None, ttl=None))
    query = {"name": NAME, "cached": cached}
    if options:
        [result] = assess(resolver, query, transport="libc", resolv_options=options)["queries"]
        assert (result["failure"], result["from_cache"]) == (None, cached)
    else:
        assert "of 1 lookups it saw 0" in refusal(resolver, query, transport="libc")[0]


DANGLES = answer(rdatas=(), chain=("www.corp.example.", "www.cdn.example."), complete=False)


@pytest.mark.parametrize("more", [{}, {"reference": ["192.0.2.11"]}, {"rcode": "NOERROR"}, {"expected": []}], ids=repr)
def test_a_chain_that_does_not_end_is_no_answer_whatever_is_expected(
    more: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An authority that stops at the end of its own zones, and a reference that says the same."""
    resolver = Resolver(references={"192.0.2.11": DANGLES})
    monkeypatch.setattr(resolver, "answer", lambda: DANGLES)
    said, _results = refusal(resolver, {"name": NAME, "cached": False, **more})
    assert "ends at www.cdn.example, of which it says nothing" in said
    assert f"whoever it asks for {NAME} has to follow the chain to its end" in said


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (answer(), None),
        (answer(chain=("www.cdn.example.",)), None),
        (answer("NXDOMAIN", ()), "expected A records, got NXDOMAIN"),
        (answer(rdatas=()), "expected A records, got no data"),
    ],
    ids=["records", "records at the end of a chain", "no such name", "no records of this type"],
)
def test_a_name_that_exists_has_records(found: Any, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    monkeypatch.setattr(resolver, "answer", lambda: found)
    query = {"name": NAME, "cached": False, "exists": True}
    if told:
        assert told in refusal(resolver, query)[0]
    else:
        assert assess(resolver, query)["queries"][0]["failure"] is None
    assert assess(resolver, {**query, "exists": False})["queries"][0]["failure"] is None


def test_libc_must_get_what_the_server_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver()
    monkeypatch.setattr(resolver, "libc", lambda question: OTHER._replace(rcode=None))
    assert "libc got 192.0.2.81, but 127.0.0.1#53 answers 192.0.2.80" in refusal(resolver, transport="libc")[0]


def test_what_the_server_says_explains_why_libc_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def libc(question: _wire.Question) -> _wire.Answer:
        raise _wire.NoAnswer("libc could not look it up: Temporary failure in name resolution")

    for rcode, message in [
        ("SERVFAIL", "127.0.0.1#53 answered SERVFAIL"),
        ("NOERROR", "libc could not look it up: Temp"),
    ]:
        resolver = Resolver(rcode=rcode)
        monkeypatch.setattr(resolver, "libc", libc)
        assert message in refusal(resolver, transport="libc")[0]


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ({"name": ""}, {}, "'' is not a domain name"),
        ({"name": "db.corp.example "}, {}, "'db.corp.example ' is not a domain name: it is empty or has white space"),
        ({"name": "db..example"}, {}, "'db..example' is not a domain name"),
        ({"name": "d" * 64 + ".example"}, {}, "is not a domain name"),
        ({"name": ".".join(["d" * 60] * 5)}, {}, "is not a domain name"),
        ({"type": "NONSENSE"}, {}, "'NONSENSE' is not a record type that can be asked for"),
        ({"type": "AXFR"}, {}, "'AXFR' is not a record type that can be asked for"),
        ({"expected": ["192.0.2"]}, {}, "'192.0.2' is not data of type A"),
        ({"expected": ["192.0.2.1"], "rcode": "NXDOMAIN"}, {}, "'NXDOMAIN', which has no data, and"),
        ({"reference": ["ns1.example"]}, {}, "'ns1.example' is not an IP address"),
        ({"reference": ["192.0.2.1#0"]}, {}, "'192.0.2.1#0' has no port from 1 to 65535 after the #"),
        ({"required": False}, {}, "required of db.corp.example is False, which needs a 'reference' that could be"),
        ({"required": False, "reference": []}, {}, "that could be silent: add one"),
        ({"type": "MX"}, {"transport": "libc"}, "db.corp.example MX cannot be asked through libc"),
        ({}, {"server": "localhost"}, "'localhost' is not an IP address"),
        ({}, {"port": 0}, "port must be 1 to 65535, not 0"),
        ({}, {"port": 5353, "transport": "libc"}, "port must be 53, not 5353, because libc asks no other"),
        ({}, {"samples": 10001}, "samples must be 1 to 10000, not 10001"),
        ({}, {"tries": 0}, "tries must be 1 to 10, not 0"),
        ({}, {"timeout": 0.0}, "timeout must be above 0 and at most 60, not 0.0"),
        ({}, {"max_cached_ms": float("nan")}, "max_cached_ms must be above 0 and at most 60000, not nan"),
        ({}, {"queries": []}, "queries is empty: name at least one to prove"),
    ],
)  # fmt: skip
def test_a_wrong_option_fails_before_anything_is_asked(
    query: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    resolver = Resolver()
    said, results = refusal(resolver, {"name": NAME, **query}, **options)
    assert message in said
    assert (results["queries"], resolver.asked, resolver.hits) == ([], [], 0)


def test_a_missing_dnspython_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_wire, "HAS_DNSPYTHON", False)
    said, _results = refusal(Resolver())
    assert "python3-dnspython" in said and "python3-dns " in said.replace(")", " ")


def response(question: _wire.Question, *records: str, rcode: str = "NOERROR", authority: tuple[str, ...] = ()) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(question.wire))
    message.set_rcode(dns.rcode.from_text(rcode))
    for section, lines in ((message.answer, records), (message.authority, authority)):
        for line in lines:
            name, ttl, rdtype, data = line.split(None, 3)
            section.append(dns.rrset.from_text(name, int(ttl), "IN", rdtype, data))
    return message.to_wire()


SOA = "example. 60 SOA ns.example. root.example. 1 2 3 4 900"


@pytest.mark.parametrize(
    ("records", "rcode", "authority", "expected"),
    [
        (["db.example. 9 A 192.0.2.1"], "NOERROR", (), (("192.0.2.1",), (), 9, True)),
        (["DB.example. 9 CNAME Www.Example.", "www.example. 5 A 192.0.2.1"], "NOERROR", (),
         (("192.0.2.1",), ("www.example.",), 5, True)),
        (["db.example. 9 CNAME a.example.", "a.example. 3 CNAME b.example.", "b.example. 5 A 192.0.2.1"], "NOERROR", (),
         (("192.0.2.1",), ("a.example.", "b.example."), 3, True)),
        (["db.example. 9 CNAME www.cdn.test."], "NOERROR", (), ((), ("www.cdn.test.",), 9, False)),
        (["db.example. 9 CNAME www.example."], "NXDOMAIN", (SOA,), ((), ("www.example.",), 9, True)),
        (["db.example. 9 CNAME www.example.", "www.example. 9 CNAME db.example."], "NOERROR", (),
         ((), ("www.example.", "db.example."), 9, False)),
        ([], "NXDOMAIN", (SOA,), ((), (), 60, True)),
        ([], "NXDOMAIN", (), ((), (), None, True)),
        (["other.example. 9 A 192.0.2.9"], "NOERROR", (), ((), (), None, True)),
    ],
    ids=[
        "an address",
        "a CNAME is followed, and the smallest TTL counts",
        "two CNAMEs are followed too",
        "a chain that leaves the zone is incomplete",
        "a chain to no such name is complete",
        "a chain that bites its tail ends",
        "a negative answer lives as long as its SOA",
        "a negative answer without SOA has no TTL",
        "records of other names do not count",
    ],
)  # fmt: skip
def test_what_an_answer_says(
    records: list[str], rcode: str, authority: tuple[str, ...], expected: tuple[Any, ...]
) -> None:
    question = _wire.question("db.example", "A")
    found = _wire.read_answer(
        question, question.wire, response(question, *records, rcode=rcode, authority=authority), "x"
    )
    assert (found.rdatas, found.chain, found.ttl, found.complete) == expected


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda wire: b"", "sent a malformed answer"),
        (lambda wire: wire[:11], "sent a malformed answer"),
        (lambda wire: wire[:-1], "sent a malformed answer"),
        (lambda wire: wire + b"junk", "sent a malformed answer"),
        (lambda wire: wire[:12] + b"\xc0\x0c" + wire[14:], "sent a malformed answer"),
        (lambda wire: wire[:12] + b"\xff" * 40, "sent a malformed answer"),
        (lambda wire: b"\1\1" + wire[2:], "sent something that is not an answer"),
        (lambda wire: wire[:2] + b"\1" + wire[3:], "sent something that is not an answer"),
        (lambda wire: wire.replace(b"\2db", b"\2dc", 1), "answered another question"),
        (lambda wire: wire[:2] + b"\x81\x80" + b"\0" * 8, "answered another question"),
    ],
    ids=["nothing", "half a header", "cut short", "trailing junk", "a pointer to itself", "noise", "another id",
         "a query", "another name", "no question"],
)  # fmt: skip
def test_bytes_that_are_no_answer_are_one_sentence(spoil: Any, message: str) -> None:
    question = _wire.question("db.example", "A")
    with pytest.raises(_wire.BadAnswer, match=f"^192.0.2.1#53 {message}"):
        _wire.read_answer(
            question, question.wire, spoil(response(question, "db.example. 9 A 192.0.2.1")), "192.0.2.1#53"
        )


def test_a_refusal_may_leave_the_question_out() -> None:
    question = _wire.question("db.example", "A")
    assert (
        _wire.read_answer(question, question.wire, question.wire[:2] + b"\x81\x85" + b"\0" * 8, "x").rcode == "REFUSED"
    )


@pytest.mark.parametrize(
    ("rdtype", "text", "expected"),
    [
        ("AAAA", "2001:0db8:0:0::1", "2001:db8::1"),
        ("CNAME", "Www.Example", "www.example."),
        ("MX", "10 Mail.Example", "10 mail.example."),
        ("TXT", '"V=spf1 -all"', '"V=spf1 -all"'),
    ],
    ids=["an address in its shortest form", "names are absolute and lower case", "in any type", "text keeps its case"],
)
def test_data_has_one_spelling(rdtype: str, text: str, expected: str) -> None:
    assert _wire.rdata(_wire.question("x.example", rdtype), text) == expected


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"hits": ['"9"'], "misses": ['"2"'], "servers": ['"192.0.2.1#53 3 0" "192.0.2.2#53 4 1"']}, (9, 2, 7)),
        ({"hits": ['"9"'], "misses": ['"2"'], "servers": _wire.BadAnswer("an empty TXT")}, (9, 2, 0)),
        ({"hits": ['"9"'], "misses": ['"2"'], "servers": _wire.NoAnswer("silence")}, None),
        ({"hits": ['"unbound"'], "misses": ['"2"']}, None),
        ({"hits": []}, None),
        ({"hits": _wire.NoAnswer("silence")}, None),
        ({"hits": "NOTIMP"}, None),
    ],
    ids=[
        "sends are summed",
        "no upstream: nothing sent",
        "silence half way",
        "other text",
        "no text",
        "silence",
        "no-ident",
    ],
)
def test_reading_the_counters(replies: dict[str, Any], expected) -> None:
    def ask(question: _wire.Question) -> Any:
        reply = replies[question.label.split(".")[0]]
        if isinstance(reply, Exception):
            raise reply
        return answer(reply, ()) if isinstance(reply, str) else answer(rdatas=tuple(reply))

    assert _wire.counters(ask) == expected


COUNTED = {"cachesize": ['"10000"'], "insertions": ['"7"'], "evictions": ['"1"'], "hits": ['"9"'], "misses": ['"2"']}
TOLD = {"cachesize": 10000, "insertions": 7, "evictions": 1, "hits": 9, "misses": 2}


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (
            ['"192.0.2.1#53 3 0" "192.0.2.2#53 4 1"'],
            [
                {"address": "192.0.2.1#53", "sent": 3, "failed": 0},
                {"address": "192.0.2.2#53", "sent": 4, "failed": 1},
            ],
        ),
        (_wire.BadAnswer("an empty TXT"), []),
        (['"192.0.2.1#53 3"'], None),
        (['"192.0.2.1#53 three 0"'], None),
        (_wire.NoAnswer("silence"), None),
    ],
    ids=["each upstream", "no upstream", "too little", "other text", "silence"],
)
def test_reading_all_that_dnsmasq_counts(servers: Any, expected) -> None:
    replies: dict[str, Any] = COUNTED | {"servers": servers}

    def ask(question: _wire.Question) -> Any:
        reply = replies[question.label.split(".")[0]]
        if isinstance(reply, Exception):
            raise reply
        return answer(rdatas=tuple(reply))

    assert _wire.statistics(ask) == (None if expected is None else TOLD | {"servers": expected})


def test_a_question_is_always_the_same_and_desires_recursion() -> None:
    question = _wire.question("db.example", "A")
    assert question == _wire.question("db.example.", "a".upper())
    message = dns.message.from_wire(question.wire)
    assert (message.flags, message.edns, message.id) == (dns.flags.RD, -1, 0)
