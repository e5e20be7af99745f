# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text is made once for each key, whoever asks at the same time, and what could not be made is made again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from ansible import constants
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.everywhere.dnsmasq.plugins.lookup import template_once

pytestmark = pytest.mark.ansible


@pytest.fixture
def looked_up(tmp_path, monkeypatch):
    """The text of a template with these variables, as a host of its own would have it rendered."""
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))

    def look_up(variables, key, terms=("x.j2",), **options):
        templar = Templar(loader=loader, variables=variables)
        lookup = lookup_loader.get("everywhere.dnsmasq.template_once", loader=loader, templar=templar)
        return lookup.run(list(terms), variables, key=key, **options)

    (tmp_path / "x.j2").write_text("{{ greeting }} {{ name | default('') }}\n")
    return look_up


def test_hosts_with_one_key_share_a_text_and_others_do_not(looked_up):
    assert looked_up({"greeting": "hello"}, ["a", {"b": 1}]) == ["hello \n"]
    assert looked_up({"greeting": "not rendered"}, ["a", {"b": 1}]) == ["hello \n"]
    assert looked_up({"greeting": "goodbye"}, ["a", {"b": 2}]) == ["goodbye \n"]


def test_the_variables_of_a_template_are_part_of_the_key(looked_up):
    for name in ("Ada", "Grace"):
        assert looked_up({"greeting": "hello"}, "key", template_vars={"name": name}) == [f"hello {name}\n"]


def test_a_template_that_fails_is_rendered_again(looked_up):
    with pytest.raises(AnsibleError, match="greeting"):
        looked_up({}, "key")
    assert looked_up({"greeting": "hello"}, "key") == ["hello \n"]


@pytest.mark.parametrize("terms", [(), ("x.j2", "x.j2")], ids=["none", "two"])
def test_exactly_one_template_is_wanted(looked_up, terms):
    with pytest.raises(AnsibleLookupError, match=f"was given {len(terms)}: name exactly one"):
        looked_up({}, "key", terms)


def test_of_those_who_want_it_at_once_one_makes_it(tmp_path: Path):
    made = []

    def make():
        made.append(time.monotonic())
        time.sleep(0.05)
        return "text"

    found = []
    place = tmp_path / "folder/text"
    threads = [threading.Thread(target=lambda: found.append(template_once.once(place, make))) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, len(made)) == (["text"] * 8, 1)


def test_an_empty_text_is_a_text(tmp_path: Path):
    place = tmp_path / "text"
    assert (template_once.once(place, lambda: ""), template_once.once(place, lambda: "another")) == ("", "")
