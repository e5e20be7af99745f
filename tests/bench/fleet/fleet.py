# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts of a network ask for one name at once: how many queries cross, how many reach the authority, who is lost.

Thousands of real dnsmasq, each with the configuration that the role renders for it, behind two bridges, two bridges on
the other side, and an authority that counts and delays. For each release of Debian: cold lookups, warm ones, with a
bridge frozen, a name that expires while it is asked for, and at last the same with dnsmasq's defaults.

Everything runs in a network namespace of its own, which ends with it. Run it as root:
make bench BENCH="fleet --instances 500 --suites bookworm".
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict
from typing import Any

import rounds
from images import image
from layout import LOCAL_BRIDGES, REMOTE_BRIDGES, Layout
from namespace import ENTER, end_quietly, say
from report import claims, plots, table
from results import Bench, parser

#: Each lookup of a local takes two ports of the one namespace, and its client's socket another one.
MOST_INSTANCES = 15000
#: Measured: MiB of an instance with its share of the kernel's memory, and bytes of each name that its cache may hold.
MIB_PER_INSTANCE, BYTES_PER_NAME = 0.8, 100
#: Measured on two cores, with a margin: seconds to start an instance, and of a round.
SECONDS_PER_START, SECONDS_PER_ROUND = 0.01, 8

_WHAT = (
    "As many real dnsmasq as hosts, each with the configuration that the role renders for it, behind two bridges, two "
    "bridges on the other side, and an authority that counts and delays. All ask for one name as fast as one process "
    "can send, once; what crosses, what reaches the authority, and who gets no answer is counted."
)


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    made = parser("fleet", __doc__)
    made.add_argument("--instances", type=int, default=5000, help="local instances (%(default)s)")
    made.add_argument(
        "--suites", default="bullseye,bookworm,trixie,forky", help="Debian's releases, with commas (%(default)s)"
    )
    made.add_argument("--cold", type=int, default=3, help="rounds with a name that nobody knows (%(default)s)")
    made.add_argument("--delay", type=float, default=50, help="milliseconds of the authority (%(default)s)")
    made.add_argument("--expiries", type=int, default=20, help="of a name that is asked for; 0: none (%(default)s)")
    made.add_argument("--expiry-instances", type=int, default=200, help="locals that ask then (%(default)s)")
    made.add_argument("--rate", type=float, default=400, help="queries a second in all, then (%(default)s)")
    made.add_argument("--limit", type=float, default=900, help="seconds for one release at most (%(default)s)")
    args = made.parse_args(argv)
    if args.quick:
        args.instances, args.suites, args.cold, args.expiries = 300, "bookworm", 1, 0
    args.suites = args.suites.split(",")
    return args


class Cost:
    """What a run will use, so that it can be said, or refused, before it starts."""

    def __init__(self, args: argparse.Namespace) -> None:
        layout = Layout(args.instances)
        buffers = sum(layout.bridge_plan(host)["sizes"]["receive_buffer"] for host in LOCAL_BRIDGES | REMOTE_BRIDGES)
        names = layout.local_plan["sizes"]["cache_size"]
        self.instances = args.instances
        self.mib = args.instances * (MIB_PER_INSTANCE + names * BYTES_PER_NAME / 2**20) + buffers / 2**20 + 200
        waves = args.cold + 6
        expiry = args.expiries * (rounds.BRIEF + 1)
        self.seconds = 2 * args.instances * SECONDS_PER_START + waves * SECONDS_PER_ROUND + expiry
        self.lookups = math.ceil(waves * args.instances + expiry * args.rate)

    def obstacle(self) -> str | None:
        """Why it cannot run here, in one sentence."""
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if os.geteuid():
            return "run it as root: it makes a network namespace and mounts"
        if not 1 <= self.instances <= MOST_INSTANCES:
            return f"{self.instances} instances do not share one host's ports: ask for 1 to {MOST_INSTANCES}"
        if self.instances + 100 > files:
            return f"{self.instances} instances need as many sockets, and the limit is {files}: raise `ulimit -n`"
        if self.mib > rounds.available():
            return (
                f"{self.instances} instances need about {self.mib / 1024:.1f} GiB of memory and "
                f"{rounds.available() / 1024:.1f} are available: ask for fewer with --instances"
            )
        return None


def run(suite: str, args: argparse.Namespace) -> dict[str, Any]:
    """One release, in a namespace of its own, within the limit of time."""
    order = rounds.Order(
        suite,
        [str(folder) for folder in image(suite, "fleet")],
        *(args.instances, args.cold, args.delay, args.expiries, args.expiry_instances, args.rate),
    )
    with tempfile.TemporaryFile("w+") as channel:
        json.dump(asdict(order), channel)
        channel.flush()
        channel.seek(0)
        child = subprocess.Popen(
            [*ENTER, sys.executable, "-B", rounds.__file__, str(channel.fileno())], pass_fds=[channel.fileno()]
        )
        try:
            code = child.wait(args.limit)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"fleet: {suite} took more than {args.limit:.0f} s: raise --limit") from None
        finally:
            # With it everything in the namespace ends.
            child.kill()
            child.wait()
        if code:
            raise SystemExit(f"fleet: {suite} ended with {code}")
        channel.seek(0)
        results: dict[str, Any] = json.load(channel)
        return results


def main() -> int:
    args = arguments()
    cost = Cost(args)
    obstacle = cost.obstacle()
    if obstacle:
        raise SystemExit(f"fleet: {obstacle}.")
    end_quietly()
    say(
        f"{args.instances} instances of dnsmasq of {', '.join(args.suites)}, one release after the other. Each takes "
        f"about {cost.mib / 1024:.1f} GiB of memory ({rounds.available() / 1024:.1f} are available), "
        f"{cost.seconds / 60:.0f} minutes (it is ended after {args.limit / 60:.0f}) and {cost.lookups} lookups, in a "
        "network namespace that nothing leaves"
    )
    bench = Bench("fleet", "All hosts ask for one name at once", _WHAT, rounds=args.cold, quick=args.quick)
    suites = [run(suite, args) for suite in args.suites]
    for suite in suites:
        bench.tables.append(table(suite))
        bench.plots += plots(suite, args.delay)
        bench.claims += [] if args.quick else claims(suite)
        bench.versions[f"dnsmasq of {suite['suite']}"] = suite["version"]
    bench.commands = [f'make bench BENCH="fleet --instances {args.instances} --suites {",".join(args.suites)}"']
    bench.more = {"delay_ms": args.delay, "suites": suites}
    return bench.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
