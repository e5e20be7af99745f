# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of one of our playbooks that would do nothing is refused; a playbook that imports ours may match no host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleLookupError
from ansible.plugins.loader import lookup_loader
from ansible_collections.everywhere.dnsmasq.plugins.lookup import target_hosts

pytestmark = pytest.mark.ansible
GROUPS = {"all": ["web1", "web2", "db1"], "ungrouped": [], "web": ["web1", "web2"], "db": ["db1"], "empty": []}
OURS = "everywhere.dnsmasq.deploy"


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch):
    def look_up(pattern: Any, playbook: str = OURS, syntax: bool = False, **variables: Any) -> str:
        monkeypatch.setattr(context, "CLIARGS", {"args": (playbook,), "syntax": syntax})
        lookup = lookup_loader.get("everywhere.dnsmasq.target_hosts")
        [found] = lookup.run([pattern], {"groups": GROUPS, **variables})
        return str(found)

    return look_up


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("all", None),
        ("web:!web1", None),
        ("web,!web1", None),
        ("web[1]", None),
        ("~^db", None),
        ("nogroup:db", None),
        ("all:&web", "web1,db1"),
        ("localhost", None),
    ],
)
def test_a_pattern_that_matches_is_returned(looked_up, pattern: str, limit: str | None) -> None:
    assert looked_up(pattern, ansible_limit=limit) == pattern.replace(":", ",")


def test_patterns_of_a_list_are_joined(looked_up) -> None:
    assert looked_up(["web:!web1", "db"]) == "web,!web1,db"


NOBODY = {
    "no such group": ("nogroup", {}, "'nogroup', which matches no host of the inventory: write a group"),
    "an empty group": ("empty", {}, "'empty', which matches no host of the inventory"),
    "nothing left": ("web:!all", {}, "'web:!all', which matches no host of the inventory"),
    "past the end": ("web[5]", {}, "matches no host of the inventory"),
    "an empty string": ("", {}, "'', which matches no host of the inventory"),
    "an empty list": ([], {}, "[], which matches no host of the inventory"),
    "a number": (5, {}, "5, which is a number: give a pattern of hosts as a string."),
    "a limit elsewhere": ("web", {"ansible_limit": "db"}, "matches no host within --limit 'db': name hosts of both"),
    "nobody, limit or not": ("empty", {"ansible_limit": "db"}, "'empty', which matches no host of the inventory"),
    "no inventory": ("all", {"groups": {"all": [], "ungrouped": []}}, "The inventory has no host: give one that has"),
    "a tag": ("all", {"ansible_run_tags": ["a", "b"]}, "--tags is 'a,b', which selects nothing"),
    "every tag left out": ("all", {"ansible_skip_tags": ["all"]}, "--skip-tags is 'all', which selects nothing"),
}


@pytest.mark.parametrize(("pattern", "variables", "reason"), NOBODY.values(), ids=NOBODY)
def test_a_run_for_nobody_is_refused(looked_up, pattern: Any, variables: dict[str, Any], reason: str) -> None:
    with pytest.raises(AnsibleLookupError) as raised:
        looked_up(pattern, **variables)
    assert reason in str(raised.value) and str(raised.value).endswith(".") and "\n" not in str(raised.value)


@pytest.mark.parametrize("tags", [{"ansible_run_tags": ["untagged"]}, {"ansible_skip_tags": ["web"]}], ids=str)
def test_tags_that_leave_all_tasks_are_taken(looked_up, tags: dict[str, Any]) -> None:
    assert looked_up("all", **tags) == "all"


@pytest.mark.parametrize(
    ("playbook", "ours"),
    [(OURS, True), (str(target_hosts.PLAYBOOKS / "deploy.yml"), True), ("site.yml", False), ("/srv/deploy.yml", False)],
)
def test_a_playbook_that_imports_ours_may_be_for_nobody(looked_up, playbook: str, ours: bool) -> None:
    assert target_hosts.is_ours(playbook) is ours
    if not ours:
        assert looked_up("empty", playbook, ansible_run_tags=["web"]) == "empty"


def test_a_check_of_the_syntax_needs_no_inventory(looked_up) -> None:
    assert looked_up("nogroup", syntax=True, groups={"all": []}) == "nogroup"
