# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hash a text together with the collection's contents: another version of the collection gives another digest."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[2]
#: What a deploy is made of; a page of the documentation changes no host.
FOLDERS = ("plugins", "roles")


@cache
def of_collection() -> str:
    """Of each file's path and content."""
    total = hashlib.sha256()
    for folder in FOLDERS:
        for path in sorted((COLLECTION / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                total.update(f"{path.relative_to(COLLECTION)} {content}\n".encode())
    return total.hexdigest()


def digest(text: str) -> str:
    """64 hexadecimal digits."""
    return hashlib.sha256(f"{of_collection()}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()
