"""What a deploy must not do: each host of the lab in another trouble, one run over all of them."""

from __future__ import annotations

import json

from lab import inside
from looks import ETC, shell

HOLD_PORT = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53)); time.sleep(600)"
OURS = "find /etc /usr/local -name '*everywhere*'; grep -rl everywhere /etc/dhcp || true"


def test_each_trouble_is_told_and_leaves_the_host_as_it_was(clients, playbook, tmp_path):
    hosts = {host.name: host for host in clients}
    no_client, rival, other_file, wrong = (
        hosts[name] for name in ("east-ifupdown", "west-ifupdown", "east-nm", "west-nm")
    )
    # Whoever wrote it is gone: what stands there says nothing of the next boot.
    shell(
        no_client,
        "kill $(cat /run/dhclient*.pid); mkdir /run/NetworkManager; cp /etc/resolv.conf /run/NetworkManager/; "
        "ln -sf /run/NetworkManager/resolv.conf /etc/resolv.conf",
    )
    shell(rival, f'systemd-run --unit=rival python3 -c "{HOLD_PORT}"')
    shell(
        other_file, "mv /etc/dhcp/dhclient.conf /etc/dhclient.conf; systemctl restart NetworkManager; nm-online -qt 30"
    )
    extra = tmp_path / "wrong.yml"
    lie = {"dnsmasq_checks": [{"name": "db.corp.example", "expected": ["192.0.2.9"]}]}
    extra.write_text(json.dumps({"all": {"hosts": {wrong.name: lie}}}))
    before = {name: shell(host, ETC) for name, host in hosts.items()}
    assert not shell(wrong, OURS)
    resolv = {name: shell(host, "cat /etc/resolv.conf") for name, host in hosts.items()}

    run = playbook("deploy", "-i", str(extra))

    assert run.returncode != 0
    told = {event["host"]: event for event in run.failures}
    assert told.keys() == {no_client.name, rival.name, wrong.name}
    assert "is NetworkManager's, which does not run: start it" in told[no_client.name]["msg"]
    assert "Port 53 of 127.0.0.1 is held by python3" in told[rival.name]["msg"]
    for host in (no_client, rival):
        assert not [event for event in run.results if event["host"] == host.name and event["changed"]]
        assert "not found" in inside(host, "sh", "-c", "dnsmasq --version").stderr, "a package was installed"
        assert shell(host, ETC) == before[host.name]
    assert "expected 192.0.2.9, got 10.20.0.21; everything that this step changed is back" in told[wrong.name]["msg"]
    # The package went again, too.
    assert not shell(wrong, OURS)
    assert shell(wrong, "dpkg-query -W -f '${db:Status-Status}' dnsmasq") == "config-files"
    for host in (no_client, rival, wrong):
        assert shell(host, "cat /etc/resolv.conf") == resolv[host.name]
        assert shell(host, "getent hosts db.corp.example").split()[0] == "10.20.0.21"
    assert shell(wrong, "systemctl is-active dnsmasq || true") == "inactive\n"

    # The file that NetworkManager really merges on this host is the last of the seven.
    merged = shell(other_file, "cat /var/lib/NetworkManager/dhclient-eth0.conf")
    assert "# Merged from /etc/dhclient.conf" in merged
    assert "prepend domain-name-servers 127.0.0.1;" in merged
    assert shell(other_file, "grep nameserver /etc/resolv.conf").splitlines()[0] == "nameserver 127.0.0.1"
