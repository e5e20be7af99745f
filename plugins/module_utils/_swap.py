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
import typing

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._files import Change, change_for, explain, settled

TEMPORARY = "everywhere-"  # by which the leftovers of a killed run are known


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
    """The parents that are not there yet, outermost first."""
    missing = set()
    for change in changes:
        parent = os.path.dirname(change.found.target)
        while not os.path.isdir(parent):
            missing.add(parent)
            parent = os.path.dirname(parent)
    return sorted(missing)


class NotWritten(Exception):
    """The file system refused, with the path."""


class Swap:
    """Puts all changes in place, or back. Whatever needs room is written before the first file lands."""

    def __init__(self, changes, label=lambda path, like: None):
        self.changes = [change for change in changes if change.needed]
        self.label = label  # gives something new the security context that its path should have
        self.directories, self.temporary, self.landed = [], [], []
        self.writing = None  # what a failure is about

    def land(self):
        try:
            self._land()
        except OSError as error:
            raise NotWritten(f"cannot write {self.writing}: {explain(error)}") from error

    def _land(self):
        for directory in missing_directories(self.changes):
            self.writing = directory
            os.mkdir(directory)
            self.directories.append(directory)
            os.chmod(directory, 0o755)
            self.label(directory, directory)
        ready = []
        for change in sorted(self.changes, key=lambda change: change.through):
            self.writing = change.path
            temporary = None if change.through else self._write_beside(change.found, change.content, change.mode)
            ready.append((change, temporary))
        for change, temporary in ready:
            self.writing = change.path
            if change.through:  # whoever else writes it may have done so since it was looked at
                change = change_for(change.wanted, settled(change.wanted))
            self.landed.append(change)
            self._place(temporary, change.found.target, change.content, change.mode)

    def undo(self) -> list:
        """What could not be put back, one phrase each."""
        lost = []
        for path, step, subject in self._steps_back():
            try:
                step(subject)
            except OSError as error:
                lost.append(f"{path} ({explain(error)})")
        return lost

    def _steps_back(self):
        yield from ((change.path, self._put_back, change) for change in reversed(self.landed))
        yield from ((path, os.unlink, path) for path in self.temporary)  # those of a failed step back, too
        yield from ((path, os.rmdir, path) for path in reversed(self.directories))

    def _put_back(self, change):
        found = change.found
        if not found.existed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(found.target)
            return
        through = change.through and os.path.exists(found.target)
        temporary = None if through else self._write_beside(found, found.content, found.mode)
        self._place(temporary, found.target, found.content, found.mode)
        os.utime(found.target, ns=(found.mtime_ns, found.mtime_ns))

    def _write_beside(self, found, content, mode):
        """A finished file next to its place; the leading dot hides it from run-parts, conf-dir and systemd."""
        directory, name = os.path.split(found.target)
        prefix = os.path.join(directory, f".{name}.{TEMPORARY}")
        for stray in set(glob.glob(glob.escape(prefix) + "*")).difference(self.temporary):
            os.unlink(stray)
        descriptor, path = tempfile.mkstemp(prefix=os.path.basename(prefix), dir=directory)
        self.temporary.append(path)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.chown(path, *(found.uid, found.gid) if found.existed else (os.geteuid(), os.getegid()))
            if os.path.exists(found.target):
                shutil.copystat(found.target, path)  # for the extended attributes: security context, ACL
                os.utime(path)
            else:
                self.label(path, found.target)
            os.chmod(path, mode)
            os.fsync(descriptor)
        return path

    def _place(self, temporary, target, content, mode):
        if temporary is None:
            _write_through(target, content, mode)
            return
        os.rename(temporary, target)
        self.temporary.remove(temporary)
        directory = os.open(os.path.dirname(target), os.O_RDONLY | os.O_DIRECTORY)
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


@contextlib.contextmanager
def alone(directory):
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
