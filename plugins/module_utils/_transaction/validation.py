# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a caller gives, judged before anything is touched: texts, paths, programs and regular expressions."""

import os
import re


class ValidationError(Exception):
    """What was asked for, or what stands there, cannot be worked with: one sentence."""


def one_line(words) -> str:
    """A text, or a program with its arguments, on one line whatever it holds."""
    text = " ".join(words) if isinstance(words, (list, tuple)) else str(words)
    return text if text.isprintable() else repr(text)[1:-1]


def octets(where: str, text: str) -> bytes:
    """The text as it is written; what was no text when it was read is again the bytes that it was."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        half = text[error.start : error.start + 1]
        raise ValidationError(f"{where} has {half!r}, half a character that no file can hold; leave it out") from error


def plain_path(where: str, path: str, example: str) -> str:
    """The path, if it is absolute and written in the one usual way."""
    usual = path.startswith("/") and not path.startswith("//") and os.path.normpath(path) == path
    if not usual or re.search(r"[\x00-\x1f\x7f]", path):
        raise ValidationError(f"{where} {path!r} is not a plain absolute path; write it like {example}")
    octets(where, path)
    return path


def require_words(where: str, words) -> None:
    """What a program can be started with."""
    for word in words:
        if "\0" in word:
            raise ValidationError(f"{where} has {word!r}, which no program can be given; leave the NUL out")
        octets(where, word)


def require_expression(where: str, text: bytes):
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValidationError(f"{where} is not a regular expression: {one_line(error)}") from error


def require_template(where: str, expression, replace: bytes) -> None:
    """Expanded once, by an expression with the same groups that matches: only then what is wrong shows."""
    names = {number: name.encode("latin-1") for name, number in expression.groupindex.items()}
    groups = (b"(?P<%s>)" % names[at] if at in names else b"()" for at in range(1, expression.groups + 1))
    try:
        re.match(b"".join(groups), b"").expand(replace)
    except (re.error, IndexError) as error:
        raise ValidationError(f"{where} cannot take the place of what regexp matches: {one_line(error)}") from error
