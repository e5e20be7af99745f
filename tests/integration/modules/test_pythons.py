# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules on each Python that a host may have, from RHEL 8's 3.6 on, with the dnspython of its time.

What is not on this machine is left out and told; the hosts of `providers` have 3.9, 3.11, 3.13 and 3.14.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import BAD, DB, UNHURRIED, Run, at, library, run_module
from dns_servers import Authority, Server, running

ROOT = Path(__file__).resolve().parents[3]
#: The last whose modules run on Python 3.6 and 3.7.
OLD = ("ansible-core==2.16.*", ("3.6", "3.7"))
#: Debian 11 has 2.0, RHEL 8 1.15, Ubuntu 20.04 1.16, Debian 12 2.3, Ubuntu 24.04 2.6, Debian 13 2.7.
PAIRS = [
    ("3.6", "1.15.0"),
    ("3.6", "1.16.0"),
    ("3.6", "2.2.1"),
    ("3.7", "2.3.0"),
    ("3.8", "1.16.0"),
    ("3.8", "2.6.1"),
    ("3.9", "2.0.0"),
    ("3.9", "2.7.0"),
    ("3.10", "2.1.0"),
    ("3.11", "2.3.0"),
    ("3.12", "2.6.1"),
    ("3.13", "2.7.0"),
    ("3.13", "2.9.*"),
    ("3.14", "2.9.*"),
]


def interpreter(version: str) -> str:
    """A Python of that version: one of pyenv's, or the system's."""
    more = subprocess.check_output([ROOT / ".ci/setup", "pythons"], text=True)
    found = shutil.which(f"python{version}", path=more + ":/usr/bin")
    if found is None:
        pytest.skip(f"Python {version} is not installed")
    return found


def fetched(folder: Path, package: str, version: str) -> Path:
    """The package alone, as a Python of that version gets it."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--python-version", version, "--target", str(folder), package], check=True)
    return folder


@pytest.fixture(scope="session")
def old_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    core = fetched(tmp_path_factory.mktemp("ansible-core"), OLD[0], "3.10")
    return library(tmp_path_factory.mktemp("library-2.16"), core / "ansible")


@pytest.fixture(params=PAIRS, ids=lambda pair: "python {} dnspython {}".format(*pair))
def host(request: Any, run: Run, tmp_path: Path) -> tuple[str, str]:
    """What Ansible would find on such a host: its own library and dnspython, and a Python."""
    version, dnspython = request.param
    python = interpreter(version)
    core = request.getfixturevalue("old_library") if version in OLD[1] else run.args[0]
    return f"{core}:{fetched(tmp_path / 'dnspython', f'dnspython=={dnspython}', version)}", python


def test_the_modules_run_on_each_python(
    host: tuple[str, str], authority: Authority, resolver: int, tmp_path: Path
) -> None:
    queries_are_proven(*host, authority, resolver, tmp_path)
    a_swap_and_its_way_back(*host, tmp_path)
    info = run_module(*host, tmp_path, module="resolver_info")
    assert "failed" not in info, info["msg"]
    assert info["python"] == host[1] and info["changed"] is False


def queries_are_proven(path: str, python: str, authority: Authority, resolver: int, tmp_path: Path) -> None:
    reference = at(authority)
    for transport in ("udp", "tcp"):
        result = run_module(
            path,
            python,
            tmp_path,
            {**DB, "expected": ["192.0.2.80", "192.0.2.79"], "reference": reference},
            {"name": "www.corp.example", "reference": reference},
            {"name": "no-such.corp.example", "rcode": "NXDOMAIN"},
            {"name": "corp.example", "type": "SOA", "cached": False},
            port=resolver,
            transport=transport,
            **UNHURRIED,
        )
        assert "failed" not in result, result["msg"]
        assert [query["from_cache"] for query in result["queries"]] == [True, True, True, False]
    bad = {"name": "db..corp.example"}
    assert "'db..corp.example' is not a domain name" in run_module(path, python, tmp_path, bad, port=resolver)["msg"]
    with running(Server(BAD, lambda query: [query[:2] + b"\x81\x80" + b"\xff" * 40])) as server:
        result = run_module(path, python, tmp_path, DB, port=server.port, **{**UNHURRIED, "server": BAD})
    assert "sent a malformed answer" in result["msg"]


def a_swap_and_its_way_back(path: str, python: str, tmp_path: Path) -> None:
    """Files of each kind with a check and a trial: there, nothing twice, refused, and back."""
    etc = tmp_path / "etc"
    etc.mkdir()
    whole, block, line = etc / "whole", etc / "block", etc / "line"
    line.write_text("second\n")
    checker = [sys.executable, "-c", "import sys; sys.exit('bad' in open(sys.argv[1]).read())", "{staged}"]

    def swap(content: str = "good \u00e9\n", **more: Any) -> dict[str, Any]:
        files = [
            {"path": str(whole), "content": content, "mode": "0600"},
            {"path": str(block), "block": "ours"},
            {"path": str(line), "lines": ["first"], "before": "^second"},
        ]
        wanted = {"files": files, "check": {"argv": checker, "file": str(whole)}}
        return run_module(
            path,
            python,
            tmp_path,
            module="transaction",
            name="of_a_test",
            record_dir=str(tmp_path / "records"),
            **(more or wanted),
        )

    done, again, refused = swap(), swap(), swap("bad\n")
    assert (done.get("msg"), done["changed"], again["changed"]) == (None, True, False)
    assert f"does not accept the new {whole}: rc 1; nothing was changed" in refused["msg"]
    assert whole.read_text("utf-8") == "good \u00e9\n" and whole.stat().st_mode & 0o777 == 0o600
    assert line.read_text() == "first\nsecond\n" and "ours" in block.read_text()
    back = swap(state="absent")
    assert back["changed"] is True
    assert not whole.exists() and not block.exists() and line.read_text() == "second\n"
