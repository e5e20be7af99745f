"""docs/examples/ansible-pull on hosts that deploy to themselves: twice, after a commit, each at its own time."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import demo
import lab
import looks
import pytest
import yaml

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "ansible-pull"
UNIT = "everywhere-dnsmasq-pull"
PLACES = {"service": "etc/systemd/system", "timer": "etc/systemd/system", "default": "etc/default"}
HOURS = range(2, 6)


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def clients() -> Iterator[list[lab.Host]]:
    lab.down()
    lab.up()
    yield [host for host in lab.read_inventory()[1] if not host.is_server]
    lab.down()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, clients: list[lab.Host]) -> Path:
    """The example's, with the collection installed in it and the lab's hosts for its own."""
    folder = tmp_path_factory.mktemp("fleet") / "repository"
    shutil.copytree(EXAMPLE / "repository", folder)
    built = folder.with_name("built")
    demo.install(built)
    shutil.copytree(built / "ansible_collections", folder / "collections" / "ansible_collections")
    hosts = folder / "inventory" / "hosts.yml"
    written = yaml.safe_load(hosts.read_text())
    written["all"]["children"]["us_east_1"]["hosts"] = {host.name: None for host in clients}
    hosts.write_text(yaml.safe_dump(written))
    git(folder, "init", "--quiet", "--initial-branch=release")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


@pytest.fixture(scope="module")
def hosts(clients: list[lab.Host], repository: Path) -> list[lab.Host]:
    """With the example's units, and a repository that each finds on its own disk."""
    for host in clients:
        for kind, place in PLACES.items():
            name = UNIT if kind == "default" else f"{UNIT}.{kind}"
            shutil.copy(EXAMPLE / "host" / f"{UNIT}.{kind}", host.root / place / name)
        settings = host.root / "etc/default" / UNIT
        settings.write_text(
            re.sub("^REPOSITORY=.*$", "REPOSITORY=file:///srv/fleet.git", settings.read_text(), flags=re.M)
        )
        git(repository, "clone", "--quiet", "--bare", ".", str(host.root / "srv/fleet.git"))
        looks.shell(host, "systemctl daemon-reload")
    return clients


def pull(hosts: list[lab.Host]) -> dict[str, str]:
    """Start the service on all of them at once; what each run told of itself."""
    with ThreadPoolExecutor(len(hosts)) as pool:
        return dict(zip([host.name for host in hosts], pool.map(_pull, hosts), strict=True))


def _pull(host: lab.Host) -> str:
    began = time.time()
    done = lab.inside(host, "systemctl", "start", UNIT)
    told = looks.shell(host, f"journalctl --sync; journalctl --no-pager -o cat -u {UNIT} --since @{began:.3f}")
    assert done.returncode == 0, told[-3000:]
    return told


def recap(told: str, host: str) -> dict[str, int]:
    """The counts in the playbook's last lines, which name this host and no other."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", told.partition("PLAY RECAP")[2], re.MULTILINE)
    assert [name for name, _counts in lines] == [host], lines
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", lines[0][1])}


def test_a_host_deploys_to_itself_and_changes_nothing_the_second_time(hosts):
    assert all("127.0.0.1" not in looks.resolv_conf(host)["nameserver"] for host in hosts)
    for name, told in pull(hosts).items():
        assert recap(told, name)["changed"] > 0
    for host in hosts:
        assert looks.resolv_conf(host)["nameserver"][0] == "127.0.0.1"
        assert looks.lookups(host, "db.corp.example")["answers"] == ["10.20.0.21"]
        assert looks.lookups(host, "www.example.org")["answers"] == ["2001:db8:113::10", "203.0.113.10"]
    for name, told in pull(hosts).items():
        counts = recap(told, name)
        assert counts["changed"] == counts["failed"] == 0, told[-2000:]


def test_a_commit_reaches_the_hosts(hosts, repository):
    topology = repository / "inventory" / "group_vars" / "all.yml"
    before = {host.name: looks.lookups(host, "db.branch.example", 1)["answers"] for host in hosts}
    topology.write_text(topology.read_text().replace("zones: [corp.example]", "zones: [corp.example, branch.example]"))
    git(repository, "commit", "--all", "--quiet", "--message=a zone more")
    for host in hosts:
        git(repository, "push", "--quiet", str(host.root / "srv/fleet.git"), "release")
    pull(hosts)
    after = {host.name: looks.lookups(host, "db.branch.example", 1)["answers"] for host in hosts}
    assert set(map(tuple, before.values())) == {()}
    assert all(after.values()), after


def test_each_host_has_its_own_time_of_the_night(hosts):
    for host in hosts:
        looks.shell(host, f"systemctl enable --now {UNIT}.timer")
    # Seconds of the hosts' clocks, which are UTC's.
    show = f"date -d \"$(systemctl show --value --property=NextElapseUSecRealtime {UNIT}.timer)\" '+%s %H'"
    times = {host.name: looks.shell(host, show).split() for host in hosts}
    assert len({second for second, _hour in times.values()}) == len(hosts), times
    assert all(int(hour) in HOURS for _second, hour in times.values()), times
