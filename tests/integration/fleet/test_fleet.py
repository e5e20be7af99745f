# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small sample of `make bench`: the counts of a fleet, with nothing said about time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FLEET = ROOT / "tests" / "bench" / "fleet" / "fleet.py"
#: More than dnsmasq's defaults bear, and a few seconds to start.
INSTANCES = 600


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    numbers = tmp_path_factory.mktemp("fleet") / "numbers.json"
    collections = os.environ.get("EVERYWHERE_COLLECTIONS")
    assert collections, "EVERYWHERE_COLLECTIONS is not set: run `make integration`"
    subprocess.run(
        [
            *(sys.executable, str(FLEET), "--instances", str(INSTANCES), "--suites", "bookworm", "--cold", "1"),
            *("--expiries", "0", "--json", str(numbers), "--limit", "240"),
        ],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "molecule" / "lab"), str(FLEET.parents[1]), collections]),
        },
        check=True,
    )
    return {row["round"]: row for row in json.loads(numbers.read_text())["suites"][0]["rounds"]}


@pytest.mark.parametrize("name", ["cold 1", "cold at one instant"])
def test_a_name_crosses_once_for_each_bridge_and_reaches_the_authority_once(
    rounds: dict[str, dict[str, Any]], name: str
) -> None:
    row = rounds[name]
    assert row["ok"] == row["asked"] == INSTANCES
    assert row["crossed"] <= 2
    assert row["authority"] == row["authority_says"] == 1


def test_a_known_name_is_asked_of_nobody(rounds: dict[str, dict[str, Any]]) -> None:
    row = rounds["warm"]
    assert row["ok"] == INSTANCES
    assert (row["to_bridges"], row["crossed"], row["authority"]) == (0, 0, 0)


@pytest.mark.parametrize("name", ["a local bridge frozen", "a remote bridge frozen"])
def test_a_frozen_bridge_costs_nobody_the_answer(rounds: dict[str, dict[str, Any]], name: str) -> None:
    assert rounds[name]["ok"] == INSTANCES


@pytest.mark.parametrize("name", ["defaults: cold", "defaults: cold at one instant"])
def test_with_the_defaults_of_dnsmasq_the_same_fleet_loses_answers(
    rounds: dict[str, dict[str, Any]], name: str
) -> None:
    assert rounds[name]["lost"] + rounds[name]["refused"] > 0
