"""The lab: real systemd hosts, each in a network namespace of its own, on networks with real delays.

    lab.py up              boot every host of the inventory, unless all of them are up; images are cached
    lab.py images          build the images that are not cached yet, and boot nothing
    lab.py down            power everything off and take every namespace, mount and process away
    lab.py status          one line a host
    lab.py reboot HOST     power a host off, plug a new network card with the same address, boot it
    lab.py exec HOST CMD   run a command inside a host, also while its network is down
    lab.py purge           down, and remove the cached images

The inventory is molecule/inventory, or the folder that EVERYWHERE_INVENTORY names. The lab's own name is in
EVERYWHERE_LAB: labs of different names stand side by side on one machine and share the images alone.

A host's resolv.conf is its own: nothing outside writes into it after boot.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml
from images import CACHE, FLAVOURS, SERVERS, base_of, heartbeat, image, mount_overlay, run, say

HERE = Path(__file__).resolve().parent
#: Hosts, servers and networks: network 1 of the README, unless a scenario brings its own.
INVENTORY = Path(os.environ.get("EVERYWHERE_INVENTORY", HERE.parent / "inventory")) / "hosts.yml"
NAME = os.environ.get("EVERYWHERE_LAB", "")
if not re.fullmatch(r"[a-z0-9-]{1,32}", NAME):
    raise SystemExit(f"lab: EVERYWHERE_LAB is {NAME!r}, and has to be a name of a-z, 0-9 and -: `make shell` sets it")
#: What namespaces, machines and control groups of this lab begin with, and those of no other.
PREFIX = f"lab.{NAME}."
LABS = Path("/run/everywhere-labs")
#: Process ids, keys and ssh_config: gone with `down`.
STATE = LABS / NAME
#: What hosts write to their disks.
DISKS = CACHE / "labs" / NAME
FABRIC = f"{PREFIX}fabric"
CORE = f"{PREFIX}core"
INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
#: systemd, NetworkManager and dnsmasq each hold inotify instances, and the limit counts all hosts of all labs together.
SYSCTLS = {"fs.inotify.max_user_instances": 16384, "fs.inotify.max_user_watches": 1048576}


@dataclass(frozen=True)
class Host:
    name: str
    number: int
    network: str
    flavour: str
    suite: str
    address: str | None
    counts: bool

    @property
    def namespace(self) -> str:
        return f"{PREFIX}{self.name}"

    @property
    def mac(self) -> str:
        return f"02:00:00:00:00:{self.number:02x}"

    @property
    def disk(self) -> Path:
        return DISKS / self.name

    @property
    def root(self) -> Path:
        return self.disk / "root"

    @property
    def is_server(self) -> bool:
        return self.flavour in SERVERS


def sh(*argv: str, **kwargs: Any) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        argv, check=True, text=True, stdout=subprocess.PIPE, **kwargs
    )
    return done.stdout


def ip(*words: str, namespace: str | None = None) -> str:
    return sh("ip", *(("-n", namespace) if namespace else ()), *words)


# --- what stands in the inventory -------------------------------------------------------------------------------


def _members(group: dict[str, Any], inherited: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    known = inherited | (group.get("vars") or {})
    for name, own in (group.get("hosts") or {}).items():
        yield name, known | (own or {})
    for child in (group.get("children") or {}).values():
        yield from _members(child or {}, known)


def read_inventory() -> tuple[dict[str, Any], list[Host]]:
    everything = yaml.safe_load(INVENTORY.read_text())["all"]
    hosts = [
        Host(
            name,
            number,
            known["lab_network"],
            known["lab_flavour"],
            known.get("lab_suite", "bookworm"),
            known.get("lab_address"),
            known.get("lab_counts", False),
        )
        for number, (name, known) in enumerate(_members(everything, {}), start=16)
    ]
    return everything["vars"]["lab_networks"], hosts


# --- processes: started here, ended here, by pid ------------------------------------------------------------------


def _started_at(pid: int) -> str | None:
    """The start time of a living process, so that a number used again is not taken for it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else fields[19]


def remember(name: str, pid: int) -> None:
    (STATE / f"{name}.pid").write_text(json.dumps([pid, _started_at(pid)]))


def recall(name: str) -> int | None:
    try:
        pid, started = json.loads((STATE / f"{name}.pid").read_text())
    except FileNotFoundError:
        return None
    return pid if started is not None and _started_at(pid) == started else None


def wait_for(what: str, check: Any, seconds: float = 60, pause: float = 0.2) -> Any:
    deadline = time.monotonic() + seconds
    while not (result := check()):
        if time.monotonic() > deadline:
            raise SystemExit(f"lab: {what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return result


def end(name: str, gently: float = 20) -> None:
    pid = recall(name)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + gently
        while recall(name) and time.monotonic() < deadline:
            time.sleep(0.05)
        if recall(name):
            say(f"{name} did not power off within {gently:.0f} s: killed")
            cut_power([name])
    (STATE / f"{name}.pid").unlink(missing_ok=True)


def cut_power(names: Iterable[str]) -> None:
    """Kill the first process of each host, and the kernel ends all others; systemd-nspawn then ends by itself."""
    running = {name: pid for name in names if (pid := recall(name))}
    for pid in running.values():
        for child in _children(pid) or [pid]:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(child, signal.SIGKILL)
    for name in running:
        wait_for(f"the end of {name}", lambda name=name: not recall(name), 20, 0.02)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


# --- networks ---------------------------------------------------------------------------------------------------


def namespaces() -> set[str]:
    return {line.split()[0] for line in ip("netns", "list").splitlines() if line}


def _quiet_namespace(name: str) -> None:
    ip("netns", "add", name)
    ip("link", "set", "lo", "up", namespace=name)


def _prefix(network: dict[str, Any]) -> str:
    return str(network["subnet"].rpartition("/")[2])


def build_networks(networks: dict[str, Any], hosts: list[Host]) -> None:
    """A switch and a router for each network, a core between the routers, and the delays in cables.

    Cables run from each switch to its servers, and from each router to the core.
    """
    servers = [host for host in hosts if host.is_server]
    for namespace in (FABRIC, CORE, *(router(n) for n in range(len(networks))), *(host.namespace for host in hosts)):
        _quiet_namespace(namespace)
    plug_cables(
        [
            {"a": [router(n), "wan", wan_mac(n, 1)], "b": [CORE, f"wan-{n}", wan_mac(n, 2)], "delay": net["wan"] / 2000}
            for n, net in enumerate(networks.values())
        ]
        + [
            {
                "a": [host.namespace, "eth0", host.mac],
                "b": [FABRIC, f"srv-{host.number}", None],
                "delay": networks[host.network]["inside"] / 2000,
            }
            for host in servers
        ]
    )
    for n, (name, network) in enumerate(networks.items()):
        switch, prefix = f"lan-{n}", _prefix(network)
        ip("link", "add", switch, "up", "type", "bridge", namespace=FABRIC)
        for host in servers:
            if host.network == name:
                ip("link", "set", f"srv-{host.number}", "master", switch, "up", namespace=FABRIC)
        patch(router(n), "lan", f"router-{n}", switch)
        ip("address", "add", f"{network['router']}/{prefix}", "dev", "lan", namespace=router(n))
        ip("link", "set", "lan", "up", namespace=router(n))
        # The two ends of the way to the core know each other: a name server's answer is not held up by ARP.
        join(router(n), "wan", f"192.0.2.{2 * n + 1}", f"192.0.2.{2 * n}", wan_mac(n, 2))
        join(CORE, f"wan-{n}", f"192.0.2.{2 * n}", f"192.0.2.{2 * n + 1}", wan_mac(n, 1))
        ip("route", "add", "default", "via", f"192.0.2.{2 * n}", namespace=router(n))
        # From this network only those that it reaches: anything else finds no route.
        ip("rule", "add", "iif", f"wan-{n}", "lookup", str(100 + n), "priority", "2000", namespace=CORE)
        ip("route", "add", "unreachable", "default", "table", str(100 + n), namespace=CORE)
        for address in network.get("crossing", {}).get("hosts", []):
            way = ["iif", f"wan-{n}", "from", address, "lookup", str(200 + n), "priority", "1000"]
            ip("rule", "add", *way, namespace=CORE)
    for namespace in (CORE, *(router(n) for n in range(len(networks)))):
        sh("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    for n, network in enumerate(networks.values()):
        for far, (far_name, there) in enumerate(networks.items()):
            for table, reached in ((100 + n, network["reaches"]), (200 + n, network.get("crossing", {}).get("to", []))):
                if far_name in reached:
                    way = ["via", f"192.0.2.{2 * far + 1}", "table", str(table)]
                    ip("route", "add", there["subnet"], *way, namespace=CORE)
    for host in hosts:
        if not host.is_server:
            plug(host, list(networks).index(host.network))
            continue
        network = networks[host.network]
        ip("address", "add", f"{host.address}/{_prefix(network)}", "dev", "eth0", namespace=host.namespace)
        ip("link", "set", "eth0", "up", namespace=host.namespace)
        ip("route", "add", "default", "via", network["router"], namespace=host.namespace)


def router(number: int) -> str:
    return f"{PREFIX}router-{number}"


def wan_mac(number: int, end: int) -> str:
    return f"02:00:00:00:{end:02x}:{number:02x}"


def join(namespace: str, device: str, own: str, peer: str, peer_mac: str) -> None:
    ip("address", "add", own, "peer", peer, "dev", device, namespace=namespace)
    ip("link", "set", device, "up", namespace=namespace)
    ip("neighbour", "replace", peer, "lladdr", peer_mac, "dev", device, "nud", "permanent", namespace=namespace)


def plug_cables(cables: list[dict[str, Any]]) -> None:
    with (STATE / "cables.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "cables.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    remember("cables", process.pid)
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(cables))
    process.stdin.close()
    if process.stdout.readline() != "plugged\n":
        raise SystemExit(f"lab: the cables could not be plugged: {(STATE / 'cables.log').read_text()}")


def patch(namespace: str, device: str, port: str, switch: str, mac: str | None = None) -> None:
    """A network card in the namespace, its other end in a port of the switch."""
    address = ("address", mac) if mac else ()
    ip(
        "link", "add", device, *address, "netns", namespace, "type", "veth", "peer", "name", port, "netns", FABRIC
    )  # fmt: skip
    ip("link", "set", port, "master", switch, "up", namespace=FABRIC)


def plug(host: Host, switch: int) -> None:
    """A client's card: its address is DHCP's business."""
    patch(host.namespace, "eth0", f"port-{host.number}", f"lan-{switch}", host.mac)


# --- hosts ------------------------------------------------------------------------------------------------------


def settle(host: Host, networks: dict[str, Any], hosts: list[Host]) -> None:
    """Lay the host's disk: an overlay over its image, and the files that make it this host."""
    mount_overlay(image(host.suite, host.flavour), host.disk / "upper", host.root)
    facts = {
        "host": host,
        "network": networks[host.network],
        "servers": [
            other for other in hosts if other.flavour in ("nameserver", "resolving") and other.network == host.network
        ],
        "reserved": [
            other for other in hosts if other.network == host.network and other.address and not other.is_server
        ],
        "public_key": (STATE / "key.pub").read_text(),
    }
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    kinds = (["server"] if host.is_server else []) + (["counting"] if host.counts else [])
    for folder in ("any", *kinds, *FLAVOURS[host.flavour].templates):
        for source in sorted((HERE / "templates" / folder).rglob("*")):
            if source.is_dir():
                continue
            target = host.root / source.relative_to(HERE / "templates" / folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(templates.get_template(str(source.relative_to(HERE / "templates"))).render(facts))
            # NetworkManager refuses a profile that others may read, and netplan complains of one.
            private = target.suffix == ".nmconnection" or target.parent.name == "netplan"
            target.chmod(0o600 if private else 0o755 if target.parent.name == "bin" else 0o644)
    # Each `systemctl daemon-reload` runs all of these, and what they look for is on no host of the lab: that is half of
    # what it costs. The one for SysV scripts finds dnsmasq's, and netplan has its own.
    masked = host.root / "etc/systemd/system-generators"
    masked.mkdir(exist_ok=True)
    for generator in (host.root / "usr/lib/systemd/system-generators").glob("systemd-*"):
        if generator.name != "systemd-sysv-generator":
            (masked / generator.name).symlink_to("/dev/null")
    if host.is_server:
        (host.root / "etc/resolv.conf").write_text("# a server of the lab asks nobody\n")
    for unit in (host.root / "etc/systemd/system").glob("lab-*.service"):
        wanted = host.root / "etc/systemd/system/multi-user.target.wants" / unit.name
        wanted.parent.mkdir(exist_ok=True)
        wanted.symlink_to(f"/etc/systemd/system/{unit.name}")


def cgroup(name: str) -> Path:
    """Each host needs a control group of its own, or their systemds remove each other's.

    Below the caller's, where EVERYWHERE_CGROUP names that: what hosts use counts for whoever booted them.
    """
    unified = Path("/sys/fs/cgroup/unified")
    top = unified if unified.is_dir() else Path("/sys/fs/cgroup")
    return Path(os.environ.get("EVERYWHERE_CGROUP") or top) / f"{PREFIX}{name}"


def remove_folders(group: Path) -> None:
    for folder in sorted(group.rglob("*/"), reverse=True):
        folder.rmdir()
    if group.exists():
        group.rmdir()


def enter(host: Host) -> None:
    """In the new process of a host: its control group, and for a server more of the processor than hosts get."""
    (cgroup(host.name) / "cgroup.procs").write_text(str(os.getpid()))
    if host.is_server:
        os.nice(-10)


def boot(host: Host) -> None:
    remove_folders(cgroup(host.name))
    cgroup(host.name).mkdir()
    with (STATE / f"{host.name}.console").open("ab") as console:
        process = subprocess.Popen(
            [
                "systemd-nspawn", "--quiet", f"--directory={host.root}", f"--machine={host.namespace}", "--boot",
                "--register=no", "--keep-unit", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
                "--console=pipe", f"--network-namespace-path=/run/netns/{host.namespace}",
                "--capability=CAP_NET_ADMIN,CAP_NET_RAW", "--kill-signal=SIGRTMIN+3",
            ],
            # dhcpcd sets up its link through /proc/sys/net, which is the namespace's own.
            env=dict(
                os.environ, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1", SYSTEMD_NSPAWN_API_VFS_WRITABLE="network"
            ),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            preexec_fn=lambda: enter(host),
        )  # fmt: skip
    remember(host.name, process.pid)


def inside(host: Host, *argv: str) -> subprocess.CompletedProcess[str]:
    pid = recall(host.name)
    leader = next(iter(_children(pid)), None) if pid else None
    if leader is None:
        return subprocess.CompletedProcess(argv, 255, "", f"{host.name} is not up")
    # Of the caller's environment nothing goes in: its TMPDIR is no folder there.
    return subprocess.run(
        ["/usr/bin/nsenter", "-t", str(leader), "-a", *argv], env=INSIDE, text=True, capture_output=True, check=False
    )


def is_ready(host: Host) -> bool:
    """Booted, and for a client: has a lease with name servers in its resolv.conf."""
    if inside(host, "systemctl", "is-system-running").stdout.strip() not in ("running", "degraded"):
        return False
    path, word = FLAVOURS[host.flavour].shows
    return host.is_server or word in inside(host, "cat", path).stdout


def await_ready(hosts: list[Host], seconds: float = 120) -> None:
    for host in hosts:
        wait_for(f"{host.name} with a lease", lambda host=host: is_ready(host), seconds)
        failed = inside(host, "systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout.split("\n")[0]
        if failed:
            raise SystemExit(f"lab: {host.name} booted with a failed unit: {failed}")


# --- commands ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def register_of_labs() -> Iterator[Path]:
    """The file that says what the machine's limits were before the first lab; held while it is read and written."""
    with Path("/run/everywhere-labs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield LABS / "sysctls.json"


def raise_limits() -> None:
    """Make this lab's folder of state: while any lab has one, the machine's limits are what hosts need."""
    with register_of_labs() as file:
        STATE.mkdir(mode=0o700, parents=True)
        before = json.loads(file.read_text()) if file.exists() else {}
        for name, wanted in SYSCTLS.items():
            path = Path("/proc/sys", name.replace(".", "/"))
            if int(path.read_text()) < wanted:
                before.setdefault(name, path.read_text().strip())
                say(f"raising {name} from {before[name]} to {wanted} for the hosts; the last lab puts it back")
                path.write_text(str(wanted))
        file.write_text(json.dumps(before))


def lower_limits() -> None:
    """Remove this lab's folder of state, and put the machine's limits back if it was the last one."""
    with register_of_labs() as file:
        shutil.rmtree(STATE, ignore_errors=True)
        if file.exists() and not [lab for lab in LABS.iterdir() if lab.is_dir()]:
            for name, value in json.loads(file.read_text()).items():
                Path("/proc/sys", name.replace(".", "/")).write_text(value)
            shutil.rmtree(LABS)


def up() -> None:
    networks, hosts = read_inventory()
    if all(recall(host.name) for host in hosts) and recall("cables"):
        return say("it is up")
    down()
    raise_limits()
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(STATE / "key")], STATE / "ssh-keygen.log")
    (STATE / "ssh_config").write_text(
        f"Host *\n  IdentityFile {STATE}/key\n  IdentitiesOnly yes\n  StrictHostKeyChecking no\n"
        "  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        # Into the host's namespace and to its sshd on loopback: a host is reached while its network is down.
        f"  ProxyCommand nsenter --net=/run/netns/{PREFIX}%h nc 127.0.0.1 22\n"
    )
    images(hosts)
    with heartbeat(f"booting {len(hosts)} hosts on {len(networks)} networks"):
        build_networks(networks, hosts)
        for host in hosts:
            settle(host, networks, hosts)
        # Servers first: a client's first lease needs them.
        for wave in ([h for h in hosts if h.is_server], [h for h in hosts if not h.is_server]):
            for host in wave:
                boot(host)
            await_ready(wave)
    return None


def renew(network: str | None = None) -> list[Host]:
    """Clients, all or those of a network, that were never touched; what is up beside them stays up."""
    networks, hosts = read_inventory()
    clients = [host for host in hosts if not host.is_server and network in (None, host.network)]
    if not recall("cables"):
        up()
        return clients
    with heartbeat(f"booting {len(clients)} hosts anew"):
        cut_power(host.name for host in clients)
        for host in clients:
            sh("umount", str(host.root))
            shutil.rmtree(host.disk)
            settle(host, networks, hosts)
            replug(host, networks)
            boot(host)
        await_ready(clients)
    return clients


def images(hosts: list[Host]) -> None:
    wanted = sorted({(host.suite, host.flavour) for host in hosts})
    # Two at a time, as there are processors; a release's base before what is laid over it.
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(base_of, sorted({suite for suite, _flavour in wanted})))
        list(pool.map(lambda pair: image(*pair), wanted))


def down() -> None:
    if not STATE.exists() and not DISKS.exists():
        return
    names = sorted({path.stem for path in STATE.glob("*.pid")} - {"cables"})
    # What is on their disks goes with them: nobody waits for a host to stop its services.
    cut_power(names)
    for name in names:
        remove_folders(cgroup(name))
    end("cables")
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    # Of the fault `killed for memory`, and what systemd-nspawn makes in other trees.
    for group in Path("/sys/fs/cgroup").glob(f"*/{PREFIX}*"):
        remove_folders(group)
    for mount in sorted((m for m in mounts if m.startswith(f"{DISKS}/")), reverse=True):
        sh("umount", mount)
    for namespace in sorted(name for name in namespaces() if name.startswith(PREFIX)):
        ip("netns", "delete", namespace)
    shutil.rmtree(DISKS, ignore_errors=True)
    lower_limits()
    say("it is down; nothing is left of it but the cached images")


def reboot(host: Host) -> None:
    networks = read_inventory()[0]
    end(host.name)
    # Whoever writes this file has to do so again: what stood there before proves nothing. A link leads out of the host.
    written = host.root / "etc/resolv.conf"
    if FLAVOURS[host.flavour].rewrites and written.is_file() and not written.is_symlink():
        written.write_text("# powered off\n")
    replug(host, networks)
    boot(host)
    try:
        await_ready([host], 60)
    except SystemExit as error:
        # Seen in one of five runs of 24 hosts: dhclient sees none of the server's offers on a card that is new.
        say(f"{error}: booting it once more; what it saw:")
        for argv in (
            ("ip", "-s", "link", "show", "eth0"),
            ("journalctl", "-b", "-n", "30", "--no-pager", "-t", "dhclient"),
        ):
            say(inside(host, *argv).stdout)
        end(host.name)
        replug(host, networks)
        boot(host)
        await_ready([host])


def replug(host: Host, networks: dict[str, Any]) -> None:
    """A new card with the same address."""
    ip("link", "delete", "eth0", namespace=host.namespace)
    plug(host, list(networks).index(host.network))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["up", "images", "down", "status", "reboot", "exec", "purge"])
    parser.add_argument("host", nargs="?")
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    hosts = {host.name: host for host in read_inventory()[1]}
    if given.command in ("reboot", "exec") and given.host not in hosts:
        parser.error(f"{given.host} is no host of {INVENTORY}; the hosts are {', '.join(hosts)}")
    if given.command == "up":
        up()
    elif given.command == "images":
        images(list(hosts.values()))
    elif given.command == "down":
        down()
    elif given.command == "purge":
        down()
        shutil.rmtree(CACHE / "images", ignore_errors=True)
    elif given.command == "reboot":
        reboot(hosts[given.host])
    elif given.command == "exec":
        done = inside(hosts[given.host], *given.argv)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    else:
        for host in hosts.values():
            print(f"{host.name:16} {host.network:12} {host.flavour:16} {'up' if recall(host.name) else 'down'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
