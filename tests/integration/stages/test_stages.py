"""What runs the stages of `make test`: one that fails, hangs or leaves a process behind costs the others nothing."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: Stands in for .ci/stage: what each of them does there.
STAGE = """#!/bin/bash
case $1 in
    passes) echo fine ;;
    burns) for n in {1..20000}; do :; done ;;
    waits) sleep 2 ;;
    fails) echo 'E   it broke'; exit 3 ;;
    hangs) echo begun; sleep 600 ;;
    leaves) setsid sleep 611 & echo "left $!" ;;
    tables) printf '| a |\\n| --- |\\n| 1 |\\n' >"$EVERYWHERE_TABLE"; echo "$TMPDIR" ;;
    alone) [ -z "$(ls -d /sys/fs/cgroup/{,unified/}everywhere.waits-* 2>/dev/null)" ] ;;
esac
"""


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("stages", str(ROOT / ".ci/stages.py"))
    spec = importlib.util.spec_from_loader("stages", loader)
    assert spec
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stages", made)
    loader.exec_module(made)
    made.ROOT, made.CACHE, made.WORK, made.LOGS = tmp_path, tmp_path, tmp_path / "work", tmp_path / "work/logs"
    made.CHECKOUT = f"test{os.getpid()}"
    made.STAGES = dict.fromkeys(re.findall(r"^    (\w+)\)", STAGE, re.M), (made.BESIDE, 10))
    made.STAGES |= {"waits": (made.FIRST, 10), "hangs": (made.FIRST, 0.03), "alone": (made.ALONE, 10)}
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/stage").write_text(STAGE)
    (tmp_path / ".ci/stage").chmod(0o755)
    return made


def test_each_stage_is_judged_and_the_table_says_what_it_cost(stages, capfd):
    assert stages.run(list(stages.STAGES)) == 1
    told = capfd.readouterr().out
    rows = {row[0]: row[1:] for row in map(str.split, told.splitlines()) if row and row[-1] in ("passed", "FAILED")}
    assert {name for name, row in rows.items() if row[-1] == "FAILED"} == {"fails", "hangs"}
    assert rows.keys() == stages.STAGES.keys(), told
    wall, user, _system, waited = map(int, rows["waits"][:4])
    assert (wall, user) == (2, 0) or wall > 2, rows
    assert waited >= 1, rows
    assert told.splitlines()[-1] == f"{len(rows) - 2} passed, 2 failed"


def test_a_failure_is_told_at_once_and_at_the_end_with_its_log(stages, capfd):
    stages.run(["fails", "waits"])
    told = capfd.readouterr().out
    log = str(stages.LOGS / "fails.log")
    at_once, _waits, at_the_end = told.partition("waits: passed")
    assert re.search(rf"fails: FAILED after \d+ s; see {log}", at_once)
    assert f"----- fails failed: {log} -----\nE   it broke" in at_the_end


def test_nothing_is_left_of_a_stage(stages, capfd):
    assert stages.run(["leaves", "tables", "hangs"]) == 1
    told = capfd.readouterr().out
    [left] = re.findall(r"left (\d+)", told)
    state = Path(f"/proc/{left}/stat")
    assert not state.exists() or state.read_text().rpartition(") ")[2][0] == "Z", "it runs"
    [scratch] = re.findall(r"(/\S+/everywhere-\w+)$", told, re.M)
    assert not Path(scratch).exists()
    assert "hangs took its 0.03 minutes: it is killed" in told
    assert not [*stages.V2.glob(f"everywhere.*-{stages.CHECKOUT}"), *stages.CPU_V1.glob(f"*{stages.CHECKOUT}")]
    assert "\n| a |\n| --- |\n| 1 |\n" in told
