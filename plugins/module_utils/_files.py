# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A set of files: what is there, what is wanted, and the change between the two. Changes nothing."""

import errno
import os
import re
import stat
import time
import typing

BEGIN = b"# BEGIN everywhere.dnsmasq"
END = b"# END everywhere.dnsmasq"
SETTLE, PAUSE = 2.0, 0.1  # seconds that another writer has to finish a file, and between two looks

REMEDIES = {
    errno.EPERM: "an immutable file? lsattr shows it",
    errno.EBUSY: "a mounted file can only be written in_place",
    errno.EROFS: "remount it writable first",
    errno.ENOSPC: "make room first",
}


class Unusable(Exception):
    """What was asked for, or what stands there, cannot be worked with: one sentence."""


class Wanted(typing.NamedTuple):
    """One file as the caller wants it; exactly one of content, block and line is not None."""

    path: str
    mode: int
    content: typing.Optional[bytes] = None
    block: typing.Optional[bytes] = None
    line: typing.Optional[bytes] = None
    before: typing.Optional[bytes] = None
    in_place: bool = False


class Found(typing.NamedTuple):
    """One file as it stands; link is what the path itself points at, target where the bytes are."""

    path: str
    target: str
    link: typing.Optional[str] = None
    existed: bool = False
    content: bytes = b""
    mode: int = 0
    uid: int = -1
    gid: int = -1
    mtime_ns: int = 0


class Change(typing.NamedTuple):
    """The step from found to wanted."""

    wanted: Wanted
    found: Found
    content: bytes
    mode: int

    @property
    def path(self):
        return self.wanted.path

    @property
    def needed(self):
        return not self.found.existed or (self.content, self.mode) != (self.found.content, self.found.mode)

    @property
    def through(self):
        """Whether it is written into the very inode that is there."""
        return self.wanted.in_place and self.found.existed


def explain(error):
    """What went wrong and, where there is one, the remedy."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    remedy = REMEDIES.get(getattr(error, "errno", None))
    return f"{reason} ({remedy})" if remedy else reason


def wanted_file(raw: dict) -> Wanted:
    """One entry of the option files, checked before anything is touched."""
    path = raw["path"]
    if not path.startswith("/") or re.search(r"[\x00-\x1f\x7f]", path) or os.path.normpath(path) != path:
        raise Unusable(f"files: the path {path!r} is not a plain absolute path; write it like /etc/dnsmasq.d/name.conf")
    ways = [way for way in ("content", "block", "line") if raw.get(way) is not None]
    if len(ways) != 1:
        has = " and ".join(ways) or "none"
        raise Unusable(f"files: {path} takes exactly one of content, block and line, and has {has}")
    if (raw.get("line") is None) != (raw.get("before") is None):
        raise Unusable(f"files: {path} has one of line and before; give both or neither")
    text = {key: raw[key].encode("utf-8", "surrogateescape") for key in ways + ["before"] if raw.get(key) is not None}
    line, block = text.get("line"), text.get("block")
    if line is not None and (not line.strip() or re.search(rb"[\x00\n\r]", line)):
        raise Unusable(f"files: the line for {path} is empty or more than one line; use block for several")
    if block is not None and (not block.strip() or {BEGIN, END}.intersection(map(bytes.rstrip, block.splitlines()))):
        raise Unusable(f"files: the block for {path} is empty or holds its own marker; give the text between them")
    try:
        re.compile(text.get("before", b""))
    except re.error as error:
        raise Unusable(f"files: before for {path} is not a regular expression: {error}") from error
    mode = raw["mode"]
    if not re.match(r"0[0-7]{3}\Z", mode):  # the zero also tells it from a YAML number, which arrives in decimal
        raise Unusable(f'files: the mode {mode!r} of {path} is not an octal string; write it in quotes, like "0644"')
    return Wanted(path=path, mode=int(mode, 8), in_place=raw["in_place"], **text)


def look(path: str) -> Found:
    """What stands at the path, through links, without changing it."""
    found = Found(path, os.path.realpath(path), os.readlink(path) if os.path.islink(path) else None)
    try:
        status = os.stat(found.target)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable(f"{path} is not a regular file; move it away first")
        with open(found.target, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise Unusable(f"cannot read {path}: {explain(error)}") from error
    mode = stat.S_IMODE(status.st_mode)
    return Found(path, found.target, found.link, True, content, mode, status.st_uid, status.st_gid, status.st_mtime_ns)


def settled(wanted: Wanted, sleep=time.sleep) -> Found:
    """What stands there once it is whole: who else writes a shared file may have just emptied it to write it anew."""
    found, waited = look(wanted.path), 0.0
    while wanted.in_place and wanted.line is not None and found.existed and not _matches(wanted, found.content):
        if waited >= SETTLE:
            pattern = wanted.before.decode("utf-8", "replace")
            raise Unusable(f"{wanted.path} has no line that matches {pattern!r}; look at what else writes it")
        sleep(PAUSE)
        waited += PAUSE
        found = look(wanted.path)
    return found


def change_for(wanted: Wanted, found: Found) -> Change:
    """An admin's own file keeps its mode; a file that is wholly ours gets the one asked for."""
    mode = found.mode if found.existed and wanted.content is None else wanted.mode
    return Change(wanted, found, text_for(wanted, found.content), mode)


def changes_for(wanted: typing.List[Wanted]) -> typing.List[Change]:
    """Every file once, also when two paths are links to one file."""
    changes = [change_for(one, settled(one)) for one in wanted]
    owners = {}
    for change in changes:
        other = owners.setdefault(change.found.target, change)
        if other is not change:
            raise Unusable(f"files: {other.path} and {change.path} are one file; give it once")
    return changes


def text_for(wanted: Wanted, present: bytes) -> bytes:
    """The whole text the file should have, given the text that it has."""
    if wanted.content is not None:
        return wanted.content
    return _with_line(wanted, present) if wanted.block is None else _with_block(wanted, present)


def _with_block(wanted, present):
    """The block stands once, where it stood or at the end; every other byte is left alone."""
    lines = present.splitlines(True)
    bare = [line.rstrip() for line in lines]
    block = BEGIN + b"\n" + _ended(wanted.block) + END + b"\n"
    begins, ends = (tuple(at for at, line in enumerate(bare) if line == marker) for marker in (BEGIN, END))
    if not begins and not ends:
        return _ended(present) + block
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        markers = f"one line '{BEGIN.decode()}' before one line '{END.decode()}'"
        raise Unusable(f"{wanted.path} does not hold exactly {markers}; remove the stray ones")
    return b"".join(lines[: begins[0]]) + block + b"".join(lines[ends[0] + 1 :])


def _matches(wanted, present):
    others = (line.rstrip(b"\r\n") for line in present.splitlines())
    return any(re.search(wanted.before, line) for line in others if line != wanted.line)


def _with_line(wanted, present):
    """The line stands once, before the first other line that matches."""
    lines = present.splitlines(True)
    bare = [line.rstrip(b"\r\n") for line in lines]
    at = next((n for n, line in enumerate(bare) if line == wanted.line or re.search(wanted.before, line)), len(lines))
    line = lines[at] if wanted.line in bare[at : at + 1] else wanted.line + b"\n"
    rest = [raw for raw in lines[at:] if raw.rstrip(b"\r\n") != wanted.line]
    return _ended(b"".join(lines[:at])) + line + b"".join(rest)


def _ended(text):
    return text if not text or text.endswith(b"\n") else text + b"\n"


def diff_of(change: Change) -> dict:
    """Before and after, as ansible prints them under --diff."""
    found = change.found
    entry = {"before_header": change.path, "after_header": change.path}
    if found.existed and found.content == change.content:
        return dict(entry, before=f"mode: {found.mode:04o}\n", after=f"mode: {change.mode:04o}\n")
    return dict(entry, before=found.content.decode("utf-8", "replace"), after=change.content.decode("utf-8", "replace"))
