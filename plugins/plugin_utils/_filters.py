# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one adapter between the pure functions and Ansible's filters."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError
from jinja2 import Undefined


def as_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a filter: what is wrong with the input is told as Ansible tells it."""

    @wraps(function)
    def adapted(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Undefined):
                # ansible-core before 2.19 hands it over: as a text it raises, with the name of what is missing.
                str(value)
        try:
            return function(*args, **kwargs)
        except InputError as error:
            raise AnsibleFilterError(str(error)) from error

    return adapted
