# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All of it, or the host exactly as it was: on real files, with a systemd of paper."""

import base64
import json
import os
import stat
import time
from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    apply,
    file_swap,
    restore,
    spec,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    files as _files,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    host as _host,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    units as _units,
)
from ansible_collections.everywhere.dnsmasq.plugins.modules import transaction

FIRST, SECOND, NEW = "dnsmasq.service", "second.service", "new.path"
ENABLING = {"enable": "enabled", "disable": "disabled"}


class Systemd:
    """Units that start, stop and fail as told, and a program that takes any file without the word bad."""

    def __init__(self):
        self.units = {}
        self.checked = None
        self.broken = {}  # (verb, unit) that fails, and how often from now on
        self.log = []

    def add(self, name, active="active", enablement="enabled", load="loaded", since=None):
        self.units[name] = {"active": active, "enablement": enablement, "load": load, "since": since, "stale": "no"}

    def __call__(self, argv):
        if argv[0] == "journalctl":
            return 0, f"last words of {argv[2]}\n", ""
        if argv[0] != "systemctl":
            return self.program(argv)
        verb, names = argv[1], argv[argv.index("--") + 1 :] if "--" in argv else []
        if verb == "show":
            return 0, "\n".join(self.shown(name) for name in names), ""
        if verb == "reset-failed":
            return 0, "", ""
        self.log.append(" ".join([verb, *names]))
        return self.change(verb, names[0] if names else "")

    def program(self, argv):
        self.log.append(argv[0])
        staged = argv[-1].split("=")[1]
        self.checked = Path(staged).read_text()
        bad = "bad" in self.checked
        return (1, "", f"dnsmasq: bad option at line 1 of {staged}\n") if bad else (0, "", "syntax check OK.\n")

    def change(self, verb, name):
        left = self.broken.get((verb, name), 0)
        if left:
            self.broken[verb, name] = left - 1
            if verb in ("start", "restart"):
                self.units[name]["active"] = "failed"
            return 1, "", f"no {verb} today"
        for one in self.units if verb == "daemon-reload" else ():
            self.units[one]["stale"] = "no"
        if verb in ENABLING:
            self.units[name]["enablement"] = ENABLING[verb]
        elif verb in ("start", "restart"):
            self.units[name].update(active="active", since=time.monotonic())
        elif verb == "stop":
            self.units[name]["active"] = "inactive"
        return 0, "", ""

    def shown(self, name):
        one = self.units.get(name)
        if one is None:
            return f"Id={name}\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"
        since = int((one["since"] or 0) * 1e6)
        return (
            f"Id={name}\nLoadState={one['load']}\nActiveState={one['active']}\nSubState=x\n"
            f"UnitFileState={one['enablement']}\nNeedDaemonReload={one['stale']}\n"
            f"ActiveEnterTimestampMonotonic={since}\n"
        )

    def picture(self):
        return {name: (one["active"], one["enablement"]) for name, one in self.units.items()}


class Proof:
    """Fails as often as told, then holds."""

    def __init__(self, failures=0):
        self.failures = failures
        self.made = 0

    def __call__(self):
        self.made += 1
        if self.made <= self.failures:
            raise apply.ProofFailed(f"failure {self.made}")
        return {"slowest_ms": 0.1}


class Lab:
    """One host: a directory, a systemd, a proof, and a clock that only sleeping moves."""

    def __init__(self, root):
        self.root = root
        self.etc = root / "etc"
        self.etc.mkdir()
        self.old = self.etc / "old"
        self.old.write_text("good\n")
        self.old.chmod(0o644)
        self.systemd = Systemd()
        self.systemd.add(FIRST, since=time.monotonic())
        self.systemd.add(SECOND, active="inactive", enablement="disabled")
        self.proof = Proof()
        self.trial = None
        self.asleep = lambda: None  # what happens meanwhile
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds
        self.asleep()

    def host(self):
        return apply.Host(
            _units.Systemctl(self.systemd),
            self.systemd,
            str(self.root / "records"),
            prove=self.proof,
            prove_at=self.trial,
            sleep=self.sleep,
            clock=lambda: self.now,
            unit_directories=(f"{self.etc}/system/",),
        )

    def file(self, name, content="new\n", **options):
        ways = {"lines", "block", "regexp", "link", "watched"}
        text = {} if ways & set(options) else {"content": content}
        return dict({"path": str(self.etc / name), "mode": "0644", "in_place": False}, **text, **options)

    def run(self, check_mode=False, **params):
        nothing = {"name": "x", "record_dir": str(self.root / "records"), "files": [], "units": []}
        nothing.update(check=None, commands=[], settle=0.0, after=None, trial=None, proof=None, evidence=None)
        params = {**nothing, "proof_deadline": 20.0, "prepare_only": False, **params}
        return apply.deploy(spec.request_from(params), self.host(), check_mode)

    def picture(self):
        files = {}
        for path in sorted(self.etc.rglob("*")):
            files[path.name] = (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        return files, self.systemd.picture(), sorted((self.root / "records").glob("*"))

    def record(self):
        return json.loads((self.root / "records" / "x.json").read_text())


def unit(name, **options):
    return dict({"name": name, "enabled": None, "running": True, "restart_for": []}, **options)


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def full(lab, text="new\n"):
    """Everything at once: old and new files, a unit of each kind, a check."""
    lab.systemd.add(NEW, active="inactive", enablement="disabled")
    return {
        "files": [lab.file("old", text), lab.file("d/new"), lab.file("system/new.path")],
        "units": [
            unit(FIRST, enabled=True, restart_for=[str(lab.old)]),
            unit(SECOND, enabled=True),
            unit(NEW, enabled=True, restart_for=[str(lab.etc / "system" / "new.path")]),
        ],
        "check": {"argv": ["dnsmasq", "--conf-file={staged}"], "file": str(lab.old)},
    }


def test_a_deploy_goes_in_order_and_the_next_one_changes_nothing(lab):
    params = full(lab)
    result = lab.run(**params)
    assert lab.systemd.log == [
        "dnsmasq",
        "daemon-reload",
        f"enable {SECOND}",
        f"enable {NEW}",
        f"restart {FIRST}",
        f"start {SECOND}",
        f"start {NEW}",
    ]
    assert lab.systemd.checked == "new\n"
    assert result["changed"] and result["reloaded"] and result["proof"] == {"slowest_ms": 0.1}
    assert result["files"] == [one["path"] for one in params["files"]]
    assert result["restarted"] == [FIRST, SECOND, NEW]
    lab.systemd.log.clear()
    again = lab.run(**params)
    assert lab.systemd.log == []
    assert again == dict(result, changed=False, files=[], restarted=[], reloaded=False, diff=[])


def test_check_mode_tells_the_same_and_touches_nothing(lab):
    params = full(lab)
    before = lab.picture()
    told = lab.run(check_mode=True, **params)
    assert lab.picture() == before and lab.systemd.log == [] and lab.proof.made == 0
    assert told == dict(lab.run(**params), proof=None)


def test_check_mode_knows_units_that_are_not_there_yet(lab):
    told = lab.run(check_mode=True, units=[unit("later.service", enabled=True)])
    assert told["changed"] and told["restarted"] == ["later.service"]
    assert told["diff"][0]["before"] == "later.service: not there\n"


FAILURES = {
    "the reload fails": {("daemon-reload", ""): 1},
    "an enable fails": {("enable", SECOND): 1},
    "a restart fails": {("restart", FIRST): 1},
    "a start fails": {("start", SECOND): 1},
    "the last start fails": {("start", NEW): 1},
}


@pytest.mark.parametrize("broken", FAILURES.values(), ids=FAILURES)
def test_a_failure_puts_everything_back(lab, broken):
    params = full(lab)
    before = lab.picture()
    lab.systemd.broken = dict(broken)
    with pytest.raises(
        apply.RolledBack, match=r"no .* today.*; everything that this step changed is back as it was"
    ) as caught:
        lab.run(**params)
    assert caught.value.lost == []
    assert lab.picture() == before


def test_an_unproven_deploy_restarts_the_old_files(lab):
    params = full(lab)
    before = lab.picture()
    lab.proof.failures = 1000
    with pytest.raises(apply.RolledBack, match="failure 41; everything that this step changed is back"):
        lab.run(**params)
    assert lab.picture() == before
    assert lab.systemd.log[-6:] == [
        f"disable {NEW}",
        f"disable {SECOND}",
        f"stop {NEW}",
        f"stop {SECOND}",
        "daemon-reload",
        f"restart {FIRST}",
    ]


def test_a_proof_may_take_its_time(lab):
    lab.proof.failures = 5
    assert lab.run(files=[lab.file("old")])["proof"]
    assert lab.now == 2.5


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), ValueError("broken")], ids=repr)
def test_whatever_is_raised_the_host_is_whole_again(lab, error):
    before = lab.picture()

    def prove():
        raise error

    lab.proof = prove
    with pytest.raises(apply.RolledBack):
        lab.run(files=[lab.file("old")])
    assert lab.picture() == before


def test_the_first_reason_and_what_is_not_back_are_named(lab):
    params = full(lab)
    lab.systemd.broken = {("restart", FIRST): 2, ("disable", SECOND): 1}
    with pytest.raises(apply.RolledBack) as caught:
        lab.run(**params)
    words = str(caught.value)
    assert words.startswith(f"systemctl restart {FIRST} failed: no restart today; its journal ends with: last words of")
    alone = str(lab.etc / "d/new")
    assert f"; NOT put back: {alone} (left as it is, since {FIRST} does not run), {SECOND} (systemctl disable" in words
    assert [lost.split()[0] for lost in caught.value.lost] == [alone, SECOND, FIRST]
    assert lab.record()["units"][FIRST]["ActiveState"] == "active", "what is not back can still be restored"


def test_a_unit_that_a_reload_stopped_is_started_again(lab):
    """As systemd stops a unit whose new drop-in binds it to one that does not run."""
    params = full(lab)
    before, change = lab.picture(), lab.systemd.change
    lab.systemd.broken = {("start", SECOND): 1}

    def binding(verb, name):
        answer = change(verb, name)
        if verb == "daemon-reload":
            lab.systemd.units[FIRST]["active"] = "inactive"
        return answer

    lab.systemd.change = binding
    units = [unit(SECOND), unit(FIRST)]
    with pytest.raises(apply.RolledBack) as caught:
        lab.run(**dict(params, units=units))
    assert caught.value.lost == []
    assert lab.picture() == before


def test_a_unit_that_dies_after_its_start_is_a_failure(lab):
    before, change = lab.picture(), lab.systemd.change

    def dying(verb, name):
        answer = change(verb, name)
        if verb == "start":
            lab.systemd.units[name]["active"] = "failed"
        return answer

    lab.systemd.change = dying
    with pytest.raises(apply.RolledBack, match=r"second.service did not stay up"):
        lab.run(units=[unit(SECOND)])
    assert lab.picture() == before


def test_a_unit_that_was_started_has_to_stay_up_for_a_while(lab):
    lab.proof.failures = 2
    lab.run(files=[lab.file("old")], units=[unit(FIRST, restart_for=[str(lab.old)]), unit(SECOND)], settle=3.0)
    assert lab.now == 3.0, "what the proof took counts"
    lab.run(files=[lab.file("old", "newer\n")], units=[unit(FIRST)], settle=3.0)
    assert lab.now == 3.0, "nothing was started"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"active": "active", "since": 1.0}, "systemd had to start it again; its journal ends with: last words of"),
        ({"active": "failed"}, r"it is failed \(x\)"),
    ],
    ids=["it was started again", "it is down"],
)
def test_a_unit_that_dies_soon_after_its_start_is_a_failure(lab, change, words):
    params = full(lab)
    before = lab.picture()

    def dying():
        if lab.systemd.units[FIRST]["since"] != change.get("since"):
            lab.systemd.units[FIRST].update(change)

    lab.asleep = dying
    with pytest.raises(apply.RolledBack, match=f"^{FIRST} did not stay up, {words}") as caught:
        lab.run(**params, settle=2.0)
    assert caught.value.lost == []
    assert lab.picture() == before
    assert lab.now == 2.0 and lab.systemd.log[-1] == f"restart {FIRST}"


def test_a_unit_that_this_run_did_not_start_is_not_held_to_it(lab):
    lab.asleep = lambda: lab.systemd.units[FIRST].update(since=1.0)
    assert lab.run(units=[unit(FIRST), unit(SECOND)], settle=2.0)["restarted"] == [SECOND]


def libc_reads(lab):
    """A deploy of a file of the unit, and of two that no unit and no program reads, one in a folder of its own."""
    (lab.etc / "resolv").write_text("nameserver 192.0.2.1\n")
    return {
        "files": [lab.file("old"), lab.file("resolv"), lab.file("d/e/new"), lab.file("f/new", "x")],
        "units": [unit(FIRST, restart_for=[str(lab.old), str(lab.etc / "f/new")])],
    }


def test_what_libc_reads_stays_as_it_landed_where_the_unit_that_ran_cannot_be_started_again(lab):
    params = libc_reads(lab)
    lab.systemd.broken = {("restart", FIRST): 2}
    with pytest.raises(apply.RolledBack, match="no restart today") as caught:
        lab.run(**params)
    assert lab.old.read_text() == "good\n" and not (lab.etc / "f").exists()
    assert (lab.etc / "resolv").read_text() == "new\n" and (lab.etc / "d/e/new").read_text() == "new\n"
    kept = f"(left as it is, since {FIRST} does not run)"
    *files, last = caught.value.lost
    assert files == [f"{lab.etc / name} {kept}" for name in ("resolv", "d/e/new")]
    assert last.startswith(f"{FIRST} (systemctl restart {FIRST} failed")
    assert set(lab.record()["files"]) == {file["path"] for file in params["files"]}, "a restore can still undo it"


@pytest.mark.parametrize(
    ("active", "broken"),
    [("active", {("restart", FIRST): 1}), ("inactive", {("start", FIRST): 1})],
    ids=["it runs again", "it did not run before"],
)
def test_what_libc_reads_goes_back_where_nothing_that_ran_is_missing(lab, active, broken):
    params = libc_reads(lab)
    lab.systemd.units[FIRST]["active"] = active
    before = lab.picture()
    lab.systemd.broken = broken
    with pytest.raises(apply.RolledBack) as caught:
        lab.run(**params)
    assert caught.value.lost == []
    assert lab.picture() == before


RELYING = {"unit": FIRST, "seconds": 2.0}


@pytest.mark.parametrize(("up", "waited"), [(0.0, 2.0), (1.5, 0.5), (60.0, 0.0)])
def test_nothing_lands_before_the_unit_that_it_relies_on_has_been_up_for_a_while(lab, up, waited):
    lab.systemd.units[FIRST]["since"] = time.monotonic() - up
    seen = []
    lab.asleep = lambda: seen.append(lab.old.read_text())
    lab.run(files=[lab.file("old")], after=RELYING)
    assert lab.now == pytest.approx(waited, abs=0.1) and set(seen) <= {"good\n"}
    assert lab.old.read_text() == "new\n"
    lab.now = 0.0
    lab.systemd.units[FIRST]["since"] = time.monotonic()
    lab.run(files=[lab.file("old")], after=RELYING)
    assert lab.now == 0.0, "where nothing changes nothing is waited for"


@pytest.mark.parametrize(
    "dies",
    [
        lambda systemd: systemd.units[FIRST].update(active="activating"),
        lambda systemd: systemd.units[FIRST].update(since=time.monotonic() + 1.5),
    ],
    ids=["it is down", "it was started again"],
)
def test_a_unit_that_dies_while_it_is_relied_on_changes_nothing(lab, dies):
    lab.systemd.units[FIRST]["since"] = time.monotonic()
    lab.asleep = lambda: dies(lab.systemd)
    before = lab.picture()[0]
    with pytest.raises(_units.CommandFailed, match=f"{FIRST} did not stay up.*last words of {FIRST}"):
        lab.run(files=[lab.file("old")], after=RELYING)
    assert lab.picture()[0] == before


TRIAL = {"unit": FIRST, "argv": ["dnsmasq", "{staged}", "{port}"], "without": ["port", "bind-dynamic"]}


class Rehearsal:
    """Stands for the program of a trial: what it was started with, and whether it satisfies the proof."""

    def __init__(self, monkeypatch, lab, refuted=None):
        self.lab, self.refuted, self.made = lab, refuted, []
        lab.trial = object()
        monkeypatch.setattr(apply, "run_trial", self)

    def __call__(self, argv, content, prove, seconds, unproven, clock, sleep):
        assert (prove, seconds, unproven) == (self.lab.trial, 20.0, apply.ProofFailed)
        self.made.append((argv, content, self.lab.old.read_text(), list(self.lab.systemd.log)))
        if self.refuted:
            raise apply.Refuted(self.refuted)


def trying(lab, **options):
    given = {"files": [lab.file("old")], "units": [unit(FIRST, restart_for=[str(lab.old)])]}
    given["trial"] = {**TRIAL, "file": str(lab.old)}
    return {**given, "proof": {"queries": []}, **options}


def test_a_trial_comes_before_anything_lands(lab, monkeypatch):
    rehearsal = Rehearsal(monkeypatch, lab)
    content = "# port=1\nport=53\n port = 54\nbind-dynamic\nport-limit=1\nserver=/port=53/192.0.2.1\n"
    assert lab.run(**trying(lab, files=[lab.file("old", content)]))["restarted"] == [FIRST]
    left = b"# port=1\nport-limit=1\nserver=/port=53/192.0.2.1\n"
    assert rehearsal.made == [(TRIAL["argv"], left, "good\n", [])]


def test_a_trial_that_is_refuted_changes_nothing(lab, monkeypatch):
    Rehearsal(monkeypatch, lab, refuted="x.example A: expected 192.0.2.1, got no data")
    before = lab.picture()
    with pytest.raises(_files.ValidationError) as caught:
        lab.run(**trying(lab))
    assert str(caught.value) == (
        f"x.example A: expected 192.0.2.1, got no data (tried beside {FIRST}, which runs on as it was)"
    )
    assert lab.picture() == before and lab.systemd.log == []


@pytest.mark.parametrize(
    ("prepare", "options"),
    [
        (lambda lab: lab.systemd.units[FIRST].update(active="inactive"), {}),
        (lambda lab: None, {"units": [unit(FIRST)]}),
        (lambda lab: lab.old.write_text("new\n"), {}),
        (lambda lab: None, {"check_mode": True}),
        (lambda lab: setattr(lab, "trial", None), {}),
    ],
    ids=["the unit does not run", "no restart", "no file changes", "check mode", "a proof that needs port 53"],
)
def test_no_trial_where_nothing_would_be_replaced(lab, monkeypatch, prepare, options):
    rehearsal = Rehearsal(monkeypatch, lab, refuted="no")
    prepare(lab)
    lab.run(**trying(lab, **options))
    assert rehearsal.made == []


def test_a_way_back_has_no_trial(lab, monkeypatch):
    lab.run(**trying(lab), settle=1.0)
    rehearsal = Rehearsal(monkeypatch, lab, refuted="no")
    restore.restore(spec.Request("x", [], [], None, 20.0, False), lab.host(), False)
    assert rehearsal.made == [] and lab.old.read_text() == "good\n"


def test_a_rejected_file_changes_nothing(lab):
    before = lab.picture()
    with pytest.raises(_files.ValidationError) as caught:
        lab.run(**full(lab, "bad\n"))
    assert str(caught.value) == (
        f"dnsmasq does not accept the new {lab.old}: dnsmasq: bad option at line 1 of {lab.old}"
    )
    del lab.systemd.units[NEW]
    assert lab.picture() == before


def test_the_check_runs_only_for_a_change(lab):
    params = full(lab)
    lab.run(**params)
    lab.systemd.units[SECOND]["active"] = "inactive"
    lab.systemd.log.clear()
    assert lab.run(**params)["restarted"] == [SECOND]
    assert lab.systemd.log == [f"start {SECOND}"]


@pytest.mark.parametrize(
    ("options", "age", "restarted"),
    [
        ({}, 60, []),
        ({}, -1, [FIRST]),
        ({}, -3600, []),
        ({"lines": ["good"], "before": "x"}, -1, []),
    ],
    ids=[
        "a file older than the start",
        "a file newer than the start: a run was cut off",
        "a file from the future tells nothing",
        "an admin's own file may be newer",
    ],
)
def test_a_run_that_was_cut_off_is_healed(lab, options, age, restarted):
    started = time.time() - 10
    lab.systemd.units[FIRST]["since"] = time.monotonic() - 10
    os.utime(lab.old, (started - age, started - age))
    result = lab.run(files=[lab.file("old", "good\n", **options)], units=[unit(FIRST, restart_for=[str(lab.old)])])
    assert result["restarted"] == restarted


@pytest.fixture
def shared(lab):
    """A file of somebody else with our block in it already, and the unit that reads it."""
    lab.old.write_text("theirs\n# BEGIN everywhere.dnsmasq\nours\n# END everywhere.dnsmasq\n")
    return {"files": [lab.file("old", block="ours")], "units": [unit(FIRST, restart_for=[str(lab.old)])]}


def test_a_failing_proof_without_a_change_restarts_what_reads_a_shared_file_once(lab, shared):
    lab.proof.failures = 3
    result = lab.run(**shared)
    assert (result["changed"], result["files"], result["restarted"]) == (True, [], [FIRST])
    assert lab.systemd.log == [f"restart {FIRST}"]
    assert not (lab.root / "records" / "x.json").exists(), "a restart alters nothing that a restore would bring back"


def test_a_proof_that_never_holds_fails_with_the_last_reason(lab, shared):
    lab.proof.failures = 1000
    with pytest.raises(apply.RolledBack, match=r"^failure 42; everything that this step changed is back"):
        lab.run(**shared)
    assert lab.systemd.log == [f"restart {FIRST}"]


def test_a_failing_proof_without_a_change_does_not_restart_what_reads_our_own_file(lab):
    lab.proof.failures = 1000
    with pytest.raises(apply.ProofFailed, match="failure 1"):
        lab.run(files=[lab.file("old", "good\n")], units=[unit(FIRST, restart_for=[str(lab.old)])])
    assert lab.systemd.log == []


def test_with_nothing_to_restart_the_proof_is_made_once(lab):
    lab.proof.failures = 1
    with pytest.raises(apply.ProofFailed, match="failure 1"):
        lab.run(files=[lab.file("old", "good\n")], units=[unit(FIRST)])
    assert lab.proof.made == 1


def test_work_that_another_run_did_meanwhile_is_not_done_twice(lab, monkeypatch):
    alone = file_swap.exclusive

    def after_the_other(directory):
        lab.old.write_text("new\n")
        lab.systemd.change("restart", FIRST)
        return alone(directory)

    monkeypatch.setattr(file_swap, "exclusive", after_the_other)
    result = lab.run(files=[lab.file("old")], units=[unit(FIRST, restart_for=[str(lab.old)])])
    assert not result["changed"] and lab.systemd.log == []


def test_a_unit_that_needs_a_reload_gets_it(lab):
    lab.systemd.units[FIRST]["stale"] = "yes"
    result = lab.run(units=[unit(FIRST)])
    assert (result["changed"], result["reloaded"], lab.systemd.log) == (True, True, ["daemon-reload"])


def test_preparing_swaps_and_records_and_nothing_else(lab):
    lab.proof.failures = 1000
    result = lab.run(files=[lab.file("system/a.conf")], units=[unit("later.service", enabled=True)], prepare_only=True)
    assert (result["changed"], result["restarted"], result["reloaded"], result["proof"]) == (True, [], False, None)
    assert lab.systemd.log == []
    assert lab.record()["units"]["later.service"]["LoadState"] == "not-found"


def test_a_missing_unit_is_found_before_anything_is_touched(lab):
    before = lab.picture()
    with pytest.raises(_files.ValidationError, match=r"later.service is not on this host; install its package"):
        lab.run(files=[lab.file("old")], units=[unit("later.service")])
    assert lab.picture() == before


def test_a_unit_may_come_with_its_file(lab):
    change = lab.systemd.change

    def loading(verb, name):
        if verb == "daemon-reload" and (lab.etc / "system" / "own.path").exists():
            lab.systemd.add("own.path", active="inactive", enablement="disabled")
        return change(verb, name)

    lab.systemd.change = loading
    result = lab.run(files=[lab.file("system/own.path")], units=[unit("own.path", enabled=True)])
    assert result["restarted"] == ["own.path"]


def test_the_record_keeps_the_first_state_for_good(lab):
    (lab.etc / "link").symlink_to("old")
    lab.old.chmod(0o640)
    lab.run(files=[lab.file("link"), lab.file("d/e/new")], units=[unit(SECOND)])
    first = lab.record()
    assert stat.S_IMODE((lab.root / "records").stat().st_mode) == 0o700
    assert stat.S_IMODE((lab.root / "records" / "x.json").stat().st_mode) == 0o600
    link = first["files"][str(lab.etc / "link")]
    assert (link["existed"], link["link"], link["target"], link["mode"]) == (True, "old", str(lab.old), "0640")
    assert base64.b64decode(link["content"]) == b"good\n"
    assert first["files"][str(lab.etc / "d" / "e" / "new")]["existed"] is False
    assert first["directories"] == [str(lab.etc / "d"), str(lab.etc / "d" / "e")]
    was = {"LoadState": "loaded", "UnitFileState": "disabled", "ActiveState": "inactive", "order": 0, "restart": []}
    assert first["units"] == {SECOND: was}
    lab.run(files=[lab.file("link", "newer\n"), lab.file("third")], units=[unit(SECOND), unit(FIRST)])
    later = lab.record()
    assert later["files"].pop(str(lab.etc / "third"))["existed"] is False
    assert later["units"].pop(FIRST)["ActiveState"] == "active"
    assert later == first


def test_a_rolled_back_run_leaves_the_record_as_it_was(lab):
    lab.run(files=[lab.file("old")])
    first = lab.record()
    lab.proof = Proof(1000)
    with pytest.raises(apply.RolledBack):
        lab.run(files=[lab.file("old", "newer\n"), lab.file("third")])
    assert lab.record() == first


@pytest.mark.parametrize("content", ["", "[]", '{"files": 1}', "{"], ids=["empty", "a list", "odd", "cut off"])
def test_a_broken_record_is_never_overwritten(lab, content):
    path = lab.root / "records" / "x.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(_files.ValidationError, match=r"is not readable .*; move it away"):
        lab.run(files=[lab.file("old")])
    assert (path.read_text(), lab.old.read_text()) == (content, "good\n")


def test_a_record_that_cannot_be_written_changes_nothing(lab):
    (lab.root / "records").write_text("")
    with pytest.raises(file_swap.NotWritten, match="cannot use record_dir"):
        lab.run(files=[lab.file("old")])
    assert lab.old.read_text() == "good\n"


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"name": "../x"}, "lower case letters and underscores only"),
        ({"name": "x\n"}, "lower case letters and underscores only"),
        ({"record_dir": "records"}, "is not a plain absolute path"),
        ({"proof_deadline": -1.0}, "give 0 to 3600 seconds"),
        ({"proof_deadline": float("nan")}, "give 0 to 3600 seconds"),
        ({"check": {"argv": ["true", "{staged}"], "file": "/etc/x"}}, "check names '/etc/x', which is not in files"),
        ({"units": [unit(FIRST, restart_for=["/etc/x"])]}, "restart_for of dnsmasq.service names '/etc/x'"),
        ({"units": [unit(FIRST), unit("dnsmasq")]}, "units: dnsmasq.service is given twice"),
        ({"settle": 61.0}, "settle is 61.0; give 0 to 60 seconds"),
        ({"settle": float("nan")}, "settle is nan; give 0 to 60 seconds"),
        ({"after": {"unit": FIRST, "seconds": 61.0}}, "after: seconds is 61.0; give 0 to 60"),
        ({"after": {"unit": FIRST, "seconds": float("nan")}}, "after: seconds is nan; give 0 to 60"),
        ({"after": {"unit": "../x", "seconds": 2.0}}, "'../x' is not the name of a systemd unit"),
        ({"trial": TRIAL, "proof": {"queries": []}}, "trial: unit 'dnsmasq.service' is not in units; name one"),
        ({"units": [unit(FIRST)], "trial": TRIAL}, "trial goes with proof"),
        ({"units": [unit(FIRST)], "trial": {**TRIAL, "argv": ["x", "{staged}"]}}, "argv does not name {staged} and"),
        ({"units": [unit(FIRST)], "trial": {**TRIAL, "argv": ["{staged}", "{port}"]}}, "argv does not name {staged}"),
        (
            {"units": [unit(FIRST)], "trial": {**TRIAL, "file": "/etc/x"}, "proof": {"queries": []}},
            "trial names '/etc/x', which is not in files",
        ),
    ],
    ids=[
        "a name that is a path",
        "a name with a newline",
        "a relative record_dir",
        "a negative deadline",
        "no number",
        "a check of another file",
        "a restart for another file",
        "a unit under two names",
        "a settling that is too long",
        "a settling that is no number",
        "a unit that would take a minute",
        "a unit that would take forever",
        "a unit that is a path",
        "a trial of another unit",
        "a trial without a proof",
        "a trial at the port of the unit",
        "a trial that is a file",
        "a trial of another file",
    ],
)
def test_a_mistake_is_found_before_anything_is_touched(lab, params, complaint):
    with pytest.raises(_files.ValidationError, match=complaint):
        lab.run(**params)


def test_more_mistakes_with_files(lab):
    file = lab.file("old")
    with pytest.raises(_files.ValidationError, match="is given twice"):
        lab.run(files=[file, file])
    for argv in ([], ["dnsmasq", "--test"], ["{staged}"]):
        with pytest.raises(_files.ValidationError, match=r"argv does not name {staged}"):
            lab.run(files=[file], check={"argv": argv, "file": file["path"]})


@pytest.mark.parametrize(
    ("proof", "complaint"),
    [
        ({}, "missing required arguments: queries"),
        ({"queries": [{"name": "x.example", "speed": 1}]}, "unknown option queries.speed"),
        ({"queries": []}, "queries is empty"),
        ({"queries": [{"name": "x..example"}]}, "is not a domain name"),
        ({"queries": [{"name": "x.example"}], "server": "localhost"}, "is not an IP address"),
    ],
    ids=["no queries", "an option that does not exist", "an empty list", "no domain name", "no address"],
)
@pytest.mark.ansible
def test_a_mistake_in_the_proof_is_found_without_asking(proof, complaint):
    with pytest.raises(_files.ValidationError, match=f"^proof: .*{complaint}"):
        _host.prover(proof, check_mode=False)


@pytest.mark.ansible
def test_a_proof_is_not_made_before_its_time(monkeypatch):
    asked = []

    def assess(params, **hands):
        asked.append((params["port"], set(hands)))

    monkeypatch.setattr(_host.check, "assess", assess)
    prove = _host.prover({"queries": [{"name": "x.example"}]}, check_mode=False)
    assert asked == [(53, {"ask", "libc", "resolv_conf"})], "a rehearsal has nobody to ask"
    prove()
    assert asked[1:] == [(53, set())]


@pytest.mark.parametrize("server", ["127.0.0.1", "192.0.2.53"])
@pytest.mark.ansible
def test_the_proof_of_a_trial_asks_the_same_of_the_trial(monkeypatch, server):
    asked = []
    monkeypatch.setattr(
        _host.check,
        "assess",
        lambda params, **hands: hands or asked.append((params["server"], params["port"], params["queries"][0]["name"])),
    )
    _host.prover_at({"queries": [{"name": "x.example"}], "server": server})(5353)
    assert asked == [("127.0.0.1", 5353, "x.example")]


@pytest.mark.ansible
def test_what_only_libc_can_ask_is_no_proof_of_a_trial():
    assert _host.prover_at(None) is None
    assert _host.prover_at({"queries": [{"name": "x.example"}], "transport": "libc"}) is None


@pytest.mark.ansible
def test_each_file_takes_the_options_that_the_module_declares():
    assert set(transaction.FILE) | {"undo", "former"} == set(_files.FileSpec._fields)
    assert set(transaction.UNIT) == set(_units.UnitSpec._fields)
