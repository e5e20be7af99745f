"""The two roles in a play of the user's own, without the collection's playbooks: there and back."""

from __future__ import annotations

import yaml
from looks import shell
from plays import BUSY


def test_the_roles_alone_deploy_change_nothing_twice_and_lead_back(east, tmp_path):
    hosts, playbook = east

    def play(*roles):
        path = tmp_path / "roles.yml"
        path.write_text(yaml.safe_dump([{"hosts": "clients", "gather_facts": False, "roles": list(roles)}]))
        return playbook(str(path))

    deploy = ("everywhere.dnsmasq.dnsmasq", "everywhere.dnsmasq.resolv_conf")
    assert play(*deploy).returncode == 0
    for host in hosts:
        assert shell(host, "grep nameserver /etc/resolv.conf").splitlines()[0] == "nameserver 127.0.0.1"
    assert playbook("verify", *BUSY).returncode == 0
    again = play(*deploy)
    assert (again.returncode, again.changed) == (0, [])
    back = [{"role": f"everywhere.dnsmasq.{name}", f"{name}_state": "absent"} for name in ("resolv_conf", "dnsmasq")]
    assert play(*back).returncode == 0
    for host in hosts:
        assert "127.0.0.1" not in shell(host, "cat /etc/resolv.conf")
        assert shell(host, "find /etc /usr/local /var/lib -name '*everywhere*'") == ""
