# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drawing of the networks: every box can be read, however many there are."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report import charts


@pytest.mark.parametrize("hub", [True, False], ids=["around a hub", "in a ring"])
@pytest.mark.parametrize("number", range(1, 61))
def test_no_box_covers_another(number: int, hub: bool) -> None:
    names = [f"site-{at}" for at in range(number)]
    others = {name: [names[0]] if hub else [names[at - 1], names[(at + 1) % number]] for at, name in enumerate(names)}
    if hub:
        others[names[0]] = names[1:]
    where = charts.places([{"name": name, "links": others[name]} for name in names])
    size = charts.size_for(number)
    assert where.keys() == set(names)
    for (one, (x, y)), (other, (to_x, to_y)) in itertools.combinations(where.items(), 2):
        assert abs(to_x - x) > size.width or abs(to_y - y) > size.height, f"{one} and {other}"
