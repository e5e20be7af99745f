# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon with its new configuration beside the one that serves: whether it answers is known before it replaces it."""

import contextlib
import os
import shutil
import signal
import socket
import tempfile

ADDRESS = "127.0.0.1"
PAUSE = 0.2
#: Seconds after which the daemon of a trial ends by itself, whatever became of who started it, above the trial's own.
SPARE = 30


class Refuted(Exception):
    """It runs and does not satisfy the proof, with the reason."""


def free_port() -> int:
    """One that nobody has at the moment, over UDP and TCP."""
    for _attempt in range(20):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET) as tcp:
            udp.bind((ADDRESS, 0))
            port = udp.getsockname()[1]
            try:
                tcp.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise OSError("no port is free on 127.0.0.1")


def run_trial(argv, content, prove, seconds, unproven, clock, sleep) -> None:
    """Starts the program with the content in a file of its own and has `prove(port)` asked of it; ends it again.

    Raises Refuted where it runs and still fails the proof after so many seconds. One that does not run says nothing:
    what keeps it from running beside the other one need not keep it from running alone.
    """
    port = free_port()
    directory = tempfile.mkdtemp(prefix="everywhere-trial-")
    try:
        path = os.path.join(directory, "trial.conf")
        with open(path, "wb") as stream:
            stream.write(content)
        os.chmod(path, 0o644)
        os.chmod(directory, 0o755)
        words = [word.replace("{staged}", path).replace("{port}", str(port)) for word in argv]
        bounded = ["timeout", "--signal=KILL", str(int(seconds) + SPARE)] + words
        daemon = _start(bounded)
        try:
            _until(daemon, prove, port, clock() + seconds, unproven, clock, sleep)
        finally:
            _end(daemon)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _start(argv) -> int:
    """In the background, in a session of its own, with nothing of ours open; what is no program ends with 127.

    Not Ansible's run_command, which waits for the end.
    """
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.execvp(argv[0], argv)
    finally:
        os._exit(127)


def _ended(child) -> bool:
    """Only looked at: until it is waited for nobody else gets its number, which `_end` kills."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(child) -> None:
    """The daemon and whom it started: `timeout` may not hand a signal on yet, and the child may have no session yet."""
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError):
            kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _until(daemon, prove, port, end, unproven, clock, sleep):
    while True:
        try:
            prove(port)
            return
        except unproven as error:
            if _ended(daemon):
                return
            if clock() + PAUSE > end:
                raise Refuted(str(error)) from error
        sleep(PAUSE)
