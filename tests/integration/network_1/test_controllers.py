"""The built tarball, installed in an empty path, deploys and verifies with each promised ansible-core."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: The oldest, the newest and the next, and the one that all other tests run with.
CONTROLLERS = [*sorted(path.stem for path in (ROOT / "requirements").glob("core-*.txt")), "dev"]


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_tarball_deploys_and_verifies_without_a_deprecation(controller, clients, playbook, tmp_path, capfd):
    made = subprocess.run([str(ROOT / ".ci/setup"), "venv", controller], text=True, capture_output=True, check=False)
    if made.returncode == 3:
        pytest.skip(made.stderr.strip())
    assert made.returncode == 0, made.stderr
    core = Path(made.stdout.strip())
    page = ("-e", f"dnsmasq_report={tmp_path}/report.html")
    runs = [
        playbook(name, *options, core=core)
        for name, *options in (["deploy"], ["verify"], ["deploy"], ["report", *page], ["restore"])
    ]
    told = "".join(capfd.readouterr())
    print(told)
    assert [run.returncode for run in runs] == [0] * len(runs)
    assert runs[2].changed == []
    assert told.count("PLAY RECAP") == len(runs) and "DEPRECAT" not in told.upper()
