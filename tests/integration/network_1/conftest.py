"""The built tarball against real hosts: each test gets them freshly booted, never touched before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import demo
import lab
import pytest
from plays import Run, play


@pytest.fixture
def clients() -> list[lab.Host]:
    """The client hosts of the lab, freshly booted; the stage takes it down."""
    return lab.renew()


@pytest.fixture
def east(playbook: Callable[..., Run]) -> tuple[list[lab.Host], Callable[..., Run]]:
    """The two of one network, one of each kind, and playbooks that run on them alone."""
    return lab.renew("us_east_1"), partial(playbook, limit="us_east_1")


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty collections path with the tarball installed in it."""
    path = tmp_path_factory.mktemp("collections")
    demo.install(path)
    return path


@pytest.fixture
def playbook(collections: Path, tmp_path: Path) -> Callable[..., Run]:
    def run(
        name: str, *options: str, core: Path | None = None, inventory: Path | None = None, limit: str = "all"
    ) -> Run:
        program = str(core / "bin" / "ansible-playbook") if core else "ansible-playbook"
        options = ("-l", limit, *options)
        return play(
            name, *options, events=tmp_path / "events", program=program, collections=collections, inventory=inventory
        )

    return run
