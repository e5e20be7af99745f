# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The user's own checks, judged where they are written: a mistake ends the run before any host is touched.

Their options and what contradicts what are those of query_latency (plugins/module_utils/_dns/query.py). The module
judges names and data again, by dnspython, which the controller need not have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.query import (
    CHECK_OPTIONS,
    LIBC_TYPES,
    QUERY_SPEC,
    contradictions,
    may_be_null,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import (
    InputError,
    fault,
    misfit,
    place,
    plain,
)
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import names

RCODES = QUERY_SPEC["rcode"]["choices"]
# IANA's, without those that only a question or a message has (ANY, AXFR, OPT and the like).
TYPES = frozenset(
    re.findall(
        r"\w+",
        "A A6 AAAA AFSDB AMTRELAY APL AVC CAA CDNSKEY CDS CERT CNAME CSYNC DHCID DLV DNAME DNSKEY DS EUI48 EUI64 GPOS "
        "HINFO HIP HTTPS IPSECKEY ISDN KEY KX L32 L64 LOC LP MB MG MINFO MR MX NAPTR NID NS NSAP NSEC NSEC3 NSEC3PARAM "
        "NULL NXT OPENPGPKEY PTR PX RP RRSIG RT SIG SMIMEA SOA SPF SRV SSHFP SVCB TA TLSA TXT URI WKS X25 ZONEMD",
    )
)
_TYPE_BY_NUMBER = re.compile(r"TYPE[0-9]{1,5}")
_DOTTED_QUAD = re.compile(r"[0-9.]{7,15}")
_HEXTETS = re.compile(r"[0-9A-Fa-f.:]{2,45}")
_ESCAPE = re.compile(r"\\(?:[01][0-9]{2}|2[0-4][0-9]|25[0-5]|[^0-9])")


class CheckError(InputError):
    """Checks that nobody could be asked."""


def _name(text: str) -> None:
    """Any name that DNS can carry (RFC 1035, 5.1), so more than a zone may be: wildcards, slashes, escapes."""
    if not text.isascii():
        names.zone_name(text)
        return
    if not text.isprintable() or " " in text or not text:
        raise ValueError("is no domain name: write one without white space, such as 'db.corp.example'")
    octets = _ESCAPE.sub("x", text)
    labels = [] if octets == "." else octets.removesuffix(".").split(".")
    if "\\" in octets or len(".".join(labels)) > 253 or not all(0 < len(label) < 64 for label in labels):
        raise ValueError("is no domain name: use labels of 1 to 63 characters, 253 in all, such as 'db.corp.example'")


def _type(text: str) -> None:
    if not text.isascii() or not (text.upper() in TYPES or _TYPE_BY_NUMBER.fullmatch(text.upper())):
        raise ValueError("is no record type that can be asked for: write one such as 'AAAA' or 'TYPE65'")


def _libc_type(text: str) -> None:
    if not text.isascii() or text.upper() not in LIBC_TYPES:
        raise ValueError("libc cannot be asked for: write 'A' or 'AAAA'")


def _ipv4(text: str) -> None:
    try:
        if not _DOTTED_QUAD.fullmatch(text):
            raise ValueError
        IPv4Address(text)
    except ValueError:
        raise ValueError("is no IPv4 address, the data of type A: write one such as '192.0.2.11'") from None


def _ipv6(text: str) -> None:
    try:
        if not _HEXTETS.fullmatch(text):
            raise ValueError
        IPv6Address(text)
    except ValueError:
        raise ValueError("is no IPv6 address, the data of type AAAA: write one such as '2001:db8::11'") from None


def _line(text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise ValueError("is no record's data: write it in one line, as a zone file does")


DATA: dict[str, Callable[[str], None]] = {"A": _ipv4, "AAAA": _ipv6, "CNAME": _name, "NS": _name, "PTR": _name}


def _rcode(text: str) -> None:
    if text not in RCODES:
        raise ValueError(f"is no response code that a name can have: write {' or '.join(map(repr, RCODES))}")


def _text(where: str, raw: object, wanted: str, parse: Callable[[str], object]) -> Iterator[str]:
    if not isinstance(raw, str):
        yield misfit(where, raw, f"{wanted} as a string")
        return
    try:
        parse(plain(raw))
    except ValueError as reason:
        yield fault(where, raw, reason)


def _texts(where: str, raw: object, wanted: str, parse: Callable[[str], object]) -> Iterator[str]:
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        yield misfit(where, raw, f"a list of {wanted}")
        return
    for index, item in enumerate(raw):
        yield from _text(place(where, index), item, f"one of the {wanted}", parse)


def boolean(raw: object) -> bool | None:
    """As Ansible's own check of an option takes it, also from a word; None for what is no boolean."""
    if not isinstance(raw, (int, str)):
        return None
    word = plain(raw).strip().lower() if isinstance(raw, str) else raw
    return True if word in BOOLEANS_TRUE else False if word in BOOLEANS_FALSE else None


def _truth(where: str, raw: object) -> Iterator[str]:
    if boolean(raw) is None:
        yield misfit(where, raw, "true or false")


def _data_of(kind: object) -> Callable[[str], None]:
    return DATA.get(plain(kind).upper(), _line) if isinstance(kind, str) else _line


def _one(where: str, raw: object, type_of: Callable[[str], None]) -> Iterator[str]:
    if not isinstance(raw, Mapping):
        yield misfit(where, raw, "a mapping with a 'name'")
        return
    readers: dict[str, tuple[str, Callable[[str], object]]] = {
        "name": ("the name to ask for", _name),
        "type": ("the record type", type_of),
        "expected": ("records' data", _data_of(raw.get("type", QUERY_SPEC["type"]["default"]))),
        "rcode": ("the response code", _rcode),
        "reference": ("servers", names.with_port),
    }
    for key, value in raw.items():
        at = place(where, key)
        if not isinstance(key, str) or key not in CHECK_OPTIONS:
            yield fault(at, value, f"is no part of a check: use {', '.join(CHECK_OPTIONS)}")
        elif value is not None or not may_be_null(key):
            kind = QUERY_SPEC[key]["type"]
            if kind == "bool":
                yield from _truth(at, value)
            else:
                yield from {"str": _text, "list": _texts}[kind](at, value, *readers[key])
    if "name" not in raw:
        yield fault(where, raw, "has no 'name': add the name to ask for")
    for option, reason in contradictions({**raw, "required": boolean(raw.get("required"))}):
        yield fault(place(where, option), raw[option], reason)


def read_checks(raw: object, variable: str, findings: list[str], libc: bool = False) -> None:
    """Add what is wrong with the checks in the variable."""
    if isinstance(raw, str) or not isinstance(raw, Sequence):
        findings.append(misfit(variable, raw, "a list of mappings, each with a 'name'"))
        return
    for index, item in enumerate(raw):
        findings += _one(place(variable, index), item, _libc_type if libc else _type)


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {plain(key): _bare(item) for key, item in value.items()}
    if isinstance(value, str):
        return plain(value)
    return [_bare(item) for item in value] if isinstance(value, Sequence) else value


def as_query(check: Mapping[str, Any]) -> dict[str, Any]:
    """What a check asks: that the name has records of its type, unless it says what else is right."""
    says_nothing = check.get("rcode") is None and check.get("expected") is None
    return {**check, "exists": True} if says_nothing else dict(check)


def checks(raw: object, variable: str, libc: bool = False) -> list[dict[str, Any]]:
    """The checks as queries, in plain data, or a CheckError with everything that is wrong."""
    findings: list[str] = []
    read_checks(raw, variable, findings, libc)
    if findings:
        raise CheckError(findings)
    return [as_query(check) for check in _bare(raw)]
