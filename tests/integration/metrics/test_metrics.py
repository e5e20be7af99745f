"""A real node_exporter and a real Prometheus see what dnsmasq counts, and each alert fires when its fault is there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import demo
import lab
import pytest
import yaml
from looks import shell, until
from plays import Run, play

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
RULES = ROOT / "docs/examples/prometheus/everywhere-dnsmasq.rules.yml"
DASHBOARD = ROOT / "docs/examples/grafana/everywhere-dnsmasq.json"
ALERTS = [rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PAGE = "/var/lib/prometheus/node-exporter/dnsmasq.prom"
TIMER = "everywhere-dnsmasq-metrics.timer"
OFTEN = f"etc/systemd/system/{TIMER}.d/test.conf"
WRITER = "everywhere-dnsmasq-metrics.service"
CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [/etc/prometheus/test.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:9100"]}]
"""
#: Asks for so many names that nobody has asked for, and waits for no answer.
NEW = (
    "import dns.message, random, socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
    "[(s.sendto(dns.message.make_query('new%d.any.corp.example' % random.getrandbits(48), 'A').to_wire(), "
    "('127.0.0.1', 53)), time.sleep(0.01)) for _ in range({count})]"
)
#: More datagrams than a queue holds, while nobody reads it.
FLOOD = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
    "[s.sendto(bytes(12) + bytes(400), ('127.0.0.1', 53)) for _ in range(5000)]"
)
PID = "$(cat /run/dnsmasq/dnsmasq.pid)"


def hurried(text: str) -> str:
    """The same thresholds, over seconds instead of minutes."""
    text = re.sub(r"\[\d+m\]", "[10s]", text)
    text = re.sub(r"^ +for: .*\n", "", text, flags=re.M)
    return text.replace("> 120", "> 5")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """A playbook of the tarball."""
    path = tmp_path_factory.mktemp("collections")
    demo.install(path)
    return partial(play, events=tmp_path_factory.mktemp("run") / "events", collections=path)


@pytest.fixture(scope="module")
def host(run: Callable[..., Run]) -> Iterator[lab.Host]:
    """Deployed, with metrics every second instead of every 15, watched by Prometheus."""
    lab.down()
    lab.up()
    [client] = [each for each in lab.read_inventory()[1] if not each.is_server]
    assert run("deploy").returncode == 0
    again = run("deploy")
    assert (again.returncode, again.changed) == (0, [])
    often = client.root / OFTEN
    often.parent.mkdir()
    often.write_text("[Timer]\nOnUnitActiveSec=\nOnUnitActiveSec=1\nAccuracySec=100ms\n")
    (client.root / "etc/prometheus/prometheus.yml").write_text(CONFIG)
    (client.root / "etc/prometheus/everywhere-dnsmasq.rules.yml").write_text(RULES.read_text())
    (client.root / "etc/prometheus/rules.test.yml").write_text((HERE / "rules.test.yml").read_text())
    (client.root / "etc/prometheus/test.rules.yml").write_text(hurried(RULES.read_text()))
    shell(
        client,
        f"systemctl daemon-reload; systemctl restart {TIMER}; systemctl start prometheus-node-exporter prometheus",
    )
    assert until(True, lambda: bool(ask(client, "up == 1")), 30)
    yield client
    lab.down()


def ask(host: lab.Host, query: str) -> list[dict[str, Any]]:
    """What Prometheus says to an expression."""
    url = f"http://127.0.0.1:9090/api/v1/query?query={quote(query)}"
    fetch = f"import urllib.request as u; print(u.urlopen('{url}', timeout=5).read().decode())"
    done = lab.inside(host, "python3", "-c", fetch)
    return list(json.loads(done.stdout)["data"]["result"]) if done.returncode == 0 else []


def value(host: lab.Host, query: str) -> float:
    [sample] = ask(host, query)
    return float(sample["value"][1])


def firing(host: lab.Host) -> set[str]:
    return {sample["metric"]["alertname"] for sample in ask(host, 'ALERTS{alertstate="firing"}')}


def test_the_rules_are_rules(host):
    assert "8 rules found" in shell(host, "promtool check rules /etc/prometheus/everywhere-dnsmasq.rules.yml")
    done = lab.inside(host, "promtool", "test", "rules", "/etc/prometheus/rules.test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    tested = {
        case["alertname"]
        for test in yaml.safe_load((HERE / "rules.test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
        if "exp_alerts" in case
    }
    assert tested == set(ALERTS)


def test_what_is_written_is_what_prometheus_reads(host):
    told = shell(host, f"promtool check metrics <{PAGE} 2>&1; stat -c %a {PAGE}; ls {PAGE}*")
    assert told.split() == ["644", PAGE]
    assert value(host, "dnsmasq_up") == 1
    assert value(host, "dnsmasq_cache_size") == 60
    assert 0 < value(host, "dnsmasq_answer_seconds") < 0.05
    started = float(shell(host, f"stat -c %Y /proc/{PID}"))
    assert abs(value(host, "dnsmasq_process_start_time_seconds") - started) < 3
    installed = shell(host, "dpkg-query -W -f '${Version}' dnsmasq").partition("-")[0]
    assert [sample["metric"]["version"] for sample in ask(host, "dnsmasq_info")] == [installed]
    servers = {sample["metric"]["server"] for sample in ask(host, "dnsmasq_upstream_queries_total")}
    assert servers == {"10.20.0.11#53", "10.20.0.12#53", "10.1.0.2#53"}


def test_a_hundred_lookups_are_two_hundred_hits(host):
    shell(host, "getent ahostsv4 db.corp.example")
    time.sleep(3)
    before = value(host, "dnsmasq_cache_hits_total")
    shell(host, "for n in $(seq 100); do getent ahostsv4 db.corp.example >/dev/null; done")
    counted = until(True, lambda: value(host, "dnsmasq_cache_hits_total") - before >= 100, 15)
    # The script's own questions are counted, too: six each second.
    assert counted and value(host, "dnsmasq_cache_hits_total") - before < 400


#: A name server that cannot answer, in the place of the zone's own.
REFUSES = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((\\"{address}\\", 53))
while True:
    query, who = s.recvfrom(4096)
    s.sendto(query[:2] + bytes((query[2] | 128, 133)) + query[4:], who)
"""
SERVERS = {"mt-ns1": "10.20.0.11", "mt-ns2": "10.20.0.12"}


@contextmanager
def refusing() -> Iterator[None]:
    known = {host.name: host for host in lab.read_inventory()[1]}
    try:
        for name, address in SERVERS.items():
            server = REFUSES.format(address=address)
            shell(known[name], f'systemctl stop knot; systemd-run --quiet --unit=refuses python3 -c "{server}"')
        yield
    finally:
        for name in SERVERS:
            shell(known[name], "systemctl stop refuses; systemctl start knot")


def test_an_alert_fires_when_a_name_server_refuses(host):
    with refusing():
        shell(host, f'python3 -c "{NEW.format(count=300)}"')
        assert until(True, lambda: "DnsmasqUpstreamFails" in firing(host), 40), firing(host)
        failing = {sample["metric"]["server"] for sample in ask(host, 'ALERTS{alertname="DnsmasqUpstreamFails"}')}
        assert failing <= {"10.20.0.11#53", "10.20.0.12#53"}
    assert until(False, lambda: "DnsmasqUpstreamFails" in firing(host), 60) is False


FAULTS: dict[str, tuple[str, str]] = {
    "DnsmasqDown": ("systemctl stop dnsmasq", "systemctl start dnsmasq"),
    "DnsmasqMetricsStale": (f"systemctl stop {TIMER}", f"systemctl start {TIMER}"),
    "DnsmasqHitRateLow": (f'python3 -c "{NEW.format(count=600)}"', "true"),
    "DnsmasqCacheTooSmall": (f'python3 -c "{NEW.format(count=300)}"', "true"),
    "DnsmasqQueueOverflows": (
        f'kill -STOP {PID}; python3 -c "{FLOOD}"; kill -CONT {PID}; sleep 3; '
        f'kill -STOP {PID}; python3 -c "{FLOOD}"; kill -CONT {PID}',
        "true",
    ),
    "DnsmasqSlow": (
        f"systemctl stop {TIMER}; for n in 1 2 3; do kill -STOP {PID}; (sleep 0.9; kill -CONT {PID}) & "
        "systemctl start everywhere-dnsmasq-metrics.service; sleep 2; done",
        f"systemctl start {TIMER}",
    ),
    "DnsmasqRestarts": ("for n in 1 2 3 4 5; do systemctl restart dnsmasq; sleep 2; done", "true"),
}


@pytest.mark.parametrize("alert", FAULTS)
def test_an_alert_fires_when_its_fault_is_there_and_ends_with_it(host, alert):
    assert until(False, lambda: alert in firing(host), 40) is False
    fault, mend = FAULTS[alert]
    try:
        shell(host, fault)
        assert until(True, lambda: alert in firing(host), 40), f"{alert} did not fire: {firing(host)}"
    finally:
        shell(host, mend)
    assert until(False, lambda: alert in firing(host), 60) is False, f"{alert} still fires"


def test_each_alert_has_its_fault():
    assert set(ALERTS) == {*FAULTS, "DnsmasqUpstreamFails"}


def test_the_dashboard_asks_for_what_there_is(host: lab.Host):
    """Each of its expressions is one, and finds something where there are hosts that are deployed to."""
    board = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    assert len(expressions) >= 8
    for expression in expressions:
        sure = expression.replace("$__rate_interval", "20s").replace("$host", ".*").replace("$job", ".*")
        assert ask(host, sure), expression


def hold_a_write(host: lab.Host) -> list[str]:
    """Stop the writer while it waits for an answer; systemd lets it go on when it tells it to end. The states of its
    process and of its unit: it is over within a second or two, so this may come too late."""
    begun = f"kill -STOP {PID}; systemctl start --no-block {WRITER}"
    # It is at work once it ignores SIGTERM (15), which is the bit 0x4000.
    pid = f"pid=$(systemctl show --property=MainPID --value {WRITER})"
    ignored = "ignored=$(awk '/^SigIgn/ { print $2 }' /proc/$pid/status 2>/dev/null || true)"
    at_work = "[ $((0x${ignored:-0} & 0x4000)) = 0 ] || break"
    written = f"for n in $(seq 100); do {pid}; {ignored}; {at_work}; sleep 0.02; done"
    # No process is 0, which to kill would be the shell itself.
    held = '[ "$pid" = 0 ] || kill -STOP "$pid"'
    state = f"cut -d' ' -f3 /proc/$pid/stat; systemctl is-active {WRITER} || true"
    return shell(host, f"{begun}; {written}; {held}; kill -CONT {PID}; {state}").split()


def test_metrics_go_and_come_and_a_restore_in_the_middle_of_a_write_leaves_nothing(host, run):
    """The last one: it ends with a host that nothing was deployed to."""
    (host.root / OFTEN).unlink()
    (host.root / OFTEN).parent.rmdir()
    metrics = f"ls {PAGE}* /usr/local/lib/everywhere-dnsmasq /etc/systemd/system/*metrics* 2>/dev/null || true"
    assert run("deploy", "-e", "dnsmasq_metrics=false").returncode == 0
    assert (shell(host, metrics), shell(host, f"systemctl is-active {TIMER} || true").strip()) == ("", "inactive")
    again = run("deploy", "-e", "dnsmasq_metrics=false")
    assert (again.returncode, again.changed) == (0, [])
    # What is gone is not stale.
    assert until([], lambda: ask(host, "dnsmasq_metrics_written_timestamp_seconds"), 15) == []

    shell(host, "systemctl stop prometheus prometheus-node-exporter; rm -r /var/lib/prometheus/node-exporter")
    assert run("deploy").returncode == 0
    assert until(True, lambda: PAGE in shell(host, metrics), 10)
    assert until(["T", "activating"], lambda: hold_a_write(host), 30) == ["T", "activating"]
    assert run("restore").returncode == 0
    assert shell(host, f"systemctl is-active {WRITER} || true").strip() == "inactive"
    assert shell(host, metrics) == ""
    assert shell(host, "ls -d /var/lib/prometheus/node-exporter /var/lib/everywhere* 2>/dev/null || true") == ""
