# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked to prove a plan: by a deploy, by a deploy of all bridges once all are there, and by `verify`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns.query import LIBC_TYPES
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.queries import as_query

Query = dict[str, Any]
#: dnsmasq answers this name by itself: that it comes through libc shows that libc asks dnsmasq.
KNOWN_TO_DNSMASQ = {"name": "everywhere-dnsmasq.invalid", "cached": False}


def _uncached(queries: Iterable[Query]) -> list[Query]:
    return [{**query, "cached": False} for query in queries]


def proofs(plan: Mapping[str, Any], checks: list[Query]) -> dict[str, list[Query]]:
    """The queries of each proof, as the module query_latency takes them.

    A deploy proves that the right answers come, and is held to no time: `verify` proves the cache and how fast it is.
    The bridges of two networks answer through each other, and one of them is deployed first: what lies behind bridges
    that do not answer yet is required once all are there.
    """
    checks = [as_query(check) for check in checks]
    bridge = plan["tier"] == "bridge"
    own = [query for query in plan["checks"] if not query["cached"]]
    far = {rule["zone"] for rule in plan["forwards"] if bridge and rule["via"] != plan["network"]}
    libc = {"transport": "libc", "server": plan["listen"][0]}
    through_libc = [KNOWN_TO_DNSMASQ] + [query for query in checks if query.get("type", "A") in LIBC_TYPES]
    return {
        "deploy": [query for query in own if query["name"] not in far]
        + [{**query, "required": False} for query in own if query["name"] in far]
        + ([] if bridge else _uncached(checks)),
        "all_bridges": own + _uncached(checks),
        "verify": plan["checks"] + checks + [{**query, **libc} for query in through_libc],
        "report": plan["checks"] + checks,
    }
