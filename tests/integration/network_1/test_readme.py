"""What the README says about going back, run on hosts that were deployed to."""

from __future__ import annotations

import re
from pathlib import Path

from lab import inside

README = Path(__file__).resolve().parents[3] / "README.md"


def commands() -> list[str]:
    section = README.read_text().partition("## How to go back")[2].partition("\n## ")[0]
    return re.findall(r"```console\n(.*?)```", section, re.S)[0].splitlines()


def test_the_way_back_of_the_readme_leads_back(clients, playbook):
    before = {host.name: inside(host, "cat", "/etc/resolv.conf").stdout for host in clients}
    assert playbook("deploy").returncode == 0
    ifupdown, networkmanager, both = commands()
    for host in clients:
        assert inside(host, "cat", "/etc/resolv.conf").stdout != before[host.name]
        for command in (ifupdown if host.flavour == "ifupdown" else networkmanager, both):
            done = inside(host, "sh", "-c", command)
            assert done.returncode == 0, done.stderr
    for host in clients:
        inside(
            host,
            "sh",
            "-c",
            "for n in $(seq 30); do grep -q 'nameserver 127' /etc/resolv.conf || break; sleep 0.5; done",
        )
        assert inside(host, "cat", "/etc/resolv.conf").stdout == before[host.name]
        assert inside(host, "getent", "hosts", "db.corp.example").stdout.split()[0] == "10.20.0.21"
        assert inside(host, "ss", "-Hlnu", "sport", "=", ":53").stdout == ""
