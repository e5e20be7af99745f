"""What the README says about going back, run on hosts that were deployed to."""

from __future__ import annotations

from lab import inside
from looks import shell, until


def test_the_way_back_of_the_readme_leads_back(clients, playbook):
    before = {host.name: shell(host, "cat /etc/resolv.conf") for host in clients}
    assert playbook("deploy").returncode == 0
    for host in clients:
        assert shell(host, "cat /etc/resolv.conf") != before[host.name]
    assert playbook("restore").returncode == 0
    for host in clients:
        written = until(before[host.name], lambda host=host: inside(host, "cat", "/etc/resolv.conf").stdout, 15)
        assert written == before[host.name]
        assert shell(host, "getent hosts db.corp.example").split()[0] == "10.20.0.21"
        assert shell(host, "ss -Hlnu sport = :53") == ""
