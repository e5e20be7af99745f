# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written for Prometheus, from what dnsmasq and the kernel say."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import metrics, wire

SAYS = {
    "version.bind": ('"dnsmasq-2.90"',),
    "cachesize.bind": ('"10000"',),
    "insertions.bind": ('"50"',),
    "evictions.bind": ('"3"',),
    "hits.bind": ('"120"',),
    "misses.bind": ('"40"',),
    "servers.bind": ('"192.0.2.11#53 30 2" "192.0.2.12#53 10 0"',),
}
# The name of a process as somebody could choose it; the 22nd field is when it began, in ticks since the boot.
TICKS = 250 * os.sysconf("SC_CLK_TCK")
UDP = ["Udp: InDatagrams RcvbufErrors SndbufErrors", "Udp: 900 7 0"]
FILES = {
    "/run/dnsmasq/dnsmasq.pid": "4711\n",
    "/proc/4711/stat": f"4711 (dns) mas) q) S 1 4711 {'0 ' * 16}{TICKS} 0 0\n",
    "/proc/stat": "cpu  1 2 3\nbtime 1700000000\nprocesses 9\n",
    "/proc/net/snmp": "\n".join(["Ip: A B", "Ip: 1 2", *UDP, "UdpLite: A", "UdpLite: 0", ""]),
}
PAGE = """\
# HELP dnsmasq_up Whether dnsmasq answers on 127.0.0.1.
# TYPE dnsmasq_up gauge
dnsmasq_up 1
# HELP dnsmasq_answer_seconds How long it took to say its version, which needs nobody else.
# TYPE dnsmasq_answer_seconds gauge
dnsmasq_answer_seconds 0.00025
# HELP dnsmasq_info Its version.
# TYPE dnsmasq_info gauge
dnsmasq_info{version="2.90"} 1
# HELP dnsmasq_process_start_time_seconds When it was started.
# TYPE dnsmasq_process_start_time_seconds gauge
dnsmasq_process_start_time_seconds 1700000250.0
# HELP dnsmasq_udp_receive_buffer_errors_total UDP datagrams lost to a full queue, of all sockets.
# TYPE dnsmasq_udp_receive_buffer_errors_total counter
dnsmasq_udp_receive_buffer_errors_total 7
# HELP dnsmasq_cache_size Names that the cache holds at most.
# TYPE dnsmasq_cache_size gauge
dnsmasq_cache_size 10000
# HELP dnsmasq_cache_hits_total Queries answered from the cache.
# TYPE dnsmasq_cache_hits_total counter
dnsmasq_cache_hits_total 120
# HELP dnsmasq_cache_misses_total Queries that were forwarded.
# TYPE dnsmasq_cache_misses_total counter
dnsmasq_cache_misses_total 40
# HELP dnsmasq_cache_insertions_total Names put into the cache.
# TYPE dnsmasq_cache_insertions_total counter
dnsmasq_cache_insertions_total 50
# HELP dnsmasq_cache_evictions_total Unexpired names that made room for others.
# TYPE dnsmasq_cache_evictions_total counter
dnsmasq_cache_evictions_total 3
# HELP dnsmasq_upstream_queries_total Queries sent to a server.
# TYPE dnsmasq_upstream_queries_total counter
dnsmasq_upstream_queries_total{server="192.0.2.11#53"} 30
dnsmasq_upstream_queries_total{server="192.0.2.12#53"} 10
# HELP dnsmasq_upstream_failures_total Of these, refused or not answered.
# TYPE dnsmasq_upstream_failures_total counter
dnsmasq_upstream_failures_total{server="192.0.2.11#53"} 2
dnsmasq_upstream_failures_total{server="192.0.2.12#53"} 0
# HELP dnsmasq_metrics_written_timestamp_seconds When this was written.
# TYPE dnsmasq_metrics_written_timestamp_seconds gauge
dnsmasq_metrics_written_timestamp_seconds 1700000300.5
"""


def answers(**says):
    """What answers each question from a table; what is not in it is answered by silence."""
    table = dict(SAYS, **says)

    def ask(question):
        rdatas = table[question.name.to_text(True)]
        if rdatas is None:
            raise wire.Silence("127.0.0.1#53 did not answer")
        return wire.Answer("NOERROR", rdatas, (), 0, True, True, 0.00025)

    return ask


def found(answer_to, files=None):
    """The samples of a page, by name and label."""
    read = (FILES if files is None else files).get
    text = metrics.exposition(metrics.rows(answer_to, lambda path: read(path, ""), 1700000300.5))
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


def test_a_page_says_all_that_dnsmasq_and_the_kernel_count():
    assert metrics.exposition(metrics.rows(answers(), FILES.__getitem__, 1700000300.5)) == PAGE


def test_a_dnsmasq_that_is_silent_is_down_and_nothing_is_made_up():
    assert found(answers(**{"version.bind": None}), {}) == {
        "dnsmasq_up": "0",
        "dnsmasq_metrics_written_timestamp_seconds": "1700000300.5",
    }


@pytest.mark.parametrize("name", ["hits.bind", "servers.bind"])
def test_counters_that_are_not_told_are_left_out(name):
    seen = found(answers(**{name: None}))
    assert seen["dnsmasq_up"] == "1"
    assert not [sample for sample in seen if "cache" in sample or "upstream" in sample]


def test_a_dnsmasq_that_does_not_say_its_version_is_up():
    seen = found(answers(**{"version.bind": ()}))
    assert seen["dnsmasq_up"] == "1"
    assert not [sample for sample in seen if sample.startswith("dnsmasq_info")]


def test_a_version_cannot_end_its_own_label():
    seen = found(answers(**{"version.bind": ('"2.90" 1\n\\evil"',)}))
    assert 'dnsmasq_info{version="2.90\\" 1\\n\\\\evil"}' in seen


@pytest.mark.parametrize(
    "gone",
    ["/run/dnsmasq/dnsmasq.pid", "/proc/4711/stat", "/proc/stat"],
    ids=["no pid file", "the process has ended", "a kernel that does not say when it began"],
)
def test_nobody_knows_when_it_was_started(gone):
    files = dict(FILES)
    del files[gone]
    assert "dnsmasq_process_start_time_seconds" not in found(answers(), files)


def test_a_kernel_without_udp_counts_nothing():
    assert "dnsmasq_udp_receive_buffer_errors_total" not in found(answers(), dict(FILES, **{"/proc/net/snmp": ""}))


def test_files_are_read_whatever_is_in_them(tmp_path):
    path = tmp_path / "stat"
    path.write_bytes(b"4711 (\xff) S")
    assert metrics.read_file(str(path)).endswith(") S")
    assert metrics.read_file(str(tmp_path / "none")) == ""


def test_a_page_comes_in_one_piece_and_everybody_may_read_it(tmp_path):
    path = tmp_path / "dnsmasq.prom"
    path.write_text("before\n")
    with path.open() as reader:
        metrics.write(str(path), "after\n")
        assert reader.read() == "before\n"
    assert path.read_text() == "after\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_on_a_host_the_two_files_are_enough(tmp_path):
    """As the role puts them there and its unit starts them: no collection, and nothing left but the page."""
    home = tmp_path / "home/_dns"
    home.mkdir(parents=True)
    for name in ("wire.py", "metrics.py"):
        shutil.copy(str(Path(metrics.__file__).with_name(name)), str(home / name))
    path = tmp_path / "dnsmasq.prom"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    argv = [sys.executable, "-B", "-m", "_dns.metrics", str(path)]
    subprocess.check_call(argv, cwd=str(tmp_path / "home"), env=kept, timeout=60)
    names = [line.split()[2] for line in path.read_text().splitlines() if line.startswith("# TYPE")]
    assert names[0] == "dnsmasq_up"
    assert names[-1] == "dnsmasq_metrics_written_timestamp_seconds"
    assert sorted(path.name for path in home.iterdir()) == ["metrics.py", "wire.py"]
