# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's checks: the controller lets through what the module takes, and says of the rest what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check, wire
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.query import CHECK_OPTIONS
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan, queries
from ansible_collections.everywhere.dnsmasq.tests.unit import hostile
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import is_one_sentence
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[5]


def refused(raw: Any, libc: bool = False) -> list[str]:
    findings: list[str] = []
    queries.read_checks(raw, "checks", findings, libc)
    assert all(is_one_sentence(finding) for finding in findings)
    return findings


class Asked(Exception):
    """The module took the query."""


def module_takes(query: dict[str, Any]) -> bool:
    """Whether query_latency would ask it."""

    def ask(*arguments: Any) -> Any:
        raise Asked

    checked = ArgumentSpecValidator(check.ARGUMENTS).validate({"queries": [query]})
    if checked.error_messages:
        return False
    try:
        check.assess(checked.validated_parameters, ask=ask)
    except Asked:
        return True
    except check.CheckFailed:
        return False
    raise AssertionError("nothing was asked")


GOOD: dict[str, dict[str, Any]] = {
    "a name alone": {"name": "db.corp.example"},
    "the root": {"name": ".", "type": "NS"},
    "a final dot and upper case": {"name": "DB.Corp.Example."},
    "an underscore": {"name": "_ldap._tcp.corp.example", "type": "SRV", "expected": ["10 60 389 db.corp.example."]},
    "a reverse zone with a slash": {"name": "0/25.2.0.192.in-addr.arpa", "type": "PTR"},
    "a wildcard": {"name": "*.corp.example"},
    "a dot in a label": {"name": "first\\.last.corp.example"},
    "a byte by its number": {"name": "a\\255b.corp.example"},
    "an IDN": {"name": "b\u00fccher.example"},
    "a name of 253": {"name": ".".join(["a" * 63] * 3 + ["b" * 61])},
    "a type in lower case": {"name": "corp.example", "type": "aaaa", "expected": ["2001:db8::31", "2001:DB8:0::32"]},
    "a type by its number": {"name": "corp.example", "type": "TYPE65"},
    "MX": {"name": "corp.example", "type": "MX", "expected": ["10 mail.corp.example."]},
    "TXT": {"name": "corp.example", "type": "TXT", "expected": ['"v=spf1 ip4:192.0.2.0/24 -all"']},
    "PTR": {"name": "21.2.0.192.in-addr.arpa", "type": "PTR", "expected": ["db.corp.example."]},
    "no data": {"name": "corp.example", "expected": []},
    "no such name": {"name": "nowhere.corp.example", "rcode": "NXDOMAIN"},
    "nothing said": {"name": "corp.example", "expected": None, "reference": None},
    "words for booleans": {"name": "corp.example", "cached": "no", "required": "True"},
    "numbers for booleans": {"name": "corp.example", "cached": 0, "required": 1},
    "references": {
        "name": "corp.example",
        "reference": ["127.0.0.1", "192.0.2.11#5353", "2001:db8::1"],
        "required": False,
    },
}


@pytest.mark.ansible
@pytest.mark.parametrize("query", GOOD.values(), ids=GOOD)
def test_what_is_right_is_let_through_and_the_module_takes_it(query: dict[str, Any]) -> None:
    assert refused([query]) == []
    assert module_takes(query)
    # A name exists, unless its check says what else is right.
    silent = query.get("rcode") is None and query.get("expected") is None
    assert queries.checks([query], "checks") == [{**query, "exists": True} if silent else query]


BAD: dict[str, tuple[Any, str]] = {
    "text": (
        "name=corp.example",
        "checks is 'name=corp.example', which is a string: give a list of mappings, each with a",
    ),
    "nothing": (None, "checks is None, which is nothing: give a list"),
    "a mapping": ({"name": "x"}, "checks is {'name': 'x'}, which is a mapping: give a list"),
    "an item of text": (["x.example"], "checks[0] is 'x.example', which is a string: give a mapping with a 'name'"),
    "no name": ([{"type": "A"}], "checks[0] is {'type': 'A'}, which has no 'name': add the name to ask for"),
    "an unknown key": (
        [{"name": "x", "typ": "A"}],
        "checks[0]['typ'] is 'A', which is no part of a check: use name, type,",
    ),
    "two lines": ([{"name": "a\nb"}], "checks[0]['name'] is 'a\\nb', which is no domain name: write one without white"),
    "an empty name": ([{"name": ""}], "checks[0]['name'] is '', which is no domain name"),
    "an empty label": ([{"name": "a..b"}], "use labels of 1 to 63 characters"),
    "a label of 64": ([{"name": "a" * 64}], "use labels of 1 to 63 characters"),
    "a name of 254": ([{"name": ".".join(["a" * 63] * 3 + ["b" * 62])}], "253 in all"),
    "half an escape": ([{"name": "a\\25.example"}], "use labels of 1 to 63 characters"),
    "a byte over 255": ([{"name": "a\\256.example"}], "use labels of 1 to 63 characters"),
    "a name that is a number": ([{"name": 7}], "checks[0]['name'] is 7, which is a number: give the name to ask for"),
    "an unknown type": (
        [{"name": "x", "type": "AAA"}],
        "checks[0]['type'] is 'AAA', which is no record type that can be",
    ),
    "a question's type": ([{"name": "x", "type": "ANY"}], "write one such as 'AAAA'"),
    "a name as A": (
        [{"name": "x", "expected": ["db.example"]}],
        "['expected'][0] is 'db.example', which is no IPv4 address",
    ),
    "IPv6 as A": (
        [{"name": "x", "expected": ["2001:db8::1"]}],
        "is no IPv4 address, the data of type A: write one such",
    ),
    "IPv4 as AAAA": (
        [{"name": "x", "type": "AAAA", "expected": ["192.0.2.1"]}],
        "is no IPv6 address, the data of type",
    ),
    "text as a list": ([{"name": "x", "expected": "192.0.2.1"}], "give a list of records' data"),
    "two lines of data": ([{"name": "x", "type": "TXT", "expected": ["a\nb"]}], "write it in one line"),
    "a bad name as CNAME": (
        [{"name": "x", "type": "CNAME", "expected": ["a b"]}],
        "['expected'][0] is 'a b', which is no",
    ),
    "no response code": ([{"name": "x", "rcode": None}], "['rcode'] is None, which is nothing: give the response code"),
    "how it travels": (
        [{"name": "x", "transport": "tcp"}],
        "checks[0]['transport'] is 'tcp', which is no part of a check: use name, type,",
    ),
    "a response code": ([{"name": "x", "rcode": "SERVFAIL"}], "write 'NOERROR' or 'NXDOMAIN'"),
    "data of no name": ([{"name": "x", "rcode": "NXDOMAIN", "expected": ["192.0.2.1"]}], "leave one of them out"),
    "no boolean": (
        [{"name": "x", "cached": "perhaps"}],
        "checks[0]['cached'] is 'perhaps', which is a string: give true",
    ),
    "a reference by name": (
        [{"name": "x", "reference": ["ns.example"]}],
        "['reference'][0] is 'ns.example', which is no IPv4",
    ),
    "a reference's port": ([{"name": "x", "reference": ["192.0.2.1#0"]}], "has no port from 1 to 65535"),
    "nobody to be silent": ([{"name": "x", "required": "no"}], "['required'] is 'no', which needs a 'reference'"),
}


@pytest.mark.parametrize(("raw", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told_with_its_place_and_the_remedy(raw: Any, words: str) -> None:
    [finding] = refused(raw)
    assert words in finding


def test_everything_that_is_wrong_is_told_at_once_with_the_rest_of_the_plan() -> None:
    with pytest.raises(plan.TopologyError) as raised:
        plan.plan({}, "app1", "nowhere", checks=[{"name": "a b"}, {"type": "x"}])
    assert [finding.split(" is ")[0] for finding in raised.value.findings] == [
        "dnsmasq_checks[0]['name']",
        "dnsmasq_checks[1]['type']",
        "dnsmasq_checks[1]",
        "dnsmasq_network",
    ]


def test_a_plan_does_not_depend_on_the_checks() -> None:
    assert plan.plan({}, "app1", "", checks=[{"name": "x.example"}]) == plan.plan({}, "app1", "")


def test_libc_is_asked_for_addresses_only() -> None:
    assert refused([{"name": "x", "type": "aaaa"}, {"name": "x"}], libc=True) == []
    [finding] = refused([{"name": "x", "type": "MX"}], libc=True)
    assert finding == "checks[0]['type'] is 'MX', which libc cannot be asked for: write 'A' or 'AAAA'."


def test_the_module_knows_each_type() -> None:
    assert all(wire.question("x.example", kind) for kind in queries.TYPES)


def test_each_option_of_a_check_is_known_and_no_other() -> None:
    [finding] = refused([{"name": "x", "no": 1}])
    assert finding.endswith(f"use {', '.join(CHECK_OPTIONS)}.")
    for option in CHECK_OPTIONS:
        [finding, *_others] = refused([{"name": "x", option: 1.5}])
        assert finding.startswith(f"checks[0]['{option}'] is 1.5, which is a number: give ")


def test_the_checks_of_the_demo_and_the_labs_are_let_through() -> None:
    files = [path for folder in ("molecule", "tests") for path in ROOT.glob(f"{folder}/**/group_vars/all.yml")]
    given = [yaml.safe_load(path.read_text()).get("dnsmasq_checks") for path in files]
    assert len([checks for checks in given if checks]) >= 4
    assert [refused(checks) for checks in given if checks and refused(checks)] == []


SIGNS = st.text('ab.-_*/\\0129 \n\t\0"#;@\u00fc\u3002\uff0f\u00df', max_size=14)
NAMES = st.one_of(SIGNS, st.sampled_from(["x.example", ".", "a" * 63]), st.text(max_size=8))
ADDRESSES = st.one_of(
    st.ip_addresses().map(str),
    st.text("0123456789abcdef.:", max_size=18),
    st.sampled_from(list(hostile.POISONS.values())),
)
QUERIES = st.fixed_dictionaries(
    {"name": NAMES},
    optional={
        "type": st.one_of(st.sampled_from(["A", "aaaa", "CNAME", "PTR", "TYPE65", "ANY", ""]), NAMES),
        "expected": st.lists(st.one_of(ADDRESSES, NAMES), max_size=2),
        "reference": st.lists(st.one_of(ADDRESSES, ADDRESSES.map("{}#53".format)), max_size=2),
        "rcode": st.sampled_from(["NOERROR", "NXDOMAIN", "SERVFAIL"]),
        "required": st.sampled_from([True, False, "no", 2]),
    },
)


@pytest.mark.ansible
@settings(max_examples=1500, derandomize=True, deadline=None, database=None)
@given(QUERIES)
def test_what_is_let_through_is_not_refused_on_the_host(query: dict[str, Any]) -> None:
    # Of other types' data the module alone knows what is right.
    kind = str(query.get("type", "A")).upper()
    if refused([query]) == [] and (not query.get("expected") or kind in queries.DATA):
        assert module_takes(query), query


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.binary(max_size=3),
    SIGNS,
    st.sampled_from(["NXDOMAIN", "no"]),
)
KEYS = st.one_of(st.sampled_from(["name", "type", "expected", "rcode", "cached", "reference", "required"]), LEAVES)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=8,
)


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(
    st.one_of(ANYTHING, st.lists(st.dictionaries(KEYS, ANYTHING, max_size=4), min_size=1, max_size=2)), st.booleans()
)
def test_whatever_stands_there_is_let_through_or_refused_by_its_place(raw: Any, libc: bool) -> None:
    assert all(finding.startswith("checks") for finding in refused(raw, libc))
