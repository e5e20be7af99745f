"""What tests look at on a host of the lab, from outside of Ansible."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import lab

#: Mode, owner, link and content of everything in /etc, a line each.
ETC = "cd /etc && find . -printf '%p %M %u %g %l\\n' | sort; find . -type f -exec sha256sum {} + | sort -k 2"


def shell(host: lab.Host, command: str) -> str:
    """The output of a shell command on a host; its failure is the test's."""
    done: subprocess.CompletedProcess[str] = lab.inside(host, "sh", "-c", command)
    assert done.returncode == 0, f"{host.name}: {command}: {done.stderr}"
    return done.stdout


def until(wanted: Any, look: Callable[[], Any], seconds: float = 60) -> Any:
    """What a look shows, once it is what is wanted or when the time is over."""
    end = time.monotonic() + seconds
    while (seen := look()) != wanted and time.monotonic() < end:
        time.sleep(0.5)
    return seen
