# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hands of a transaction: files swapped in one go or put back, alone on the host and not to be interrupted."""

import contextlib
import fcntl
import glob
import os
import shutil
import signal
import tempfile
import time
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.files import (
    Change,
    change_for,
    explain,
    look,
    settled,
)

TEMPORARY = "everywhere-"  # by which the leftovers of a killed run are known
WRITER = "dhclient-script"  # reads its hooks first, ours among them, and writes resolv.conf some time later
WRITES, PAUSE = 10.0, 0.02  # seconds that one under way has to end, and between two looks


@contextlib.contextmanager
def staged(change: Change, under: typing.Optional[str] = None):
    """The wanted text in a private place that an unprivileged program can read too."""
    directory = tempfile.mkdtemp(prefix=TEMPORARY, dir=under)
    try:
        path = os.path.join(directory, os.path.basename(change.path))
        with open(path, "wb") as stream:
            stream.write(change.content)
        os.chmod(path, change.mode)
        os.chmod(directory, 0o755)
        yield path
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def missing_directories(changes) -> list:
    """The parents that are not there yet and are needed, outermost first."""
    missing = set()
    for change in (change for change in changes if change.stands):
        parent = os.path.dirname(change.place)
        while not os.path.isdir(parent):
            missing.add(parent)
            parent = os.path.dirname(parent)
    return sorted(missing)


class NotWritten(Exception):
    """The file system refused, with the path."""


class Swap:
    """Puts changes in place, or back. Whatever needs room is written before the first file lands."""

    def __init__(self, changes, label=lambda path, like: None):
        self.changes = [change for change in changes if change.needed]
        self.watched = [change for change in changes if change.watched]
        self.label = label  # gives something new the security context that its path should have
        self.directories, self.temporary, self.landed = [], [], []
        self.ready = {}  # the changes that are written and not in place yet, and where they wait
        self.writing = None  # what a failure is about

    def land(self, paths=None):
        """All changes, or those of the paths; what is left lands with the next call."""
        try:
            if not self.ready and not self.landed:
                self._write()
            self._land([change for change in self.ready if paths is None or change.path in paths])
        except OSError as error:
            raise NotWritten(f"cannot write {self.writing}: {explain(error)}") from error

    def _write(self):
        for directory in missing_directories(self.changes + self.watched):
            self.writing = directory
            os.mkdir(directory)
            self.directories.append(directory)
            os.chmod(directory, 0o755)
            self.label(directory, directory)
        for change in sorted(self.changes, key=lambda change: change.through):
            self.writing = change.path
            self.ready[change] = None if change.through or change.gone else self._prepare(change)

    def _prepare(self, change):
        if change.link is not None:
            return self._link_beside(change.place, change.link)
        owner = change.owner or ((change.found.uid, change.found.gid) if change.found.existed else None)
        return self._write_beside(change.place, change.content, change.mode, owner)

    def _land(self, changes):
        for change in changes:
            self.writing = change.path
            temporary = self.ready.pop(change)
            if change.through:  # whoever else writes it may have done so since it was looked at
                let_end(writers)
                change = change_for(change.wanted, settled(change.wanted))
            self.landed.append(change)
            if change.gone:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(change.place)
            else:
                self._place(temporary, change.place, change.content, change.mode)

    def keep(self, paths) -> list:
        """Forgets what landed there, so that no way back undoes it; the paths of it."""
        kept = [change for change in self.landed if change.path in paths]
        self.landed = [change for change in self.landed if change.path not in paths]
        full = {path for path in self.directories for change in kept if change.place.startswith(path + "/")}
        self.directories = [path for path in self.directories if path not in full]
        return [change.path for change in kept]

    def undo(self, but=()) -> list:
        """What could not be put back, one phrase each; the paths in `but` wait for the next call."""
        lost = []
        for path, step, subject in list(self._steps_back(but)):
            try:
                step(subject)
            except OSError as error:
                lost.append(f"{path} ({explain(error)})")
        return lost

    def _steps_back(self, but):
        landed = [change for change in self.landed if change.path not in but]
        self.landed = [change for change in self.landed if change.path in but]
        # The hooks of who else writes a file first, as on the way there.
        for through in (False, True):
            for change in reversed(landed):
                if change.through == through:
                    yield change.path, self._put_back, change
        watched = [change for change in self.watched if change.path not in but]
        self.watched = [change for change in self.watched if change.path in but]
        yield from ((change.path, self._bring_back, change) for change in watched)
        if not but:
            yield from ((path, os.unlink, path) for path in self.temporary)  # those of a failed step back, too
            yield from ((path, os.rmdir, path) for path in reversed(self.directories))

    def _bring_back(self, change):
        """A file that somebody else wrote as a consequence."""
        now = look(change.path)
        if now.known != change.found.known:
            self._put_back(change)

    def _put_back(self, change):
        found = change.found
        if change.wanted.itself and found.link is not None:
            self._place(self._link_beside(change.place, found.link), change.place)
            return
        if not found.existed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(change.place)
            return
        through = change.through and os.path.exists(found.target)
        owner = (found.uid, found.gid)
        if through:
            let_end(writers)
        temporary = None if through else self._write_beside(change.place, found.content, found.mode, owner)
        self._place(temporary, change.place, found.content, found.mode)
        os.utime(change.place, ns=(found.mtime_ns, found.mtime_ns))

    def _prefix(self, place):
        """Of a file next to its place; the leading dot hides it from run-parts, conf-dir and systemd."""
        directory, name = os.path.split(place)
        prefix = os.path.join(directory, f".{name}.{TEMPORARY}")
        for stray in set(glob.glob(glob.escape(prefix) + "*")).difference(self.temporary):
            os.unlink(stray)
        return prefix

    def _link_beside(self, place, link):
        path = f"{self._prefix(place)}link"
        os.symlink(link, path)
        self.temporary.append(path)
        self.label(path, place)
        return path

    def _write_beside(self, place, content, mode, owner):
        """A finished file next to its place."""
        prefix = self._prefix(place)
        descriptor, path = tempfile.mkstemp(prefix=os.path.basename(prefix), dir=os.path.dirname(prefix))
        self.temporary.append(path)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.chown(path, *(owner or (os.geteuid(), os.getegid())))
            if os.path.exists(place) and not os.path.islink(place):
                shutil.copystat(place, path)  # for the extended attributes: security context, ACL
                os.utime(path)
            else:
                self.label(path, place)
            os.chmod(path, mode)
            os.fsync(descriptor)
        return path

    def _place(self, temporary, place, content=b"", mode=0):
        if temporary is None:
            _write_through(place, content, mode)
            return
        os.rename(temporary, place)
        self.temporary.remove(temporary)
        directory = os.open(os.path.dirname(place), os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(directory)
        os.close(directory)


def _write_through(target, content, mode):
    """Into the inode that other daemons hold; never empty in between: resolv.conf may be read at any moment."""
    with open(target, "r+b", buffering=0) as stream:
        left = content.ljust(os.fstat(stream.fileno()).st_size, b"\n")
        while left:
            left = left[stream.write(left) :]
        stream.truncate(len(content))
        os.fchmod(stream.fileno(), mode)
        os.fsync(stream.fileno())


def writers() -> set:
    """The processes that run WRITER now."""
    found = set()
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            with open(path, "rb") as stream:
                argv = stream.read(4096).split(b"\0")
            # A script's own name stands behind that of its shell.
            if WRITER.encode() in (os.path.basename(word) for word in argv[:2]):
                found.add(path)
    return found


def let_end(look, clock=time.monotonic, sleep=time.sleep):
    """Waits for those that are there now, since they may have read what has just been changed, for WRITES at most."""
    end, left = clock() + WRITES, look()
    while left and clock() < end:
        sleep(PAUSE)
        left &= look()


@contextlib.contextmanager
def exclusive(directory):
    """One transaction at a time on a host, whatever its name: waits for the other; a lock dies with its process."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NotWritten(f"cannot use record_dir {directory}: {explain(error)}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def uninterrupted():
    """A connection that breaks does not stop it half-way; a request to end is honoured afterwards."""
    pending = []
    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE)
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in ignored}
    handlers[signal.SIGTERM] = signal.signal(signal.SIGTERM, lambda number, frame: pending.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in pending[:1]:
            os.kill(os.getpid(), number)
