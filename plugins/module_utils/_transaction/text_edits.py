# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our part of a text that is somebody else's: put in, and taken out again with every other byte left alone."""

import re

BEGIN = b"# BEGIN everywhere.dnsmasq"
END = b"# END everywhere.dnsmasq"


class Unclear(Exception):
    """The text does not show where our part is: a clause that follows the name of its file."""


def ended(text):
    return text if not text or text.endswith(b"\n") else text + b"\n"


def _block_at(lines):
    """First and last line of the block that stands there, or None."""
    bare = [line.rstrip() for line in lines]
    begins, ends = (tuple(at for at, line in enumerate(bare) if line == marker) for marker in (BEGIN, END))
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        markers = f"one line '{BEGIN.decode()}' before one line '{END.decode()}'"
        raise Unclear(f"does not hold exactly {markers}; remove the stray ones")
    return begins[0], ends[0]


def with_block(text, block):
    """The block stands once, where it stood or at the end."""
    lines = text.splitlines(True)
    marked = BEGIN + b"\n" + ended(block) + END + b"\n"
    at = _block_at(lines)
    if at is None:
        return ended(text) + marked
    return b"".join(lines[: at[0]]) + marked + b"".join(lines[at[1] + 1 :])


def without_block(text):
    lines = text.splitlines(True)
    at = _block_at(lines)
    return text if at is None else b"".join(lines[: at[0]] + lines[at[1] + 1 :])


def names_another(text, wanted, before):
    """Whether a line matches, other than those that are put before it."""
    return any(re.search(before, line) for line in text.splitlines() if line not in wanted)


def with_lines(text, wanted, before, former=()):
    """The lines stand once and together, before the first other line that matches; former ones are taken out."""
    lines, unwanted = text.splitlines(True), {*wanted, *former}
    bare = [line.rstrip(b"\r\n") for line in lines]
    at = next((n for n, line in enumerate(bare) if line in unwanted or re.search(before, line)), len(lines))
    end = at + len(wanted)
    ours = b"".join(lines[at:end]) if tuple(bare[at:end]) == wanted else b"\n".join(wanted) + b"\n"
    return ended(b"".join(lines[:at])) + ours + without_lines(b"".join(lines[at:]), unwanted)


def without_lines(text, unwanted):
    return b"".join(raw for raw in text.splitlines(True) if raw.rstrip(b"\r\n") not in unwanted)


def substituted(text, regexp, replace):
    return re.sub(regexp, replace, text, flags=re.M)


def unsubstituted(text, regexp, replace, before):
    """Each line that the substitution changed in `before` is again what it was; a line that reads otherwise stays."""
    lines = text.splitlines(True)
    for line in before.splitlines(True):
        changed = substituted(line, regexp, replace)
        if changed != line and changed in lines:
            lines[lines.index(changed)] = line
    return b"".join(lines)


def without_settings(text, words):
    """Without the lines that are one of the words, alone or with = and a value behind it."""
    left_out = {word.encode("utf-8", "surrogateescape") for word in words}
    return b"".join(raw for raw in text.splitlines(True) if raw.partition(b"=")[0].strip() not in left_out)
