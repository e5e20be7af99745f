# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of benches: bench.py [NAME [OPTIONS]]

    bench.py                            all of them, one after the other, each with its defaults
    bench.py --quick                    the same, a small sample of each
    bench.py resolver --rounds 3        one, with options of its own; --help lists them
    bench.py page                       none: only the page, from the numbers that are there

Whatever was run, the page of all numbers that are there is written at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
LAB = HERE.parents[1] / "molecule" / "lab"
NAMES = ("resolver", "story", "run", "scale", "fleet")
#: Seconds that one bench may take, whatever its own limits are, and that it has for leaving when it is told to.
LIMIT, LEAVE = 3600, 90
#: `scale` deploys to thousands of hosts, with stubs in their place: hours of the processors.
LIMITS = {"scale": 5 * 3600}


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] bench: {text}", flush=True)


def environment(name: str) -> dict[str, str]:
    """What each bench finds: the lab's modules, those that benches share, the collection, and its own inventory."""
    path = [str(LAB), str(HERE), str(HERE / "fleet"), os.environ["EVERYWHERE_COLLECTIONS"]]
    inventory = HERE / name / "inventory"
    own = {"EVERYWHERE_INVENTORY": str(inventory)} if inventory.is_dir() else {}
    return os.environ | own | {"PYTHONPATH": os.pathsep.join(path)}


def run(name: str, options: list[str]) -> int:
    """One bench, within its time; afterwards nothing of a lab is up."""
    argv = [sys.executable, str(HERE / name / f"{name}.py"), *options]
    say(f"{name} {' '.join(options)}".rstrip())
    limit = LIMITS.get(name, LIMIT)
    process = subprocess.Popen(argv, env=environment(name))
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        say(f"{name} took more than {limit} s: it is ended")
        return 1
    finally:
        end(process)
        if (HERE / name / "inventory").is_dir():
            subprocess.run([sys.executable, str(LAB / "lab.py"), "down"], env=environment(name), check=True)


def end(process: subprocess.Popen[bytes]) -> None:
    """By its process id, and gently first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(LEAVE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main(argv: list[str]) -> int:
    asked, options = ([argv[0]], argv[1:]) if argv and not argv[0].startswith("-") else (list(NAMES), argv)
    if {"-h", "--help"} & {*options} and len(asked) > 1:
        print(__doc__)
        return 0
    if asked[0] not in (*NAMES, "page"):
        print(f"bench: there is no {asked[0]}; there are {', '.join(NAMES)}, and page", file=sys.stderr)
        return 2
    codes = {name: run(name, options) for name in asked if name != "page"}
    # Only here: a bench needs no library that draws.
    from page import write
    from results import FOLDER

    for name, code in codes.items():
        say(f"{name}: {'measured, and no claim fails' if code == 0 else f'ended with {code}'}")
    say(f"the page: {write(FOLDER, NAMES)}")
    return max(codes.values(), default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
