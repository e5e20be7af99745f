# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at a host: everything that tells what writes its resolv.conf. Decides nothing and changes nothing."""

import glob
import json
import os
import re
import time

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.installed import installed
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.detect import (
    DHCLIENT_HOOK_FILE,
    DHCLIENT_HOOKS,
    NM_DHCLIENT_CANDIDATES,
    NM_NO_STUB,
    NM_OFF,
    NM_PROFILE,
    RESOLVED_DROP_IN,
    RESOLVED_LIST,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.parse import parse_resolv_conf

UNITS = (
    "NetworkManager", "systemd-resolved", "systemd-networkd", "dhcpcd", "dnsmasq",
    "docker", "containerd", "kubelet",
)  # fmt: skip
#: Where the role dnsmasq leaves its mark: a dnsmasq without it is somebody else's.
DROP_IN = "/etc/systemd/system/dnsmasq.service.d/50-everywhere.conf"
RECORDS = "/var/lib/everywhere.dnsmasq"
RECORD = RECORDS + "/dnsmasq.json"
METRICS = RECORDS + "/metrics.json"
UNIT_FOLDERS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
#: What its kernel and NetworkManager give the loopback link.
LOOPBACK_ADDRESSES = {"127.0.0.1/8", "::1/128"}
_FS_IMMUTABLE_FL = 0x10


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return None


def _command(pid_file):
    """The command line of the process that a pid file names; empty where it is gone."""
    pid = (_read(pid_file) or "").strip()
    return (_read("/proc/%s/cmdline" % pid) or "").replace("\0", " ") if pid.isdigit() else ""


def _runs_dhclient(interface):
    """NetworkManager's dhclient, known by the helper that it is given; older versions keep its pid file elsewhere."""
    names = ("/run/NetworkManager/dhclient-%s.pid", "/run/dhclient-%s.pid")
    return any("nm-dhcp-helper" in _command(name % interface) for name in names)


def _runs_dhclient_alone():
    commands = [_command(name) for name in glob.glob("/run/dhclient*.pid")]
    return any("dhclient" in command and "nm-dhcp-helper" not in command for command in commands)


def _networkmanager(run):
    """Who writes resolv.conf according to it, what it manages, and whether it can take a profile for loopback."""
    rc, managed = run(
        ["busctl", "get-property", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager/DnsManager",
         "org.freedesktop.NetworkManager.DnsManager", "RcManager"]
    )  # fmt: skip
    manager = managed.split('"')[1] if rc == 0 and '"' in managed else None
    rc, out = run(["nmcli", "-t", "-f", "DEVICE,STATE,CON-UUID", "device"]) if manager else (1, "")
    rows = [line.split(":") for line in out.splitlines()] if rc == 0 else []
    # What others set up is connected `externally`.
    devices = [{"interface": r[0], "uuid": r[2]} for r in rows if len(r) == 3 and r[0] != "lo" and r[1] == "connected"]
    dhclients = [row for row in devices if _runs_dhclient(row["interface"])]
    candidates = sorted({name.format(**row) for row in dhclients for name in NM_DHCLIENT_CANDIDATES})
    profiles = glob.glob("/etc/NetworkManager/system-connections/*")
    return {
        "rc_manager": manager,
        "nm_manages": bool(devices),
        "nm_dhclient": dhclients,
        "dhclient_confs": {name: _read(name) for name in candidates if os.path.exists(name)},
        # From 1.42 on; before, and where the admin says so, the state is `unmanaged`.
        "nm_loopback": any(row[0] == "lo" and row[1].startswith("connected") for row in rows),
        "nm_loopback_profiles": sorted(
            name for name in profiles if name != NM_PROFILE and re.search(r"^type=loopback$", _read(name) or "", re.M)
        ),
        "nm_off": os.path.exists(NM_OFF),
        "no_stub": _read(NM_NO_STUB),
    }


def _resolved(run):
    """Its list for libc, the servers of its links, and those that the admin gave it."""
    text = _read(RESOLVED_LIST)
    rc, out = run(["resolvectl", "dns"]) if text is not None else (1, "")
    links = [line.partition(":")[2].split() for line in out.splitlines() if line.startswith("Link ")] if rc == 0 else []
    rc, out = run(["systemd-analyze", "cat-config", "systemd/resolved.conf"]) if text is not None else (1, "")
    return {"text": text, "links": sum(links, []), "global": admins_servers(out if rc == 0 else "")}


def admins_servers(text):
    """The servers of DNS= in all files of resolved.conf but our own, in the order in which systemd reads them."""
    servers, source = [], ""
    for line in text.splitlines():
        if line.startswith("# /"):
            source = line[2:].strip()
        elif line.startswith("DNS=") and source != RESOLVED_DROP_IN:
            given = line[len("DNS=") :].split()
            servers = servers + given if given else []
    return servers


def _dnsmasq(run):
    """The binary alone is not enough: libvirt and NetworkManager bring it without the service."""
    rc, out = run(["dnsmasq", "--version"])
    found = re.search(r"version (\S+)", out) if rc == 0 else None
    places = [os.path.realpath(folder + "/dnsmasq.service") for folder in UNIT_FOLDERS]
    service = any(os.path.exists(place) and place != os.devnull for place in places)  # a mask leads there
    marks = {
        "package": installed(run)[1],
        "ours": os.path.exists(DROP_IN),
        "brought": _was_missing("dnsmasq.service"),
        "metrics": os.path.exists(METRICS),
    }
    if found:
        return dict(marks, installed=service, version=found.group(1))
    # What an install would bring: check mode on a fresh host has to know which options that version takes.
    rc, out = run(["apt-cache", "policy", "dnsmasq"])
    found = re.search(r"Candidate: (?:\d+:)?([0-9.]+)", out) if rc == 0 else None
    return dict(marks, installed=False, version=found.group(1) if found else None)


def _systemd_version(run):
    found = re.search(r"^systemd (\d+)", run(["systemctl", "--version"])[1])
    return int(found.group(1)) if found else 0


def _was_missing(unit):
    """Whether the record of the first deploy says that the unit was not on the host, or only what a package that was
    removed leaves of it: the mask of Debian 11, and the script in /etc/init.d that systemd makes a unit of."""
    try:
        was = json.loads(_read(RECORD) or "{}")["units"][unit]
        return was["LoadState"] in ("not-found", "masked") or was["UnitFileState"] == "generated"
    except (KeyError, TypeError, ValueError):
        return False


def _addresses(run):
    """Each link and an address of it, with its prefix where it is not one end of a tunnel."""
    rc, out = run(["ip", "-o", "address", "show"])
    return re.findall(r"^\d+: (\S+) +inet6? ([0-9a-f.:]+(?:/\d+)?)", out, re.M) if rc == 0 else []


def _listeners(run):
    """Who holds port 53, by address and process name."""
    rc, out = run(["ss", "-Hlntup", "sport", "=", ":53"])
    rows = [line.split() for line in out.splitlines()] if rc == 0 else []
    found = []
    for row in rows:
        if len(row) < 5:
            continue
        names = re.findall(r'\("([^"]+)"', row[6]) if len(row) > 6 else []
        found.append({"protocol": row[0], "address": row[4].rpartition(":")[0], "process": names[0] if names else None})
    return found


def _immutable(path):
    """True where chattr +i is set; None where the file system does not say."""
    import fcntl
    import struct

    try:
        with open(path, "rb") as stream:
            answer = fcntl.ioctl(stream, 0x80086601, struct.pack("l", 0))  # FS_IOC_GETFLAGS
    except OSError:
        return None
    return bool(struct.unpack("l", answer)[0] & _FS_IMMUTABLE_FL)


def _read_whole(path, sleep=time.sleep):
    """The file once it names a server: its writer empties it first, and a look in between says nothing."""
    for _unused in range(10):
        text = _read(path)
        if text is None or parse_resolv_conf(text)["nameservers"]:
            break
        sleep(0.1)
    return text


def _dhclient_hook():
    """What dhclient's script sources, by its own text: a folder on Debian, one file on Red Hat 7 and Amazon Linux 2."""
    texts = [_read(name) or "" for name in ("/sbin/dhclient-script", "/usr/sbin/dhclient-script")]
    if os.path.isdir(DHCLIENT_HOOKS) and any("dhclient-enter-hooks.d" in text for text in texts):
        return DHCLIENT_HOOKS
    return DHCLIENT_HOOK_FILE if any("dhclient-enter-hooks" in text for text in texts) else None


def _kubelet_reads():
    """The resolv.conf that kubelet gives to pods, where there is a kubelet that says so."""
    found = re.search(r'^resolvConf:\s*"?([^"\s#]+)', _read("/var/lib/kubelet/config.yaml") or "", re.M)
    return found.group(1) if found else None


def collect(run, path="/etc/resolv.conf"):
    """Everything that detection needs, in one look. `run(argv)` gives (return code, standard output)."""
    unused_rc, states = run(["systemctl", "is-active"] + list(UNITS))
    os_release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', _read("/etc/os-release") or "", re.M))
    addresses = _addresses(run)
    networkmanager = _networkmanager(run)
    own_links = {address for link, address in addresses if link == "lo"}
    networkmanager["nm_loopback"] = networkmanager["nm_loopback"] and own_links <= LOOPBACK_ADDRESSES
    resolvconf = next((p for p in ("/sbin/resolvconf", "/usr/sbin/resolvconf") if os.path.exists(p)), None)
    mounts = [line.split()[4] for line in (_read("/proc/self/mountinfo") or "").splitlines() if len(line.split()) > 4]
    return dict(
        networkmanager,
        path=path,
        text=_read_whole(path),
        target=os.path.realpath(path),
        mounted=path in mounts or os.path.realpath(path) in mounts,  # mount follows a link
        immutable=_immutable(path),
        active=[unit for number, unit in enumerate(UNITS) if states.split()[number : number + 1] == ["active"]],
        resolved=_resolved(run),
        networkd=_read("/run/systemd/netif/state"),
        dhclient_running=_runs_dhclient_alone(),
        dhclient_hook=_dhclient_hook(),
        dhcpcd_running=any("dhcpcd" in _command(name) for name in glob.glob("/run/dhcpcd/*.pid")),
        resolvconf=os.path.realpath(resolvconf) if resolvconf else None,
        resolvconf_is_debian=os.path.exists("/lib/resolvconf/list-records"),
        nsswitch=_read("/etc/nsswitch.conf") or "",
        addresses=[address.partition("/")[0] for unused_link, address in addresses],
        listeners=_listeners(run),
        dnsmasq=_dnsmasq(run),
        podman=os.path.exists("/usr/bin/podman"),
        kubelet_reads=_kubelet_reads(),
        systemd=os.path.isdir("/run/systemd/system"),
        systemd_version=_systemd_version(run),
        os_release=os_release,
    )
