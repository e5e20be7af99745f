"""What the tests of faults share: probed spans of time, runs in which each host has a fault of its own."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager

from conftest import BY_NAME, CLIENTS, WATCH, etc, on_each, resolves, untouched
from looks import resolv_conf, shell

#: What each host had before the first deploy, by its name.
BEFORE: dict[str, dict[str, object]] = {}
DATACENTER = {
    "zones": ["corp.example"],
    "subnets": ["10.20.0.0/16"],
    "nameservers": ["10.20.0.11", "10.20.0.12"],
    "links": ["vpc"],
}
VPC = {"subnets": ["10.1.0.0/24"]}


def topology(of):
    return ("-e", json.dumps({"dnsmasq_topology": of}))


def remember_fresh_hosts():
    def look(host):
        resolves(host)
        BEFORE[host.name] = {"etc": etc(host), "resolv": resolv_conf(host)}

    on_each(look)


@contextmanager
def probed(figures, what, hosts=CLIENTS, routes_stay=True, excused=lambda event: False):
    """No lookup is lost on any of the hosts, and none but the excused takes over a second; the table gets a line."""
    runs, began = [], time.time()
    yield runs
    ended = time.time()
    seen = on_each(lambda host: WATCH.span(host, what, began, ended, runs, routes_stay=routes_stay), hosts)
    asked, slowest = sum(one["asked"] for one in seen.values()), max(one["slowest_ms"] for one in seen.values())
    slow = {name: one["events"] for name, one in seen.items() if one["slow"]}
    figures.append(f"| {what} | {len(hosts)} | {asked} | 0 | {sum(map(len, slow.values()))} | {slowest:.0f} ms |")
    held = [event | {"host": name} for name, events in slow.items() for event in events if not excused(event)]
    assert not held, held


def messages(run, name):
    return [event["msg"] for event in run.failures if event["host"] == name]


def broken_run(playbook, figures, tmp_path, what, plan, options, packages_gone):
    """Each host of the plan with its own fault, in one run; each ends as it was, and is told why."""
    hosts = [BY_NAME[name] for name in plan]
    inventory = tmp_path / "broken.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {name: fault.variables for name, fault in plan.items()}}}))
    before = {}

    def breaks(host):
        shell(host, plan[host.name].breaks)
        before[host.name] = etc(host)

    with probed(figures, f"{what}: {', '.join(fault.name for fault in plan.values())}", hosts) as runs:
        try:
            on_each(breaks, hosts)
            run = playbook("deploy", "-i", str(inventory), "-e", "dnsmasq_hosts=" + ":".join(plan), *options)
            runs.append(run)

            def check(host):
                fault = plan[host.name]
                told = messages(run, host.name)
                assert told, f"{fault.name}: the deploy did not fail"
                assert re.search(fault.says, told[-1], re.S), f"{fault.name}: {told}"
                resolves(host)
                untouched(host, before[host.name], packages_gone, fault.keeps_record)
                assert run.stats[host.name]["failures"] == 1

            on_each(check, hosts)
        finally:
            on_each(lambda host: shell(host, plan[host.name].mends), hosts)
    return run
