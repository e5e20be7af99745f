# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a query: they are documented as they are, and what contradicts what."""

import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.doc_fragments.query import ModuleDocFragment
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check, query


def test_the_documentation_has_the_same_options():
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert list(documented) == ["queries"]

    def without_descriptions(options):
        return {
            name: {key: value for key, value in option.items() if key not in ("description", "suboptions")}
            for name, option in options.items()
        }

    queries = dict(check.ARGUMENTS["queries"])
    assert queries.pop("options") == query.QUERY_SPEC
    assert without_descriptions(documented) == {"queries": queries}
    assert without_descriptions(documented["queries"]["suboptions"]) == query.QUERY_SPEC


def test_how_a_check_travels_and_that_it_exists_is_the_roles_own_business():
    assert set(query.QUERY_SPEC) - set(query.CHECK_OPTIONS) == {"server", "transport", "exists"}


@pytest.mark.parametrize("option", query.QUERY_SPEC)
def test_null_is_nothing_where_nothing_is_a_value(option):
    assert query.may_be_null(option) == (option in ("expected", "reference", "server"))


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"expected": ["192.0.2.1"], "rcode": "NXDOMAIN"}, ["rcode"]),
        ({"expected": [], "rcode": "NXDOMAIN"}, ["rcode"]),
        ({"expected": ["192.0.2.1"], "rcode": "NOERROR"}, []),
        ({"expected": None, "rcode": "NXDOMAIN"}, []),
        ({"required": False}, ["required"]),
        ({"required": False, "reference": []}, ["required"]),
        ({"required": False, "reference": ["192.0.2.11"]}, []),
        ({"required": True}, []),
        ({}, []),
        ({"expected": [], "rcode": "NXDOMAIN", "required": False, "reference": None}, ["rcode", "required"]),
    ],
    ids=[
        "data of no name",
        "a name without data that does not exist",
        "data of a name",
        "no name, and nothing said of data",
        "nobody to be silent",
        "an empty list of references",
        "a reference that may be silent",
        "required without a reference",
        "nothing said",
        "both at once",
    ],
)
def test_what_contradicts_what(given, options):
    assert [option for option, _reason in query.contradictions(given)] == options
