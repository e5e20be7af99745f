"""The built tarball, installed in an empty path, deploys, verifies and leads back with each promised ansible-core."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from lab import inside
from looks import resolv_conf, shell, until
from plays import BUSY

ROOT = Path(__file__).resolve().parents[3]
#: The oldest, the newest and the next, and the one that all other tests run with.
CONTROLLERS = [*sorted(path.stem for path in (ROOT / "requirements").glob("core-*.txt")), "dev"]


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_tarball_deploys_and_leads_back_without_a_deprecation(controller, east, tmp_path, capfd):
    made = subprocess.run([str(ROOT / ".ci/setup"), "venv", controller], text=True, capture_output=True, check=False)
    if made.returncode == 3:
        pytest.skip(made.stderr.strip())
    assert made.returncode == 0, made.stderr
    core = Path(made.stdout.strip())
    hosts, playbook = east
    page = ("-e", f"dnsmasq_report={tmp_path}/report.html")
    before = {host.name: shell(host, "cat /etc/resolv.conf") for host in hosts}
    there = (["deploy"], ["verify", *BUSY], ["deploy"], ["report", *page])
    runs = [playbook(name, *options, core=core) for name, *options in there]
    for host in hosts:
        assert resolv_conf(host)["nameserver"][0] == "127.0.0.1"
    runs.append(playbook("restore", core=core))
    told = "".join(capfd.readouterr())
    print(told)
    assert [run.returncode for run in runs] == [0] * len(runs)
    assert runs[2].changed == []
    assert told.count("PLAY RECAP") == len(runs) and "DEPRECAT" not in told.upper()
    for host in hosts:
        written = until(before[host.name], lambda host=host: inside(host, "cat", "/etc/resolv.conf").stdout, 15)
        assert written == before[host.name]
        assert shell(host, "getent hosts db.corp.example").split()[0] == "10.20.0.21"
        assert shell(host, "ss -Hlnu sport = :53") == ""
