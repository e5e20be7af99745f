# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a mistake in the user's input is told: one sentence with the variable, the value and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

_KINDS: tuple[tuple[type, str], ...] = (
    (type(None), "nothing"),
    (bool, "a boolean"),
    (str, "a string"),
    (int, "a number"),
    (float, "a number"),
    (Mapping, "a mapping"),
    (Sequence, "a list"),
)


class InputError(Exception):
    """Everything that is wrong with what the user wrote, one sentence for each mistake."""

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(self.findings))


def plain(text: str) -> str:
    """A bare copy: str() would keep the subclasses in which Ansible wraps what comes from the inventory."""
    return str.__str__(text)


def shown(value: object, limit: int = 60) -> str:
    """The value on one short line, whatever it holds."""
    try:
        text = repr(plain(value)) if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):  # a number of over 4300 digits, lists a thousand deep
        text = f"<{type(value).__name__} too large to show>"
    return text if len(text) <= limit else f"{text[:limit]}..."


def kind(value: object) -> str:
    """The name a YAML writer knows the type by."""
    return next((name for known, name in _KINDS if isinstance(value, known)), type(value).__name__)


def place(variable: str, *steps: object) -> str:
    """Where a value stands, as Jinja would reach it."""
    return variable + "".join(f"[{shown(step)}]" for step in steps)


def misfit(where: str, value: object, wanted: str) -> str:
    """The finding for a value of the wrong type."""
    return f"{where} is {shown(value)}, which is {kind(value)}: give {wanted}."


def fault(where: str, value: object, reason: object) -> str:
    """The finding for a value of the right type and the wrong content; the reason ends in the remedy."""
    return f"{where} is {shown(value)}, which {reason}."
