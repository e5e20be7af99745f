"""What tests look at on a host of the lab, from outside of Ansible."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable
from typing import Any

import lab

#: Mode, owner, link and content of everything in /etc, a line each.
ETC = "cd /etc && find . -printf '%p %M %u %g %l\\n' | sort; find . -type f -exec sha256sum {} + | sort -k 2"

#: What packages that were removed leave to the admin besides conffiles, and what every install writes: netbase makes
#: `networks`; openresolv keeps what the lab wrote into resolv.conf before a reboot.
ASIDE = (
    r"^\./(networks|resolv\.conf\.bak|passwd-?|shadow-?|group-?|gshadow-?|subuid-?|subgid-?|ld\.so\.cache"
    r"|rc.\.d/[SK]..dnsmasq|dnsmasq\.d|dnsmasq\.d/README|(runit/runsvdir/default|sv)/dnsmasq(/.*)?)$"
)
UNITS = (
    # A systemd that does not answer is a failure, and no host without units.
    "set -e; enabled=$(systemctl list-unit-files --no-legend --no-pager"
    " --state=enabled,enabled-runtime,masked,masked-runtime);"
    " active=$(systemctl list-units --no-legend --no-pager --plain --state=active --type=service,path,socket);"
    " echo \"$enabled\" | awk '{print $1, $2}' | sort;"
    # All that is enabled, and what runs of that which has to do with names: others come and go with a reboot.
    " echo \"$active\" | awk '{print $1}' | sort"
    " | grep -E '^(dnsmasq|everywhere|NetworkManager|networking|dhcpcd|resolvconf|nftables"
    "|systemd-(resolved|networkd))[.]'"
    " || true"
)


def differences(host: lab.Host, before: str, packages_gone: bool = False) -> tuple[list[str], list[str]]:
    """Lines of ETC that are new, and those that are missing; without what packages that came and went leave there."""
    aside: set[str] = set()
    if packages_gone:
        conffiles = "dpkg-query -W -f '${Conffiles}\\n' | awk '{print $1}' | sed -n 's|^/etc|.|p'"
        aside = set(shell(host, conffiles).split())
        aside |= {"/".join(path.split("/")[:depth]) for path in aside for depth in range(2, path.count("/") + 1)}
        aside |= set(shell(host, f"cd /etc && find . | grep -E '{ASIDE}' || true").split())

    def lines(text: str) -> set[str]:
        # A line of find begins with the path, one of sha256sum ends with it.
        rows = [(line.split()[0] if line.startswith(".") else line.split()[-1], line) for line in text.splitlines()]
        return {line for path, line in rows if path not in aside}

    was, now = lines(before), lines(shell(host, ETC))
    return sorted(now - was), sorted(was - now)


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


def look(host: lab.Host, *names: str, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    """All that says whether dnsmasq answers on a host as it should, once that is as wanted or when the time is over."""
    until = f"--until {shlex.quote(json.dumps(wanted))}" if wanted else ""
    seen: dict[str, Any] = json.loads(shell(host, f"lab-look {until} {' '.join(names)}"))
    return seen


def resolv_conf(host: lab.Host) -> dict[str, list[str]]:
    """Servers, search list and options that libc reads there."""
    seen = look(host)
    return {key: seen[key] for key in ("nameserver", "search", "options")}


def lookups(host: lab.Host, name: str, calls: int = 5) -> dict[str, Any]:
    """What a process on the host gets for a name through libc; see lab-lookups."""
    figures: dict[str, Any] = json.loads(shell(host, f"lab-lookups {name} {calls}"))
    return figures


#: Kills a process and tells the seconds until 127.0.0.1 answers. Not by dig: bullseye's waits a second for a closed
#: port.
_KILL = """
import os, signal, socket, sys, time
query = b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + b"\\7version\\4bind\\0" + b"\\0\\x10\\0\\3"  # TXT, CHAOS
began = time.monotonic()
os.kill(int(sys.argv[1]), signal.SIGKILL)
while time.monotonic() < began + 10:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        try:
            client.connect(("127.0.0.1", 53))
            client.send(query)
            client.recv(512)
            break
        except OSError:
            time.sleep(0.02)
print(time.monotonic() - began)
"""


def kill_dnsmasq(host: lab.Host) -> float:
    """Kill it by SIGKILL; the seconds until 127.0.0.1 answers again, by another process."""

    def main_pid() -> str:
        return shell(host, "systemctl show -p MainPID --value dnsmasq").strip()

    old = main_pid()
    assert old != "0"
    seconds = float(shell(host, f"python3 -c {shlex.quote(_KILL)} {old}"))
    assert seconds < 10, "it is not back"
    assert until(True, lambda: main_pid() not in ("0", old), 10)
    return seconds
