"""The built tarball, installed in an empty path, deploys and verifies with each promised ansible-core."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PYENV = Path.home() / ".pyenv" / "versions"
#: ansible-core and the Pythons that it runs on.
CONTROLLERS = {
    "core-2.16": ("3.10", "3.11", "3.12"),
    "dev": ("3.11", "3.12", "3.13"),
    "core-2.21": ("3.12", "3.13", "3.14"),
}


def interpreter(versions: tuple[str, ...]) -> str | None:
    """A Python of one of the versions: on the PATH, or where pyenv keeps them."""
    for version in versions:
        for found in [shutil.which(f"python{version}"), *map(str, PYENV.glob(f"{version}.*/bin/python"))]:
            # A shim of pyenv is on the PATH even where the version behind it is not chosen.
            if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
                return found
    return None


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_tarball_deploys_and_verifies(controller, clients, playbook):
    python = interpreter(CONTROLLERS[controller])
    if python is None:
        pytest.skip(f"{controller} needs Python {' or '.join(CONTROLLERS[controller])}, and none is on this machine")
    made = subprocess.run(
        [str(ROOT / ".ci/setup"), "venv", controller, python], check=True, text=True, stdout=subprocess.PIPE
    )
    core = Path(made.stdout.strip())
    assert playbook("deploy", core=core).returncode == 0
    assert playbook("verify", core=core).returncode == 0
    again = playbook("deploy", core=core)
    assert (again.returncode, again.changed) == (0, [])
