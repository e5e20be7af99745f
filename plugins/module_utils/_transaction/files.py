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

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import text_edits, validation
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.validation import ValidationError

WAYS = ("content", "block", "lines", "regexp", "link", "watched")
SETTLE, PAUSE = 2.0, 0.1  # seconds that another writer has to finish a file, and between two looks

REMEDIES = {
    errno.EPERM: "an immutable file? lsattr shows it",
    errno.EBUSY: "a mounted file can only be written in_place",
    errno.EROFS: "remount it writable first",
    errno.ENOSPC: "make room first",
}


class BackupEntry(typing.NamedTuple):
    """What the record says of one path: which way it was changed, and what stood there before."""

    way: str
    existed: bool
    link: typing.Optional[str]
    content: bytes
    mode: int
    uid: int
    gid: int
    lines: typing.Tuple[bytes, ...] = ()
    regexp: bytes = b""
    replace: bytes = b""

    @property
    def own_lines(self):
        """A line that an admin had there already is not ours."""
        return frozenset(self.lines).difference(self.content.splitlines())

    @property
    def ours(self):
        """Nothing in it is anybody else's, so that it goes back as a whole."""
        return self.way in ("content", "link", "watched")


class FileSpec(typing.NamedTuple):
    """One file as the caller wants it: one of WAYS, or undo, what the record says of it."""

    path: str
    mode: int = 0
    content: typing.Optional[bytes] = None
    block: typing.Optional[bytes] = None
    lines: typing.Tuple[bytes, ...] = ()
    former: typing.FrozenSet[bytes] = frozenset()  # lines of earlier runs, in the place of which these stand
    before: typing.Optional[bytes] = None
    regexp: typing.Optional[bytes] = None
    replace: typing.Optional[bytes] = None
    link: typing.Optional[str] = None
    watched: bool = False
    in_place: bool = False
    undo: typing.Optional[BackupEntry] = None

    @property
    def way(self):
        return next(way for way in WAYS if getattr(self, way) not in (None, False, ()))

    @property
    def itself(self):
        """Whether a symbolic link at the path is meant, and not the file that it leads to."""
        return (self.undo.way if self.undo else self.way) in ("link", "watched")


class FileState(typing.NamedTuple):
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

    @property
    def known(self):
        """All that a way back has to bring back; what a link leads to is not the link's."""
        return (self.link,) if self.link is not None else (self.existed, self.content, self.mode, self.uid, self.gid)


class Change(typing.NamedTuple):
    """The step from found to wanted: a text, a symbolic link, or nothing at all."""

    wanted: FileSpec
    found: FileState
    content: bytes
    mode: int
    link: typing.Optional[str] = None
    gone: bool = False
    owner: typing.Optional[typing.Tuple[int, int]] = None  # None keeps the one that is there

    @property
    def path(self):
        return self.wanted.path

    @property
    def place(self):
        return self.path if self.wanted.itself else self.found.target

    @property
    def watched(self):
        """Written by somebody else as a consequence: never by us, but brought back."""
        return self.wanted.watched

    @property
    def needed(self):
        found, linked = self.found, self.wanted.itself and self.found.link is not None
        if self.watched:
            return False
        if self.gone:
            return found.existed or linked
        if self.link is not None:
            return found.link != self.link
        changed = (self.content, self.mode) != (found.content, found.mode)
        return linked or not found.existed or changed or self.owner not in (None, (found.uid, found.gid))

    @property
    def stands(self):
        """Whether the change, or who writes as a consequence, puts something there: its directory has to be."""
        return self.watched or (self.needed and not self.gone)

    @property
    def through(self):
        """Whether it is written into the very inode that is there."""
        return self.wanted.in_place and self.found.existed and not self.gone


def explain(error):
    """What went wrong and, where there is one, the remedy."""
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    remedy = REMEDIES.get(getattr(error, "errno", None))
    return f"{reason} ({remedy})" if remedy else reason


def file_spec(raw: dict) -> FileSpec:
    """One entry of the option files, checked before anything is touched."""
    path = validation.plain_path("files: the path", raw["path"], "/etc/dnsmasq.d/name.conf")
    ways = [way for way in WAYS if raw.get(way) not in (None, False, [])]
    if len(ways) != 1:
        has = " and ".join(ways) or "none"
        raise ValidationError(
            f"files: {path} takes exactly one of {', '.join(WAYS[:-1])} and {WAYS[-1]}, and has {has}"
        )
    for one, other in (("lines", "before"), ("regexp", "replace")):
        if (raw.get(one) in (None, [])) != (raw.get(other) is None):
            raise ValidationError(f"files: {path} has one of {one} and {other}; give both or neither")
    texts = ("content", "block", "before", "regexp", "replace")
    text = {key: validation.octets(f"files: {key} for {path}", raw[key]) for key in texts if raw.get(key) is not None}
    block, link = text.get("block"), raw.get("link")
    lines = tuple(validation.octets(f"files: lines for {path}", line) for line in raw.get("lines") or ())
    for line in lines:
        if not line.strip() or re.search(rb"[\x00\n\r]", line):
            raise ValidationError(
                f"files: an item of lines for {path} is empty or more than one line; give one line each"
            )
    if len(set(lines)) != len(lines):
        raise ValidationError(f"files: lines for {path} has a line twice; give it once")
    markers = {text_edits.BEGIN, text_edits.END}
    if block is not None and (not block.strip() or markers.intersection(map(bytes.rstrip, block.splitlines()))):
        raise ValidationError(
            f"files: the block for {path} is empty or holds its own marker; give the text between them"
        )
    if link is not None and (not link or re.search(r"[\x00-\x1f\x7f]", link)):
        raise ValidationError(f"files: the link {link!r} for {path} leads nowhere; write the path of a file")
    validation.octets(f"files: link for {path}", link or "")
    validation.require_expression(f"files: before for {path}", text.get("before", b""))
    expression = validation.require_expression(f"files: regexp for {path}", text.get("regexp", b""))
    validation.require_template(f"files: replace for {path}", expression, text.get("replace", b""))
    mode = raw["mode"]
    if not re.match(r"0[0-7]{3}\Z", mode):  # the zero also tells it from a YAML number, which arrives in decimal
        raise ValidationError(
            f'files: the mode {mode!r} of {path} is not an octal string; write it in quotes, like "0644"'
        )
    return FileSpec(
        path=path,
        mode=int(mode, 8),
        lines=lines,
        link=link,
        watched=raw.get("watched", False),
        in_place=raw["in_place"],
        **text,
    )


def look(path: str) -> FileState:
    """What stands at the path, through links, without changing it."""
    found = FileState(path, os.path.realpath(path), os.readlink(path) if os.path.islink(path) else None)
    try:
        status = os.stat(found.target)
        if not stat.S_ISREG(status.st_mode):
            raise ValidationError(f"{path} is not a regular file; move it away first")
        with open(found.target, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        return found
    except OSError as error:
        raise ValidationError(f"cannot read {path}: {explain(error)}") from error
    mode = stat.S_IMODE(status.st_mode)
    return FileState(
        path, found.target, found.link, True, content, mode, status.st_uid, status.st_gid, status.st_mtime_ns
    )


def _unfinished(wanted, found):
    """Who else writes a shared file may have just emptied it to write it anew."""
    if not wanted.in_place or not found.existed:
        return None
    if wanted.lines and not text_edits.names_another(found.content, {*wanted.lines, *wanted.former}, wanted.before):
        return f"has no line that matches {wanted.before.decode('utf-8', 'replace')!r}"
    return "is empty" if wanted.undo and wanted.undo.content.strip() and not found.content.strip() else None


def settled(wanted: FileSpec, sleep=time.sleep) -> FileState:
    """What stands there once it is whole."""
    found, waited = look(wanted.path), 0.0
    trouble = _unfinished(wanted, found)
    while trouble:
        if waited >= SETTLE:
            raise ValidationError(f"{wanted.path} {trouble}; look at what else writes it")
        sleep(PAUSE)
        waited += PAUSE
        found = look(wanted.path)
        trouble = _unfinished(wanted, found)
    return found


def change_for(wanted: FileSpec, found: FileState) -> Change:
    """An admin's own file keeps its mode; a file that is wholly ours gets the one asked for."""
    if wanted.undo is not None:
        return _change_back(wanted, found)
    if wanted.watched or wanted.link is not None:
        return Change(wanted, found, found.content, found.mode, link=wanted.link)
    mode = found.mode if found.existed and wanted.content is None else wanted.mode
    return Change(wanted, found, text_for(wanted, found.content), mode)


def _change_back(wanted, found):
    """What is wholly ours goes back as a whole; out of somebody else's text only our part goes."""
    was = wanted.undo
    if not was.ours:
        text = _text_back(wanted, found.content)
        gone = not was.existed and not text.strip()
        return Change(wanted, found, text, found.mode, gone=gone or not found.existed)
    linked = was.link is not None and wanted.itself
    gone = not was.existed and not linked
    link = was.link if linked else None
    return Change(wanted, found, was.content, was.mode, link, gone, None if linked or gone else (was.uid, was.gid))


def _text_back(wanted, present):
    was = wanted.undo
    try:
        if was.way == "block":
            text = text_edits.without_block(present)
        elif was.way == "regexp":
            text = text_edits.unsubstituted(present, was.regexp, was.replace, was.content)
        else:
            text = text_edits.without_lines(present, was.own_lines)
    except text_edits.Unclear as error:
        raise ValidationError(f"{wanted.path} {error}") from error
    # A last line without its end got one when something was put behind it.
    return was.content if text_edits.ended(text) == text_edits.ended(was.content) else text


def changes_for(wanted: typing.List[FileSpec]) -> typing.List[Change]:
    """Every file once, also when two paths are links to one file."""
    changes = [change_for(one, settled(one)) for one in wanted]
    owners = {}
    for change in changes:
        other = owners.setdefault(change.place, change)
        if other is not change:
            raise ValidationError(f"files: {other.path} and {change.path} are one file; give it once")
    return changes


def text_for(wanted: FileSpec, present: bytes) -> bytes:
    """The whole text the file should have, given the text that it has."""
    if wanted.content is not None:
        return wanted.content
    try:
        if wanted.block is not None:
            return text_edits.with_block(present, wanted.block)
    except text_edits.Unclear as error:
        raise ValidationError(f"{wanted.path} {error}") from error
    if wanted.regexp is not None:
        return text_edits.substituted(present, wanted.regexp, wanted.replace)
    return text_edits.with_lines(present, wanted.lines, wanted.before, wanted.former)


def file_diff(change: Change) -> dict:
    """Before and after, as ansible prints them under --diff."""
    found = change.found
    entry = {"before_header": change.path, "after_header": change.path}
    link = found.link if change.wanted.itself else None
    before = f"link to {link}\n" if link is not None else found.content.decode("utf-8", "replace")
    if change.gone:
        return dict(entry, before=before, after="")
    if change.link is not None:
        return dict(entry, before=before, after=f"link to {change.link}\n")
    if found.existed and link is None and found.content == change.content:
        return dict(entry, before=f"mode: {found.mode:04o}\n", after=f"mode: {change.mode:04o}\n")
    return dict(entry, before=before, after=change.content.decode("utf-8", "replace"))
