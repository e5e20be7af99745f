"""Check mode tells the truth on hosts that have never seen dnsmasq, and a second deploy changes nothing."""

from __future__ import annotations

from lab import inside


def test_a_check_on_a_fresh_host_says_what_a_deploy_then_does_and_a_second_deploy_does_nothing(east):
    hosts, playbook = east
    foreseen = playbook("deploy", "--check", "--diff")
    assert foreseen.returncode == 0
    for host in hosts:
        assert inside(host, "test", "-e", "/etc/dnsmasq-everywhere.conf").returncode == 1, "a check changed something"

    done = playbook("deploy", "--diff")
    assert done.returncode == 0
    assert done.changed == foreseen.changed
    assert len(done.landed()) > 2 * 5
    assert done.landed() == foreseen.landed()

    again = playbook("deploy", "--diff")
    assert again.returncode == 0
    assert again.changed == []
    assert all(counts["changed"] == 0 for counts in again.stats.values())
