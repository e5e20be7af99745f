# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One name, one meaning: no two public classes or functions of the plugins have the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What Ansible looks for in a file of each kind.
OF_ANSIBLE = {"main", "FilterModule", "LookupModule", "ActionModule", "ModuleDocFragment"}
#: Functions that are one thing in several places: what each package manager says.
INTERFACES = {"waiting": {"apt", "dnf", "zypper"}}


def public_names(source: str) -> set[str]:
    """Of the classes and functions at the top level."""
    definitions = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.parse(source).body if isinstance(node, definitions)}
    return {name for name in names if not name.startswith("_")} - OF_ANSIBLE


def test_public_names_are_found() -> None:
    source = "class A: pass\ndef b(): pass\ndef _c(): pass\ndef main(): pass\nD = 1\n"
    assert public_names(source) == {"A", "b"}


def test_a_public_name_has_one_meaning() -> None:
    places = defaultdict(set)
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        for name in public_names(path.read_text(encoding="utf-8")):
            places[name].add(path.stem)
    assert len(places) > 100
    twice = {name: sorted(where) for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if set(where) != INTERFACES.get(name)} == {}
