# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are nearly another one: misspelled variables, and the known name that is nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

#: What the variables of the two roles begin with. Other roles for dnsmasq have variables that begin alike.
PREFIXES = ("dnsmasq_", "resolv_conf_")
#: What the user may write for the playbooks, beside the defaults of the roles.
PLAYBOOK_VARIABLES = (
    "dnsmasq_hosts",
    "dnsmasq_name",
    "dnsmasq_report",
    "dnsmasq_verify_max_cached_ms",
    "dnsmasq_verify_samples",
)
#: What plays register or set for their later tasks. Nobody else writes these, so nobody misspells them.
HANDED_ON = (
    "dnsmasq_entry",
    "dnsmasq_info",
    "dnsmasq_plans",
    "dnsmasq_report_info",
    "dnsmasq_report_queries",
    "resolv_conf_info",
)
#: How many letters a misspelled name differs by at most, and a short one: dnsmasq_port is not meant for dnsmasq_report.
LIMIT, LIMIT_OF_SHORT = 2, 1
#: What has fewer letters, behind a prefix, is short.
LONG = 6


def edits(one: str, other: str, limit: int = LIMIT) -> int:
    """How many letters to insert, delete, replace or swap with their neighbour; limit + 1 where it takes more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    shorter = min(len(one), len(other))
    alike = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    one, other = one[alike:], other[alike:]
    if not (one and other):
        return len(one) + len(other)
    if limit == 0:
        return 1
    rests = [(one[1:], other), (one, other[1:]), (one[1:], other[1:])]
    if one[:2] == other[1::-1]:
        rests.append((one[2:], other[2:]))
    return 1 + min(edits(*rest, limit - 1) for rest in rests)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs by the fewest letters, where any differs by few enough."""
    found: list[tuple[int, str]] = []
    for other in known:
        limit = LIMIT if min(len(name), len(other)) >= LONG else LIMIT_OF_SHORT
        count = edits(name, other, limit)
        if count <= limit:
            found.append((count, other))
    return min(found)[1] if found else None


@cache
def _meant(name: str, defaults: frozenset[str]) -> str | None:
    written = defaults.union(PLAYBOOK_VARIABLES)
    if name in written or name in HANDED_ON:
        return None
    [prefix] = [prefix for prefix in PREFIXES if name.startswith(prefix)]
    known = [other.removeprefix(prefix) for other in written if other.startswith(prefix)]
    found = nearest(name.removeprefix(prefix), known)
    return found and prefix + found


def misspelled(names: Iterable[str], defaults: Iterable[str]) -> dict[str, str]:
    """Variables that are none of ours, each with the one that is meant; `defaults` are those of the roles.

    Hosts have the same variables by the thousand, so each name is compared once.
    """
    known = frozenset(defaults)
    found = {name: _meant(name, known) for name in names if name.startswith(PREFIXES)}
    return {name: meant for name, meant in found.items() if meant}
