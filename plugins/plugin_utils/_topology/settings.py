# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a plan to the lines of dnsmasq.conf that the installed dnsmasq knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import (
    InputError,
    fault,
    misfit,
    plain,
)

Version = tuple[int, int]
Line = dict[str, Any]

OLDEST: Version = (2, 76)  # Red Hat 7 and Amazon Linux 2; 2.85 is the oldest that was started
PID_FILE = "/run/dnsmasq/dnsmasq.pid"
RETRY_MILLISECONDS = 500
RETRY_SINCE: Version = (2, 88)
NEGATIVE_SECONDS = 60

ON = "on"


class SettingsError(InputError):
    """The plan cannot be turned into settings of this dnsmasq."""


class Option(NamedTuple):
    """One option of dnsmasq: the key of its values, why it is set, and the versions that take it."""

    name: str
    values: str
    reason: str
    first: Version = OLDEST
    last: Version | None = None


# A flag has the values ON; an option without values is left out. Versions were measured, not read in a manual.
OPTIONS = (
    Option("user", "user", "run without root's rights once port 53 is bound"),
    Option("group", "group", "the group that goes with the user"),
    Option("pid-file", "pid_file", "the service manager finds the process here"),
    Option("listen-address", "listen", "answer here and nowhere else"),
    Option("bind-interfaces", "local", "leave port 53 of every other address to others"),
    Option("bind-dynamic", "bridge", "leave port 53 of every other address to others, and wait for one that is late"),
    Option("no-hosts", ON, "libc reads /etc/hosts before it asks"),
    Option("local", "invalid", "no name ends in invalid (RFC 6761): known without asking anybody"),
    Option("all-servers", "local", "ask all servers of a name at once, so that a dead or slow one costs nothing"),
    Option(
        "strict-order",
        "bridge",
        "ask one server of a name, so that it crosses once; a client that has to ask again gets the next one",
    ),
    Option("dns-loop-detect", ON, "drop an upstream that asks back", first=(2, 72)),
    Option("cache-size", "cache_size", "names that are kept in memory"),
    Option("dns-forward-max", "forward_max", "lookups under way before new ones are refused"),
    Option("max-tcp-connections", "tcp_connections", "connections at one time, for large answers", first=(2, 90)),
    Option(
        "use-stale-cache",
        "stale_seconds",
        "answer from a record that expired up to so many seconds ago, and fetch it anew meanwhile",
        first=(2, 88),
    ),
    Option(
        "fast-dns-retry",
        "retry",
        "ask again after so many milliseconds: a lost query is sent anew, and a bridge takes its next server",
        first=RETRY_SINCE,
    ),
    Option(
        "neg-ttl",
        "negative_seconds",
        "keep a negative answer without an SOA for so many seconds: this version's cached ones carry none",
        last=(2, 89),
    ),
    Option("resolv-file", "resolv_file", "names outside all zones go to what DHCP handed out"),
    Option("no-resolv", "no_resolv", "names outside all zones do not go to what DHCP handed out"),
    Option("server", "upstream", "names outside all zones go here"),
)


_NEEDED = {"tier", "rank", "listen", "forwards", "reverse", "upstream", "sizes"}
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})((?:test|rc)[0-9]+)?(?:[-+~.][0-9A-Za-z.+~-]*)?")
_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_PATH = re.compile(r"(?!.*/\.\.(?:/|$))/[A-Za-z0-9_./@:+-]{1,500}")
# What dnsmasq reads as something else than itself: quotes, escapes, and white space, which starts a comment before #.
# Shorter than the 1024 bytes behind which it cuts a line.
_SAFE = re.compile(r"[!#-&(-\[\]-~]{1,900}")


def _version(raw: object, findings: list[str]) -> Version:
    """The release whose options are certain: a test release may lack what its own number brings."""
    match = _VERSION.fullmatch(raw) if isinstance(raw, str) else None
    if not match:
        findings.append(fault("version", raw, "is no version of dnsmasq: pass one such as '2.90'"))
        return OLDEST
    version = (int(match[1]), int(match[2]) - bool(match[3]))
    if version < OLDEST:
        oldest = "{}.{}".format(*OLDEST)
        findings.append(fault("version", raw, f"is too old: install dnsmasq {oldest} or newer"))
    return version


def _text(where: str, raw: object, pattern: re.Pattern[str], wanted: str) -> Iterator[str]:
    if not isinstance(raw, str):
        yield misfit(where, raw, f"{wanted} as a string")
    elif not pattern.fullmatch(raw):
        yield fault(where, raw, f"is not safe in dnsmasq.conf: give {wanted}")


def _is_plan(plan: object) -> bool:
    """Whether it has the shape of what everywhere.dnsmasq.plan returns, as far as it is read here."""

    def texts(raw: object) -> bool:
        return isinstance(raw, list) and all(isinstance(item, str) for item in raw)

    def rule(raw: object) -> bool:
        if not isinstance(raw, Mapping):
            return False
        words = [raw.get("zone"), raw.get("owner"), raw.get("via"), raw.get("subnet", "")]
        return texts(words) and bool(raw.get("servers")) and texts(raw["servers"])

    if not isinstance(plan, Mapping) or not plan.keys() >= _NEEDED:
        return False
    upstream, sizes, rules = plan["upstream"], plan["sizes"], [plan["forwards"], plan["reverse"]]
    return (
        plan["tier"] in ("local", "bridge")
        and isinstance(plan["rank"], int)
        and texts(plan["listen"])
        and all(isinstance(some, list) and all(rule(one) for one in some) for some in rules)
        and isinstance(upstream, Mapping)
        and upstream.get("mode") in ("dhcp", "list", "none")
        and texts(upstream.get("servers"))
        and isinstance(sizes, Mapping)
        and all(isinstance(sizes.get(size), int) for size in ("cache_size", "forward_max", "stale_seconds"))
        and isinstance(sizes.get("tcp_connections", ""), (int, type(None)))
    )


def _rules(rules: list[dict[str, Any]], turn: int) -> Iterator[Line]:
    """The servers of each zone, beginning with another one at each turn, and before the first why they are asked."""
    told = None
    for rule in rules:
        subject = rule.get("subnet", rule["zone"])
        way = "asked directly" if rule["via"] == rule["owner"] else f"asked through {rule['via']}'s bridges"
        reason = f"{subject} is {rule['owner']}'s, {way}"
        first = turn % len(rule["servers"])
        for server in rule["servers"][first:] + rule["servers"][:first]:
            value = f"/{rule['zone']}/{server}"
            yield {"option": "server", "value": value, "reason": None if reason == told else reason}
            told = reason


def _safe(line: Line) -> bool:
    """The last guard: whoever made the plan, a setting is one line."""
    value, reason = line["value"], line["reason"]
    if reason is not None and not (reason.isprintable() and len(reason.encode()) <= 900):
        return False
    return value is None or bool(_SAFE.fullmatch(value))


def settings(
    plan: Mapping[str, Any],
    version: object,
    user: object = "dnsmasq",
    group: object = None,
    pid_file: object = PID_FILE,
    resolv_file: object = None,
) -> list[Line]:
    """The settings in the order in which dnsmasq.conf lists them, or a SettingsError with everything that is wrong."""
    if not _is_plan(plan):
        raise SettingsError([fault("plan", plan, "is no plan: pass what everywhere.dnsmasq.plan returned")])
    upstream = plan["upstream"]
    dhcp = upstream["mode"] == "dhcp"

    findings: list[str] = []
    known = _version(version, findings)
    findings += _text("user", user, _ACCOUNT, "the name of an account")
    if group is not None:
        findings += _text("group", group, _ACCOUNT, "the name of a group")
    findings += _text("pid_file", pid_file, _PATH, "an absolute path without spaces")
    if dhcp:
        findings += _text("resolv_file", resolv_file, _PATH, "the absolute path of the file that lists the upstreams")
    if findings:
        raise SettingsError(findings)

    sizes = plan["sizes"]
    values: dict[str, list[Any]] = {
        ON: [None],
        "local": [None] if plan["tier"] == "local" else [],
        "bridge": [None] if plan["tier"] == "bridge" else [],
        "retry": [RETRY_MILLISECONDS],
        "user": [user],
        "group": [] if group is None else [group],
        "pid_file": [pid_file],
        "invalid": ["/invalid/"],
        "listen": plan["listen"],
        "cache_size": [sizes["cache_size"]],
        "forward_max": [sizes["forward_max"]],
        "tcp_connections": [] if sizes["tcp_connections"] is None else [sizes["tcp_connections"]],
        # dnsmasq takes 0 for "however old"; here it means never.
        "stale_seconds": [sizes["stale_seconds"]] if sizes["stale_seconds"] else [],
        "negative_seconds": [NEGATIVE_SECONDS],
        "resolv_file": [resolv_file] if dhcp else [],
        "no_resolv": [] if dhcp else [None],
        "upstream": upstream["servers"],
    }
    lines = [
        {
            "option": option.name,
            "value": None if value is None else plain(str(value)),
            "reason": None if index else option.reason,
        }
        for option in OPTIONS
        if option.first <= known and (option.last is None or known <= option.last)
        for index, value in enumerate(values[option.values])
    ]
    # Without its clients asking again a bridge never takes its next server: its neighbour begins with that one.
    turn = plan["rank"] if known < RETRY_SINCE else 0
    lines += [*_rules(plan["forwards"], turn), *_rules(plan["reverse"], turn)]
    remedy = "is not one word: pass what everywhere.dnsmasq.plan returned"
    unsafe = [fault(f"plan for {line['option']}", line["value"], remedy) for line in lines if not _safe(line)]
    if unsafe:
        raise SettingsError(unsafe)
    return lines
