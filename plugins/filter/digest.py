# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: digest
short_description: A few words that stand for a text and for this very collection
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Returns the SHA-256 of a text and of every file of the collection's roles and plugins, in hexadecimal. It is the
    same on each controller that has the same files, and another one after an upgrade or an edit.
options:
  _input:
    description:
      - The text, usually the variables that a deploy follows from, by P(ansible.builtin.to_json#filter) with
        sorted keys.
    type: str
    required: true
seealso:
  - module: everywhere.dnsmasq.resolver_info
  - module: everywhere.dnsmasq.transaction
"""

EXAMPLES = r"""
- name: Ask a host whether what was deployed from these variables still stands
  everywhere.dnsmasq.resolver_info:
    deployed: "{{ [dnsmasq_topology, dnsmasq_network] | to_json(sort_keys=true) | everywhere.dnsmasq.digest }}"
"""

RETURN = r"""
_value:
  description: 64 hexadecimal digits.
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

COLLECTION = Path(__file__).resolve().parents[2]


@lru_cache(maxsize=None)
def of_collection() -> str:
    """Of each file's path and content."""
    total = hashlib.sha256()
    for folder in ("plugins", "roles"):
        for path in sorted((COLLECTION / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{path.relative_to(COLLECTION)} {content}\n".encode())
    return total.hexdigest()


def digest(text: Any) -> str:
    return hashlib.sha256(f"{of_collection()}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"digest": digest}
