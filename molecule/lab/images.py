"""Images of the lab: one base for each Debian release, one layer for each flavour of host.

Everything comes from Debian's packages. What a role installs later lies in a local repository
inside the image, so that an install on a lab host is real and needs no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: What a machine keeps between runs; .ci/stages.py says where.
CACHE = Path(os.environ["EVERYWHERE_CACHE"])

BASE = (
    "systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "python3-apt", "ca-certificates",
    "iproute2", "iputils-ping", "procps", "bind9-dnsutils", "apt-utils",
)  # fmt: skip


@dataclass(frozen=True)
class Flavour:
    """What makes a host one of its kind: packages, what is done in the image after them, and folders of templates."""

    packages: tuple[str, ...]
    finish: str = ""
    templates: tuple[str, ...] = ()
    #: Where a lease's name servers are seen on a fresh host, and the word that tells.
    shows: tuple[str, str] = ("/etc/resolv.conf", "nameserver")
    #: Whether something on the host writes resolv.conf again after a reboot.
    rewrites: bool = True


_STUB = "ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf"
_NETWORKD = f"systemctl enable systemd-networkd systemd-resolved; {_STUB}"
_RESOLVED_LIST = ("/run/systemd/resolve/resolv.conf", "nameserver 10.")
# The package keeps what resolv.conf said while the image was made, and would add it to the list.
_RESOLVCONF = (
    "rm -f /etc/resolvconf/resolv.conf.d/original /etc/resolvconf/resolv.conf.d/tail; "
    ": >/etc/resolvconf/resolv.conf.d/tail; ln -s /run/resolvconf/resolv.conf /etc/resolv.conf"
)

#: A host of the inventory names its flavour in `lab_flavour`.
FLAVOURS: dict[str, Flavour] = {
    "networkmanager": Flavour(("network-manager", "isc-dhcp-client"), templates=("nm", "nm-dhclient")),
    "nm": Flavour(("network-manager",), templates=("nm",)),
    "nm-resolved": Flavour(
        ("network-manager", "systemd-resolved", "libnss-resolve"), _STUB, templates=("nm",), shows=_RESOLVED_LIST
    ),
    "ifupdown": Flavour(("ifupdown", "isc-dhcp-client"), templates=("ifupdown",)),
    # Part of the package systemd before bookworm.
    "resolved-bullseye": Flavour((), _NETWORKD, templates=("networkd",), shows=_RESOLVED_LIST),
    "resolved": Flavour(("systemd-resolved",), _NETWORKD, templates=("networkd",), shows=_RESOLVED_LIST),
    "resolved-nss": Flavour(
        ("systemd-resolved", "libnss-resolve"), _NETWORKD, templates=("networkd",), shows=_RESOLVED_LIST
    ),
    "netplan": Flavour(
        ("netplan.io", "systemd-resolved", "libnss-resolve"), _NETWORKD, templates=("netplan",), shows=_RESOLVED_LIST
    ),
    "networkd": Flavour(
        (), "systemctl enable systemd-networkd", templates=("networkd",), shows=("/run/systemd/netif/state", "DNS=10.")
    ),
    # No udevd runs in the lab's hosts.
    "dhcpcd": Flavour(("dhcpcd",), "echo nodev >>/etc/dhcpcd.conf; : >/etc/resolv.conf; systemctl enable dhcpcd"),
    "dhcpcd-ifupdown": Flavour(("ifupdown", "dhcpcd-base"), "echo nodev >>/etc/dhcpcd.conf", templates=("ifupdown",)),
    "resolvconf": Flavour(("ifupdown", "isc-dhcp-client", "resolvconf"), _RESOLVCONF, templates=("ifupdown",)),
    "openresolv": Flavour(("ifupdown", "isc-dhcp-client", "openresolv"), templates=("ifupdown",)),
    "static": Flavour(("ifupdown",), templates=("static",), rewrites=False),
    # dhclient's script writes through the link, into a file that resolved overwrites when it likes.
    "contradiction": Flavour(
        ("ifupdown", "isc-dhcp-client", "systemd-resolved"),
        f"systemctl enable systemd-resolved; {_STUB}",
        templates=("ifupdown",),
        shows=("/proc/net/route", "eth0"),
    ),
    "nameserver": Flavour(("knot", "knot-module-dnstap", "fstrm-bin", "dnstap-ldns"), templates=("nameserver",)),
    "cloud": Flavour(("unbound", "fstrm-bin", "dnstap-ldns", "dnsmasq-base"), templates=("cloud",)),
    # Servers that own zones and resolve for everybody, as DHCP hands them out: their answers say that they do.
    "resolving": Flavour(("unbound", "fstrm-bin", "dnstap-ldns", "dnsmasq-base"), templates=("cloud", "nameserver")),
    # tests/bench/resolver: all that caches names beside dnsmasq, what asks them, and a compiler for its own client.
    "rivals": Flavour(
        ("ifupdown", "unbound", "knot-resolver", "systemd-resolved", "nscd", "dnsperf", "gcc", "libc6-dev"),
        "systemctl disable unbound nscd systemd-resolved; systemctl disable kresd@1 2>/dev/null || true",
        templates=("static",),
        rewrites=False,
    ),
    # tests/integration/scale: a host that deploys to itself.
    "pull": Flavour(("ifupdown", "isc-dhcp-client", "ansible-core", "git"), templates=("ifupdown",)),
    # tests/integration/newcomer: a host with users who are not root.
    "sudo": Flavour(("ifupdown", "isc-dhcp-client", "sudo"), templates=("ifupdown",)),
    # tests/integration/metrics: what watches a host, on the host.
    "prometheus": Flavour(
        ("ifupdown", "isc-dhcp-client", "prometheus", "prometheus-node-exporter"),
        "systemctl disable prometheus prometheus-node-exporter",
        templates=("ifupdown",),
    ),
    # Not booted: tests/bench/fleet starts the release's dnsmasq in it, thousands of times, and counts with nft.
    "fleet": Flavour(("dnsmasq-base", "nftables")),
}
#: Flavours that no role is run on, and so without the repository of what roles install.
SERVERS = frozenset({"nameserver", "resolving", "cloud", "fleet"})
#: What the roles install, kept in each client image as a repository.
INSTALLED_BY_ROLES = ("dnsmasq", "python3-dnspython", "nftables")

_NO_DOCS = ("man", "doc", "locale", "info")
#: Debian's next release is built from now and then only: a machine may meet its lists after their date.
_APT_OPTIONS = {"forky": ('--aptopt=Acquire::Check-Valid-Until "false"',)}
_LAYER = """
set -eu
export DEBIAN_FRONTEND=noninteractive
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 0755 /usr/sbin/policy-rc.d
apt-get -q update
# First: a layer may take away what names are resolved with here.
if [ -n "$REPOSITORY" ]; then
    apt-get clean
    apt-get -qy --download-only install $REPOSITORY
    mkdir -p /srv/apt
    mv /var/cache/apt/archives/*.deb /srv/apt/
fi
[ -z "$LAYER" ] || apt-get -qy --no-install-recommends install $LAYER
if [ -n "$REPOSITORY" ]; then
    cd /srv/apt
    apt-ftparchive packages . >Packages
    apt-ftparchive release . >Release
    rm -f /etc/apt/sources.list.d/*
    echo 'deb [trusted=yes] file:/srv/apt ./' >/etc/apt/sources.list
    apt-get -q update
fi
apt-get clean
rm -f /usr/sbin/policy-rc.d /etc/resolv.conf
sh -ec "$FINISH"
: >/etc/machine-id
"""


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] lab: {text}", flush=True)


@contextmanager
def heartbeat(what: str) -> Iterator[None]:
    """Say what is going on, and every eight seconds that it still is."""
    say(f"{what} …")
    start, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(8):
            say(f"{what}: {time.monotonic() - start:.0f} s so far")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    say(f"{what}: done in {time.monotonic() - start:.1f} s")


def run(argv: list[str], log: Path, env: dict[str, str] | None = None) -> None:
    """Run a command with its output in `log`; show the end of it when it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        code = subprocess.call(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env)
    if code:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SystemExit(f"lab: {' '.join(argv[:3])} … ended with {code}; the end of {log}:\n{tail}")


@contextmanager
def mounted(lower: list[Path], upper: Path, root: Path) -> Iterator[Path]:
    mount_overlay(lower, upper, root)
    try:
        yield root
    finally:
        subprocess.run(["umount", "--recursive", str(root)], check=True)


def mount_overlay(lower: list[Path], upper: Path, root: Path) -> None:
    work = upper.with_name(upper.name + ".work")
    for folder in (upper, work, root):
        folder.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={':'.join(map(str, lower))},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]


@contextmanager
def _missing(final: Path) -> Iterator[Path | None]:
    """Where to build an image that is not there, or None; whoever else wants the same one waits for it.

    Only a whole image gets its name: an interrupted build is built again.
    """
    if final.exists():
        yield None
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    with final.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.exists():
            yield None
            return
        built = final.with_suffix(".part")
        shutil.rmtree(built, ignore_errors=True)
        yield built
        built.rename(final)


def base_of(suite: str) -> Path:
    final = CACHE / "images" / f"{suite}-{_key(suite, BASE, _NO_DOCS)}"
    with _missing(final) as built:
        if built is None:
            return final
        skip = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in _NO_DOCS]
        with heartbeat(f"building image {suite} from Debian's packages"):
            argv = ["mmdebstrap", "--variant=minbase", "--format=directory", *skip, *_APT_OPTIONS.get(suite, ())]
            run([*argv, f"--include={','.join(BASE)}", suite, str(built)], final.with_suffix(".log"))
    return final


def image(suite: str, flavour: str) -> list[Path]:
    """The folders of an image, uppermost first, as overlayfs wants them; built if they are not there."""
    base = base_of(suite)
    made = FLAVOURS[flavour]
    repository = "" if flavour in SERVERS else " ".join(INSTALLED_BY_ROLES)
    final = base.with_name(f"{suite}-{flavour}-{_key(base.name, made.packages, made.finish, repository, _LAYER)}")
    with _missing(final) as built:
        if built is None:
            return [final, base]
        root = final.with_suffix(".root")
        environment = dict(
            os.environ, LAYER=" ".join(made.packages), REPOSITORY=repository, LC_ALL="C", FINISH=made.finish
        )
        with heartbeat(f"building image {suite} with {flavour}"), mounted([base], built, root):
            shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
            subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
            run(["chroot", str(root), "/bin/sh", "-c", _LAYER], final.with_suffix(".log"), env=environment)
        shutil.rmtree(built.with_name(built.name + ".work"))
        root.rmdir()
    return [final, base]
