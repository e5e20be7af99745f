# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the package manager is asked, which takes longer than all the rest of the look."""

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages import updates
from ansible_collections.everywhere.dnsmasq.plugins.modules import resolver_info

pytestmark = pytest.mark.ansible
PACKAGED = {"installed": True, "package": "2.90-4"}
ALONE = {"installed": False, "package": "2.90-4"}  # libvirt's, without the service
BUILT = {"installed": True, "package": None}
MISSING = {"installed": False, "package": None}


@pytest.mark.parametrize(
    ("when", "up_to_date", "dnsmasq", "asked"),
    [
        ("never", False, PACKAGED, False),
        ("always", True, PACKAGED, True),
        ("always", None, PACKAGED, True),
        ("on_drift", True, PACKAGED, False),
        ("on_drift", False, PACKAGED, True),
        ("on_drift", None, PACKAGED, True),
        ("always", None, ALONE, True),
        ("always", None, BUILT, True),
        ("always", None, MISSING, False),
        ("on_drift", False, MISSING, False),
    ],
)
def test_when_the_package_manager_is_asked(when, up_to_date, dnsmasq, asked):
    found = {"dnsmasq": dnsmasq, **({} if up_to_date is None else {"up_to_date": up_to_date})}
    answer = {"candidate": None}
    assert resolver_info.asked_updates(when, found, lambda: answer) == (answer if asked else None)


def test_what_it_says_is_what_is_documented():
    documented = yaml.safe_load(resolver_info.RETURN)["updates"]["contains"]
    found = updates.updates(lambda argv: (127, ""), {}, 0.0, "/nonexistent")
    assert set(documented) == set(found) - {"notes"}
    options = yaml.safe_load(resolver_info.DOCUMENTATION)["options"]
    assert {name: option.get("choices") for name, option in options.items()} == {
        name: option.get("choices") for name, option in resolver_info.ARGUMENTS.items()
    }
