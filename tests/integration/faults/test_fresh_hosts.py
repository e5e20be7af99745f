"""Fresh hosts: first deploys that fail, runs that are killed. Each leaves a host that resolves, as it was before."""

from __future__ import annotations

import re

import pytest
from conftest import BY_NAME, PROVIDERS, on_each, resolves, taken_over, untouched
from faults import FAULTS, drop_in, rounds
from looks import shell
from plays import SOAK
from steps import BEFORE, broken_run, messages, probed, remember_fresh_hosts

#: The tasks that change a host: there a run is killed in the middle, too.
AT_WORK = (
    "Put the unit's drop-in|Install dnsmasq|Swap in|Put back|Stop dnsmasq"
    "|Hook dhclient|Prepend 127|Have (dhcpcd|resolvconf)|Give lo a profile|Put 127"
)
#: Where `make test` kills it: while packages come, while resolv.conf is given back. `make soak` does it everywhere.
SAMPLE = {"deploy": ("Install dnsmasq:0.7",), "restore": ("Put back:0.7",)}
FIRST = rounds(list(PROVIDERS), list(FAULTS), SOAK)


def test_the_hosts_are_fresh_and_resolve():
    remember_fresh_hosts()


@pytest.mark.parametrize("plan", FIRST, ids=lambda plan: ", ".join(fault.name for fault in plan.values()))
def test_a_first_deploy_that_fails_leaves_the_host_as_it_was(playbook, figures, tmp_path, plan):
    broken_run(playbook, figures, tmp_path, "failing first deploy", plan, (), packages_gone=True)
    for name, fault in plan.items():
        if fault.keeps_record:
            again = playbook("restore", "-l", name)
            assert again.returncode == 0, again.reasons
    on_each(lambda host: untouched(host, BEFORE[host.name]["etc"], packages_gone=True))


def test_a_resolved_that_does_not_come_back_does_not_take_names_with_it(playbook, figures):
    """Its stub is gone with it: what libc reads stays as it landed, and leads to servers."""
    host = BY_NAME["tx-resolved"]
    breaks, mends = drop_in("systemd-resolved", "ExecStartPre=/bin/false")
    shell(host, breaks)
    try:
        with probed(figures, "systemd-resolved that never starts again", [host]) as runs:
            run = playbook("deploy", "-l", host.name)
            runs.append(run)
            assert run.returncode != 0
            told = messages(run, host.name)[-1]
            assert "systemctl restart systemd-resolved" in told, told
            assert "/etc/resolv.conf (left as it is, since systemd-resolved.service does not run)" in told, told
            resolves(host)
    finally:
        shell(host, mends + "; systemctl restart systemd-resolved")
    restored = playbook("restore", "-l", host.name)
    assert restored.returncode == 0, restored.reasons
    untouched(host, BEFORE[host.name]["etc"], packages_gone=True)
    resolves(host)


def points_to_kill_at(playbook):
    """Each task of a run but the first, at its start, and those that change a host in their middle, too."""
    points = {}
    for name in SAMPLE:
        starts = dict(enumerate(playbook(name).starts, 1))
        middle = [f"{number}:0.7" for number, task in starts.items() if re.search(AT_WORK, task)]
        points[name] = [str(number) for number in starts if number > 1] + middle
        print(f"{name}: {len(starts)} tasks, {len(points[name])} points at which it can be killed")
    return points


def test_a_run_that_is_killed_leaves_a_host_that_resolves_and_the_next_one_ends_the_job(playbook, figures, progress):
    """The controller with all its forks and its ssh is killed at the start of a task, or in the middle of one."""
    tried = points_to_kill_at(playbook) if SOAK else SAMPLE
    done = {"deploy": 0, "restore": 0}
    points = sum(map(len, tried.values()))
    with probed(figures, f"runs killed at {points} points") as runs:
        for number in range(max(map(len, tried.values()))):
            for name in ("deploy", "restore"):
                point = tried[name][number % len(tried[name])]
                killed = playbook(name, dies_at=point)
                runs.append(killed)
                # One that was over before its last moment came is none.
                assert killed.returncode in (-9, 0), killed.text
                done[name] += killed.returncode == -9
                progress(f"{name} killed at {point}, of {points} points {sum(done.values())}")
                on_each(resolves)
                again = playbook(name)
                runs.append(again)
                assert again.returncode == 0, (name, point, again.reasons)
                on_each(taken_over if name == "deploy" else resolves)
            on_each(lambda host: untouched(host, BEFORE[host.name]["etc"], packages_gone=True))
    print(f"killed: {done}")
    assert all(done.values())
