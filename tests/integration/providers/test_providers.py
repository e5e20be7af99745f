"""From a fresh host to a restored one, in this order: each test leaves the hosts as the next one needs them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time

import lab
import pytest
from conftest import BY_NAME, CLIENTS, ONE_OF_EACH, PROVIDERS, ROOT, SERVERS, STATIC
from looks import ETC, UNITS, differences, look, lookups, resolv_conf, shell, until
from plays import BUSY, SOAK
from probes import seen_by_probe, start_probe, stop_probe

RESTARTS = {
    "dhclient_ifupdown": "networking",
    "dhclient_networkmanager": "NetworkManager",
    "dhcpcd": "dhcpcd",
    "networkmanager": "NetworkManager",
    "networkmanager_old": "NetworkManager",
    "openresolv": "networking",
    "resolvconf": "networking",
    "static": "networking",
    "systemd_networkd": "systemd-networkd",
    "systemd_resolved": "systemd-resolved",
}
#: A host without a writer of resolv.conf has no DNS before the first deploy, and none after the restore.
WITHOUT_DNS = {name for name, provider in PROVIDERS.items() if provider == "systemd_networkd"}
KUBELET = "mkdir -p /var/lib/kubelet; printf 'resolvConf: /etc/resolv.conf\\n' >/var/lib/kubelet/config.yaml"
NAMES = {"db.corp.example": "10.20.0.21", "api.example.net": "203.0.113.20"}
#: Those that are checked before a deploy or a restore, verified, and restored when there is nothing to restore: each
#: provider, each release. `make soak` takes all.
SAMPLE = [host for host in CLIENTS if SOAK or host.name in ONE_OF_EACH]
#: Those that are deployed to and restored a second time.
TWICE_RESTORED = [
    host for host in CLIENTS if SOAK or host.name in ("bu-ifupdown", "bw-nm", "tx-openresolv", "fk-resolved")
]
BEFORE: dict[str, dict[str, object]] = {}
#: Changes a source twice, the second time while units of ours are at work, and tells which second ones they missed.
TWICE = """
import os, sys, time
source, targets = sys.argv[1], sys.argv[2:]
before = open(source).read()

def put(text):
    with open(source + ".new", "w") as file:
        file.write(text)
    os.rename(source + ".new", source)

def change(number):
    server = f"10.99.{number // 200}.{number % 200 + 1}"
    put(f"OPER_STATE=routable\\nDNS={server}\\n" if "netif" in source else f"nameserver {server}\\n")
    return server

def missing(server):
    return [target for target in targets if server not in open(target).read()]

for gap in range(15, 65):
    change(2 * gap)
    time.sleep(gap / 1000)
    server = change(2 * gap + 1)
    end = time.monotonic() + 3
    while missing(server) and time.monotonic() < end:
        time.sleep(0.05)
    # The provider may have written its own list again.
    if missing(server) and server in open(source).read():
        print(f"{gap} ms after the first: not in {missing(server)}")
put(before)
"""


def taken_over(host, servers=tuple(SERVERS), quiet=True, first=("127.0.0.1",)):
    """Ours first, what DHCP handed out behind, search list and options kept; dnsmasq's upstreams without the
    datacenter's servers, to which no public name shall cross; names resolve, and come from the cache."""
    servers = SERVERS if host.name in STATIC else list(servers)
    wanted = {
        "nameserver": [*first, *servers],
        "search": ["corp.example"],
        "upstream": f"nameserver {servers[-1]}\n",
        # What containers and pods are given.
        "others": servers,
    }
    found = look(host, *NAMES, wanted=wanted | {"asks": servers[-1:]})
    assert {key: found[key] for key in wanted} == wanted
    assert servers[-1] in found["asks"], found
    assert not [server for server in found["asks"] if server.startswith("127.0.0")], found
    if host.name in STATIC:
        assert found["options"] == ["edns0"], found
    for name, address in NAMES.items():
        of = found["names"][name]
        assert (of["failed"], of["answers"]) == (0, [address]), found
        if quiet:  # a probe asks for new names all the time
            # In the last second of a TTL all may be missed: a server that caches then hands out a TTL of 0, and nobody
            # keeps that.
            again = of["missed"] and until(0, lambda name=name: look(host, name)["names"][name]["missed"], 5)
            assert again == 0, f"{name} was asked for again {again} times"
    return "127.0.0.1, " + ", ".join(servers)


def limited_to(hosts):
    return ("-l", ":".join(host.name for host in hosts))


def probe(host):
    """Not ten times a second, as where faults are looked for: here are four times as many hosts."""
    start_probe(host, rate=4)


def no_loss(host, since):
    """No lookup was lost, and no address and no route, not for a moment."""
    seen = seen_by_probe(host, PROVIDERS[host.name], since, time.time(), has_dns=host.name not in WITHOUT_DNS)
    stop_probe(host)
    # How slow they were says how busy two processors with all these hosts are.
    print(f"{host.name}: {seen['asked']} lookups, {seen['slow']} over 1 s, slowest {seen['slowest_ms']} ms")
    return "0" if host.name not in WITHOUT_DNS else "no DNS before"


def remember(host):
    BEFORE[host.name] = {
        "etc": shell(host, ETC),
        "units": shell(host, UNITS),
        "resolv": resolv_conf(host),
        "inode": shell(host, "stat -Lc %i /etc/resolv.conf || true"),
    }


def restored(host):
    """/etc, links, units and lookups as before the first deploy."""
    was = BEFORE[host.name]
    new, missing = differences(host, was["etc"], packages_gone=True)
    assert (new, missing) == ([], []), f"new: {new}, missing: {missing}"
    units = until(was["units"], lambda: shell(host, UNITS), 20)
    assert units == was["units"], f"units were {was['units']}, are {units}"
    now = look(host, wanted=was["resolv"])
    assert {key: now[key] for key in was["resolv"]} == was["resolv"]
    found = lab.inside(host, "getent", "hosts", "db.corp.example").stdout.split()
    assert found[:1] == ([] if host.name in WITHOUT_DNS else ["10.20.0.21"]), found
    assert shell(host, "dpkg-query -W -f '${db:Status-Status}' dnsmasq || true") in ("", "config-files")
    assert not shell(host, "ls -A /var/lib/everywhere.dnsmasq /usr/local/sbin 2>/dev/null | grep -v : || true").strip()


def renewed(host, since):
    """The server has confirmed its lease once more, and the host had a second to write down what came with it."""
    if host.name in STATIC:
        return
    logged = (
        f"journalctl -u lab-dhcp -o cat --no-pager --since @{since:.0f} | grep -c 'DHCPACK(eth0) .*{host.mac}' || true"
    )
    assert until(True, lambda: int(shell(BY_NAME["cloud"], logged)) > 0, 60), "its lease was not renewed"
    time.sleep(1)


def hand_out(*servers):
    shell(
        BY_NAME["cloud"],
        f"sed -i 's/^option:dns-server,.*/option:dns-server,{','.join(servers)}/' /etc/lab-dhcp.options; "
        "systemctl reload lab-dhcp",
    )


def test_the_hosts_are_as_they_are_described(table):
    table.each("provider", lambda host: PROVIDERS[host.name])

    def check(host):
        alias = lab.inside(host, "sh", "-c", "readlink -f /sbin/resolvconf").stdout.strip()
        if "resolved" in host.flavour and host.suite != "bullseye":
            assert alias.endswith("resolvectl"), alias
        assert lab.inside(host, "sh", "-c", "command -v dnsmasq").returncode != 0
        remember(host)

    table.each("release", lambda host: check(host) or host.suite)


def info(host):
    """What the command of docs/takeover.md tells of a host."""
    argv = ["ansible", host.name, "-i", str(lab.INVENTORY), "-m", "everywhere.dnsmasq.resolver_info"]
    plain = dict(os.environ, ANSIBLE_FORCE_COLOR="false")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=plain)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.partition("=> ")[2])


def test_a_host_says_what_writes_its_file():
    assert info(BY_NAME["bw-static"])["evidence"] == "nothing runs that writes resolv.conf"


def test_a_loopback_with_an_address_of_the_admins_is_not_given_a_profile():
    host = BY_NAME["tx-nm"]
    shell(host, "ip address add 198.51.100.53/32 dev lo")
    try:
        assert info(host)["provider"] == "networkmanager_old"
    finally:
        shell(host, "ip address del 198.51.100.53/32 dev lo")


def test_a_contradiction_is_refused_before_anything_changes(playbook):
    """ifupdown's dhclient writes through resolved's link, and resolved does not know."""
    host = BY_NAME["bw-contradiction"]
    before = shell(host, ETC)
    run = playbook("deploy", "-e", "dnsmasq_hosts=refused")
    assert run.returncode != 0
    [failed] = run.failures
    assert "'resolvectl dns' shows no server of any link (dhclient runs by itself" in failed["msg"]
    assert shell(host, ETC) == before


def test_a_check_says_what_a_deploy_then_does_and_a_second_deploy_does_nothing(table, playbook):
    foreseen = playbook("deploy", "--check", "--diff", *limited_to(SAMPLE))
    assert foreseen.returncode == 0, foreseen.reasons
    assert len(foreseen.landed()) > 5 * len(SAMPLE)
    table.each("--check changes nothing", _same_etc, SAMPLE)
    table.each("probe started", probe, shown=False)
    began = time.time()
    done = playbook("deploy", "--diff")
    assert done.returncode == 0, done.reasons
    assert {name: done.info[name]["provider"] for name in PROVIDERS} == PROVIDERS
    table.each("127.0.0.1 first, DHCP's behind", lambda host: taken_over(host, quiet=False))
    again = playbook("deploy", "--diff")
    assert again.returncode == 0, again.reasons
    assert {name: again.info[name]["provider"] for name in PROVIDERS} == PROVIDERS
    assert again.changed == [], again.changed
    table.each("lost in deploys", lambda host: no_loss(host, began))
    checked = {host.name for host in SAMPLE}
    assert [change for change in done.changed if change[0] in checked] == foreseen.changed
    assert {key: text for key, text in done.landed().items() if key[0] in checked} == foreseen.landed()


def _same_etc(host):
    assert shell(host, ETC) == BEFORE[host.name]["etc"]


def test_cached_answers_are_proven(playbook):
    run = playbook("verify", *BUSY, *limited_to(SAMPLE))
    assert run.returncode == 0, run.reasons


def test_dhcpcds_file_is_the_one_that_it_holds(table):
    """Its service may write only into the inode that was there at its start."""

    def check(host):
        assert shell(host, "stat -Lc %i /etc/resolv.conf || true") == BEFORE[host.name]["inode"]

    table.each("same inode", check, [host for host in CLIENTS if PROVIDERS[host.name] == "dhcpcd"], shown=False)


def test_a_renewal_with_other_servers(table):
    shell(BY_NAME["cloud"], "ip address add 10.1.0.3/24 dev eth0")
    moved = ["10.20.0.12", "10.1.0.3"]
    hand_out(*moved)
    try:
        table.each("after a renewal", lambda host: taken_over(host, moved))
    finally:
        hand_out(*SERVERS)
    table.each("after a renewal", lambda host: taken_over(host) and ("no DHCP" if host.name in STATIC else "yes"))


def test_restarts(table):
    def provider(host):
        unit = "networking" if host.flavour == "dhcpcd-ifupdown" else RESTARTS[PROVIDERS[host.name]]
        shell(host, f"systemctl restart {unit}")
        taken_over(host)

    table.each("after its restart", provider)
    # Gone with a reboot, too: a missing directory of the resolv-file is fatal for dnsmasq.
    table.each(
        "after dnsmasq's", lambda host: shell(host, "rm -r /run/dnsmasq-everywhere; systemctl restart dnsmasq") and None
    )
    table.each("after dnsmasq's", lambda host: taken_over(host) and None)


def test_no_change_is_missed(table):
    """systemd forgets what a path unit sees while its service runs. A networkd host has several changes within a second
    at a boot, and had no resolv.conf after one of them."""

    def check(host):
        source = info(host)["source"]
        targets = ["/run/dnsmasq-everywhere/resolv.conf"]
        if PROVIDERS[host.name] in ("networkmanager_old", "systemd_networkd"):
            targets.append("/etc/resolv.conf")
        missed = shell(host, f"python3 -c {shlex.quote(TWICE)} {source} {' '.join(targets)}")
        assert not missed, missed
        taken_over(host)

    four = [BY_NAME[name] for name in ("bu-nm", "bw-networkd", "tx-resolved", "fk-networkd")]
    table.each("two changes at once", check, four, shown=False)


def test_a_reboot(table):
    def reboot(host):
        lab.reboot(host)
        taken_over(host)

    table.each("after a reboot", reboot)


def test_more_servers_first_and_one_again(table, playbook):
    """As many as libc reads, so that nobody asks DHCP's: they stay behind, and an earlier deploy leaves no line."""
    three = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    for first in (three, three[:1]):
        given = json.dumps({"resolv_conf_nameservers": first})
        run = playbook("deploy", "-e", given, *limited_to(SAMPLE))
        assert run.returncode == 0, run.reasons
        assert {change[0] for change in run.changed} == {host.name for host in SAMPLE}
        table.each("servers first", lambda host, first=first: taken_over(host, first=first), SAMPLE, shown=False)


def test_lookups_while_dnsmasq_is_stopped(table):
    def check(host):
        shell(host, "systemctl stop dnsmasq")
        try:
            assert (
                lab.inside(host, "sh", "-c", "ls /run/resolvconf/interface /run/resolvconf/interfaces").stdout.count(
                    "lo.dnsmasq"
                )
                == 0
            ), "a record of 127.0.0.1 alone is left"
            for name in ("db.corp.example", "api.example.net"):
                figures = lookups(host, name)
                assert figures["failed"] == 0, figures
                # A closed port is refused at once: it is the next server's own time, with room for a busy machine.
                assert figures["slowest"] < 1000, figures
        finally:
            shell(host, "systemctl start dnsmasq")
        taken_over(host)

    table.each("dnsmasq stopped", check)


def test_an_admins_route_of_all_names_to_resolveds_servers_does_not_cost_the_fallback():
    """Domains=~. with DNS=127.0.0.1 makes dnsmasq resolved's only server: libc must not depend on it."""
    host = BY_NAME["tx-resolved"]
    drop_in = "/etc/systemd/resolved.conf.d/10-admin.conf"
    shell(
        host,
        f"printf '[Resolve]\\nDomains=~.\\n' >{drop_in}; systemctl restart systemd-resolved; systemctl stop dnsmasq",
    )
    try:
        assert lookups(host, "db.corp.example")["failed"] == 0
    finally:
        shell(host, f"rm {drop_in}; systemctl restart systemd-resolved; systemctl start dnsmasq")
    taken_over(host)


def test_what_feeds_others_is_told_of_a_list_that_they_can_use(playbook):
    host = BY_NAME["bw-static"]
    shell(host, KUBELET)
    try:
        run = playbook("deploy", "-l", host.name)
    finally:
        shell(host, "rm -r /var/lib/kubelet")
    assert run.returncode == 0
    told = " ".join(run.text.split())
    assert "set resolvConf to /run/dnsmasq-everywhere/resolv.conf and restart kubelet" in told, run.text


@pytest.mark.parametrize("hosts", [CLIENTS, TWICE_RESTORED], ids=["first", "second"])
def test_a_restore_leaves_what_was_there_before(table, playbook, hosts):
    these, sample = limited_to(hosts), limited_to([host for host in SAMPLE if host in hosts])
    if hosts is TWICE_RESTORED:
        assert playbook("deploy", *these).returncode == 0
        table.each("deployed again", taken_over, hosts, shown=False)
    table.each("probe started", probe, hosts, shown=False)
    began = time.time()
    foreseen = playbook("restore", "--check", "--diff", *sample)
    assert foreseen.returncode == 0, foreseen.reasons
    run = playbook("restore", "--diff", *these)
    assert run.returncode == 0, run.reasons
    ended = time.time()
    again = playbook("restore", *sample)
    assert (again.returncode, again.changed) == (0, [])
    if hosts is CLIENTS:
        table.each("lease renewed", lambda host: renewed(host, ended), shown=False)
    table.each("lost in a restore", lambda host: no_loss(host, began), hosts)
    table.each("/etc, units, lookups restored", restored, hosts)


RECORDS = "/var/lib/everywhere.dnsmasq"
#: How the backup of a host is lost, one host of each way in which resolv.conf comes about.
LOST = {
    "bu-ifupdown": f"rm -r {RECORDS}",
    "bw-nm": f"echo '{{' >{RECORDS}/resolv_conf.json",
    "fk-resolved": f"rm {RECORDS}/dnsmasq.json; : >{RECORDS}/resolv_conf.json",
    "bw-networkd": f"rm -r {RECORDS}",
    "tx-openresolv": f"rm {RECORDS}/resolv_conf.json",
    "bw-static": f"rm -r {RECORDS}",
}
#: Those that do not know either whether dnsmasq was there before: it stays, and does not run.
WITHOUT_BOTH = {host for host, how in LOST.items() if "dnsmasq.json" in how or how.startswith("rm -r")}


def test_a_restore_without_a_backup_leaves_a_host_that_resolves(table, playbook):
    hosts = [BY_NAME[name] for name in LOST]
    deployed = playbook("deploy", *limited_to(hosts))
    assert deployed.returncode == 0, deployed.reasons
    table.each("deployed", taken_over, hosts, shown=False)
    table.each("lost", lambda host: shell(host, LOST[host.name]) and None, hosts, shown=False)
    table.each("probe started", probe, hosts, shown=False)
    began = time.time()
    run = playbook("restore", *limited_to(hosts))
    assert run.returncode == 0, run.reasons
    told = " ".join(run.text.split())
    assert "resolv_conf.json is missing: what this collection puts on a host is taken away" in told, run.text
    assert "resolv_conf.json is not readable" in told, run.text
    ended = time.time()
    again = playbook("restore", *limited_to(hosts))
    assert (again.returncode, again.changed) == (0, [])

    def resolves(host):
        renewed(host, ended)
        found = resolv_conf(host)
        assert found["nameserver"] == SERVERS, found
        for name, address in NAMES.items():
            assert lab.inside(host, "getent", "hosts", name).stdout.split()[:1] == [address]
        left = "find /etc /usr/local /var/lib -name '*everywhere*'; grep -rl 'BEGIN everywhere' /etc || true"
        assert shell(host, left) == ""
        state = shell(host, "systemctl is-enabled dnsmasq; systemctl is-active dnsmasq; true").split()
        if host.name in WITHOUT_BOTH:
            assert state == ["disabled", "inactive"], state
        assert shell(host, "ss -Hlnu 'sport = :53' | grep -v 127.0.0.5 || true") == ""

    table.each("resolves", resolves, hosts, shown=False)
    table.each("lost in a restore", lambda host: no_loss(host, began) and None, hosts, shown=False)


def test_the_sample_has_each_provider_and_each_release():
    assert {PROVIDERS[host.name] for host in SAMPLE} == set(PROVIDERS.values())
    assert {host.suite for host in SAMPLE} == {host.suite for host in CLIENTS}


def test_the_table_of_the_docs_is_what_was_seen(table):
    text = (ROOT / "docs/takeover.md").read_text().partition("<!-- table -->\n")[2].partition("<!-- end -->")[0]
    told, seen = ([line.split(" | ") for line in lines] for lines in (text.splitlines(), table.lines()))
    assert [row[0] for row in told] == [row[0] for row in seen]
    assert told[0] == seen[0]
    # What is only seen of all hosts by `make soak` is told of all.
    for of_docs, of_hosts in zip(told, seen, strict=True):
        pairs = zip(of_docs, of_hosts, strict=True)
        assert [(was, now) for was, now in pairs if was != now and (SOAK or now.strip(" |") != "-")] == [], of_docs[0]
