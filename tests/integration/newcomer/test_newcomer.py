"""What somebody meets who never saw the collection: an empty folder, the README's lines, a user who is not root."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import lab
import looks
import pytest

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text().partition("## Your own hosts")[2]
USER, PASSWORD = "op", "correct horse"  # of hosts that live for this test
NAME = "everywhere.dnsmasq"


@pytest.fixture
def clients() -> Iterator[list[lab.Host]]:
    """Freshly booted, with a user who may sudo, and has to give a password for it."""
    lab.down()
    lab.up()
    hosts = [host for host in lab.read_inventory()[1] if not host.is_server]
    for host in hosts:
        looks.shell(
            host,
            f"useradd --create-home --groups sudo --shell /bin/bash {USER}; echo '{USER}:{PASSWORD}' | chpasswd; "
            f"cp -r /root/.ssh /home/{USER}/; chown -R {USER}: /home/{USER}/.ssh",
        )
    yield hosts
    lab.down()


@pytest.fixture
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    subprocess.run(["ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(folder)], check=True)
    [built] = folder.glob("*.tar.gz")
    return built


def commands() -> list[list[str]]:
    [block] = re.findall(r"```console\n(.*?)```", README.partition("```yaml")[0], re.S)
    return [shlex.split(line) for line in block.splitlines()]


def test_it_works_at_the_first_try(clients, tarball, tmp_path):
    (tmp_path / "inventory.yml").write_text(re.findall(r"```yaml\n(.*?)```", README, re.S)[0])
    (tmp_path / "password").write_text(PASSWORD)
    # Nothing of the tests' own settings; and all defaults, so no pipelining.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "EVERYWHERE_"))}
    environment["ANSIBLE_HOME"] = str(tmp_path / "home")
    connect = [f"--ssh-common-args=-F {lab.STATE}/ssh_config", f"--user={USER}"]
    become = ["--become", f"--become-password-file={tmp_path / 'password'}"]
    install, *playbooks = commands()
    assert install[-1] == NAME
    assert [words[:2] for words in playbooks] == [
        ["ansible-playbook", f"{NAME}.{name}"] for name in ("deploy", "verify", "report")
    ]
    began = time.monotonic()
    for words in [[*install[:-1], str(tarball)], *([*words, *connect, *become] for words in playbooks)]:
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        warnings = re.findall(r"\[WARNING\]: (.*)", done.stdout + done.stderr)
        assert [text for text in warnings if "using the discovered Python interpreter" not in text] == []
        print(f"{time.monotonic() - began:5.1f} s  {' '.join(words)}")
    report = json.loads((tmp_path / "dnsmasq-report.json").read_text())
    assert "<svg" in (tmp_path / "dnsmasq-report.html").read_text()
    assert {entry["host"]: entry["state"] for entry in report["hosts"]} == {host.name: "fine" for host in clients}
    for entry in report["hosts"]:
        assert (entry["provider"], entry["nameservers"][0]) == ("dhclient_ifupdown", "127.0.0.1")
        assert 0 < entry["cached_ms"] < 1 <= entry["cold_ms"]
        assert entry["counted"]["hits"] > 0
        assert {server["address"] for server in entry["counted"]["servers"]} > {"10.20.0.11#53", "10.20.0.12#53"}
    assert {one["name"]: one["links"] for one in report["networks"]}["datacenter"] == ["us_east_1", "us_west_2"]
    for host in clients:
        assert looks.resolv_conf(host)["nameserver"][0] == "127.0.0.1"
        assert looks.shell(host, f"runuser -u {USER} -- getent hosts db.corp.example").split()[0] == "10.20.0.21"
