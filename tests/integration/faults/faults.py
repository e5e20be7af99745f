"""What goes wrong on a host, as it does on real ones, and what the failed deploy has to say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import lab


@dataclass(frozen=True)
class Fault:
    """A name, the shell commands that break the host and mend it again, and what the message has to name."""

    name: str
    says: str
    breaks: str = "true"
    mends: str = "true"
    #: The hosts that it can happen to; all of them if nothing is said.
    hosts: tuple[str, ...] = ()
    #: Variables of the host, for faults of the network around it.
    variables: dict[str, Any] = field(default_factory=dict)
    #: Whether it can also meet a host that was deployed to before.
    later: bool = True
    #: Whether the host's own program could not be run for the way back either: the record waits for a restore.
    keeps_record: bool = False


def without_package(name: str) -> tuple[str, str]:
    breaks = (
        "cd /srv/apt && cp Packages /root/Packages && "
        f"""awk 'BEGIN {{ RS = ""; ORS = "\\n\\n" }} !/^Package: {name}\\n/' /root/Packages >Packages && """
        "apt-ftparchive release . >/root/Release && cp /root/Release . && apt-get -q update"
    )
    mends = (
        "cd /srv/apt && mv /root/Packages . && apt-ftparchive release . >/root/Release && mv /root/Release . && "
        "apt-get -q update"
    )
    return breaks, mends


def drop_in(unit: str, *lines: str) -> tuple[str, str]:
    folder = f"/etc/systemd/system/{unit}.service.d"
    text = "\\n".join(("[Service]", *lines))
    return (
        f"mkdir -p {folder}; printf '{text}\\n' >{folder}/90-lab.conf; systemctl daemon-reload",
        f"rm {folder}/90-lab.conf; rmdir --ignore-fail-on-non-empty {folder}; systemctl daemon-reload",
    )


def conf(name: str, line: str) -> tuple[str, str]:
    folder = "/etc/dnsmasq.d"
    return (
        f"mkdir -p {folder}; echo '{line}' >{folder}/{name}",
        f"rm {folder}/{name}; rmdir --ignore-fail-on-non-empty {folder}",
    )


def refusing(program: str, pattern: str) -> tuple[str, str]:
    """The provider's program, first in root's path, says no to one thing."""
    text = (
        f'#!/bin/sh\\ncase "$*" in {pattern}) echo the lab says no >&2; exit 4;; esac\\n'
        f'PATH=/usr/sbin:/usr/bin exec {program} "$@"\\n'
    )
    path = f"/usr/local/bin/{program}"
    return f"printf '{text}' >{path}; chmod +x {path}", f"rm {path}"


_FLAGS = 'import fcntl, struct; f = open("/etc/resolv.conf"); fcntl.ioctl(f, 0x40086602, struct.pack("l", {}))'
_HOLDER = (
    "import socket, time; s = [socket.socket(2, kind) for kind in (1, 2)]; "
    '[one.bind(("127.0.0.1", 53)) for one in s]; s[0].listen(); time.sleep(900)'
)
_IN_MEMORY = (
    "mkdir /run/lab-etc; mount -t tmpfs -o size=16m tmpfs /run/lab-etc; cp -a /etc/. /run/lab-etc/; "
    "mount --bind /run/lab-etc /etc; dd if=/dev/zero of=/etc/filler bs=4k 2>/dev/null || true"
)
_ON_DISK = "umount /etc; umount /run/lab-etc; rmdir /run/lab-etc"
#: The machine's control group for memory, of which a host of the lab sees nothing by itself.
_GROUP = f"/run/lab-memory/{lab.PREFIX}$(hostname)"
#: Its files are read by nobody while they are written in place, and resolv.conf is not among them.
_KEEPS_ITS_OWN = ("tx-resolved",)

FAULTS = (
    Fault("package missing", r"dnsmasq", *without_package("dnsmasq"), later=False),
    Fault(
        "dnspython missing",
        r"python3-dnspython",
        # A restore leaves it there.
        "apt-get -qy purge python3-dnspython; " + without_package("python3-dnspython")[0],
        without_package("python3-dnspython")[1],
        later=False,
    ),
    Fault(
        "repository unreachable",
        r"(?i)could not connect|unable to connect|failed to fetch",
        # It was there when its lists were read.
        "cp /etc/apt/sources.list /root/; systemd-run --quiet --unit=lab-repository python3 -m http.server "
        "--bind 127.0.0.1 --directory /srv/apt 8000; sleep 1; "
        "echo 'deb [trusted=yes] http://127.0.0.1:8000/ ./' >/etc/apt/sources.list; "
        "apt-get -q update && systemctl stop lab-repository",
        "mv /root/sources.list /etc/apt/; apt-get -q update",
        later=False,
    ),
    Fault(
        "port 53 held",
        r"Port 53 of 127\.0\.0\.1 is held by python3",
        f"systemd-run --quiet --unit=lab-holder python3 -c '{_HOLDER}'; sleep 1",
        "systemctl stop lab-holder",
        later=False,
    ),
    Fault(
        "a broken file in the conf-dir",
        r"bad option.*/etc/dnsmasq\.d/lab-broken",
        *conf("lab-broken", "no-such-option"),
    ),
    Fault(
        "/etc read-only",
        r"Read-only file system",
        "mount --bind /etc /etc && mount -o remount,bind,ro /etc",
        "umount /etc",
        hosts=_KEEPS_ITS_OWN,
    ),
    Fault("disk full", r"No space left on device", _IN_MEMORY, _ON_DISK, hosts=_KEEPS_ITS_OWN),
    Fault(
        "disk nearly full",
        r"No space left on device",
        # Two pages are left: something can be begun, and not be ended.
        f"{_IN_MEMORY}; truncate -s -8192 /etc/filler",
        _ON_DISK,
        hosts=_KEEPS_ITS_OWN,
        later=False,
    ),
    Fault("wrong answers", r"192\.0\.2\.66", *conf("lab-wrong", "address=/db.corp.example/192.0.2.66")),
    Fault("dies after a second", r"dnsmasq\.service did not stay up", *drop_in("dnsmasq", "RuntimeMaxSec=1")),
    Fault(
        "killed for memory",
        r"(?i)dnsmasq.*(kill|oom)",
        "mkdir -p /run/lab-memory; mount -t cgroup -o memory none /run/lab-memory; "
        f"mkdir {_GROUP}; echo 256K >{_GROUP}/memory.limit_in_bytes; chmod 0666 {_GROUP}/cgroup.procs; "
        + drop_in(
            "dnsmasq",
            "ReadWritePaths=/run/lab-memory",
            "ExecStart=",
            f'ExecStart=/bin/sh -c "echo 0 >/run/lab-memory/{lab.PREFIX}%%H/cgroup.procs; '
            'exec /usr/sbin/dnsmasq --conf-file=/etc/dnsmasq-everywhere.conf"',
        )[0],
        drop_in("dnsmasq")[1]
        + f"; systemctl stop dnsmasq; rmdir {_GROUP}; umount /run/lab-memory; rmdir /run/lab-memory",
    ),
    Fault(
        "name servers down",
        r"10\.20\.0\.(99|98)",
        variables={
            "dnsmasq_topology": {
                "datacenter": {
                    "zones": ["corp.example"],
                    "subnets": ["10.20.0.0/16"],
                    "nameservers": ["10.20.0.98", "10.20.0.99"],
                    "links": ["vpc"],
                },
                "vpc": {"subnets": ["10.1.0.0/24"]},
            }
        },
    ),
    Fault(
        "resolved does not restart",
        r"systemctl restart systemd-resolved",
        *drop_in(
            "systemd-resolved",
            'ExecStartPre=/bin/sh -c "! test -e /etc/systemd/resolved.conf.d/90-everywhere-dnsmasq.conf"',
        ),
        hosts=("tx-resolved",),
        later=False,
    ),
    Fault(
        "NetworkManager does not take the profile",
        r"the lab says no",
        *refusing("nmcli", "*up*everywhere-dnsmasq*"),
        hosts=("bw-nm",),
        later=False,
    ),
    Fault(
        "dhcpcd does not write",
        r"the lab says no",
        *refusing("dhcpcd", "*-g*"),
        hosts=("fk-dhcpcd",),
        later=False,
        keeps_record=True,
    ),
    Fault(
        "resolv.conf immutable",
        r"/etc/resolv\.conf has the immutable bit",
        f"python3 -c '{_FLAGS.format(16)}'",
        f"python3 -c '{_FLAGS.format(0)}'",
        # Not dhclient's: it leaves a file in /etc each time that it cannot rename it over this one.
        hosts=("bw-nm", "fk-dhcpcd"),
        later=False,
    ),
)


def rounds(hosts: list[str], faults: list[Fault], every: bool) -> list[dict[str, Fault]]:
    """Which fault meets which host in which run: each fault once, or once on every host that it can happen to."""
    left = [(fault, [host for host in hosts if host in (fault.hosts or hosts)]) for fault in faults]
    # Those with the least choice first.
    left.sort(key=lambda pair: len(pair[1]))
    plan: list[dict[str, Fault]] = []
    for fault, candidates in left:
        for host in candidates:
            free = next((one for one in plan if host not in one), None)
            if free is None:
                if not every and host != candidates[-1]:
                    continue
                free = {}
                plan.append(free)
            free[host] = fault
            if not every:
                break
    return plan
