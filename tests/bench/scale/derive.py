# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""derive.py HOSTS ZONES: plan and render every host of such a fleet in this process, and nothing else.

The collection's own functions and template, without Ansible around them. Prints the seconds of the processor that
each step took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.plan import plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.settings import settings
from layout import written
from sites import Fleet

VERSION = "2.90"
RESOLV_FILE = "/run/dnsmasq-everywhere/upstream.conf"


def derive(fleet: Fleet) -> dict[str, float]:
    topology, networks = fleet.topology, fleet.members
    members = [name for name, hosts in networks.items() for _host in hosts]
    spent: Counter[str] = Counter()
    for name, hosts in networks.items():
        for host in hosts:
            at = [time.process_time()]
            planned = plan(topology, host, name, members=members)
            at.append(time.process_time())
            lines = settings(planned, VERSION, resolv_file=RESOLV_FILE)
            at.append(time.process_time())
            text = written(planned, lines)
            at.append(time.process_time())
            spent += Counter({"plan": at[1] - at[0], "settings": at[2] - at[1], "render": at[3] - at[2]})
            spent += Counter({"hosts": 1, "bytes": len(text)})
    return dict(spent)


if __name__ == "__main__":
    json.dump(derive(Fleet(int(sys.argv[1]), int(sys.argv[2]))), sys.stdout)
