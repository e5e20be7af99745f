# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy is made of has one digest, and anything else has another."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils import _digest


def test_the_digest_is_of_the_text_and_of_each_file_of_the_collection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "roles/x/tasks").mkdir(parents=True)
    (tmp_path / "plugins/filter/__pycache__").mkdir(parents=True)
    (tmp_path / "roles/x/tasks/main.yml").write_text("---\n")
    monkeypatch.setattr(_digest, "COLLECTION", tmp_path)

    def digest(text: str = "x") -> str:
        _digest.of_collection.cache_clear()
        return _digest.digest(text)

    seen = [digest(), digest("y")]
    (tmp_path / "plugins/filter/__pycache__/a.pyc").write_text("x")
    assert digest() == seen[0]
    for change in (
        lambda: (tmp_path / "roles/x/tasks/main.yml").write_text("---\n\n"),
        lambda: (tmp_path / "roles/x/tasks/main.yml").rename(tmp_path / "roles/x/tasks/other.yml"),
        lambda: (tmp_path / "plugins/filter/a.py").write_text(""),
    ):
        change()
        seen.append(digest())
    _digest.of_collection.cache_clear()
    assert len(set(seen)) == 5 and all(len(one) == 64 for one in seen)
