"""The story of the README: what lookups cost before and after, by the clock and by the servers' own counters."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from demo import KINDS
from probes import own_gaps

#: Of those that wait for a WAN, more prove no more.
LOOKUPS = 50
DEMO = Path(__file__).resolve().parents[3] / "molecule" / "lab" / "demo.py"


def test_a_repeated_lookup_is_local_and_nothing_public_crosses_to_the_datacenter(clients, tmp_path):
    figures = tmp_path / "figures.json"
    subprocess.run([sys.executable, str(DEMO), "--json", str(figures), "--lookups", str(LOOKUPS)], check=True)
    told = json.loads(figures.read_text())
    for host in clients:
        own = own_gaps(host, "dhclient_ifupdown" if host.flavour == "ifupdown" else "")
        for kind in KINDS:
            before, after = told["before"][host.name][kind], told["after"][host.name][kind]
            where = f"{host.name}, {kind}: {before} before, {after} after"
            assert after["failed"] == 0, where
            # Without dnsmasq a host has none to ask while dhclient-script writes resolv.conf at a renewal.
            assert [moment for moment in before["failed_at"] if not own(moment)] == [], where
            assert before["answers"] == after["answers"], where
            assert before["repeated"] > 69, f"a WAN round trip each time: {where}"
            # All of them crossed; a few are missing where dnstap, which never holds a server up, had to drop some.
            assert before["crossed"] > 1.9 * LOOKUPS, where
            assert after["repeated"] < 1, where
            # Medians: where the machine stood still for 60 ms the sums say more of it than of the hosts.
            assert before["repeated"] >= 100 * after["repeated"], where
            if kind == "public":
                assert after["crossed"] == 0, where
            else:
                # A and AAAA once each to both name servers; a missing name is also tried below the search list.
                assert 1 <= after["crossed"] <= 8, where
