# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back is the exact inverse, whatever was deployed and whatever an admin did since: on real files."""

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    apply,
    files,
    spec,
    text_edits,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    restore as _restore,
)
from test_apply import FIRST, SECOND, Lab, Proof, unit

ADMINS = "first\nnameserver 192.0.2.1\nlast"
SWITCH = "passwd: files\nhosts:  files resolve [!UNAVAIL=return] dns\n"


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    (made.etc / "resolv").write_text(ADMINS)
    (made.etc / "conf").write_text("an admin's")
    (made.etc / "switch").write_text(SWITCH)
    (made.etc / "stub").symlink_to("old")
    (made.etc / "plain").write_text("plain\n")
    return made


def restore(lab, check_mode=False, **hands):
    request = spec.Request("x", [], [], None, 20.0, False)
    return _restore.restore(request, lab.host()._replace(**hands), check_mode)


def without_times(lab):
    """Every path with its content, link, mode and owner."""
    found = {}
    for path in sorted(lab.etc.rglob("*")):
        status = path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[path] = (content, status.st_mode, status.st_uid, status.st_gid)
    return found


def everything(lab):
    """All ways to change a file, a unit that is restarted, one that is started, and programs in both directions."""
    files = [
        lab.file("own"),
        lab.file("d/e/own"),
        lab.file("old"),
        lab.file("resolv", lines=["nameserver 127.0.0.1"], before="^nameserver", in_place=True),
        lab.file("conf", block="ours"),
        lab.file("made", block="ours"),
        lab.file("switch", regexp=r"^(hosts:.*?)[ \t]+resolve(?:[ \t]+\[[^\]\n]*\])?(?=\s)", replace=r"\1"),
        lab.file("stub", link="elsewhere"),
        lab.file("plain", link="elsewhere"),
        lab.file("watched", watched=True),
    ]
    units = [unit(FIRST, restart_for=[str(lab.old)]), unit(SECOND, enabled=True)]
    commands = [
        {"argv": ["apply", "--x=1"], "undo": ["unapply", "--x=1"], "run_for": [str(lab.etc / "conf")]},
        {"argv": ["again", "--x=1"], "undo": None, "run_for": [str(lab.etc / "conf")]},
    ]
    return {"files": files, "units": units, "commands": commands}


@pytest.fixture
def programs(lab, monkeypatch):
    """Programs other than systemctl take anything."""
    monkeypatch.setattr(lab.systemd, "program", lambda argv: (lab.systemd.log.append(argv[0]), (0, "", ""))[1])


def test_a_deploy_and_a_restore_and_both_again_leave_everything_as_it_was(lab, programs):
    before, ran = without_times(lab), lab.systemd.picture()
    for _turn in range(2):
        assert lab.run(**everything(lab))["changed"]
        assert (lab.etc / "switch").read_text() == "passwd: files\nhosts:  files dns\n"
        assert (lab.etc / "stub").readlink().name == (lab.etc / "plain").readlink().name == "elsewhere"
        (lab.etc / "watched").write_text("by a unit\n")
        lab.systemd.log.clear()
        assert restore(lab)["changed"]
        assert without_times(lab) == before
        assert lab.systemd.picture() == ran
        assert not (lab.root / "records").exists()
    # Stopped before the files go, the programs in the opposite order, and what nobody reads last.
    assert lab.systemd.log == [f"stop {SECOND}", f"disable {SECOND}", f"restart {FIRST}", "again", "unapply"]
    assert restore(lab) == {**restore(lab), "changed": False}


def test_what_an_admin_wrote_since_stays(lab, programs):
    lab.run(**everything(lab))
    (lab.etc / "resolv").write_text("nameserver 127.0.0.1\nnameserver 192.0.2.9\n")
    (lab.etc / "conf").write_text((lab.etc / "conf").read_text() + "more\n")
    (lab.etc / "made").write_text((lab.etc / "made").read_text() + "more\n")
    (lab.etc / "switch").write_text("group: files\nhosts:  files dns\n")
    restore(lab)
    assert (lab.etc / "resolv").read_text() == "nameserver 192.0.2.9\n"
    assert (lab.etc / "conf").read_text() == "an admin's\nmore\n"
    assert (lab.etc / "made").read_text() == "more\n"
    assert (lab.etc / "switch").read_text() == "group: files\nhosts:  files resolve [!UNAVAIL=return] dns\n"


def test_a_line_that_the_admin_had_is_not_ours_to_take(lab):
    (lab.etc / "resolv").write_text("nameserver 127.0.0.1\nnameserver 192.0.2.1\n")
    lab.run(files=[lab.file("own"), lab.file("resolv", lines=["nameserver 127.0.0.1"], before="^nameserver")])
    restore(lab)
    assert (lab.etc / "resolv").read_text() == "nameserver 127.0.0.1\nnameserver 192.0.2.1\n"


def test_lines_come_and_go_with_later_deploys_and_none_is_left_behind(lab):
    """What an earlier deploy put there and a later one does not want goes; what an admin had is nobody's to take."""
    before = "nameserver 127.0.0.2\nnameserver 192.0.2.1\n"
    (lab.etc / "resolv").write_text(before)
    for last in (1, 3, 2):
        lines = [f"nameserver 127.0.0.{number}" for number in range(1, last + 1)]
        lab.run(files=[lab.file("resolv", lines=lines, before="^nameserver")])
        wanted = [*lines, *(line for line in before.splitlines() if line not in lines)]
        assert (lab.etc / "resolv").read_text().splitlines() == wanted
    (lab.etc / "resolv").write_text((lab.etc / "resolv").read_text().replace("192.0.2.1", "192.0.2.9"))
    restore(lab)
    assert (lab.etc / "resolv").read_text() == before.replace("192.0.2.1", "192.0.2.9")


@pytest.mark.parametrize("entry", ["{}", "[]", '{"way": "lines"}'])
def test_lines_are_not_put_down_over_a_record_that_cannot_be_read(lab, entry):
    lab.run(files=[lab.file("resolv", lines=["nameserver 127.0.0.1"], before="^nameserver")])
    (lab.root / "records/x.json").write_text(f'{{"files": {{"{lab.etc}/resolv": {entry}}}}}')
    before = (lab.etc / "resolv").read_text()
    with pytest.raises(files.ValidationError, match=r"the record .*x\.json is not readable .*; move it away"):
        lab.run(files=[lab.file("resolv", lines=["nameserver 127.0.0.2"], before="^nameserver")])
    assert (lab.etc / "resolv").read_text() == before


def test_a_restore_that_fails_leaves_the_deploy_as_it_was(lab, programs):
    (lab.etc / "watched").write_text("before\n")
    lab.run(**everything(lab))
    (lab.etc / "watched").write_text("by a unit\n")
    before, ran = without_times(lab), lab.systemd.picture()
    lab.proof = Proof(1000)
    with pytest.raises(apply.RolledBack, match="everything that this step changed is back"):
        restore(lab)
    assert lab.proof.made > 10
    assert without_times(lab) == before
    assert lab.systemd.picture() == ran
    lab.proof = Proof()
    assert restore(lab)["changed"]


def test_a_check_of_a_restore_changes_nothing_and_shows_it(lab, programs):
    lab.run(**everything(lab))
    before = lab.picture()
    told = restore(lab, check_mode=True)
    assert lab.picture() == before
    shown = {part["before_header"]: (part["before"], part["after"]) for part in told["diff"]}
    assert shown[str(lab.etc / "stub")] == ("link to elsewhere\n", "link to old\n")
    assert shown[str(lab.etc / "own")] == ("new\n", "")


def test_a_package_that_was_removed_meanwhile_needs_nothing_of_its_unit(lab):
    lab.run(files=[lab.file("own")], units=[unit("later.service")], prepare_only=True)
    lab.systemd.add("later.service", active="inactive", enablement="masked", load="masked")
    restore(lab)
    assert lab.systemd.log == ["unmask later.service"]


def test_a_failed_program_puts_the_files_back_and_runs_the_other_one(lab, monkeypatch):
    monkeypatch.setattr(
        lab.systemd, "program", lambda argv: (lab.systemd.log.append(argv[0]), (int(argv[0] == "apply"), "", "no"))[1]
    )
    before = lab.picture()
    with pytest.raises(apply.RolledBack, match="apply --x=1 failed: no"):
        lab.run(**everything(lab))
    assert lab.picture() == before
    assert lab.systemd.log[-2:] == ["again", "unapply"]


def test_what_libc_reads_lands_before_a_restart_and_goes_back_after_it(lab, monkeypatch):
    seen = []
    change = lab.systemd.change

    def looking(verb, name):
        seen.append((verb, (lab.etc / "stub").readlink().name))
        return change(verb, name)

    monkeypatch.setattr(lab.systemd, "change", looking)
    files = [lab.file("old"), lab.file("stub", link="elsewhere")]
    lab.run(files=files, units=[unit(FIRST, restart_for=[str(lab.old)])])
    restore(lab)
    assert seen == [("restart", "elsewhere"), ("restart", "elsewhere")]
    assert (lab.etc / "stub").readlink().name == "old"


@pytest.mark.parametrize("text", [b"", b"a", b"a\n", b"a\n\n", b"\n"], ids=["empty", "no end", "one", "two", "blank"])
def test_a_block_is_put_in_and_taken_out(text):
    inside = text_edits.with_block(text, b"ours")
    assert text_edits.with_block(inside, b"ours") == inside
    assert text_edits.without_block(inside) == text_edits.ended(text)


def test_a_substitution_is_taken_back_line_by_line():
    before = b"hosts: files resolve dns\nnetworks: files\n"
    after = text_edits.substituted(before, rb"^(hosts:.*?) resolve", rb"\1")
    assert after == b"hosts: files dns\nnetworks: files\n"
    assert text_edits.unsubstituted(after, rb"^(hosts:.*?) resolve", rb"\1", before) == before
    assert text_edits.unsubstituted(b"hosts: dns\n", rb"^(hosts:.*?) resolve", rb"\1", before) == b"hosts: dns\n"


# --- without a record ---


def traces(lab):
    """What a restore is told that a deploy makes: `everything`, and more that is not there."""
    more = [lab.file("another"), lab.file("shared", block="ours"), lab.file("more/lines", lines=["x"], before="^y")]
    lines = lab.file("resolv", lines=["nameserver 127.0.0.1"], before="^nameserver", in_place=True)
    own = [lab.file("own"), lab.file("d/e/own"), lab.file("conf", block="x"), lab.file("made", block="x")]
    kept = [lab.file("stub", link="elsewhere"), lab.file("switch", regexp="a", replace="b")]
    return {
        "files": [*own, lines, lab.file("watched", watched=True), *kept, *more],
        "units": [unit(FIRST, restart_for=[str(lab.etc / "own")]), unit(SECOND, running=False)],
    }


def restore_told(lab, check_mode=False, evidence=None):
    """As the role calls it, with all that it ever puts on a host."""
    params = {"name": "x", "record_dir": str(lab.root / "records"), "proof_deadline": 20.0, "prepare_only": False}
    params.update(check=None, commands=[], settle=0.0, after=None, trial=None, proof=None, evidence=evidence)
    return _restore.restore(spec.request_from({**params, **traces(lab)}), lab.host(), check_mode)


def lose(lab, how):
    record = lab.root / "records/x.json"
    if how == "missing":
        record.unlink()
    else:
        record.write_text(how)


BROKEN = ["missing", "", "{", "[]", '{"files": {"/etc/x": {}}}', '{"commands": [{}]}', '{"units": {"a.service": {}}}']


@pytest.mark.parametrize("how", BROKEN)
def test_without_a_record_all_that_is_ours_goes_and_what_nobody_knows_stays(lab, programs, how):
    (lab.etc / "watched").write_text("by a unit\n")
    lab.run(**everything(lab))
    (lab.etc / "conf").write_text((lab.etc / "conf").read_text() + "more\n")
    lose(lab, how)
    result = restore_told(lab)
    assert "x.json is " in result["lost"]
    assert not (lab.etc / "own").exists()
    assert not (lab.etc / "d/e/own").exists()
    assert not (lab.etc / "made").exists()
    assert not (lab.etc / "watched").exists()
    assert (lab.etc / "conf").read_text() == "an admin's\nmore\n"
    assert "127.0.0.1" not in (lab.etc / "resolv").read_text()
    assert "192.0.2.1" in (lab.etc / "resolv").read_text()
    # Nobody knows what was there.
    assert (lab.etc / "stub").readlink().name == "elsewhere"
    assert (lab.etc / "switch").read_text() == "passwd: files\nhosts:  files dns\n"
    assert not (lab.root / "records").exists()
    assert restore_told(lab)["changed"] is False


def test_a_check_of_it_changes_nothing_and_says_what_would(lab):
    lab.run(files=[lab.file("own")])
    lose(lab, "missing")
    before = without_times(lab)
    result = restore_told(lab, check_mode=True)
    assert (result["changed"], result["files"]) == (True, [str(lab.etc / "own")])
    assert without_times(lab) == before


@pytest.mark.parametrize("evidence", [False, True])
def test_a_line_may_be_anybodys_unless_something_else_shows_a_deploy(lab, evidence):
    text = "nameserver 127.0.0.1\nnameserver 192.0.2.1\n"
    (lab.etc / "resolv").write_text(text)
    result = restore_told(lab, evidence=str(lab.etc / "conf") if evidence else None)
    assert result["changed"] is evidence
    assert (lab.etc / "resolv").read_text() == (text.partition("\n")[2] if evidence else text)


def test_without_a_record_a_failing_proof_leaves_the_host_as_it_was(lab):
    lab.run(files=[lab.file("own"), lab.file("resolv", lines=["nameserver 127.0.0.1"], before="^nameserver")])
    lose(lab, "missing")
    before = without_times(lab)
    lab.proof = Proof(1000)
    with pytest.raises(apply.RolledBack, match="everything that this step changed is back"):
        restore_told(lab)
    assert without_times(lab) == before


def test_a_record_that_can_be_read_counts_whatever_else_is_told(lab):
    (lab.etc / "another").write_text("an admin's\n")
    lab.run(files=[lab.file("own")])
    result = restore_told(lab)
    assert result["lost"] is None
    assert (lab.etc / "another").read_text() == "an admin's\n"
