# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile values, and the variables that they are put into: the tables of test_hostile_input.py and test_fuzz.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple

#: Of what Ansible itself refuses, ansible-core 2.16 names the innermost option only, and none where it fails to make a
#: mapping of a text. It takes nothing for no text, and tells a filter's refusal twice.
CORE_NAMES_LESS = version("ansible-core").startswith("2.16.")
NO_MAPPING = "dictionary update sequence"

#: Stands in every hostile text, so that it is found wherever it lands.
MARK = "evil"

#: What is put behind a sound text.
POISONS = {
    "a second line": f"\nconf-file=/etc/{MARK}",
    "a carriage return": f"\rserver=/{MARK}.example/192.0.2.66",
    "a newline alone": "\n",
    "a tab": f"\t{MARK}",
    "a space": f" {MARK}",
    "NUL": f"\0{MARK}",
    "a terminal's escape": f"\x1b[31m{MARK}",
    "DEL": f"\x7f{MARK}",
    "a C1 control": f"\x85{MARK}",
    "a line separator": f"\u2028{MARK}",
    "a no-break space": f"\u00a0{MARK}",
    "a double quote": f'"{MARK}',
    "a single quote": f"'{MARK}",
    "a backslash": f"\\{MARK}",
    "a hash": f"#{MARK}",
    "a comment": f" # {MARK}",
    "a comma": f",{MARK}",
    "a rule": f"/{MARK}.example/192.0.2.66",
    "an equals sign": f"={MARK}",
    "a semicolon": f";{MARK}",
    "a scope": f"%{MARK}",
    "a command": f"$({MARK})",
    "backquotes": f"`{MARK}`",
    "Jinja": f"{{{{ lookup('ansible.builtin.pipe', 'echo {MARK}') }}}}",
    "a Jinja block": f"{{% set x = 1 %}}{MARK}",
    "a way up": f"/../../etc/{MARK}",
    "a full-width slash": f"\uff0f{MARK}",
    "a full-width hash": f"\uff03{MARK}",
    "a full-width digit": "\uff11",
    "right to left": f"\u202e{MARK}",
    "a Cyrillic letter": "\u0435",
    "a zero-width space": "\u200bx",
    "very long": f"x{MARK}" * 20_000,
}

#: What is put in the place of a text, a list or a mapping.
TYPES: dict[str, Any] = {
    "nothing": None,
    "a boolean": True,
    "a number": 7,
    "half a number": 1.5,
    "a list": [f"{MARK} {MARK}"],
    "a list of lists": [[MARK]],
    "a mapping": {MARK: 1},
}


def values(good: str) -> dict[str, Any]:
    """Every hostile value for a place where the good text would be right."""
    return {name: good + poison for name, poison in POISONS.items()} | TYPES


class Place(NamedTuple):
    """A variable or a part of one: who gets the value there, how a refusal names it, and what is right there."""

    build: Callable[[Any], dict[str, Any]]
    named: str
    good: str
    #: Values that are no mistake here; what comes of them is clean.
    legal: frozenset[str] = frozenset()


HOME: dict[str, Any] = {
    "zones": ["corp.example"],
    "subnets": ["192.0.2.0/24"],
    "nameservers": ["192.0.2.11"],
    "bridges": {"bridge": "192.0.2.53"},
    "upstream": ["192.0.2.99"],
    "allow": ["203.0.113.0/24"],
    "links": ["other"],
}
OTHER: dict[str, Any] = {"zones": ["other.example"], "nameservers": ["198.51.100.11"], "links": ["home"]}
TOPOLOGY: dict[str, Any] = {"home": HOME, "other": OTHER}
SIZES = ("cache_size", "forward_max", "stale_seconds", "tcp_connections", "receive_buffer")

EVERY_TEXT = frozenset(POISONS)
#: What IDNA turns into letters, digits and hyphens.
IDN = frozenset({"a full-width digit", "a Cyrillic letter", "a zero-width space"})
#: Nothing stands for "not set".
UNSET = frozenset({"nothing"})


def home(key: str, value: Any) -> dict[str, Any]:
    return {"dnsmasq_topology": {**TOPOLOGY, "home": {**HOME, key: value}}}


def _in_list(key: str, good: str, legal: frozenset[str] = frozenset()) -> Place:
    return Place(lambda value: home(key, [value]), f"dnsmasq_topology['home']['{key}'][0]", good, legal)


def _list(key: str) -> Place:
    #: A list of what is no text is a list: its items are judged, and named.
    return Place(lambda value: home(key, value), f"dnsmasq_topology['home']['{key}']", "corp.example")


#: DNS takes any sign in a name; white space is a slip.
IN_A_NAME = frozenset(
    name
    for name, poison in POISONS.items()
    if poison.isascii() and poison.isprintable() and " " not in poison and ".." not in poison and len(poison) < 200
)
#: What Ansible takes for a boolean behind a word that is one.
WORD = frozenset({"a boolean", "a newline alone"})


def checks(variable: str, named: str) -> dict[str, Place]:
    """A variable with checks, and the parts of one."""

    def part(key: str, good: str, legal: frozenset[str] = frozenset(), in_list: bool = False) -> Place:
        def build(value: Any) -> dict[str, Any]:
            return {variable: [{"name": "x.example", key: [value] if in_list else value}]}

        return Place(build, f"{named}[0]['{key}']" + ("[0]" if in_list else ""), good, legal)

    places = {
        "": Place(lambda value: {variable: value}, named, "name"),
        "an item of ": Place(lambda value: {variable: [value]}, f"{named}[0]", "name"),
        "a key of ": Place(
            lambda value: {variable: [{"name": "x.example", as_key(value): 1}]}, f"{named}[0][", "required"
        ),
        "a name of ": part("name", "db.corp.example", IN_A_NAME | IDN),
        "a type of ": part("type", "A"),
        "expected of ": part("expected", "192.0.2.80", UNSET),
        "an item of expected of ": part("expected", "192.0.2.80", in_list=True),
        "rcode of ": part("rcode", "NOERROR"),
        "cached of ": part("cached", "yes", WORD),
        "reference of ": part("reference", "192.0.2.11#53", UNSET),
        "an item of reference of ": part("reference", "192.0.2.11#53", in_list=True),
        "required of ": part("required", "yes", WORD),
    }
    return {name + variable: place for name, place in places.items()}


def as_key(value: Any) -> Any:
    """What cannot be a key in YAML's JSON is written as text, as a careless template would."""
    return str(value) if isinstance(value, (list, Mapping)) else value


#: What the topology and the variables beside it are made of.
PLACES: dict[str, Place] = {
    "dnsmasq_topology": Place(lambda value: {"dnsmasq_topology": value}, "dnsmasq_topology", "corp"),
    "a network's name": Place(
        lambda value: {"dnsmasq_topology": {**TOPOLOGY, as_key(value): {}}}, "dnsmasq_topology has the key", "third"
    ),
    "a network": Place(
        lambda value: {"dnsmasq_topology": {**TOPOLOGY, "third": value}}, "dnsmasq_topology['third']", "third", UNSET
    ),
    "an unknown key": Place(lambda value: home(as_key(value), []), "dnsmasq_topology['home'] has the", "zones"),
    "a zone": _in_list("zones", "corp.example", IDN),
    "a subnet": _in_list("subnets", "192.0.2.0/24"),
    "a nameserver": _in_list("nameservers", "192.0.2.11"),
    "a nameserver's port": _in_list("nameservers", "192.0.2.11#53"),
    "an IPv6 nameserver": _in_list("nameservers", "2001:db8::11"),
    "an allowed subnet": _in_list("allow", "203.0.113.0/24"),
    "a link": _in_list("links", "other"),
    "an upstream": _in_list("upstream", "192.0.2.99"),
    "a bridge's address": Place(
        lambda value: home("bridges", {"bridge": value}), "dnsmasq_topology['home']['bridges']['bridge']", "192.0.2.53"
    ),
    # The inventory's own names: whoever has one is refused by it, and nobody else's files have it.
    "a bridge's host": Place(
        lambda value: home("bridges", {"bridge": "192.0.2.53", as_key(value): "192.0.2.54"}),
        "dnsmasq_topology['home']['bridges']",
        "another",
        EVERY_TEXT | {"a list", "a list of lists", "a mapping"},
    ),
    "zones": _list("zones"),
    "subnets": _list("subnets"),
    "nameservers": _list("nameservers"),
    "links": _list("links"),
    "allow": _list("allow"),
    "bridges": Place(lambda value: home("bridges", value), "dnsmasq_topology['home']['bridges']", "bridge"),
    "upstream": Place(lambda value: home("upstream", value), "dnsmasq_topology['home']['upstream']", "dhcp"),
    "dnsmasq_network": Place(lambda value: {"dnsmasq_network": value}, "dnsmasq_network", "home", UNSET),
    "dnsmasq_sizes": Place(lambda value: {"dnsmasq_sizes": value}, "dnsmasq_sizes", "cache_size", UNSET),
    "an unknown size": Place(lambda value: {"dnsmasq_sizes": {as_key(value): 5000}}, "dnsmasq_sizes[", "cache_size"),
} | {
    f"dnsmasq_sizes.{size}": Place(
        lambda value, size=size: {"dnsmasq_sizes": {size: value}},
        f"dnsmasq_sizes['{size}']",
        "50",
        UNSET if size == "receive_buffer" else UNSET | {"a number"},
    )
    for size in SIZES
}
PLACES |= checks("dnsmasq_checks", "dnsmasq_checks")
#: What libc is to ask first.
FIRST_PLACES: dict[str, Place] = {
    "resolv_conf_nameservers": Place(
        lambda value: {"resolv_conf_nameservers": value}, "resolv_conf_nameservers", "127.0.0.1"
    ),
    "an item of resolv_conf_nameservers": Place(
        lambda value: {"resolv_conf_nameservers": ["127.0.0.1", value]}, "resolv_conf_nameservers[1]", "127.0.0.2"
    ),
}


def is_clean(text: str) -> bool:
    """Whether it is what a file may hold: ASCII, in lines that dnsmasq does not cut, and nothing hostile."""
    lines = text.splitlines()
    return (
        all(" " <= sign <= "~" or sign in "\n\t" for sign in text)
        and MARK not in text
        and all(len(line) < 1024 for line in lines)
    )
