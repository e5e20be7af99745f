# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that is not there: what each module would return from a fresh Debian, so that only the controller works."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: stub_host
short_description: A host that is not there
description: Answers each module with what it would return on a fresh Debian 12, to try the controller alone.
options: {}
"""

MODULE = re.compile(rb"(?:ansible_collections\.everywhere\.dnsmasq\.plugins|ansible)\.modules\.(\w+)")
INFO = {
    "changed": False,
    "provider": "dhclient_ifupdown",
    "evidence": "dhclient runs",
    "manageable": True,
    "obstacle": "",
    "path": "/etc/resolv.conf",
    "source": "/etc/resolv.conf",
    "nameservers": ["192.0.2.11"],
    "search": [],
    "options": [],
    "upstreams": ["192.0.2.11"],
    "nsswitch_resolve": False,
    "dhclient_confs": [],
    "resolved_servers": [],
    "resolv_conf_consumers": [],
    "notes": [],
    "listeners": [],
    "dnsmasq": {
        "installed": False,
        "version": "2.90",
        "package": None,
        "ours": False,
        "brought": False,
        "metrics": False,
    },
    "systemd": 252,
    "os": {"id": "debian", "like": [], "version": "12"},
    "dnspython": None,
    "nft": True,
    "python": "/usr/bin/python3",
    "updates": None,
    "facts_hash": "0" * 64,
    "up_to_date": False,
    "drift": "dnsmasq was not deployed",
}
RESULTS: dict[str, dict[str, Any]] = {
    "resolver_info": INFO,
    "transaction": {
        "changed": True,
        "files": [],
        "restarted": [],
        "reloaded": False,
        "proof": None,
    },
    "query_latency": {"changed": False, "queries": []},
    "apt": {"changed": True},
    # In the place of each of these where a bench leaves out what is ours.
    "ping": {"changed": True, "ping": "pong"},
}


class Connection(ConnectionBase):
    transport = "stub_host"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = True
        return self

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        named = MODULE.search(in_data or b"")
        if named is None:
            return 0, b"", b""
        return 0, json.dumps(RESULTS[named[1].decode()]).encode(), b""

    def put_file(self, in_path: str, out_path: str) -> None:
        """Nothing is there that could hold it."""

    fetch_file = put_file

    def close(self) -> None:
        self._connected = False
