# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What writes this host's resolv.conf: `collect` looks once, `detect` decides over what was seen.

The order of detection is the one that was right on every image tried: who owns the link comes before who is
running, and NetworkManager is asked over D-Bus, since its header stays in a file that it no longer writes.
"""

import glob
import os
import re
import socket
import time

SELF = re.compile(r"^(127\.|0\.0\.0\.0$|::1?$)")  # 0.0.0.0 and :: are this host too
UNITS = ("NetworkManager", "systemd-resolved", "systemd-networkd", "dhcpcd", "dnsmasq")
#: NetworkManager merges the first of these that exists into what dhclient reads, and combines nothing.
#: Source: nm-dhcp-dhclient.c, find_existing_config, in 1.18 to 1.52.
NM_DHCLIENT_CANDIDATES = (
    "/etc/NetworkManager/dhclient-{uuid}.conf",
    "/etc/NetworkManager/dhclient-{interface}.conf",
    "/etc/NetworkManager/dhclient.conf",
    "/etc/dhcp/dhclient-{interface}.conf",
    "/etc/dhclient-{interface}.conf",
    "/etc/dhcp/dhclient.conf",
    "/etc/dhclient.conf",
)
#: Where the role forwarder leaves its mark: a dnsmasq without it is somebody else's.
DROP_IN = "/etc/systemd/system/dnsmasq.service.d/50-everywhere.conf"
UNIT_FOLDERS = ("/etc/systemd/system", "/lib/systemd/system", "/usr/lib/systemd/system")
DHCLIENT_HOOKS = "/etc/dhcp/dhclient-enter-hooks.d"
ADMINS_RULE = r"(?:^|[;{}])\s*((?:supersede|prepend|append|default)\s+domain-name-servers[^;]*;)"
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


def _nm_devices(run):
    """Interface and connection of each device that NetworkManager manages; what others set up is `externally` so."""
    rc, out = run(["nmcli", "-t", "-f", "DEVICE,STATE,CON-UUID", "device"])
    rows = [line.split(":") for line in out.splitlines()] if rc == 0 else []
    return [{"interface": row[0], "uuid": row[2]} for row in rows if len(row) == 3 and row[1] == "connected"]


def _dnsmasq(run):
    """The binary alone is not enough: libvirt and NetworkManager bring it without the service."""
    rc, out = run(["dnsmasq", "--version"])
    found = re.search(r"version (\S+)", out) if rc == 0 else None
    service = any(os.path.exists(folder + "/dnsmasq.service") for folder in UNIT_FOLDERS)
    ours = os.path.exists(DROP_IN)
    if found:
        return {"installed": service, "version": found.group(1), "ours": ours}
    # What an install would bring: check mode on a fresh host has to know which options that version takes.
    rc, out = run(["apt-cache", "policy", "dnsmasq"])
    found = re.search(r"Candidate: (?:\d+:)?([0-9.]+)", out) if rc == 0 else None
    return {"installed": False, "version": found.group(1) if found else None, "ours": ours}


def _addresses(run):
    rc, out = run(["ip", "-o", "address", "show"])
    return re.findall(r"\binet6? ([0-9a-f.:]+)", out) if rc == 0 else []


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


def collect(run, path="/etc/resolv.conf"):
    """Everything that detection needs, in one look. `run(argv)` gives (return code, standard output)."""
    rc, managed = run(
        ["busctl", "get-property", "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager/DnsManager",
         "org.freedesktop.NetworkManager.DnsManager", "RcManager"]
    )  # fmt: skip
    rc_manager = managed.split('"')[1] if rc == 0 and '"' in managed else None
    unused_rc, states = run(["systemctl", "is-active"] + list(UNITS))
    devices = _nm_devices(run) if rc_manager else []
    interfaces = [row for row in devices if _runs_dhclient(row["interface"])]
    candidates = sorted({name.format(**row) for row in interfaces for name in NM_DHCLIENT_CANDIDATES})
    resolvconf = next((p for p in ("/sbin/resolvconf", "/usr/sbin/resolvconf") if os.path.exists(p)), None)
    mounts = [line.split()[4] for line in (_read("/proc/self/mountinfo") or "").splitlines() if len(line.split()) > 4]
    return {
        "path": path,
        "text": _read_whole(path),
        "target": os.path.realpath(path),
        "mounted": path in mounts or os.path.realpath(path) in mounts,  # mount follows a link
        "immutable": _immutable(path),
        "active": [unit for number, unit in enumerate(UNITS) if states.split()[number : number + 1] == ["active"]],
        "rc_manager": rc_manager,
        "nm_manages": bool(devices),
        "nm_dhclient": interfaces,
        "dhclient_confs": {name: _read(name) for name in candidates if os.path.exists(name)},
        "dhclient_running": _runs_dhclient_alone(),
        "dhclient_hooks": os.path.isdir(DHCLIENT_HOOKS),
        "dhcpcd_running": any("dhcpcd" in _command(name) for name in glob.glob("/run/dhcpcd/*.pid")),
        "resolvconf": os.path.realpath(resolvconf) if resolvconf else None,
        "resolvconf_is_debian": os.path.exists("/lib/resolvconf/list-records"),
        "nsswitch": _read("/etc/nsswitch.conf") or "",
        "addresses": _addresses(run),
        "listeners": _listeners(run),
        "dnsmasq": _dnsmasq(run),
        "systemd": os.path.isdir("/run/systemd/system"),
        "os_release": dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', _read("/etc/os-release") or "", re.M)),
    }


def _is_address(text):
    for family, name in ((socket.AF_INET, text), (socket.AF_INET6, text.partition("%")[0])):
        try:
            socket.inet_pton(family, name)
            return True
        except (OSError, ValueError):
            continue
    return False


def _read_whole(path, sleep=time.sleep):
    """The file once it names a server: its writer empties it first, and a look in between says nothing."""
    for _unused in range(10):
        text = _read(path)
        if text is None or parse_resolv_conf(text)["nameservers"]:
            break
        sleep(0.1)
    return text


def parse_resolv_conf(text):
    """Name servers, search list and options, as glibc reads them: the last search or domain line wins."""
    found = {"nameservers": [], "search": [], "options": []}
    for line in (text or "").splitlines():
        words = line.split()
        if len(words) < 2 or line[0] in "#; \t":
            continue
        if words[0] == "nameserver" and _is_address(words[1]):
            found["nameservers"].append(words[1])
        elif words[0] == "search":
            found["search"] = words[1:]
        elif words[0] == "domain":
            found["search"] = words[1:2]
        elif words[0] == "options":
            found["options"] += words[1:]
    return found


def _owner(seen):
    """The provider and the evidence for it. First match wins."""
    target, manager, active = seen["target"], seen["rc_manager"], seen["active"]
    if target.startswith("/run/systemd/resolve/") or target == "/usr/lib/systemd/resolv.conf":
        return "systemd_resolved", "resolv.conf is a link to %s" % target
    if target.startswith("/run/resolvconf/"):
        return "resolvconf", "resolv.conf is a link to %s" % target
    if target.startswith("/run/netconfig/"):
        return "netconfig", "resolv.conf is a link to %s" % target
    if target.startswith("/run/NetworkManager/") or (manager in ("symlink", "file", "auto") and seen["nm_manages"]):
        if seen["nm_dhclient"]:
            names = ", ".join(row["interface"] for row in seen["nm_dhclient"])
            return "dhclient_networkmanager", "NetworkManager writes resolv.conf and runs dhclient on %s" % names
        return "networkmanager", "NetworkManager's RcManager is %s and no dhclient runs under it" % manager
    program = seen["resolvconf"]
    if program and not program.endswith("resolvectl"):
        return ("resolvconf" if seen["resolvconf_is_debian"] else "openresolv"), "%s is there" % program
    if "dhcpcd" in active or seen["dhcpcd_running"]:
        return "dhcpcd", "dhcpcd runs"
    if seen["dhclient_running"]:
        if seen["dhclient_hooks"]:
            return "dhclient_ifupdown", "dhclient runs by itself, and its script reads %s" % DHCLIENT_HOOKS
        return "dhclient", "dhclient runs by itself, and there is no %s" % DHCLIENT_HOOKS
    if "systemd-networkd" in active:
        return "systemd_networkd", "systemd-networkd runs, and nothing that writes resolv.conf"
    return "static", "nothing runs that writes resolv.conf"


def merged_dhclient_confs(seen):
    """The file that NetworkManager merges for each interface, found or to be made."""
    chosen = []
    for row in seen["nm_dhclient"]:
        names = [name.format(**row) for name in NM_DHCLIENT_CANDIDATES]
        chosen.append(next((name for name in names if name in seen["dhclient_confs"]), "/etc/dhcp/dhclient.conf"))
    return sorted(set(chosen))


def _without_own_block(text):
    return re.sub(r"^# BEGIN everywhere\.dnsmasq$.*?^# END everywhere\.dnsmasq$\n?", "", text, flags=re.M | re.S)


def _foreign_statement(seen):
    """An admin's own rule on name servers: dhclient keeps one rule an option, so ours and theirs cannot both hold."""
    for name in merged_dhclient_confs(seen):
        text = re.sub(r"#.*", "", _without_own_block(seen["dhclient_confs"].get(name) or ""))
        found = re.search(ADMINS_RULE, text, re.M)
        if found:
            return "%s already says '%s': take that line out, 127.0.0.1 is put first by this collection" % (
                name, " ".join(found.group(1).split()),
            )  # fmt: skip
    return None


def _asks_resolved(seen):
    hosts_line = re.search(r"^hosts:(.*)$", seen["nsswitch"], re.M)
    return bool(hosts_line and "resolve" in hosts_line.group(1).split())


def _obstacle(seen, provider):
    """Why resolv.conf cannot be taken over on this host, in one sentence; None where it can."""
    if not seen["systemd"]:
        return "the host was not booted with systemd: /run/systemd/system is missing"
    if seen["mounted"]:
        return "%s is a bind mount (a container's): manage it from outside of the container" % seen["path"]
    if seen["immutable"]:
        return "%s has the immutable bit: run 'chattr -i %s' if it may be managed" % (seen["path"], seen["path"])
    if seen["text"] is None:
        return "%s cannot be read: the host has no resolver to fall back to" % seen["path"]
    if "systemd-resolved" in seen["active"] and _asks_resolved(seen):
        return (
            "hosts of /etc/nsswitch.conf asks systemd-resolved, which runs and does not read %s: "
            "take 'resolve' out of that line, or stop systemd-resolved" % seen["path"]
        )
    if provider == "dhclient_networkmanager":
        return _foreign_statement(seen)
    return None


def detect(seen):
    """The verdict over what was collected; plain data, the return value of the module."""
    provider, evidence = _owner(seen)
    parsed = parse_resolv_conf(seen["text"])
    own = set(seen["addresses"])
    upstreams = [a for a in parsed["nameservers"] if not SELF.match(a) and a.partition("%")[0] not in own]
    obstacle = _obstacle(seen, provider)
    return {
        "provider": provider,
        "evidence": evidence,
        "manageable": obstacle is None,
        "obstacle": obstacle or "",
        "path": seen["path"],
        "source": seen["path"],
        "nameservers": parsed["nameservers"],
        "search": parsed["search"],
        "options": parsed["options"],
        "upstreams": upstreams,
        "nsswitch_resolve": _asks_resolved(seen),
        "dhclient_confs": merged_dhclient_confs(seen),
        "listeners": seen["listeners"],
        "dnsmasq": seen["dnsmasq"],
        "os": {
            "id": seen["os_release"].get("ID", ""),
            "like": seen["os_release"].get("ID_LIKE", "").split(),
            "version": seen["os_release"].get("VERSION_ID", ""),
        },
    }
