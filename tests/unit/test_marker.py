# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each test that comes near Ansible has the marker `ansible`, by which it runs with each ansible-core of the matrix."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = "ansible_collections.everywhere.dnsmasq."
#: A sentence, and the words of a boolean that test_asked.py holds against Ansible's own check.
HARMLESS = {
    "ansible.module_utils.basic.missing_required_lib",
    "ansible.module_utils.parsing.convert_bool.BOOLEANS_FALSE",
    "ansible.module_utils.parsing.convert_bool.BOOLEANS_TRUE",
}
#: A program in a text, for a Python that a test starts.
PROGRAM = re.compile(r"\b(from|import) ansible\b")
FILES = sorted(path for path in Path(__file__).parent.rglob("test_*.py") if path != Path(__file__))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What is imported, and the name that it has there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.asname or alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", alias.asname or alias.name) for alias in node.names)


@cache
def is_near(name: str) -> bool:
    """Whether it is Ansible's, or a module of ours that imports something of Ansible's, itself or through another."""
    if not name.startswith(OURS):
        return name.split(".")[0] == "ansible" and name not in HARMLESS
    path = ROOT.joinpath(*name[len(OURS) :].split(".")).with_suffix(".py")
    path = path if path.is_file() else path.parent.with_suffix(".py")
    return path.is_file() and any(is_near(there) for there, _here in imports(parsed(path)))


def names(node: ast.AST) -> set[str]:
    """All names in it, those of the fixtures that it takes among them; a program that imports Ansible is one, too."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    found |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return found | ({"ansible"} if any(map(PROGRAM.search, texts)) else set())


def defined(node: ast.stmt) -> set[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def is_marked(node: ast.AST) -> bool:
    return "pytest.mark.ansible" in ast.unparse(node)


def unmarked(tree: ast.Module) -> list[str]:
    """The tests that come near Ansible, by whatever functions and values of the file, and do not say so."""
    near = {"ansible"} | {here for there, here in imports(tree) if is_near(there)}
    statements = [(defined(node), names(node)) for node in tree.body]
    grown = True
    while grown:
        new = set().union(*(made for made, used in statements if used & near)) - near
        near |= new
        grown = bool(new)
    if any(is_marked(node) and "pytestmark" in defined(node) for node in tree.body):
        return []
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    return [test.name for test in tests if test.name in near and not any(map(is_marked, test.decorator_list))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_comes_near_ansible_is_marked(path: Path) -> None:
    assert unmarked(parsed(path)) == []


def test_it_is_found_through_fixtures_functions_values_and_programs() -> None:
    text = """
from ansible.errors import AnsibleError as Wrong
from ansible_collections.everywhere.dnsmasq.plugins.filter import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as pure
PLAN = plan.FilterModule()
def call(): return Wrong
@pytest.fixture
def run(): return subprocess.run([sys.executable, "-c", "from ansible.cli.playbook import main"])
def test_a(): call()
def test_b(run): pass
@pytest.mark.parametrize("x", [PLAN])
def test_c(x): pass
@pytest.mark.ansible
def test_d(): call()
def test_e(): pure.plan({}, "ansible", "")
"""
    assert unmarked(ast.parse(text)) == ["test_a", "test_b", "test_c"]
    assert unmarked(ast.parse(text + "pytestmark = pytest.mark.ansible\n")) == []
