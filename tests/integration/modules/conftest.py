# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the module as Ansible does: a process of some Python, arguments in, one JSON object out."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ansible
import pytest
from dns_servers import DNSMASQ, Authority, dnsmasq, running

ROOT = Path(__file__).resolve().parents[3]
MODULES = "ansible_collections.everywhere.dnsmasq.plugins.modules"
AUTHORITY, RESOLVER, BAD = "127.0.53.1", "127.0.53.2", "127.0.53.3"
DB = {"name": "db.corp.example"}
# A shared machine is slow at times; what is too slow is tested with a slow server.
UNHURRIED = {"server": RESOLVER, "max_cached_ms": 500.0, "timeout": 1.0}
Run = Callable[..., "dict[str, Any]"]


def library(path: Path, package: Path) -> Path:
    """A PYTHONPATH of this collection and one ansible-core, and of nothing else that is installed."""
    (path / "ansible_collections/everywhere").mkdir(parents=True)
    (path / "ansible_collections/everywhere/dnsmasq").symlink_to(ROOT)
    (path / "ansible").symlink_to(package)
    return path


def at(authority: Authority) -> list[str]:
    return [f"{authority.address}#{authority.port}"]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    here = library(tmp_path_factory.mktemp("library"), Path(ansible.__file__).parent)
    return functools.partial(run_module, here, sys.executable, tmp_path_factory.mktemp("arguments"))


def run_module(
    library_path: str | Path,
    python: str | Path,
    work: Path,
    *queries: dict[str, Any],
    before: tuple[str, ...] = (),
    module: str = "query_latency",
    **options: Any,
) -> dict[str, Any]:
    if module == "query_latency":
        options["queries"] = list(queries)
    arguments = work / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    done = subprocess.run(
        [*before, str(python), "-B", "-m", f"{MODULES}.{module}", str(arguments)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(library_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == bool(result.get("failed"))
    assert "Traceback" not in done.stdout + done.stderr and "\n" not in result.get("msg", "")
    return result


@pytest.fixture(scope="session", autouse=True)
def _needs_dnsmasq() -> None:
    if DNSMASQ is None:
        pytest.skip("dnsmasq is not installed (apt-get install dnsmasq-base)")


@pytest.fixture
def authority() -> Iterator[Authority]:
    server = Authority(
        AUTHORITY,
        "db.corp.example. 300 A 192.0.2.80",
        "db.corp.example. 300 A 192.0.2.79",
        "db.corp.example. 300 AAAA 2001:db8::80",
        "db.corp.example. 300 TXT text",
        "www.corp.example. 300 CNAME db.corp.example.",
        "zero.corp.example. 0 A 192.0.2.81",
        "brief.corp.example. 2 A 192.0.2.82",
        *(f"many.corp.example. 300 A 198.51.100.{number}" for number in range(1, 61)),
    )
    with running(server):
        yield server


@pytest.fixture
def resolver(authority: Authority) -> Iterator[int]:
    with dnsmasq(RESOLVER, "--host-record=own.corp.example,192.0.2.7", upstream=authority) as port:
        yield port
