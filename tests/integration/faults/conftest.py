"""The hosts that things go wrong on, and playbooks that run against them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lab
import pytest
import yaml
from looks import ETC, differences, look, shell
from plays import Run, keep_table, play_quietly
from probes import Watch

INVENTORY = yaml.safe_load(lab.INVENTORY.read_text())["all"]["children"]["vpc"]["children"]
PROVIDERS = {name: known["lab_provider"] for name, known in INVENTORY["clients"]["hosts"].items()}
BY_NAME = {host.name: host for host in lab.read_inventory()[1]}
CLIENTS = [BY_NAME[name] for name in PROVIDERS]
BRIDGES = {host.name: host.address for host in CLIENTS if host.address}
SERVERS = ["10.20.0.11", "10.20.0.12", "10.1.0.2"]
WATCH = Watch(PROVIDERS)
#: What a host resolved before the first deploy, it resolves at any moment.
NAMES = {"db.corp.example": "10.20.0.21", "api.example.net": "203.0.113.20"}


def on_each(check: Callable[[lab.Host], Any], hosts: list[lab.Host] | None = None) -> dict[str, Any]:
    """What a check gives for each host, all of them at once; its failures are told together."""
    hosts = CLIENTS if hosts is None else hosts

    def one(host: lab.Host) -> tuple[Any, str | None]:
        try:
            return check(host), None
        except (AssertionError, SystemExit) as error:
            return None, f"{host.name}: {error}"

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, hosts))
    failures = [failure for _result, failure in done if failure]
    assert not failures, "\n".join(failures)
    return {host.name: result for host, (result, _failure) in zip(hosts, done, strict=True)}


def resolves(host: lab.Host, wanted: dict[str, Any] | None = None) -> None:
    """Names, with resolv.conf as wanted."""
    found = look(host, *NAMES, wanted=wanted)
    assert {key: found[key] for key in wanted or {}} == (wanted or {})
    got = {name: (of["failed"], of["answers"]) for name, of in found["names"].items()}
    assert got == {name: (0, [address]) for name, address in NAMES.items()}, found


def taken_over(host: lab.Host) -> None:
    resolves(host, {"nameserver": ["127.0.0.1", *SERVERS]})


def etc(host: lab.Host) -> str:
    return shell(host, ETC)


def untouched(host: lab.Host, before: str, packages_gone: bool, keeps_record: bool = False) -> None:
    """/etc is what it was, and dnsmasq is not there where it was not."""
    new, missing = differences(host, before, packages_gone=packages_gone)
    assert (new, missing) == ([], []), f"new: {new}, missing: {missing}"
    if packages_gone:
        assert shell(host, "dpkg-query -W -f '${db:Status-Status}' dnsmasq || true") in (
            "",
            "config-files",
            "not-installed",
        )
        records = shell(host, "ls -A /var/lib/everywhere.dnsmasq 2>/dev/null || true").split()
        assert records == (["resolv_conf.json"] if keeps_record else [])


@pytest.fixture(scope="session")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    return lambda name, *options, **more: play_quietly(
        tmp_path_factory.mktemp("events"), name, "-f", "6", *options, **more
    )


@pytest.fixture(scope="session", autouse=True)
def watched() -> Iterator[None]:
    """All hosts ask all the time."""
    WATCH.start(CLIENTS)
    yield
    WATCH.stop(CLIENTS)


@pytest.fixture
def progress(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Say where a long test stands while it runs."""

    def say(text: str) -> None:
        with capfd.disabled():
            print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)

    return say


@pytest.fixture(scope="session")
def figures() -> Iterator[list[str]]:
    """Lines of the table that the scenario prints in the end."""
    lines = ["| what | hosts | lookups | lost | over 1 s | slowest |", "| --- | --- | --- | --- | --- | --- |"]
    yield lines
    keep_table(lines)
