# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole plans, as files to read: tests/unit/golden/<topology>.yml has a topology and the plans of some hosts.

After a change that is meant to change plans, `GOLDEN=write pytest tests/unit/plugins/plugin_utils/test_golden.py`
writes the plans anew below each topology; review the difference by hand before it is committed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan

GOLDEN = sorted((Path(__file__).resolve().parents[3] / "golden").glob("*.yml"))
WIDTH = 120
MARK = "# Written by test_golden.py from here on.\n"


def flow(value: Any) -> str:
    """The value in one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=math.inf, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def lines(key: str, value: Any, indent: str = "") -> Iterator[str]:
    """One line if it is a short one; a rule or a check has a line of its own."""
    line = f"{indent}{key}: {flow(value)}"
    if value and isinstance(value, dict) and (len(line) > WIDTH or len(indent) < 4):
        yield f"{indent}{key}:"
        for inner, item in value.items():
            yield from lines(inner, item, f"{indent}  ")
    elif value and isinstance(value, list) and (len(line) > WIDTH or isinstance(value[0], dict)):
        yield f"{indent}{key}:"
        yield from (f"{indent}  - {flow(item)}" for item in value)
    else:
        yield line


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_plans_are_golden(path: Path) -> None:
    given, _mark, _written = path.read_text().partition(MARK)
    golden = yaml.safe_load(given)
    members = [name for name, count in golden["members"].items() for _number in range(count)]
    plans = {
        host: plan.plan(golden["topology"], host, network, members=members) for host, network in golden["hosts"].items()
    }
    if os.environ.get("GOLDEN") == "write":
        path.write_text(given + MARK + "".join(f"{line}\n" for line in lines("plans", plans)))
    assert yaml.safe_load(path.read_text())["plans"] == plans


def test_each_topology_has_its_file() -> None:
    assert [path.stem for path in GOLDEN] == ["chain", "hub", "network_1", "network_2", "ring"]
