# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What writes this host's resolv.conf: `detect` decides over what `facts.collect` saw.

The order of detection is the one that was right on every image tried: who owns the link comes before who is
running, and NetworkManager is asked over D-Bus, since its header stays in a file that it no longer writes.
"""

import hashlib
import json
import re

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf.parse import is_address, parse_resolv_conf

SELF = re.compile(r"^(127\.|0\.0\.0\.0$|::1?$)")  # 0.0.0.0 and :: are this host too
LOCAL = "127.0.0.1"
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
#: What the role resolv_conf lays down, known again here: these names are its marks.
NM_PROFILE = "/etc/NetworkManager/system-connections/everywhere-dnsmasq.nmconnection"
NM_OFF = "/etc/NetworkManager/conf.d/90-everywhere-dnsmasq.conf"
RESOLVED_DROP_IN = "/etc/systemd/resolved.conf.d/90-everywhere-dnsmasq.conf"
#: What programs write for whoever wants the servers of all links, whatever resolv.conf says.
RESOLVED_LIST = "/run/systemd/resolve/resolv.conf"
NM_NO_STUB = "/run/NetworkManager/no-stub-resolv.conf"
NETWORKD_STATE = "/run/systemd/netif/state"
DHCLIENT_HOOKS = "/etc/dhcp/dhclient-enter-hooks.d"
DHCLIENT_HOOK_FILE = "/etc/dhcp/dhclient-enter-hooks"
#: What the role dnsmasq keeps for programs that cannot use this host's loopback: containers and pods.
FOR_OTHERS = "/run/dnsmasq-everywhere/resolv.conf"
SOURCES = {
    "systemd_resolved": RESOLVED_LIST,
    "networkmanager": NM_NO_STUB,
    "networkmanager_old": NM_NO_STUB,
    "systemd_networkd": NETWORKD_STATE,
}
ADMINS_RULE = r"(?:^|[;{}])\s*((?:supersede|prepend|append|default)\s+domain-name-servers[^;]*;)"


def networkd_servers(text):
    """The servers of all links in networkd's state; a name for TLS may follow an address."""
    found = re.search(r"^DNS=(.*)$", text or "", re.M)
    servers = [word.partition("#")[0] for word in found.group(1).split()] if found else []
    return [server for server in servers if is_address(server)]


def _others(seen, servers):
    """Without loopback and without the host's own addresses."""
    own = set(seen["addresses"])
    return [server for server in servers if not SELF.match(server) and server.partition("%")[0] not in own]


def _from_networkd(seen):
    """Whether resolv.conf has nothing that networkd did not hand out."""
    handed_out = networkd_servers(seen["networkd"])
    written = _others(seen, parse_resolv_conf(seen["text"])["nameservers"])
    return bool(handed_out) and set(written) <= set(handed_out)


def _owner(seen):
    """The provider and the evidence for it. First match wins."""
    target, manager, active = seen["target"], seen["rc_manager"], seen["active"]
    if target.startswith("/run/systemd/resolve/") or target == "/usr/lib/systemd/resolv.conf":
        return "systemd_resolved", "resolv.conf is a link to %s" % target
    if target.startswith("/run/resolvconf/"):
        return "resolvconf", "resolv.conf is a link to %s" % target
    if target.startswith("/run/netconfig/"):
        return "netconfig", "resolv.conf is a link to %s" % target
    writes = manager in ("symlink", "file", "auto") or (manager == "unmanaged" and seen["nm_off"])
    if target.startswith("/run/NetworkManager/") or (writes and seen["nm_manages"]):
        if seen["nm_dhclient"] and not seen["nm_off"]:
            names = ", ".join(row["interface"] for row in seen["nm_dhclient"])
            return "dhclient_networkmanager", "NetworkManager writes resolv.conf and runs dhclient on %s" % names
        if seen["nm_loopback"] and not seen["nm_off"]:
            return "networkmanager", "NetworkManager's RcManager is %s, and it manages lo" % manager
        return "networkmanager_old", "NetworkManager's RcManager is %s, and lo cannot be left to it" % manager
    program = seen["resolvconf"]
    if program and not program.endswith("resolvectl"):
        return ("resolvconf" if seen["resolvconf_is_debian"] else "openresolv"), "%s is there" % program
    if "dhcpcd" in active or seen["dhcpcd_running"]:
        return "dhcpcd", "dhcpcd runs"
    if seen["dhclient_running"]:
        told = "dhclient runs by itself, and its script reads %s" % seen["dhclient_hook"]
        providers = {DHCLIENT_HOOKS: "dhclient_ifupdown", DHCLIENT_HOOK_FILE: "dhclient_initscripts"}
        if seen["dhclient_hook"] in providers:
            return providers[seen["dhclient_hook"]], told
        return "dhclient", "dhclient runs by itself, and its script reads no hook"
    if "systemd-networkd" in active and _from_networkd(seen):
        return "systemd_networkd", "systemd-networkd has servers, and nothing runs that writes them to resolv.conf"
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


def _unfed(seen):
    """A resolved that owns resolv.conf and that nobody tells the servers: DNS is dead, or will be at the next boot."""
    if "systemd-resolved" not in seen["active"]:
        return (
            "%s is systemd-resolved's, which does not run: start it, or give the host a file of its own" % seen["path"]
        )
    if _others(seen, seen["resolved"]["links"] + seen["resolved"]["global"]):
        return None
    writer = " (dhclient runs by itself and does not tell it)" if seen["dhclient_running"] else ""
    return (
        "%s is systemd-resolved's, and 'resolvectl dns' shows no server of any link%s: have systemd-networkd or "
        "NetworkManager run the link, or remove systemd-resolved" % (seen["path"], writer)
    )


def _profile_of_lo(seen):
    for name in seen["nm_loopback_profiles"]:
        return "%s configures lo already: move what it says to another link, one profile holds lo" % name
    return None


def _not_its_own(seen):
    """A Debian resolvconf whose link was replaced writes where libc does not read."""
    if seen["target"].startswith("/run/resolvconf/"):
        return None
    return (
        "resolvconf is installed, and %s is not its link: run 'ln -sf ../run/resolvconf/resolv.conf %s', or remove "
        "the package" % (seen["path"], seen["path"])
    )


_OWN_OBSTACLES = {
    "dhclient_networkmanager": _foreign_statement,
    "systemd_resolved": _unfed,
    "networkmanager": _profile_of_lo,
    "resolvconf": _not_its_own,
}


def _obstacle(seen, provider):
    """Why resolv.conf cannot be taken over on this host, in one sentence; None where it can."""
    if not seen["systemd"]:
        return "the host was not booted with systemd: /run/systemd/system is missing"
    if seen["mounted"]:
        return "%s is a bind mount (a container's): manage it from outside of the container" % seen["path"]
    if seen["immutable"]:
        return "%s has the immutable bit: run 'chattr -i %s' if it may be managed" % (seen["path"], seen["path"])
    if seen["text"] is None and provider not in ("systemd_networkd", "systemd_resolved"):
        return "%s cannot be read: the host has no resolver to fall back to" % seen["path"]
    if provider.startswith("networkmanager") and "NetworkManager" not in seen["active"]:
        return "%s is NetworkManager's, which does not run: start it, or give the host a file of its own" % seen["path"]
    if provider != "systemd_resolved" and "systemd-resolved" in seen["active"] and _asks_resolved(seen):
        return (
            "hosts of /etc/nsswitch.conf asks systemd-resolved, which runs and does not write %s: "
            "take 'resolve' out of that line, or stop systemd-resolved" % seen["path"]
        )
    return _OWN_OBSTACLES.get(provider, lambda seen: None)(seen)


def _consumers(seen):
    """Programs on the host that hand its resolv.conf on to others."""
    units = [unit for unit in ("docker", "containerd", "kubelet") if unit in seen["active"]]
    return units + (["podman"] if seen["podman"] else [])


def _warnings(seen):
    """What works on the host and will not for what it feeds."""
    reads = seen["kubelet_reads"] or (seen["path"] if "kubelet" in seen["active"] else None)
    if reads not in (seen["path"], seen["target"], RESOLVED_LIST):
        return []
    return [
        "kubelet gives %s to pods (resolvConf of /var/lib/kubelet/config.yaml), and 127.0.0.1 in it is not this host's "
        "in a pod: set resolvConf to %s and restart kubelet" % (reads, FOR_OTHERS)
    ]


def _handed_out(seen, provider):
    """What DHCP handed out, as the provider keeps it."""
    if provider == "systemd_networkd":
        return networkd_servers(seen["networkd"])
    texts = {RESOLVED_LIST: seen["resolved"]["text"], NM_NO_STUB: seen["no_stub"]}
    return parse_resolv_conf(texts.get(SOURCES.get(provider), seen["text"]))["nameservers"]


def detect(seen):
    """The verdict over what was collected; plain data, the return value of the module."""
    provider, evidence = _owner(seen)
    parsed = parse_resolv_conf(seen["text"])
    obstacle = _obstacle(seen, provider)
    return {
        "provider": provider,
        "evidence": evidence,
        "manageable": obstacle is None,
        "obstacle": obstacle or "",
        "path": seen["path"],
        "source": SOURCES.get(provider, seen["target"]),
        "nameservers": parsed["nameservers"],
        "search": parsed["search"],
        "options": parsed["options"],
        "upstreams": _others(seen, _handed_out(seen, provider)),
        "nsswitch_resolve": _asks_resolved(seen),
        "dhclient_confs": merged_dhclient_confs(seen),
        "resolved_servers": seen["resolved"]["global"],
        "resolv_conf_consumers": _consumers(seen),
        "notes": _warnings(seen),
        "listeners": seen["listeners"],
        "dnsmasq": seen["dnsmasq"],
        "systemd": seen["systemd_version"],
        "os": {
            "id": seen["os_release"].get("ID", ""),
            "like": seen["os_release"].get("ID_LIKE", "").split(),
            "version": seen["os_release"].get("VERSION_ID", ""),
        },
    }


#: What of all this the roles derive files and programs from, or refuse a host for.
HASHED = (
    "provider", "obstacle", "path", "source", "dhclient_confs", "resolved_servers", "systemd", "os", "python",
    "dnspython", "nft",
)  # fmt: skip
HASHED_OF_DNSMASQ = ("installed", "version", "package")


def facts_hash(found):
    """The same for two looks at a host from which the same follows."""
    told = [found[key] for key in HASHED] + [found["dnsmasq"][key] for key in HASHED_OF_DNSMASQ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8")).hexdigest()
