# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each proof asks of a user's checks."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.proofs import proofs

TOPOLOGY = {
    "datacenter": {"zones": ["corp.example"], "nameservers": ["192.0.2.11"], "bridges": {"dc-1": "192.0.2.53"}},
    "gcp": {"subnets": ["198.51.100.0/24"], "bridges": {"gcp-1": "198.51.100.53"}},
}
CHECKS: list[dict[str, Any]] = [
    {"name": "www.corp.example"},
    {"name": "db.corp.example", "expected": ["192.0.2.21"]},
    {"name": "gone.corp.example", "rcode": "NXDOMAIN"},
]


def asked(host: str, network: str, proof: str) -> list[dict[str, Any]]:
    """Of the user's checks, what the proof of this host asks."""
    made = proofs(plan(TOPOLOGY, host, network), CHECKS)
    names = {check["name"] for check in CHECKS}
    return [query for query in made[proof] if query["name"] in names]


@pytest.mark.parametrize("proof", ["deploy", "all_bridges", "verify", "report"])
def test_a_check_that_says_nothing_more_means_that_the_name_exists(proof: str) -> None:
    queries = asked("app1", "gcp", proof)
    assert {query["name"]: query.get("exists", False) for query in queries} == {
        "www.corp.example": True,
        "db.corp.example": False,
        "gone.corp.example": False,
    }


def test_verify_asks_through_libc_too() -> None:
    through_libc = [query for query in asked("app1", "gcp", "verify") if query.get("transport") == "libc"]
    assert [query["name"] for query in through_libc] == [check["name"] for check in CHECKS]
    assert through_libc[0]["exists"] is True


def test_a_bridge_is_not_asked_for_what_others_answer_before_all_are_there() -> None:
    assert asked("gcp-1", "gcp", "deploy") == []
    assert len(asked("gcp-1", "gcp", "all_bridges")) == len(CHECKS)
