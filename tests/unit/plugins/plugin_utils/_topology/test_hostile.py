# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever stands in the input, nothing but sound names and addresses gets into a plan."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import (
    OWNER,
    findings,
    is_one_sentence,
    leaves,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def mistakes_in(key: str, values: dict[str, tuple[Any, str]]) -> list[Any]:
    return [pytest.param(key, value, remedy, id=f"{key}: {case}") for case, (value, remedy) in values.items()]


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        *mistakes_in(
            "zones",
            {
                "empty": ("", "write a name such as"),
                "the root": (".", "under 'upstream'"),
                "two dots": ("a..example", "write a name such as"),
                "a leading dot": (".example", "write 'example'"),
                "a space": ("corp example", "use labels of letters"),
                "a newline at the end": ("corp.example\n", "use labels of letters"),
                "a second line": ("corp.example\nserver=/evil/192.0.2.66", "use labels of letters"),
                "a quote": ('corp".example', "use labels of letters"),
                "a slash": ("corp/x.example", "use labels of letters"),
                "a full-width slash": ("corp\uff0fx.example", "use labels of letters"),
                "an ideographic full stop": ("corp\u3002example", "use labels of letters"),
                "a hash": ("corp.example#53", "use labels of letters"),
                "a wildcard": ("*.corp.example", "write 'corp.example'"),
                "a wildcard inside": ("a.*.example", "without wildcards"),
                "everything": ("#", "under 'upstream'"),
                "a template": ("{{ zone }}", "use labels of letters"),
                "a hyphen in front": ("-corp.example", "use labels of letters"),
                "a hyphen behind": ("corp-.example", "use labels of letters"),
                "a label of 64": ("a" * 64 + ".example", "63 at most"),
                "an IDN label over 63": ("\u00fc" * 60 + ".example", "write the label as 'xn--...'"),
                "a name of 255": ("a." * 127 + "a", "253 at most"),
                "a name that grows over 253": ("\u00fc" + ".a" * 126, "253 at most"),
                "a character of two encodings": ("stra\u00dfe.example", "write the label as 'xn--...'"),
                "a lone surrogate": ("\ud800.example", "write the label as 'xn--...'"),
                "an address": ("192.0.2.1", "list subnets under 'subnets'"),
                "a boolean": (True, "as a string"),
                "bytes": (b"corp.example", "as a string"),
            },
        ),
        *mistakes_in(
            "subnets",
            {
                "host bits": ("10.20.0.1/16", "write '10.20.0.0/16'"),
                "IPv6 host bits": ("2001:db8::1/64", "write '2001:db8::/64'"),
                "no prefix": ("10.20.0.0", "write '10.20.0.0/32'"),
                "a netmask": ("10.20.0.0/255.255.0.0", "write '10.20.0.0/16'"),
                "a prefix over 32": ("10.20.0.0/33", "write one such as"),
                "a leading zero": ("010.20.0.0/16", "write one such as"),
                "a scope that hides a line": ("fe80::%\nserver=/evil/192.0.2.66/64", "write one such as"),
                "a name": ("corp.example/24", "write one such as"),
                "everything": ("0.0.0.0/0", "list the subnets that are meant"),
                "all of IPv6": ("::/0", "list the subnets that are meant"),
            },
        ),
        *mistakes_in(
            "allow",
            {
                "everything": ("0.0.0.0/0", "list the subnets that are meant"),
                "all of IPv6": ("::/0", "list the subnets that are meant"),
                "host bits": ("35.199.192.1/19", "write '35.199.192.0/19'"),
                "an address": ("203.0.113.7", "write '203.0.113.7/32'"),
                "a word": ("any", "write one such as"),
                "a second line": ("203.0.113.0/24\nserver=/evil/192.0.2.66", "write one such as"),
                "a number": (35, "as a string"),
            },
        ),
        *mistakes_in(
            "nameservers",
            {
                "a name": ("ns1.corp.example", "write one such as"),
                "empty": ("", "write one such as"),
                "a scope": ("fe80::1%eth0", "write one such as"),
                "a second line": ("192.0.2.11\nserver=/evil/192.0.2.66", "write one such as"),
                "a shortened address": ("192.0.2", "write one such as"),
                "loopback": ("127.0.0.53", "at which other hosts"),
                "IPv6 loopback": ("::1", "at which other hosts"),
                "loopback in IPv6 form": ("::ffff:127.0.0.1", "write '127.0.0.1'"),
                "unspecified": ("0.0.0.0", "at which other hosts"),
                "IPv6 unspecified": ("::", "at which other hosts"),
                "multicast": ("224.0.0.251", "at which other hosts"),
                "IPv6 multicast": ("ff02::fb", "at which other hosts"),
                "broadcast": ("255.255.255.255", "at which other hosts"),
                "IPv6 link-local": ("fe80::1", "at which other hosts"),
                "port 0": ("192.0.2.11#0", "'address#port'"),
                "port 65536": ("192.0.2.11#65536", "'address#port'"),
                "no port": ("192.0.2.11#", "'address#port'"),
                "a negative port": ("192.0.2.11#-53", "'address#port'"),
                "a port of other digits": ("192.0.2.11#\u0665\u0663", "'address#port'"),
                "two ports": ("192.0.2.11#53#54", "'address#port'"),
                "a port behind a colon": ("192.0.2.11:5353", "write '192.0.2.11#5353'"),
                "a mapping": ({"addr": "192.0.2.11"}, "as a string"),
            },
        ),
    ],
)
def test_a_value_is_refused(key: str, value: Any, remedy: str) -> None:
    sound = {**OWNER, "subnets": ["192.0.2.0/24"], "bridges": {"b": "192.0.2.53"}}
    [finding] = findings({"a": {**sound, key: [value]}}, network="a")
    assert finding.startswith(f"dnsmasq_topology['a']['{key}'][0] is {repr(value)[:60]}")
    assert remedy in finding and is_one_sentence(finding)


SAFE = re.compile(r"[A-Za-z0-9_.:#/-]*")
TEXT = st.one_of(st.text(max_size=80), st.text("ab.-_#/*\n\"' %\u3002\uff0f\u00fc:10", max_size=30))
KEYS = st.sampled_from(["zones", "subnets", "nameservers", "bridges", "links", "upstream", "allow"])
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.binary(max_size=5), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(KEYS, TEXT, st.integers()), inner, max_size=3)
    ),
    max_leaves=8,
)


def plan_or_findings(topology: Any, host: Any, network: Any, **more: Any) -> dict[str, Any] | None:
    try:
        return _plan.plan(topology, host, network, **more)
    except _plan.TopologyError as error:
        assert error.findings
        assert all(is_one_sentence(finding) for finding in error.findings)
        return None


@settings(max_examples=500, deadline=None)
@given(zone=TEXT, subnet=TEXT, server=TEXT, bridge=TEXT, name=TEXT, upstream=TEXT, allow=TEXT)
def test_hostile_text_never_gets_into_a_plan(**text: str) -> None:
    for part, written in text.items():
        home = written if part == "name" else "home"
        topology: dict[str, Any] = {
            home: {
                "zones": [text["zone"] if part == "zone" else "corp.example"],
                "subnets": [text["subnet"] if part == "subnet" else "192.0.2.0/24"],
                "nameservers": [text["server"] if part == "server" else "192.0.2.11"],
                "bridges": {"b": text["bridge"] if part == "bridge" else "192.0.2.53"},
                "upstream": [text["upstream"] if part == "upstream" else "192.0.2.99"],
                "allow": [text["allow"] if part == "allow" else "203.0.113.0/24"],
            }
        }
        for host in ("app1", "b"):
            plan = plan_or_findings(topology, host, home)
            assert plan is None or all(SAFE.fullmatch(leaf) for leaf in leaves(plan) if isinstance(leaf, str))


SIZES = st.sampled_from(["cache_size", "forward_max", "stale_seconds", "tcp_connections", "receive_buffer"])


@settings(max_examples=500, deadline=None)
@given(JUNK, JUNK, JUNK, JUNK, st.dictionaries(KEYS, JUNK), st.dictionaries(SIZES, JUNK))
def test_no_shape_of_input_breaks_the_plan(
    topology: Any, host: Any, network: Any, junk: Any, inner: Any, sizes: Any
) -> None:
    plan_or_findings(topology, host, network)
    plan_or_findings({"a": inner, "b": OWNER}, "app1", "a", members=junk, sizes=sizes)
    plan_or_findings({"a": OWNER}, "app1", "a", listen=junk, sizes=junk)
