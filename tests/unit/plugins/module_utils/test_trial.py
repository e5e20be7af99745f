# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon beside the one that serves: real programs, a real dnsmasq, and nothing of them left behind."""

import getpass
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils import _dns, _trial

# Answers each datagram with its configuration, after so many seconds; says where it runs.
ANSWERER = """
import os, signal, socket, sys, time
path, port, folder, late, stubborn = sys.argv[1:6]
if stubborn == "1":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.path.join(folder, str(os.getpid())), "w").close()
time.sleep(float(late))
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", int(port)))
while True:
    words, client = server.recvfrom(512)
    server.sendto(open(path, "rb").read() + oct(os.stat(path).st_mode & 0o777).encode(), client)
"""


class Unproven(Exception):
    """The proof does not hold (yet)."""


class Stage:
    """Where the trials leave their traces: whoever ran by its process id, and the temporary folder."""

    def __init__(self, ran: Path, temporary: Path) -> None:
        self.ran, self.temporary = ran, temporary
        self.proved: list[int] = []

    def program(self, late: float = 0, stubborn: bool = False) -> list[str]:
        given = ["{staged}", "{port}", str(self.ran), str(late), str(int(stubborn))]
        return [sys.executable, "-c", ANSWERER, *given]

    def rehearse(
        self, argv: list[str], prove: Callable[[int], object], seconds: float = 5, content: bytes = b"the content\n"
    ) -> None:
        def proving(port: int) -> object:
            self.proved.append(port)
            return prove(port)

        _trial.rehearse(argv, content, proving, seconds, Unproven, time.monotonic, time.sleep)

    def left(self) -> list[str]:
        """What is still there: processes that run, and files."""
        alive = [path.name for path in self.ran.iterdir() if runs(path.name)]
        return alive + [str(path) for path in self.temporary.iterdir()]


def runs(process: str) -> bool:
    """One that ended and was not waited for does not."""
    try:
        return Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def soon_none(look: Callable[[], Collection[str]]) -> bool:
    """Whether nothing is there: whom a signal kills is there for a moment, and longer on a busy machine."""
    end, seen = time.monotonic() + 5, look()
    while seen and time.monotonic() < end:
        time.sleep(0.05)
        seen = look()
    if seen:
        print(f"still there: {seen}")
    return not seen


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    ran, temporary = tmp_path / "ran", tmp_path / "temporary"
    ran.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    made = Stage(ran, temporary)
    yield made
    assert soon_none(made.left)


def says(words: str) -> Callable[[int], None]:
    """A proof: whoever has the port answers so."""

    def prove(port: int) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.settimeout(1)
            client.connect(("127.0.0.1", port))
            try:
                client.send(b"x")
                answer = client.recv(512).decode()
            except OSError as error:
                raise Unproven("no answer") from error
        if answer != words:
            raise Unproven(f"it says {answer!r}")

    return prove


def test_one_that_answers_right_passes(stage: Stage) -> None:
    stage.rehearse(stage.program(), says("the content\n0o644"))
    assert len(list(stage.ran.iterdir())) == 1 and set(stage.proved) != {53}


def test_one_that_needs_a_while_is_waited_for(stage: Stage) -> None:
    stage.rehearse(stage.program(late=0.6), says("the content\n0o644"))
    assert len(stage.proved) > 1


def test_one_that_answers_wrong_is_refuted_with_the_last_reason(stage: Stage) -> None:
    with pytest.raises(_trial.Refuted, match=r"^it says 'other\\n0o644'$"):
        stage.rehearse(stage.program(), says("the content\n0o644"), seconds=5, content=b"other\n")


def test_one_that_runs_and_does_not_answer_is_refuted(stage: Stage) -> None:
    with pytest.raises(_trial.Refuted, match=r"^no answer$"):
        stage.rehearse(stage.program(late=60), says(""), seconds=1)


@pytest.mark.parametrize(
    "argv",
    [[sys.executable, "-c", "pass", "{staged}", "{port}"], ["/nonexistent/dnsmasq", "{staged}", "{port}"]],
    ids=["it ends at once", "there is no such program"],
)
def test_one_that_ends_by_itself_says_nothing(stage: Stage, argv: list[str]) -> None:
    began = time.monotonic()
    stage.rehearse(argv, says("anything"), seconds=20)
    assert time.monotonic() - began < 10, "it was waited for"


def test_bytes_that_are_no_text_get_to_the_program(stage: Stage) -> None:
    got: list[bytes] = []

    def prove(port: int) -> None:
        [path] = stage.temporary.glob("*/trial.conf")
        got.append(path.read_bytes())

    stage.rehearse(stage.program(), prove, content=b"a\xffb\r\n\xc3\xbc")
    assert got == [b"a\xffb\r\n\xc3\xbc"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), ValueError("broken")], ids=repr)
def test_whatever_is_raised_nothing_is_left(stage: Stage, error: BaseException) -> None:
    answered = says("the content\n0o644")

    def prove(port: int) -> None:
        answered(port)
        raise error

    with pytest.raises(type(error)):
        stage.rehearse(stage.program(), prove)
    assert len(list(stage.ran.iterdir())) == 1


def test_one_that_does_not_want_to_end_is_killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trial, "SPARE", 2)
    stage.rehearse(stage.program(stubborn=True), says("the content\n0o644"), seconds=0.9)


def test_it_runs_under_a_program_that_ends_it_whatever_becomes_of_who_started_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    start = _trial._start

    def kept(argv: list[str]) -> int:
        started.append(argv)
        return start(argv)

    monkeypatch.setattr(_trial, "_start", kept)
    stage.rehearse(["true", "{port}"], says(""), seconds=20)
    assert started[0][:4] == ["timeout", "--signal=KILL", "50", "true"]


def test_without_that_program_nothing_is_started_and_nothing_said(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(stage.temporary))
    stage.rehearse(stage.program(), says("the content\n0o644"), seconds=20)
    assert list(stage.ran.iterdir()) == []


def test_a_port_that_somebody_has_over_tcp_is_not_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert _trial.free_port() != taken.getsockname()[1]


# --- with a real dnsmasq ---

DNSMASQ = ["/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file={staged}", "--port={port}", "--pid-file="]
DNSMASQ += ["--listen-address=127.0.0.1", "--bind-interfaces", f"--user={getpass.getuser()}"]
RIGHT = "no-resolv\nno-hosts\naddress=/db.corp.example/192.0.2.21\n"


def resolves(port: int) -> None:
    try:
        answer = _dns.ask(_dns.question("db.corp.example", "A"), "127.0.0.1", port, "udp", 1, 1)
    except _dns.NoAnswer as error:
        raise Unproven(str(error)) from error
    if answer.rdatas != ("192.0.2.21",):
        raise Unproven(f"got {answer.rcode} {answer.rdatas}")


def running(stage: Stage) -> set[str]:
    """Each dnsmasq with a file of this trial: other tests run beside this one."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes()
        except OSError:  # gone meanwhile
            continue
        if b"dnsmasq" in words and f"{stage.temporary}/everywhere-trial-".encode() in words:
            found.add(process.parent.name)
    return found


def test_a_real_dnsmasq_passes_and_is_gone(stage: Stage) -> None:
    stage.rehearse(DNSMASQ, resolves, content=RIGHT.encode())
    assert soon_none(lambda: running(stage))


def test_a_real_dnsmasq_with_a_wrong_answer_is_refuted_and_gone(stage: Stage) -> None:
    with pytest.raises(_trial.Refuted, match=r"192.0.2.22"):
        stage.rehearse(DNSMASQ, resolves, seconds=5, content=RIGHT.replace(".21", ".22").encode())
    assert soon_none(lambda: running(stage))


def test_a_real_dnsmasq_that_does_not_start_says_nothing(stage: Stage) -> None:
    stage.rehearse(DNSMASQ, resolves, seconds=20, content=b"no-such-option\n")
    assert soon_none(lambda: running(stage))
