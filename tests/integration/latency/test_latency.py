"""How fast cached answers are, by `verify` and its defaults, with each release's dnsmasq, while nothing else runs."""

from __future__ import annotations

import lab
from plays import play


def test_cached_answers_are_proven_and_fast(tmp_path):
    lab.renew()
    assert play("deploy", events=tmp_path / "events").returncode == 0
    # One host after the other: side by side they would measure each other.
    run = play("verify", "-f", "1", events=tmp_path / "events")
    assert run.returncode == 0, run.reasons
