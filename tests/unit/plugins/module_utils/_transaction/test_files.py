# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file should be, and the swap that gets it there or leaves everything as it was: on real files."""

import os
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import file_swap, files

BLOCK = "# BEGIN everywhere.dnsmasq\nours\n# END everywhere.dnsmasq\n"
PREPEND = "prepend domain-name-servers 127.0.0.1;"


def raw(path, **options):
    return dict({"path": str(path), "mode": "0644", "in_place": False}, **options)


def wanted(path, **options):
    return files.file_spec(raw(path, **options))


def changes(*all_wanted):
    return files.changes_for(list(all_wanted))


def swap(*all_wanted, **hands):
    return file_swap.Swap(changes(*all_wanted), **hands)


def picture(root: Path) -> dict:
    """Everything that a restore has to bring back, of every path below."""
    result = {}
    for path in [root, *sorted(root.rglob("*"))]:
        status = path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        times = status.st_mtime_ns if path.is_file() else None
        result[str(path)] = (content, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, times)
    return result


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"path": "etc/x", "content": ""}, "not a plain absolute path"),
        ({"path": "//etc/x", "content": ""}, "not a plain absolute path"),
        ({"path": "/etc/../x", "content": ""}, "not a plain absolute path"),
        ({"path": "/etc/x\n", "content": ""}, "not a plain absolute path"),
        ({"path": "/etc/\x1bx", "content": ""}, "not a plain absolute path"),
        ({"path": "/etc/x"}, "exactly one of content, block, lines, regexp, link and watched, and has none"),
        ({"path": "/etc/x", "content": "", "block": "a"}, "and has content and block"),
        ({"path": "/etc/x", "lines": ["a"]}, "give both or neither"),
        ({"path": "/etc/x", "content": "a", "before": "a"}, "give both or neither"),
        ({"path": "/etc/x", "lines": ["a\nb"], "before": "a"}, "more than one line"),
        ({"path": "/etc/x", "lines": [" "], "before": "a"}, "empty or more than one line"),
        ({"path": "/etc/x", "lines": ["a", "a"], "before": "a"}, "has a line twice"),
        ({"path": "/etc/x", "lines": [], "before": "a"}, "takes exactly one of"),
        ({"path": "/etc/x", "lines": ["a"], "before": "("}, "not a regular expression"),
        ({"path": "/etc/x", "regexp": "a"}, "one of regexp and replace"),
        ({"path": "/etc/x", "regexp": "(", "replace": ""}, "not a regular expression"),
        ({"path": "/etc/x", "link": "a\nb"}, "leads nowhere"),
        ({"path": "/etc/x", "block": "\n"}, "empty or holds its own marker"),
        ({"path": "/etc/x", "block": "a\n# END everywhere.dnsmasq "}, "empty or holds its own marker"),
        ({"path": "/etc/x", "content": "", "mode": "rw"}, "not an octal string"),
        ({"path": "/etc/x", "content": "", "mode": "420"}, "write it in quotes"),
        ({"path": "/etc/x", "content": "", "mode": "4755"}, "not an octal string"),
    ],
    ids=[
        "a relative path",
        "two slashes in front",
        "a path with ..",
        "a newline in the path",
        "a control character in the path",
        "nothing to write",
        "two ways at once",
        "a line without its place",
        "a place without its line",
        "two lines in one",
        "an empty line",
        "the same line twice",
        "no line at all",
        "a broken expression",
        "an expression without what replaces it",
        "a broken expression to replace",
        "a link with a newline",
        "an empty block",
        "a block with its own marker",
        "a mode in letters",
        "an unquoted 0644, which YAML makes 420",
        "a set-uid mode",
    ],
)
def test_a_mistake_is_one_sentence(options, complaint):
    with pytest.raises(files.ValidationError, match=complaint) as caught:
        files.file_spec(raw(**options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("present", "text"),
    [
        ("", BLOCK),
        ("theirs\n", "theirs\n" + BLOCK),
        ("theirs", "theirs\n" + BLOCK),
        ("a\n" + BLOCK + "\tz \r\nlast", "a\n" + BLOCK + "\tz \r\nlast"),
        ("a\n" + BLOCK.replace("ours", "old\nolder") + "z", "a\n" + BLOCK + "z"),
        ("a\n" + BLOCK.replace("ours\n", ""), "a\n" + BLOCK),
    ],
    ids=[
        "an empty file gets the block",
        "the block is appended",
        "an open last line is ended first",
        "a block that is right is left alone",
        "an old block is replaced where it stands",
        "an empty block is filled",
    ],
)
def test_a_block_leaves_every_other_byte_alone(present, text):
    assert files.text_for(wanted("/x", block="ours"), present.encode()) == text.encode()


@pytest.mark.parametrize(
    "present",
    ["# BEGIN everywhere.dnsmasq\nours\n", "# END everywhere.dnsmasq\n# BEGIN everywhere.dnsmasq\n", BLOCK + BLOCK],
    ids=["a block without its end", "the end before the beginning", "two blocks"],
)
def test_stray_markers_are_not_guessed_at(present):
    with pytest.raises(files.ValidationError, match="remove the stray ones"):
        files.text_for(wanted("/x", block="ours"), present.encode())


@pytest.mark.parametrize(
    ("present", "text"),
    [
        ("a\nrequest subnet-mask;\n", f"a\n{PREPEND}\nrequest subnet-mask;\n"),
        ("a\n", f"a\n{PREPEND}\n"),
        ("a", f"a\n{PREPEND}\n"),
        ("", f"{PREPEND}\n"),
        (f"{PREPEND}\na\nrequest x;\n", f"{PREPEND}\na\nrequest x;\n"),
        (f"request x;\n{PREPEND}\nz", f"{PREPEND}\nrequest x;\nz"),
        (f"{PREPEND}\nrequest x;\n{PREPEND}\n", f"{PREPEND}\nrequest x;\n"),
        ("request x;\r\nrequest y;\r\n", f"{PREPEND}\nrequest x;\r\nrequest y;\r\n"),
        (f"a\n{PREPEND}", f"a\n{PREPEND}"),
        (f" {PREPEND}\nrequest x;\n", f" {PREPEND}\n{PREPEND}\nrequest x;\n"),
    ],
    ids=[
        "inserted before the match",
        "appended without a match",
        "appended after an open line",
        "into an empty file",
        "left where it is before the match",
        "moved up when it is too late",
        "a later copy is removed",
        "before the first of several matches",
        "found in an open last line",
        "only the very same line counts",
    ],
)
def test_a_line_stands_once_before_the_match(present, text):
    rule = wanted("/x", lines=[PREPEND], before="^request")
    once = files.text_for(rule, present.encode())
    assert once == text.encode()
    assert files.text_for(rule, once) == once


RESOLV = {"lines": ["nameserver 127.0.0.1"], "before": "^nameserver", "in_place": True}


def test_a_shared_file_is_looked_at_until_its_other_writer_is_done(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("")
    looks = []

    def sleep(_seconds):
        looks.append(path.read_text())
        if len(looks) == 3:
            path.write_text("nameserver 192.0.2.1\n")

    found = files.settled(wanted(str(path), **RESOLV), sleep)
    assert (len(looks), found.content) == (3, b"nameserver 192.0.2.1\n")


def test_a_shared_file_that_stays_empty_is_not_guessed_at(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 127.0.0.1\n")
    naps = []
    with pytest.raises(
        files.ValidationError, match=r"resolv.conf has no line that matches '\^nameserver'; look at what else"
    ):
        files.settled(wanted(str(path), **RESOLV), naps.append)
    assert 1.9 < sum(naps) < 2.2


def test_a_script_under_way_that_may_write_what_was_wanted_before_is_waited_for(tmp_path):
    """Those that began later have read what is there now."""
    script, path = tmp_path / "dhclient-script", tmp_path / "resolv.conf"
    script.write_text(f"read -r _end\necho nameserver 192.0.2.1 >{path}\n")
    path.write_text("nameserver 192.0.2.9\n")
    made = swap(wanted(str(path), **RESOLV))
    with subprocess.Popen(["/bin/sh", str(script)], stdin=subprocess.PIPE) as under_way:
        end = time.monotonic() + 5
        while f"/proc/{under_way.pid}/cmdline" not in file_swap.writers():
            assert time.monotonic() < end
            time.sleep(0.01)
        threading.Timer(0.3, under_way.stdin.close).start()
        made.land()
    assert path.read_text() == "nameserver 127.0.0.1\nnameserver 192.0.2.1\n"
    assert made.undo() == []


def test_a_script_that_does_not_end_is_waited_for_ten_seconds_and_one_that_begins_later_is_not():
    now, looks = [0.0], []

    def sleep(seconds):
        now[0] += seconds

    file_swap.let_end(lambda: looks.append(now[0]) or {"old", f"new {len(looks)}"}, lambda: now[0], sleep)
    assert 9.9 < now[0] < 10.1
    now[0], looks[:] = 0.0, []
    file_swap.let_end(lambda: looks.append(now[0]) or {f"new {len(looks)}"}, lambda: now[0], sleep)
    assert len(looks) == 2


def test_what_is_written_in_place_goes_back_after_the_hooks_of_who_else_writes_it(tmp_path):
    resolv, hook, moments = tmp_path / "resolv.conf", tmp_path / "hook", []
    resolv.write_text("nameserver 192.0.2.9\n")
    made = swap(wanted(str(hook), content="prepend\n"), wanted(str(resolv), **RESOLV))
    made.land()
    back = made._put_back
    made._put_back = lambda change: moments.append(change.path) or back(change)
    assert made.undo() == []
    assert moments == [str(hook), str(resolv)]
    assert (hook.exists(), resolv.read_text()) == (False, "nameserver 192.0.2.9\n")


def test_what_another_writer_wrote_between_look_and_landing_is_kept(tmp_path):
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\n")
    changes = files.changes_for([wanted(str(path), **RESOLV)])
    path.write_text("nameserver 192.0.2.2\n")
    moved = file_swap.Swap(changes)
    moved.land()
    assert path.read_text() == "nameserver 127.0.0.1\nnameserver 192.0.2.2\n"
    assert moved.undo() == []
    assert path.read_text() == "nameserver 192.0.2.2\n"


THREE = ["nameserver 127.0.0.1", "nameserver 127.0.0.2", "nameserver 127.0.0.3"]


@pytest.mark.parametrize(
    ("present", "text"),
    [
        ("search x\nnameserver 192.0.2.1\n", "search x\n{three}nameserver 192.0.2.1\n"),
        ("nameserver 127.0.0.1\nnameserver 192.0.2.1\n", "{three}nameserver 192.0.2.1\n"),
        ("nameserver 127.0.0.3\nnameserver 127.0.0.1\nnameserver 192.0.2.1\n", "{three}nameserver 192.0.2.1\n"),
        ("nameserver 192.0.2.1\nnameserver 127.0.0.2\n", "{three}nameserver 192.0.2.1\n"),
        ("{three}", "{three}"),
        ("search x", "search x\n{three}"),
    ],
    ids=[
        "before the match",
        "one of them is there",
        "in another order",
        "one of them stands behind the match",
        "there already",
        "appended without a match",
    ],
)
def test_several_lines_stand_once_together_and_in_order(present, text):
    rule = wanted("/x", lines=THREE, before="^nameserver")
    three = "".join(f"{line}\n" for line in THREE)
    once = files.text_for(rule, present.format(three=three).encode())
    assert once == text.format(three=three).encode()
    assert files.text_for(rule, once) == once


def test_lines_of_an_earlier_run_make_room():
    rule = wanted("/x", lines=THREE[:2], before="^nameserver")._replace(former=frozenset(map(str.encode, THREE)))
    present = "".join(f"{line}\n" for line in [*THREE, "nameserver 192.0.2.1"])
    assert files.text_for(rule, present.encode()) == present.replace(THREE[2] + "\n", "").encode()


def test_a_line_may_match_its_own_expression():
    rule = wanted("/x", lines=["nameserver 127.0.0.1"], before="^nameserver")
    assert files.text_for(rule, b"nameserver 127.0.0.1\nnameserver 192.0.2.1\n").count(b"127.0.0.1") == 1


@pytest.mark.parametrize("text", ["block", "lines"])
def test_bytes_that_are_no_utf8_survive(text):
    rule = wanted("/x", block="ours") if text == "block" else wanted("/x", lines=["ours"], before="^x")
    assert files.text_for(rule, b"# \xe9t\xe9\n").startswith(b"# \xe9t\xe9\n")


@pytest.mark.parametrize(
    ("there", "options", "mode", "needed"),
    [
        (None, {"content": "a"}, 0o644, True),
        (0o644, {"content": "a"}, 0o644, False),
        (0o600, {"content": "a"}, 0o644, True),
        (0o644, {"content": "b"}, 0o644, True),
        (0o640, {"lines": ["a"], "before": "z"}, 0o640, False),
        (0o640, {"block": "b", "mode": "0600"}, 0o640, True),
        (None, {"block": "b", "mode": "0600"}, 0o600, True),
    ],
    ids=[
        "a missing file",
        "the same",
        "another mode",
        "another text",
        "a line keeps the admin's mode",
        "so does a block",
        "a new file has the mode asked for",
    ],
)
def test_what_needs_to_change(tmp_path, there, options, mode, needed):
    path = tmp_path / "x"
    if there is not None:
        path.write_text("a")
        path.chmod(there)
    (change,) = changes(wanted(path, **options))
    assert (change.mode, change.needed) == (mode, needed)


def test_a_directory_or_a_pipe_is_not_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(files.ValidationError, match="not a regular file"):
            files.look(str(path))


def test_two_paths_of_one_file_are_a_mistake(tmp_path):
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(files.ValidationError, match="are one file"):
        changes(wanted(tmp_path / "a", content="1"), wanted(tmp_path / "b", content="2"))


def test_the_diff_shows_text_or_else_the_mode(tmp_path):
    path = tmp_path / "x"
    path.write_text("a\n")
    path.chmod(0o600)
    (text,) = changes(wanted(path, content="b\n"))
    (mode,) = changes(wanted(path, content="a\n"))
    headers = {"before_header": str(path), "after_header": str(path)}
    assert files.file_diff(text) == dict(headers, before="a\n", after="b\n")
    assert files.file_diff(mode) == dict(headers, before="mode: 0600\n", after="mode: 0644\n")


@pytest.fixture
def etc(tmp_path):
    """A small /etc with everything that has to survive an undo."""
    root = tmp_path / "etc"
    (root / "real").mkdir(parents=True)
    (root / "plain").write_text("plain\n")
    (root / "plain").chmod(0o640)
    (root / "real" / "target").write_text("target\n")
    (root / "link").symlink_to("real/target")
    (root / "held").write_text("nameserver 192.0.2.1\n")
    for path in ("plain", "real/target", "held"):
        os.utime(root / path, (1_000_000_000, 1_000_000_000))
    return root


def everything(etc):
    return [
        wanted(etc / "held", content="nameserver 127.0.0.1\n", in_place=True, mode="0600"),
        wanted(etc / "plain", content="new\n"),
        wanted(etc / "link", block="ours"),
        wanted(etc / "new.d" / "deep" / "file", content="made\n", mode="0600"),
    ]


def test_all_files_land_and_a_second_look_finds_nothing_to_do(etc):
    held = (etc / "held").stat().st_ino
    umask = os.umask(0o077)
    try:
        swap(*everything(etc)).land()
    finally:
        os.umask(umask)
    assert not any(change.needed for change in changes(*everything(etc)))
    assert (etc / "link").is_symlink() and (etc / "real" / "target").read_text() == "target\n" + BLOCK
    assert (etc / "held").stat().st_ino == held
    assert stat.S_IMODE((etc / "new.d" / "deep").stat().st_mode) == 0o755
    assert not list(etc.rglob(".*"))
    assert time.time() - (etc / "plain").stat().st_mtime < 60


def test_an_undo_leaves_everything_as_it_was(etc):
    before = picture(etc)
    hands = swap(*everything(etc))
    hands.land()
    assert picture(etc) != before
    assert hands.undo() == []
    assert picture(etc) == before


def test_what_is_kept_is_not_undone_and_its_folder_stays(etc):
    before = picture(etc)
    hands = swap(*everything(etc))
    hands.land()
    made = etc / "new.d" / "deep" / "file"
    assert hands.keep([str(made), "/another"]) == [str(made)]
    assert hands.undo() == []
    after = picture(etc)
    assert {path for path in after if path not in before} == {str(made), *map(str, list(made.parents)[:2])}
    made.unlink()
    made.parent.rmdir()
    made.parent.parent.rmdir()
    assert {path: known[0] for path, known in picture(etc).items()} == {
        path: known[0] for path, known in before.items()
    }


@pytest.mark.parametrize("at", range(4), ids=["first", "second", "third", "fourth"])
def test_a_rename_that_fails_leaves_everything_as_it_was(etc, monkeypatch, at):
    before = picture(etc)
    real, calls = os.rename, []

    def rename(source, target):
        calls.append(target)
        if len(calls) == at + 1:
            raise OSError(16, "Device or resource busy")
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    hands = swap(*everything(etc), wanted(etc / "other", content="x"))
    with pytest.raises(file_swap.NotWritten, match=r"cannot write .*/etc/.*busy \(.*in_place"):
        hands.land()
    assert hands.undo() == []
    assert picture(etc) == before


def test_nothing_lands_before_all_is_written(etc, monkeypatch):
    before, real, calls = picture(etc), os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    hands = swap(*everything(etc))
    with pytest.raises(file_swap.NotWritten, match="No space left"):
        hands.land()
    assert not hands.landed
    assert hands.undo() == []
    assert picture(etc) == before


def test_a_file_that_others_hold_is_written_last(etc):
    hands = swap(*everything(etc))
    hands.land()
    assert [change.wanted.in_place for change in hands.landed] == [False, False, False, True]


def test_the_owner_is_kept_and_put_back(etc):
    os.chown(etc / "plain", 12, 34)
    hands = swap(wanted(etc / "plain", content="new\n"))
    for step in (hands.land, hands.undo):
        step()
        status = (etc / "plain").stat()
        assert (status.st_uid, status.st_gid) == (12, 34)


def test_what_cannot_be_put_back_is_named(etc):
    hands = swap(*everything(etc))
    hands.land()
    (etc / "new.d" / "of-somebody-else").write_text("")
    (lost,) = hands.undo()
    assert lost.startswith(str(etc / "new.d")) and "not empty" in lost


def test_a_held_file_that_vanished_meanwhile_comes_back(etc):
    hands = swap(*everything(etc))
    hands.land()
    (etc / "held").unlink()
    assert hands.undo() == []
    assert (etc / "held").read_text() == "nameserver 192.0.2.1\n"


@pytest.mark.parametrize("text", ["a\n", "a much longer text than before\n"], ids=["shorter", "longer"])
def test_a_reader_of_a_held_file_never_finds_it_empty(tmp_path, monkeypatch, text):
    path, seen = tmp_path / "held", []
    path.write_text("nameserver 192.0.2.1\n")
    for name in ("fchmod", "fsync"):
        monkeypatch.setattr(os, name, lambda *_all: seen.append(path.read_text()))
    real_open = open

    class Watching:
        def __init__(self, *args, **options):
            self.stream = real_open(*args, **options)

        def __enter__(self):
            return self

        def __exit__(self, *_all):
            self.stream.close()

        def __getattr__(self, name):
            seen.append(path.read_text())
            return getattr(self.stream, name)

    monkeypatch.setattr(file_swap, "open", Watching, raising=False)
    file_swap._write_through(str(path), text.encode(), 0o644)
    assert path.read_text() == text
    assert seen and all(state.strip() for state in seen)


def test_the_leftovers_of_a_killed_run_are_swept(etc):
    (etc / ".plain.everywhere-dead").write_text("")
    swap(wanted(etc / "plain", content="new\n")).land()
    assert not list(etc.glob(".plain*"))


def test_only_what_is_new_is_labelled(etc):
    labelled = []
    hands = swap(*everything(etc), label=lambda path, like: labelled.append(like))
    hands.land()
    assert labelled == [str(etc / "new.d"), str(etc / "new.d" / "deep"), str(etc / "new.d" / "deep" / "file")]


def test_extended_attributes_survive(etc):
    try:
        os.setxattr(etc / "plain", "user.note", b"kept")
    except OSError as error:
        pytest.skip(f"no extended attributes here: {error}")
    swap(wanted(etc / "plain", content="new\n")).land()
    assert os.getxattr(etc / "plain", "user.note") == b"kept"


def test_a_staged_copy_can_be_read_by_anyone_and_goes_away(etc, tmp_path):
    (change,) = changes(wanted(etc / "plain", content="new\n"))
    with file_swap.staged(change, under=str(tmp_path)) as path:
        copy = Path(path)
        assert (copy.name, copy.read_text()) == ("plain", "new\n")
        assert [stat.S_IMODE(one.stat().st_mode) for one in (copy, copy.parent)] == [0o644, 0o755]
    assert not copy.parent.exists()


def test_one_transaction_at_a_time(tmp_path):
    directory, entered = tmp_path / "records", threading.Event()

    def other():
        with file_swap.exclusive(str(directory)):
            entered.set()

    with file_swap.exclusive(str(directory)):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        assert not entered.wait(0.2)
    assert entered.wait(5)
    thread.join(5)


def test_signals_wait_for_the_end():
    terminated = []
    before = signal.signal(signal.SIGTERM, lambda *_all: terminated.append("after"))
    interrupts = signal.getsignal(signal.SIGINT)  # a program in the background may ignore it
    try:
        with file_swap.uninterrupted():
            for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM):
                os.kill(os.getpid(), number)
            assert terminated == []
        assert terminated == ["after"]
        assert signal.getsignal(signal.SIGINT) is interrupts
    finally:
        signal.signal(signal.SIGTERM, before)
