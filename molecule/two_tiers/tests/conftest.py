"""The lab of network 2, deployed: what its hosts get for an answer, and what its servers and bridges saw of it."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
import pytest
import yaml
from plays import Run, play

ROOT = Path(__file__).resolve().parents[3]
NETWORKS, HOSTS = lab.read_inventory()
BY_NAME = {host.name: host for host in HOSTS}
CLIENTS = [host.name for host in HOSTS if not host.is_server]
#: Whoever writes down what it is asked.
COUNTING = [host.name for host in HOSTS if host.counts or host.is_server]
TOPOLOGY = yaml.safe_load((lab.INVENTORY.parent / "group_vars" / "all.yml").read_text())["dnsmasq_topology"]
ZONES = {zone: name for name, network in TOPOLOGY.items() for zone in network["zones"]}
BRIDGES = {host: address for network in TOPOLOGY.values() for host, address in network.get("bridges", {}).items()}


def shell(host: str, command: str) -> str:
    """The output of a shell command on a host; its failure is the test's."""
    done = lab.inside(BY_NAME[host], "sh", "-c", command)
    assert done.returncode == 0, f"{host}: {command}: {done.stderr}"
    return done.stdout


@dataclass
class Answer:
    """What dig printed: the response code or `silence`, the data, and the milliseconds that it took."""

    rcode: str
    data: list[str]
    ms: float


def ask(
    host: str, name: str, kind: str = "A", server: str = "127.0.0.1", tcp: bool = False, wait: int = 5, source: str = ""
) -> Answer:
    """One question from a host, as libc asks: without a cookie, with which dnsmasq 2.90 takes no next server."""
    began = time.monotonic()
    done = lab.inside(
        BY_NAME[host],
        "dig", "+tries=1", f"+time={wait}", "+nocookie", "+noall", "+comments", "+answer",
        *(["+tcp"] if tcp else []), *(["-b", source] if source else []),
        f"@{server}", name, kind,
    )  # fmt: skip
    ms = (time.monotonic() - began) * 1000
    assert done.returncode in (0, 9), f"dig at {host}: {done.stderr or done.stdout}"  # 9: nobody answered
    status = re.search(r"status: (\w+)", done.stdout)
    data = [line.split(None, 4)[4] for line in done.stdout.splitlines() if line and not line.startswith(";")]
    return Answer(status[1] if status else "silence", data, ms)


def address_of(host: str) -> str:
    return lab.inside(BY_NAME[host], "hostname", "-I").stdout.split()[0]


@pytest.fixture(scope="session")
def names_of() -> dict[str, str]:
    """The name of each host by its address, with those that DHCP gave."""
    return {address_of(host): host for host in BY_NAME}


def seen(since: float) -> list[dict[str, Any]]:
    """Every query that a server or a bridge got since then: name, type, client, count and, as `at`, who got it."""
    with ThreadPoolExecutor(len(COUNTING)) as pool:
        counted = pool.map(lambda host: json.loads(shell(host, f"lab-queries {since}")), COUNTING)
        return [dict(row, at=host) for host, rows in zip(COUNTING, counted, strict=True) for row in rows]


@pytest.fixture(scope="session")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    def run(name: str, *options: str) -> Run:
        events = tmp_path_factory.mktemp("events") / "events"
        with events.with_suffix(".log").open("w") as log:
            return play(name, *options, events=events, log=log)

    return run


@dataclass(frozen=True)
class Step:
    """One line that the playbook `plan` printed of a route."""

    at: tuple[str, ...]
    asks: tuple[str, ...]


@pytest.fixture(scope="session")
def routes(playbook: Callable[..., Run]) -> Callable[[str], dict[str, list[Step]]]:
    """The way of a name from each host, as the playbook `plan` prints it."""
    printed = re.compile(r"  \d+\. (.+) \(.+\) -> ([^:]+): ")

    def route(name: str) -> dict[str, list[Step]]:
        run = playbook("plan", "-e", f"dnsmasq_name={name}")
        assert run.returncode == 0
        [text] = run.told("Show the plans").values()
        found: dict[str, list[Step]] = {}
        for line in ast.literal_eval(text):
            if not line.startswith(" "):
                hosts = line.partition(":")[0].split(", ")
                found |= {host: [] for host in hosts}
            elif step := printed.match(line):
                at, asks = (tuple(part.split(", ")) for part in step.groups())
                # Of several with one plan, the first is told to take the first step.
                for host in hosts:
                    found[host].append(Step((host,) if not found[host] else at, asks))
        assert found.keys() == set(CLIENTS)
        return found

    return route


@pytest.fixture
def frozen() -> Iterator[Callable[[str], None]]:
    """Freeze a bridge's dnsmasq: its packets are taken and never answered. Thawed after the test."""
    stopped: list[str] = []

    def freeze(host: str) -> None:
        shell(host, "systemctl kill --signal=STOP dnsmasq")
        stopped.append(host)

    yield freeze
    for host in stopped:
        shell(host, "systemctl kill --signal=CONT dnsmasq")


@pytest.fixture
def unplugged() -> Iterator[Callable[[str], None]]:
    """Pull a server's plug: what is sent to it vanishes. Put back after the test."""
    pulled: list[str] = []

    def pull(host: str) -> None:
        shell(host, "ip link set eth0 down")
        pulled.append(host)

    yield pull
    for host in pulled:
        router = NETWORKS[BY_NAME[host].network]["router"]
        shell(host, f"ip link set eth0 up && ip route replace default via {router}")
