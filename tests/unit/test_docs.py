"""The pages of docs/: their inventories can be planned, their commands exist, their tables agree with the code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import parse, plan, spelling
from plugins.module_utils._dns.test_metrics import PAGE

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])
QUERY = "everywhere.dnsmasq.query_latency"
PLAYBOOKS = {path.stem for path in (ROOT / "playbooks").glob("*.yml")}
#: Of the options that a command of ours may have; what stands behind -e is a variable.
OPTIONS = re.compile(r"-[ielb]|--check|--diff|-r|-p")
VARIABLE = re.compile(r"\b(?:dnsmasq|resolv_conf)_[a-z_]+\b")


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", page.read_text(), re.S | re.M)


def inventories() -> Iterator[Any]:
    for page in PAGES:
        for number, text in enumerate(blocks(page, "yaml")):
            told = yaml.safe_load(text)
            if isinstance(told, dict) and "all" in told:
                yield pytest.param(told["all"], id=f"{page.name}-{number}")


@pytest.mark.parametrize("everything", list(inventories()))
def test_each_inventory_can_be_planned(everything: dict[str, Any]) -> None:
    topology = everything["vars"]["dnsmasq_topology"]
    planned = 0
    for group in everything["children"].values():
        for host, own in group["hosts"].items():
            network = (own or {}).get("dnsmasq_network") or group["vars"]["dnsmasq_network"]
            made = plan.plan(topology, host, network)
            assert made["tier"] == ("bridge" if host in (topology[network] or {}).get("bridges", {}) else "local")
            planned += 1
    assert planned


def test_the_site_behind_the_datacenter_is_reached_through_its_bridges() -> None:
    """What the page on topologies says of site-b."""
    [told] = [each for each in map(yaml.safe_load, blocks(ROOT / "docs/topology.md", "yaml")) if "site-b" in str(each)]
    made = plan.plan(told["all"]["vars"]["dnsmasq_topology"], "b-web1", "site-b")
    asked = {rule["zone"]: rule["servers"] for rule in made["forwards"]}
    assert asked == {"corp.example": ["10.20.0.53", "10.20.0.54"], "a.example": ["10.20.0.53", "10.20.0.54"]}


def test_each_key_of_a_network_is_in_the_table() -> None:
    text = (ROOT / "docs/topology.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.M)) == set(parse.READERS)


@pytest.mark.ansible
def test_checks_and_queries_are_those_of_the_module() -> None:
    queries = []
    for page in PAGES:
        for told in map(yaml.safe_load, blocks(page, "yaml")):
            if isinstance(told, dict):
                queries += told.get("dnsmasq_checks", [])
            elif isinstance(told, list):
                queries += [query for task in told for query in task.get(QUERY, {}).get("queries", [])]
    assert len(queries) >= 5
    assert ArgumentSpecValidator(check.ARGUMENTS).validate({"queries": queries}).error_messages == []


def test_each_command_names_what_there_is() -> None:
    commands = [
        line for page in PAGES for block in blocks(page, "console") for line in block.splitlines() if line.strip()
    ]
    targets = set(re.findall(r"^([a-z_ -]+?):.*##", (ROOT / "Makefile").read_text(), re.M))
    targets = {word for names in targets for word in names.split()}
    seen = 0
    for line in commands:
        program, *words = shlex.split(line)
        if program == "make":
            assert set(words) <= targets, line
        elif program == "ansible-playbook":
            assert words[0].removeprefix("everywhere.dnsmasq.") in PLAYBOOKS, line
            assert all(OPTIONS.fullmatch(word) for word in words if word.startswith("-")), line
        elif program == "ansible":
            module = words[words.index("-m") + 1].removeprefix("everywhere.dnsmasq.")
            assert (ROOT / f"plugins/modules/{module}.py").is_file(), line
        else:
            assert program in ("ansible-galaxy", "git", "systemctl", "pytest", "molecule"), line
        seen += 1
    assert seen >= 15


def test_each_variable_that_a_page_names_is_one() -> None:
    known = {"resolver_info", *spelling.PLAYBOOK_VARIABLES}
    known |= set(re.findall(r"^# TYPE (\w+)", PAGE, re.M)) | {"dnsmasq_exporter"}
    for role in ("dnsmasq", "resolv_conf"):
        known |= set(yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text()))
    for page in PAGES:
        if page.name != "CHANGELOG.md":
            assert set(VARIABLE.findall(page.read_text())) <= known, page.name


def test_each_path_that_architecture_and_contributing_name_is_there() -> None:
    for page in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"):
        named = re.findall(
            r"`((?:roles|plugins|playbooks|tests|molecule|docs|meta|changelogs)/[\w./-]+)`", page.read_text()
        )
        assert len(named) >= 10
        missing = [path for path in named if not (ROOT / path).exists() and path != "changelogs/fragments"]
        assert missing == []


def test_the_workflow_runs_what_make_test_runs_and_each_stage_has_a_line_in_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    [stages] = re.findall(r"^test:.*\n\t@python3 \.ci/stages\.py (.*)$", makefile, re.M)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    [job] = workflow["jobs"].values()
    assert job["strategy"]["matrix"]["stage"] == stages.split()
    told = {name for names in re.findall(r"^([a-z_ -]+?):.*##", makefile, re.M) for name in names.split()}
    defined = set(re.findall(r"^([a-z_]+)\(\) ", (ROOT / ".ci/stage").read_text(), re.M))
    limited = set(re.findall(r'^    "([a-z_]+)": \(', (ROOT / ".ci/stages.py").read_text(), re.M))
    assert set(stages.split()) <= told & defined & limited
