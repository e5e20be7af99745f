"""How fast things are with each release, while nothing else runs: cached answers, and a dnsmasq that was killed."""

from __future__ import annotations

import lab
import pytest
from looks import kill_dnsmasq
from plays import SOAK, play

KILLS = 100 if SOAK else 4


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Deployed to."""
    clients = lab.renew()
    run = play("deploy", events=tmp_path_factory.mktemp("deploy") / "events")
    assert run.returncode == 0, run.reasons
    return clients


def test_cached_answers_are_proven_and_fast(hosts, tmp_path):
    # One host after the other: side by side they would measure each other.
    run = play("verify", "-f", "1", events=tmp_path / "events")
    assert run.returncode == 0, run.reasons


def test_a_dnsmasq_that_is_killed_is_back_within_three_seconds(hosts):
    took = {host.name: [kill_dnsmasq(host) for _unused in range(KILLS)] for host in hosts}
    print("slowest return: " + ", ".join(f"{name} {max(seconds):.1f} s" for name, seconds in took.items()))
    assert max(map(max, took.values())) < 3, took
