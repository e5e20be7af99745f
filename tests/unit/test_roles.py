# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files of each role have to agree on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.detect import HASHED, HASHED_OF_DNSMASQ
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.preflight import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
PLATFORM = re.compile(r"ansible_(distribution|os_family)|ansible_facts\W+(distribution|os_family)")


#: What a play that asked already hands to a role: without it, the role asks by itself. So none has a default. None is
#: among the options either, which Ansible renders whole for each host: the plans of all of them, too.
HANDED_ON = {"dnsmasq_plans", "dnsmasq_info", "resolv_conf_info"}


def files(*patterns: str) -> list[Any]:
    """A test's rows: each file of the roles that one of the patterns names."""
    found = sorted(path for role in ROLES for pattern in patterns for path in role.glob(pattern) if path.is_file())
    assert found
    return [pytest.param(path, id=str(path.relative_to(ROOT / "roles"))) for path in found]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def role_of(path: Path) -> str:
    return path.relative_to(ROOT / "roles").parts[0]


def names_set(tasks: Any) -> Iterator[str]:
    """Every variable that a task file sets, in blocks too: register, set_fact, vars and loop variables."""
    if isinstance(tasks, list):
        for task in tasks:
            yield from names_set(task)
    elif isinstance(tasks, dict):
        for key, value in tasks.items():
            if key == "register":
                yield value
            elif key in ("vars", "set_fact", "ansible.builtin.set_fact"):
                yield from (name for name in value if name != "cacheable")
            elif key == "loop_control":
                yield from (value[name] for name in ("loop_var", "index_var") if name in value)
            elif key in ("block", "rescue", "always"):
                yield from names_set(value)


def test_the_names_that_tasks_set_are_found() -> None:
    tasks = """
    - block:
        - ansible.builtin.command: x
          register: a
          loop_control: {loop_var: b, index_var: c, label: x}
      rescue:
        - ansible.builtin.set_fact: {d: 1, cacheable: true}
      always:
        - set_fact: {e: 1}
      vars: {f: 1}
    """
    assert sorted(names_set(yaml.safe_load(tasks))) == list("abcdef")


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_the_specs_and_the_defaults_have_the_same_variables(role: Path) -> None:
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    public = {name for name in read(role / "defaults/main.yml") if not name.startswith("__")}
    assert set(options) == public
    assert all(name.startswith(f"{role.name}_") for name in options)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_default_is_written_once(role: Path) -> None:
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert [name for name, option in options.items() if "default" in option] == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_entry_point_has_its_tasks(role: Path) -> None:
    points = read(role / "meta/argument_specs.yml")["argument_specs"]
    assert [point for point in points if not (role / "tasks" / f"{point}.yml").is_file()] == []


@pytest.mark.parametrize("path", files("vars/*.yml"))
def test_the_vars_are_internal(path: Path) -> None:
    assert [name for name in read(path) if not name.startswith(f"__{role_of(path)}_")] == []


@pytest.mark.parametrize("path", files("tasks/**/*.yml", "handlers/*.yml"))
def test_what_tasks_set_is_internal(path: Path) -> None:
    # Another interpreter for one task is Ansible's own variable.
    set_there = [name for name in names_set(read(path)) if name != "ansible_python_interpreter"]
    assert [name for name in set_there if not name.startswith(f"__{role_of(path)}_") and name not in HANDED_ON] == []


def test_each_provider_has_its_takeover_and_each_takeover_its_provider() -> None:
    takeovers = {path.stem for path in (ROOT / "roles/resolv_conf/tasks/providers").glob("*.yml")}
    assert sorted(PROVIDERS) == sorted(takeovers)


@pytest.mark.parametrize(
    ("pattern", "limit"), [("tasks/**/*.yml", 100), ("defaults/*.yml", 60)], ids=["tasks", "defaults"]
)
def test_files_are_short(pattern: str, limit: int) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for role in ROLES
        for path in role.glob(pattern)
    }
    assert lengths
    assert {name: lines for name, lines in lengths.items() if lines >= limit} == {}


@pytest.mark.parametrize("path", files("templates/*"))
def test_a_template_reads_no_fact_that_hosts_with_one_hash_differ_in(path: Path) -> None:
    """Their files are rendered once, by that hash."""
    facts = set(re.findall(r"(?:dnsmasq|resolv_conf)_info((?:\.\w+)+)", path.read_text(encoding="utf-8")))
    known = {f".{fact}" for fact in HASHED} | {f".dnsmasq.{fact}" for fact in HASHED_OF_DNSMASQ}
    assert facts <= known


@pytest.mark.parametrize("path", files("templates/**/*", "vars/*.yml", "tasks/**/*.yml"))
def test_the_distribution_is_data(path: Path) -> None:
    assert PLATFORM.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize(("role", "option"), [("dnsmasq", "dnsmasq_checks"), ("resolv_conf", "resolv_conf_checks")])
def test_the_options_of_a_check_stand_with_the_module_alone(role: str, option: str) -> None:
    spec = read(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"][option]
    assert (spec["type"], spec["elements"]) == ("list", "dict") and "options" not in spec
    assert any("O(everywhere.dnsmasq.query_latency#module:queries)" in line for line in spec["description"])
