"""Network 1 before and after: measure lookups, deploy the built collection, measure again, print both.

demo.py [--json FILE] [--lookups NUMBER]   the lab must be freshly up: the hosts have never seen dnsmasq
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from images import heartbeat, say
from lab import HERE, INVENTORY, Host, inside, read_inventory

ROOT = HERE.parent.parent
KINDS = {"datacenter": "db.corp.example", "public": "www.example.org", "missing": "missing.corp.example"}
Figures = dict[str, dict[str, dict[str, Any]]]


def ask(host: Host, *argv: str) -> Any:
    done = inside(host, *argv)
    if done.returncode:
        raise SystemExit(f"demo: {' '.join(argv)} on {host.name} ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def queries(server: Host, since: float) -> list[dict[str, Any]]:
    """What a name server of the lab got, by its own dnstap: rows of name, type, client and count."""
    rows: list[dict[str, Any]] = ask(server, "lab-queries", str(since))
    return rows


def address(host: Host) -> str:
    rows = json.loads(inside(host, "ip", "-j", "-4", "address", "show", "eth0").stdout)
    return str(rows[0]["addr_info"][0]["local"])


def measure(hosts: list[Host], lookups: int, at_once: int) -> Figures:
    """So many lookups of each kind of name on each host, one kind after the other.

    Hosts that wait for a network may do so side by side; hosts that are bound by the processor, which they share here
    and nowhere else, would slow each other down.
    """
    clients = [host for host in hosts if not host.is_server]
    datacenter = [host for host in hosts if host.flavour == "nameserver"]
    figures: Figures = {host.name: {} for host in clients}
    for kind, name in KINDS.items():
        since = time.time()
        with (
            heartbeat(f"{lookups} lookups of {name} on each of {len(clients)} hosts"),
            ThreadPoolExecutor(at_once) as pool,
        ):
            results = list(pool.map(lambda host, name=name: ask(host, "lab-lookups", name, str(lookups)), clients))
        crossed = [row for server in datacenter for row in queries(server, since)]
        for host, result in zip(clients, results, strict=True):
            own = address(host)
            result["crossed"] = sum(row["count"] for row in crossed if row["client"] == own)
            figures[host.name][kind] = result
    return figures


def install(collections: Path) -> None:
    """Build the tarball and install it in an empty path, as a user does from Galaxy."""
    collections.mkdir(parents=True, exist_ok=True)
    build = ["ansible-galaxy", "collection", "build", "--force", "--output-path", str(collections), str(ROOT)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    (tarball,) = collections.glob("*.tar.gz")
    target = ["ansible-galaxy", "collection", "install", "--offline", "--no-deps", "-p", str(collections), str(tarball)]
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections))
    subprocess.run(target, check=True, stdout=subprocess.DEVNULL, env=environment)


def play(collections: Path, playbook: str, *options: str) -> None:
    argv = ["ansible-playbook", f"everywhere.dnsmasq.{playbook}", "-i", str(INVENTORY.parent), *options]
    environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(collections), ANSIBLE_PIPELINING="true")
    say(" ".join(argv))
    if subprocess.call(argv, env=environment, cwd=ROOT):
        raise SystemExit(f"demo: everywhere.dnsmasq.{playbook} failed")


def table(before: Figures, after: Figures, lookups: int) -> str:
    pair = f"{'before':>9}{'after':>8}"
    total = f"{lookups} lookups, ms"
    head = (
        f"{'':28}{'first lookup, ms':>17}  {'repeated, ms':>17}  {total:>26}  {'crossed the WAN':>17}\n"
        f"{'host':15}{'name':13}{pair}  {pair}  {pair}{'faster':>9}  {pair}"
    )
    rows = [
        f"{host:15}{kind:13}{b['first']:9.1f}{a['first']:8.1f}  {b['repeated']:9.1f}{a['repeated']:8.2f}"
        f"  {b['total']:9.0f}{a['total']:8.1f}{b['total'] / a['total']:8.0f}x  {b['crossed']:9}{a['crossed']:8}"
        for host in before
        for kind, b in before[host].items()
        for a in [after[host][kind]]
    ]
    return "\n".join([head, *rows])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--lookups", type=int, default=200, help="of each name on each host, before and after; 200")
    given = parser.parse_args()
    hosts = read_inventory()[1]
    say("lookups as they are: DHCP's three servers, the datacenter's first")
    before = measure(hosts, given.lookups, at_once=len(hosts))
    with tempfile.TemporaryDirectory() as folder:
        collections = Path(folder)
        with heartbeat("building the collection and installing its tarball in an empty path"):
            install(collections)
        play(collections, "deploy", "-e", "dnsmasq_hosts=clients")
        say("the same lookups again")
        after = measure(hosts, given.lookups, at_once=1)
        play(collections, "verify", "-e", "dnsmasq_hosts=clients")
    if given.json:
        given.json.write_text(json.dumps({"before": before, "after": after}, indent=1))
    print(f"\n{table(before, after, given.lookups)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
