# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two names are apart, and which variables of our prefixes are misspelled."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import spelling

ROOT = Path(__file__).resolve().parents[5]
DEFAULTS = {
    name
    for role in ("dnsmasq", "resolv_conf")
    for name in yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text())
}


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ("", "", 0),
        ("", "ab", 2),
        ("", "abc", 3),
        ("network", "network", 0),
        ("netwrok", "network", 1),
        ("networ", "network", 1),
        ("networks", "network", 1),
        ("metwork", "network", 1),
        ("metwrok", "network", 2),
        ("entwrok", "network", 2),
        ("nework", "networks", 2),
        ("nxtwxxk", "network", 3),
        ("dc-bridge-one", "dc-bridge-1", 3),
    ],
)
def test_each_letter_that_differs_counts(one: str, other: str, count: int) -> None:
    assert (spelling.edits(one, other), spelling.edits(other, one)) == (count, count)


def textbook(one: str, other: str) -> int:
    """The whole table, slowly."""
    rows = {(i, j): i + j for i in range(len(one) + 1) for j in range(len(other) + 1) if 0 in (i, j)}
    for i, j in product(range(1, len(one) + 1), range(1, len(other) + 1)):
        ways = [rows[i - 1, j] + 1, rows[i, j - 1] + 1, rows[i - 1, j - 1] + (one[i - 1] != other[j - 1])]
        if i > 1 and j > 1 and one[i - 2 : i] == other[j - 1] + other[j - 2]:
            ways.append(rows[i - 2, j - 2] + 1)
        rows[i, j] = min(ways)
    return rows[len(one), len(other)]


def test_short_words_are_as_far_apart_as_the_textbook_says() -> None:
    sizes = [(size, "abc" if size < 4 else "ab") for size in range(6)]
    words = ["".join(letters) for size, alphabet in sizes for letters in product(alphabet, repeat=size)]
    assert len(words) > 80
    wrong = [(a, b) for a, b in product(words, words) if spelling.edits(a, b) != min(textbook(a, b), 3)]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("dnsmasq_netwrok", "dnsmasq_network"),
        ("dnsmasq_topolgy", "dnsmasq_topology"),
        ("dnsmasq_metric", "dnsmasq_metrics"),
        ("dnsmasq_hots", "dnsmasq_hosts"),
        ("dnsmasq_verify_max_cache_ms", "dnsmasq_verify_max_cached_ms"),
        ("resolv_conf_nameserver", "resolv_conf_nameservers"),
        ("resolv_conf_cheks", "resolv_conf_checks"),
    ],
)
def test_a_misspelled_variable_has_a_nearest_one(name: str, meant: str) -> None:
    assert spelling.misspelled([name], DEFAULTS) == {name: meant}


@pytest.mark.parametrize(
    "name",
    [
        *sorted(DEFAULTS | set(spelling.PLAYBOOK_VARIABLES) | set(spelling.HANDED_ON)),
        "dnsmasq_port",
        "dnsmasq_ports",
        "dnsmasq_node",
        "dnsmasq_domain",
        "dnsmasq_conf_dir",
        "dnsmasq_listen_address",
        "resolv_conf_search",
        "dnsmaq_network",
        "__dnsmasq_plans",
        "ansible_host",
        "",
    ],
)
def test_ours_and_those_of_other_roles_are_left_alone(name: str) -> None:
    assert spelling.misspelled([name], DEFAULTS) == {}


def test_of_two_that_are_near_the_nearer_one_is_told() -> None:
    assert spelling.nearest("host-12", ["host-99", "host-1", "host-34"]) == "host-1"
    assert spelling.nearest("host-1", ["server-1"]) is None


def test_a_short_name_is_near_by_one_letter_alone() -> None:
    assert spelling.nearest("dc1", ["dc-1"]) == "dc-1"
    assert spelling.nearest("hq-2", ["dc-2"]) is None


def test_each_variable_of_the_playbooks_and_roles_is_known() -> None:
    """A variable that a play registers stands among those of its hosts: it must not be taken for a misspelled one."""
    files = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").rglob("tasks/**/*.yml")]
    texts = [re.sub(r"^ *#.*$", "", path.read_text(), flags=re.M) for path in files]
    used = {name for text in texts for name in re.findall(r"(?<![\w.])(?:dnsmasq|resolv_conf)_\w+\b(?!=)", text)}
    assert used - DEFAULTS == {*spelling.PLAYBOOK_VARIABLES, *spelling.HANDED_ON}
