"""The built tarball against real hosts: each test gets the lab freshly booted, its hosts never touched before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import demo
import lab
import pytest
from plays import Run, play


@pytest.fixture
def clients() -> Iterator[list[lab.Host]]:
    """The lab, freshly booted: its client hosts."""
    lab.down()
    lab.up()
    yield [host for host in lab.read_inventory()[1] if not host.is_server]
    lab.down()


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty collections path with the tarball installed in it."""
    path = tmp_path_factory.mktemp("collections")
    demo.install(path)
    return path


@pytest.fixture
def playbook(collections: Path, tmp_path: Path) -> Callable[..., Run]:
    def run(name: str, *options: str, core: Path | None = None, inventory: Path | None = None) -> Run:
        program = str(core / "bin" / "ansible-playbook") if core else "ansible-playbook"
        return play(
            name, *options, events=tmp_path / "events", program=program, collections=collections, inventory=inventory
        )

    return run
