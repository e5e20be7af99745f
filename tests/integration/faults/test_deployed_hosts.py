"""Hosts that are deployed to: what changes, fails, is upgraded, dies and is restored. No lookup may be lost by it."""

from __future__ import annotations

import json
import re
import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import BRIDGES, BY_NAME, PROVIDERS, SERVERS, on_each, resolves, taken_over, untouched
from faults import FAULTS, rounds
from looks import kill_dnsmasq, resolv_conf, shell, until
from plays import SOAK, play_quietly
from steps import BEFORE, DATACENTER, VPC, broken_run, messages, probed, remember_fresh_hosts, topology

LATER = rounds(list(PROVIDERS), [fault for fault in FAULTS if fault.later], SOAK)
KILLS = 100 if SOAK else 4


def test_the_hosts_are_fresh_and_resolve():
    remember_fresh_hosts()


def test_a_first_deploy_and_a_second_one(playbook, figures):
    with probed(figures, "first deploy") as runs:
        runs.append(playbook("deploy"))
        assert runs[0].returncode == 0, runs[0].reasons
    on_each(taken_over)
    with probed(figures, "second deploy") as runs:
        runs.append(playbook("deploy"))
        assert (runs[0].returncode, runs[0].changed) == (0, [])


def test_nobody_but_this_host_is_answered_and_the_daemon_can_do_nothing(figures):
    """No listener outside loopback, never root, no capability but the one for port 53; the score of the sandbox."""

    def look(host):
        rows = shell(host, "ss -Hlntup 'sport = :53' | grep dnsmasq || true").splitlines()
        assert rows
        outside = [row for row in rows if not re.search(r"\s(127\.0\.0\.1|\[::1\]):53\s", row)]
        assert not outside, outside
        status = dict(
            line.split(":", 1)
            for line in shell(host, "cat /proc/$(cat /run/dnsmasq/dnsmasq.pid)/status").splitlines()
            if ":" in line
        )
        assert set(status["Uid"].split()) == {shell(host, "id -u dnsmasq").strip()}
        capabilities = {status[f"Cap{kind}"].strip() for kind in ("Eff", "Prm", "Bnd", "Amb")}
        assert capabilities == {f"{1 << 10:016x}"}, status  # CAP_NET_BIND_SERVICE
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"
        version = shell(host, "systemctl --version").split()[1]
        score = float(
            re.findall(
                r"exposure level for dnsmasq.service: ([0-9.]+)",
                shell(host, "systemd-analyze security --no-pager dnsmasq.service"),
            )[0]
        )
        assert score <= 1.5, f"systemd {version}: {score}"
        return version, score

    def own(host):
        """The distribution's unit, without ours."""
        drop_in = "/etc/systemd/system/dnsmasq.service.d/50-everywhere.conf"
        try:
            shell(host, f"mv {drop_in} /root/; systemctl daemon-reload")
            text = shell(host, "systemd-analyze security --no-pager dnsmasq.service")
        finally:
            shell(host, f"mv /root/50-everywhere.conf {drop_in}; systemctl daemon-reload")
        return re.findall(r"exposure level for dnsmasq.service: ([0-9.]+)", text)[0]

    ours, theirs = on_each(look), on_each(own)
    for name, (version, score) in ours.items():
        print(f"{name}: systemd {version}: {score}, the distribution's own {theirs[name]}")


def test_an_admin_adds_to_the_sandbox_or_opts_out(playbook):
    host = BY_NAME["bw-nm"]
    drop_in = "/etc/systemd/system/dnsmasq.service.d/90-local.conf"
    shell(
        host,
        f"mkdir -p /var/log/dnsmasq; chown dnsmasq /var/log/dnsmasq; echo log-facility=/var/log/dnsmasq/log "
        f">/etc/dnsmasq.d/log; printf '[Service]\\nReadWritePaths=/var/log/dnsmasq\\n' >{drop_in}; "
        "systemctl daemon-reload; systemctl restart dnsmasq",
    )
    try:
        again = playbook("deploy", "-l", host.name)
        assert (again.returncode, again.changed) == (0, [])
        assert "started" in shell(host, "cat /var/log/dnsmasq/log")
    finally:
        shell(
            host,
            f"rm -r {drop_in} /etc/dnsmasq.d/log /var/log/dnsmasq; systemctl daemon-reload; systemctl restart dnsmasq",
        )
    out = playbook("deploy", "-l", host.name, "-e", "dnsmasq_hardening=false")
    assert out.returncode == 0, out.reasons
    assert shell(host, "systemctl show -p User --value dnsmasq").strip() == ""
    resolves(host)
    back = playbook("deploy", "-l", host.name)
    assert back.returncode == 0, back.reasons
    assert shell(host, "systemctl show -p User --value dnsmasq").strip() == "dnsmasq"


#: A suite of security updates of the host's own, empty at first, then with a higher version of what is installed.
SUITE = """
mkdir -p /srv/debian-security; cd /srv/debian-security; : >Packages
apt-ftparchive release . >/root/Release; mv /root/Release .
cp /etc/apt/sources.list /root/sources.list
echo 'deb [trusted=yes] file:/srv/debian-security ./' >>/etc/apt/sources.list
apt-get -q update
"""
WAITING = r"""
cd /srv/debian-security
awk 'BEGIN { RS = ""; ORS = "\n\n" } /^Package: dnsmasq-base\n/' /srv/apt/Packages >Packages
sed -i 's/^Version: .*/&+lab0/' Packages
apt-ftparchive release . >/root/Release; mv /root/Release .
apt-get -q update
"""
#: Lists that a hook like Ubuntu's says to be two days old, on a release without updates.
OUTDATED = """
cd /var/lib/apt && mkdir -p periodic && touch -d '2 days ago' periodic/update-success-stamp
echo 'APT::Update::Post-Invoke-Success {"touch /var/lib/apt/periodic/update-success-stamp";};' \
    >/etc/apt/apt.conf.d/15lab
cp /usr/lib/os-release /root/os-release; echo SUPPORT_END=2020-01-01 >>/usr/lib/os-release
"""
AS_IT_WAS = """
rm -rf /srv/debian-security /etc/apt/apt.conf.d/15lab /var/lib/apt/periodic/update-success-stamp
if [ -e /root/sources.list ]; then mv /root/sources.list /etc/apt/; fi
if [ -e /root/os-release ]; then mv /root/os-release /usr/lib/; fi
apt-get -q update
"""


def test_an_update_that_is_waiting_is_warned_of_and_refused_where_the_latest_is_required(playbook):
    host = BY_NAME["bw-nm"]
    plain = ("deploy", "-l", host.name)
    latest = (*plain, "-e", "dnsmasq_require_latest=true")
    installed = shell(host, "dpkg-query -W -f '${Version}' dnsmasq-base")
    waiting = f"a security update of dnsmasq is waiting: {installed} -> {installed}+lab0, upgrade it"
    try:
        shell(host, SUITE)
        fine = playbook(*latest)
        assert fine.returncode == 0, fine.reasons
        shell(host, WAITING)
        # The host is up to date with its last deploy, and is refused all the same.
        refused = playbook(*latest)
        [told] = messages(refused, host.name)
        assert waiting in told and "dnsmasq_require_latest" in told
        assert (refused.returncode, refused.changed) == (2, [])
        warned = playbook(*plain)
        assert warned.returncode == 0, warned.reasons
        assert waiting in " ".join(warned.text.split())
        # Nothing is to change, so nobody is asked.
        again = playbook(*plain)
        assert (again.returncode, again.changed) == (0, [])
        assert "is waiting" not in again.text
        shell(host, AS_IT_WAS + OUTDATED)
        [told] = messages(playbook(*latest), host.name)
        for reason in (
            "the package lists are 2.0 days old",
            "no updates any more since 2020-01-01",
            "no suite of security",
        ):
            assert reason in told, told
    finally:
        shell(host, AS_IT_WAS)
    back = playbook(*plain)
    assert (back.returncode, back.changed) == (0, [])


def test_a_change_of_zones(playbook, figures):
    more = DATACENTER | {"zones": ["corp.example", "mail.corp.example"]}
    with probed(figures, "a change of zones, and back") as runs:
        for of in (more, DATACENTER):
            runs.append(playbook("deploy", *topology({"datacenter": of, "vpc": VPC})))
            assert runs[-1].returncode == 0, runs[-1].reasons
            assert runs[-1].changed
            on_each(taken_over)


def test_a_change_of_bridges(playbook, figures):
    one = dict(list(BRIDGES.items())[:1])
    with probed(figures, "two bridges, one, none") as runs:
        for bridges in (BRIDGES, one, {}):
            runs.append(playbook("deploy", *topology({"datacenter": DATACENTER, "vpc": VPC | {"bridges": bridges}})))
            assert runs[-1].returncode == 0, runs[-1].reasons
            on_each(taken_over)


def test_an_upgrade_of_the_package(figures):
    """The same files under a higher version: dpkg runs all that it runs for an upgrade."""

    def upgrade(host):
        for name in ("dnsmasq-base", "dnsmasq"):
            shell(
                host,
                f"cd /root && rm -rf up && dpkg-deb -R /srv/apt/{name}_*.deb up && "
                "sed -i 's/^Version: .*/&+lab1/; s/(= [^)]*)/&/' up/DEBIAN/control && "
                f"dpkg-deb -b up {name}.deb && rm -r up",
            )
        shell(
            host,
            "cd /root && DEBIAN_FRONTEND=noninteractive dpkg -i --force-confold dnsmasq-base.deb dnsmasq.deb && "
            "rm dnsmasq*.deb",
        )
        assert shell(host, "dpkg-query -W -f '${Version}' dnsmasq").endswith("+lab1")

    with probed(figures, "an upgrade of the package"):
        on_each(upgrade)
        on_each(taken_over)


@pytest.mark.parametrize("plan", LATER, ids=lambda plan: ", ".join(fault.name for fault in plan.values()))
def test_a_later_deploy_that_fails_leaves_the_host_as_it_was(playbook, figures, tmp_path, plan):
    """Something changes in each run: another size of the cache."""
    size = ("-e", json.dumps({"dnsmasq_sizes": {"cache_size": 5000}}))
    broken_run(playbook, figures, tmp_path, "failing later deploy", plan, size, packages_gone=False)
    on_each(taken_over)
    assert playbook("deploy").returncode == 0


def test_a_dnsmasq_that_is_killed_is_back_and_nothing_is_lost(figures):
    """How fast it is back is asserted where nothing else runs: tests/integration/latency."""
    slowest = {}

    def kill(host):
        slowest[host.name] = max(kill_dnsmasq(host) for _unused in range(KILLS))

    with probed(figures, f"kill -9 of dnsmasq, {KILLS} times"):
        on_each(kill)
    print("slowest return: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest.items()))
    on_each(taken_over)


SLOW = "/etc/dhcp/dhclient-enter-hooks.d/zz-slow"
SWAPS = {"restore": "and prove that a server of resolv.conf answers", "deploy": "Hook dhclient's script"}
SCRIPT = "pgrep -f '^/bin/(ba)?sh /sbin/dhclient-script' || true"


#: What a script that has begun waits for, a minute at most, and how long it goes on then.
HELD = "/run/lab-held"
WAITS = f"for n in $(seq 120); do [ -e {HELD} ] || break; sleep 0.5; done; sleep 8"


@pytest.mark.parametrize("name", ["restore", "deploy"])
def test_a_renewal_that_is_under_way_does_not_write_what_was_before(figures, name, tmp_path):
    """dhclient's script has read our hook, or that there is none, and writes resolv.conf long after."""
    [host] = [BY_NAME[one] for one, provider in PROVIDERS.items() if provider == "dhclient_ifupdown"]
    wanted = BEFORE[host.name]["resolv"]["nameserver"] if name == "restore" else ["127.0.0.1", *SERVERS]
    shell(host, f"touch {HELD}; echo {shlex.quote(WAITS)} >{SLOW}")

    def swaps():
        events = tmp_path / "events"
        return events.exists() and SWAPS[name] in events.read_text()

    try:
        with probed(figures, f"{name} in the middle of a renewal", hosts=[host]) as runs, ThreadPoolExecutor(1) as pool:
            assert until(True, lambda: bool(shell(host, SCRIPT)), 90)
            shell(host, f"rm {SLOW}")  # for this one it is enough that it has begun
            run = pool.submit(play_quietly, tmp_path, name, "-l", host.name)
            assert until(True, lambda: swaps() or run.done(), 60)
            assert shell(host, f"rm {HELD}; {SCRIPT}"), "the script was over before anything was swapped"
            runs.append(run.result())
            assert runs[0].returncode == 0, runs[0].reasons
            assert until("", lambda: shell(host, SCRIPT), 10) == ""
            assert resolv_conf(host)["nameserver"] == wanted
    finally:
        shell(host, f"rm -f {SLOW} {HELD}")


def test_a_restore(playbook, figures):
    with probed(figures, "restore") as runs:
        runs.append(playbook("restore"))
        assert runs[0].returncode == 0, runs[0].reasons

    def check(host):
        untouched(host, BEFORE[host.name]["etc"], packages_gone=True)
        resolves(host, BEFORE[host.name]["resolv"])

    on_each(check)
