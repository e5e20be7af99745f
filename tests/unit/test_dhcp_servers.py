# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the script that both roles render: what DHCP handed out, for dnsmasq, for containers and for libc."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jinja2
import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "roles/dnsmasq/templates"
#: Whichever of these the machine has: Debian's, Red Hat's, BSD's and a small system's.
AWKS = [path for path in map(shutil.which, ("mawk", "gawk", "original-awk", "busybox")) if path]
# A stand-in for `ip`, with what the real one prints on a host with a lease, a router's advertisement and a tunnel.
IP = r"""#!/bin/sh
[ "$*" = "-o address show" ] || exit 64
cat <<'END'
1: lo    inet 127.0.0.1/8 scope host lo\       valid_lft forever preferred_lft forever
1: lo    inet6 ::1/128 scope host \       valid_lft forever preferred_lft forever
2: eth0    inet 192.0.2.31/24 brd 192.0.2.255 scope global dynamic eth0\       valid_lft 3000sec preferred_lft 3000sec
2: eth0    inet6 2001:db8::31/64 scope global dynamic \       valid_lft 3000sec preferred_lft 3000sec
2: eth0    inet6 fe80::31/64 scope link \       valid_lft forever preferred_lft forever
3: tun0    inet 198.51.100.1 peer 198.51.100.2/32 scope global tun0\       valid_lft forever preferred_lft forever
END
"""
FAR = ("203.0.113.11", "203.0.113.12")


def render(template: str, **watcher: Any) -> str:
    """The template as Ansible renders it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"comment": lambda text: f"#\n# {text}\n#", "dirname": os.path.dirname}
    text = (TEMPLATES / template).read_text()
    return environment.from_string(text).render(ansible_managed="Ansible managed", watcher=watcher)


class Host:
    """The files that the script reads and writes, below a folder of the test."""

    def __init__(self, root: Path, awk: str) -> None:
        self.root = root
        self.source = root / "resolv.conf"
        self.target = root / "run/dnsmasq/upstream.conf"
        self.others = root / "run/dnsmasq/resolv.conf"
        self.libc = root / "etc/resolv.conf"
        self.libc.parent.mkdir()
        (root / "bin").mkdir()
        (root / "bin/awk").symlink_to(awk)
        self.program("ip", IP)
        self.program("restorecon", f'#!/bin/sh\necho "$@" >>{root}/labelled\n')

    def program(self, name: str, text: str) -> None:
        """One that the script finds before the machine's own."""
        (self.root / "bin" / name).write_text(text)
        (self.root / "bin" / name).chmod(0o755)

    def run(self, source: str | None = None, exclude: tuple[str, ...] = ()) -> list[str] | None:
        """The servers that dnsmasq is told after one run of its role's script; None where there is no file."""
        outputs = {"upstreams": self.target, "others": self.others}
        self._run(source, self._script(outputs, exclude=exclude))
        return self.servers() if self.target.exists() else None

    def run_for_libc(self, source: str | None = None) -> str:
        """What libc reads after one run of the other role's script."""
        self._run(source, self._script({"resolv_conf": self.libc}, first=("127.0.0.1",)))
        return self.libc.read_text()

    def run_at_once(self, times: int) -> list[int]:
        """Exit codes of as many runs at the same time, over a source that changed."""
        script = self._script({"upstreams": self.target, "others": self.others})
        runs = [subprocess.Popen(["/bin/sh", script], env=self._environment) for _number in range(times)]
        return [run.wait(30) for run in runs]

    def servers(self) -> list[str]:
        text = self.target.read_text()
        assert text.endswith("\n")
        words = [line.split(" ") for line in text.splitlines()]
        assert {word[0] for word in words} == {"nameserver"}
        return [" ".join(word[1:]) for word in words]

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}

    def _run(self, source: str | None, script: Path) -> None:
        if source is not None:
            self.source.write_text(source)
        done = subprocess.run(
            ["/bin/sh", script], env=self._environment, capture_output=True, text=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def _script(self, outputs: dict[str, Path], first: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> Path:
        written = [{"kind": kind, "path": str(path)} for kind, path in outputs.items()]
        script = self.root / "script"
        script.write_text(
            render("dhcp_servers.sh.j2", source=str(self.source), outputs=written, first=first, exclude=exclude)
        )
        return script


@pytest.fixture(params=AWKS, ids=lambda path: Path(path).name)
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Host:
    return Host(tmp_path, request.param)


def lines(*servers: str) -> str:
    return "".join(f"nameserver {server}\n" for server in servers)


@pytest.mark.parametrize(
    ("source", "servers"),
    [
        (lines("192.0.2.12", "192.0.2.11"), ["192.0.2.12", "192.0.2.11"]),
        (lines("127.0.0.1", "127.0.0.53", "::1", "192.0.2.11"), ["192.0.2.11"]),
        (lines("0.0.0.0", "::", "192.0.2.11"), ["192.0.2.11"]),
        (lines("192.0.2.31", "2001:db8::31", "198.51.100.1", "192.0.2.11"), ["192.0.2.11"]),
        (lines("fe80::31%eth0", "192.0.2.11"), ["192.0.2.11"]),
        (lines("fe80::1%eth0", "2001:db8::53"), ["fe80::1%eth0", "2001:db8::53"]),
        (lines("192.0.2.3", "192.0.2.131", "198.51.100.2"), ["192.0.2.3", "192.0.2.131", "198.51.100.2"]),
        (lines("192.0.2.11", "192.0.2.12", "192.0.2.11"), ["192.0.2.11", "192.0.2.12"]),
        (lines(*(f"192.0.2.{last}" for last in range(1, 6))), [f"192.0.2.{last}" for last in range(1, 6)]),
        (
            "# nameserver 192.0.2.1\n#nameserver 192.0.2.2\n;nameserver 192.0.2.3\nsearch nameserver 192.0.2.4\n"
            "options timeout:1\nnameserver\t192.0.2.11 # the first\n\nnameserver  192.0.2.12",
            ["192.0.2.11", "192.0.2.12"],
        ),
        ("nameserver\n" + lines("192.0.2.11"), ["192.0.2.11"]),
    ],
    ids=[
        "in DHCP's order",
        "without loopback",
        "without the unspecified address, which is itself",
        "without its own addresses",
        "without its own link-local address",
        "a router's link-local address keeps its scope",
        "an address that only looks like its own stays, a tunnel's other end too",
        "each once",
        "more than libc reads",
        "nothing but name servers",
        "a line without an address is none",
    ],
)
def test_dnsmasq_is_told(host: Host, source: str, servers: list[str]) -> None:
    assert host.run(source) == servers


@pytest.mark.parametrize(
    ("servers", "told"),
    [
        (["203.0.113.11", "192.0.2.11", "203.0.113.12"], ["192.0.2.11"]),
        (["127.0.0.1", "203.0.113.12", "203.0.113.11"], ["203.0.113.12", "203.0.113.11"]),
        (["203.0.113.1", "203.0.113.113"], ["203.0.113.1", "203.0.113.113"]),
    ],
    ids=[
        "servers elsewhere are dropped",
        "only those elsewhere left: they stay",
        "an address that only looks like theirs",
    ],
)
def test_servers_of_other_networks(host: Host, servers: list[str], told: list[str]) -> None:
    assert host.run(lines(*servers), exclude=FAR) == told


@pytest.mark.parametrize(
    "source",
    ["", "search example.org\n", lines("127.0.0.1", "192.0.2.31"), "nameserver\n", None],
    ids=["an empty file", "no name server", "none but itself", "no address", "no file"],
)
def test_the_last_known_servers_stay(host: Host, source: str | None) -> None:
    host.run(lines("192.0.2.11"))
    host.source.unlink()
    assert host.run(source) == ["192.0.2.11"]


@pytest.mark.parametrize("source", ["", lines("127.0.0.1"), None], ids=["an empty file", "none but itself", "no file"])
def test_no_server_was_ever_known(host: Host, source: str | None) -> None:
    assert host.run(source) is None


def test_a_missing_source_makes_the_folder_that_dnsmasq_watches_and_nothing_in_it(host: Host) -> None:
    assert host.run(None) is None
    assert list(host.target.parent.iterdir()) == []


def test_the_targets_folder_is_made(host: Host) -> None:
    assert not host.target.parent.parent.exists()
    assert host.run(lines("192.0.2.11")) == ["192.0.2.11"]
    assert sorted(path.name for path in host.target.parent.iterdir()) == ["resolv.conf", "upstream.conf"]


def test_the_same_servers_are_not_written_again(host: Host) -> None:
    host.run(lines("192.0.2.11", "192.0.2.12"))
    before = host.target.stat()
    host.run("search example.org\n" + lines("127.0.0.1", "192.0.2.11", "192.0.2.12", "192.0.2.11"))
    after = host.target.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_other_servers_come_in_one_piece(host: Host) -> None:
    host.run(lines("192.0.2.11", "192.0.2.12"))
    with host.target.open() as reader:
        assert host.run(lines("192.0.2.12", "192.0.2.11")) == ["192.0.2.12", "192.0.2.11"]
        # a dnsmasq that was reading still has all of the old file
        assert reader.read() == lines("192.0.2.11", "192.0.2.12")
    assert sorted(path.name for path in host.target.parent.iterdir()) == ["resolv.conf", "upstream.conf"]


def test_runs_at_once_do_not_disturb_each_other(host: Host) -> None:
    for number in range(1, 21):
        host.source.write_text(f"nameserver 192.0.2.{100 + number}\n")
        assert host.run_at_once(4) == [0, 0, 0, 0]
        assert host.servers() == [f"192.0.2.{100 + number}"]
    assert sorted(path.name for path in host.target.parent.iterdir()) == ["resolv.conf", "upstream.conf"]


def test_what_networkd_keeps_is_read_too(host: Host) -> None:
    state = (
        "# This is private data. Do not parse.\nDNS=192.0.2.11 192.0.2.12#dns.example 192.0.2.31\nDOMAINS=example.org\n"
    )
    assert host.run(state) == ["192.0.2.11", "192.0.2.12"]
    assert host.others.read_text() == "search example.org\n" + lines("192.0.2.11", "192.0.2.12")


def test_containers_get_all_of_it_but_loopback(host: Host) -> None:
    given = (
        "search a.example b.example\n"
        + lines("127.0.0.1", "203.0.113.11", "192.0.2.11")
        + "options edns0\noptions trust-ad\n"
    )
    assert host.run(given, exclude=FAR) == ["192.0.2.11"]
    told = "search a.example b.example\n" + lines("203.0.113.11", "192.0.2.11") + "options edns0 trust-ad\n"
    assert host.others.read_text() == told


def test_containers_do_not_get_a_search_list_of_the_root_alone(host: Host) -> None:
    host.run("search .\n" + lines("192.0.2.11"))
    assert host.others.read_text() == lines("192.0.2.11")


HEAD = "# Written by everywhere.dnsmasq, from {}\n"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (lines("192.0.2.12", "192.0.2.11"), lines("127.0.0.1", "192.0.2.12", "192.0.2.11")),
        (lines("127.0.0.1", "127.0.0.53", "::1", "192.0.2.11"), lines("127.0.0.1", "192.0.2.11")),
        (lines("192.0.2.31", "192.0.2.11", "192.0.2.31"), lines("127.0.0.1", "192.0.2.31", "192.0.2.11")),
        (
            "options edns0\nsearch a.example b.example\n" + lines("192.0.2.11") + "options trust-ad\n",
            "search a.example b.example\n" + lines("127.0.0.1", "192.0.2.11") + "options edns0 trust-ad\n",
        ),
        ("search .\n" + lines("192.0.2.11"), "search .\n" + lines("127.0.0.1", "192.0.2.11")),
        (
            "# This is private data. Do not parse.\nDNS=192.0.2.11 192.0.2.12#dns.example\nDOMAINS=example.org\n",
            "search example.org\n" + lines("127.0.0.1", "192.0.2.11", "192.0.2.12"),
        ),
    ],
    ids=[
        "in DHCP's order, the local one first",
        "the local one once",
        "another server of this host stays",
        "search list and options",
        "a search list of the root alone",
        "what networkd keeps",
    ],
)
def test_libc_reads(host: Host, source: str, told: str) -> None:
    assert host.run_for_libc(source) == HEAD.format(host.source) + told


@pytest.mark.parametrize(
    "source", ["", "search example.org\n", lines("127.0.0.1"), None], ids=["empty", "no server", "itself", "no file"]
)
def test_libc_keeps_the_last_known_servers(host: Host, source: str | None) -> None:
    before = host.run_for_libc(lines("192.0.2.11"))
    host.source.unlink()
    assert host.run_for_libc(source) == before


def test_each_file_is_readable_labelled_and_alone_in_its_folder(host: Host) -> None:
    host.run(lines("192.0.2.11"))
    host.run_for_libc()
    written = (host.target, host.others, host.libc)
    assert {oct(path.stat().st_mode & 0o7777) for path in written} == {"0o644"}
    labelled = [Path(line) for line in (host.root / "labelled").read_text().splitlines()]
    assert [path.with_suffix("") for path in labelled] == [path.with_name(f".{path.name}") for path in written]
    assert [path.name for path in host.libc.parent.iterdir()] == ["resolv.conf"]


def test_a_label_that_cannot_be_set_loses_no_server(host: Host) -> None:
    host.program("restorecon", "#!/bin/sh\nexit 1\n")
    assert host.run(lines("192.0.2.11")) == ["192.0.2.11"]


def test_libc_needs_no_program_that_tells_addresses(host: Host) -> None:
    host.program("ip", "#!/bin/sh\necho no such program >&2\nexit 127\n")
    assert host.run_for_libc(lines("192.0.2.11")).endswith(lines("127.0.0.1", "192.0.2.11"))


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    units = {".path": ".path", ".service": ".service", "-changed.service": "_changed.service"}
    for unit, template in units.items():
        text = render(f"dhcp_servers{template}.j2", unit="watch", script=script, purpose="Watch", source="/run/list")
        (tmp_path / f"watch{unit}").write_text(text)
    argv = ["systemd-analyze", "verify", *(str(tmp_path / f"watch{unit}") for unit in units)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
