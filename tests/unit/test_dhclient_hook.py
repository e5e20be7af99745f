# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources the hook as dhclient-script does, in /bin/sh."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2
import pytest

TEMPLATE = Path(__file__).resolve().parents[2] / "roles/resolv_conf/templates/dhclient_hook.sh.j2"


@pytest.mark.parametrize(
    ("reason", "given", "first"),
    [
        ("BOUND", "192.0.2.11 192.0.2.12", "127.0.0.1 192.0.2.11 192.0.2.12"),
        ("RENEW", "192.0.2.11", "127.0.0.1 192.0.2.11"),
        ("REBIND", "192.0.2.11 127.0.0.1", "127.0.0.1 192.0.2.11"),
        ("REBOOT", "127.0.0.1 192.0.2.11", "127.0.0.1 192.0.2.11"),
        ("TIMEOUT", "127.0.0.1 127.0.0.1 192.0.2.11", "127.0.0.1 192.0.2.11"),
        ("BOUND", "127.0.0.11 192.0.2.11", "127.0.0.1 127.0.0.11 192.0.2.11"),
        ("BOUND", "", ""),
        ("BOUND", "127.0.0.1", ""),
        ("EXPIRE", "192.0.2.11", "192.0.2.11"),
        ("PREINIT", "", ""),
    ],
    ids=[
        "a new lease",
        "a renewal",
        "an admin's own append is not doubled",
        "an admin's own prepend is not doubled",
        "nor is it if it stands there twice",
        "another address that begins alike is another",
        "no servers, no line",
        "dnsmasq alone is no list of servers",
        "an end of the lease is left alone",
        "so is the time before it",
    ],
)
@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("ours", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2", "127.0.0.3"]], ids=["one", "three"])
def test_our_servers_are_first_and_once(ours: list[str], family: str, reason: str, given: str, first: str) -> None:
    if family == "6":
        reason = {"REBOOT": "REBIND", "TIMEOUT": "REBIND"}.get(reason, reason) + "6"  # DHCPv6 has no such events
    variable = "new_domain_name_servers" if family == "4" else "new_dhcp6_name_servers"
    jinja = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    jinja.filters["comment"] = lambda text: f"#\n# {text}\n#"
    hook = jinja.from_string(TEMPLATE.read_text()).render(ansible_managed="x", resolv_conf_nameservers=ours)
    script = f"set -u\nreason={reason}\n{variable}='{given}'\n{hook}\nprintf '%s' \"${variable}\"\n"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == (first.replace("127.0.0.1 ", " ".join(ours) + " ", 1), "")
