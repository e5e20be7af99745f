"""Runs stages side by side, says what goes on, and ends with a table and a count; non-zero on any failure.

python3 .ci/stages.py NAME...      what each of them does is a function of .ci/stage
python3 .ci/stages.py clean        take every lab down, and remove what was kept between runs

Two stages run at a time: one that is bound by time, and beside it, with a fifth of the processors and what else is
left, one that is not. Those that say how long something takes run when nothing else does. A stage that fails says so
at once, the others go on, and each has a limit: nothing hangs.

Each stage has a control group of its own, hosts of its lab included. So its processor time is known, and so is what
would be left of it, which is killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path(os.environ.get("EVERYWHERE_CACHE") or Path.home() / ".cache" / "everywhere-dnsmasq")
#: Of two checkouts on one machine, what this one writes is its own.
CHECKOUT = hashlib.sha256(str(ROOT).encode()).hexdigest()[:6]
WORK = CACHE / "checkouts" / CHECKOUT
LOGS = WORK / "logs"
FIRST, BESIDE, ALONE, SOAK = "first", "beside", "alone", "soak"
#: How many of a kind run at once. More would leave those that are bound by time a half of two processors; a day of a
#: network waits most of its time.
LANES = {FIRST: 1, BESIDE: 1, ALONE: 1, SOAK: 2}
#: Of each stage its kind, and the minutes that it may take with others beside it and images to be built.
STAGES = {
    "providers": (FIRST, 40),
    "faults": (FIRST, 40),
    "two_tiers": (FIRST, 30),
    "integration": (FIRST, 30),
    "soak_fresh": (SOAK, 120),
    "soak_deployed": (SOAK, 90),
    "soak_providers": (SOAK, 60),
    "soak_day": (SOAK, 40),
    "lint": (BESIDE, 15),
    "docs": (BESIDE, 15),
    "release_check": (BESIDE, 15),
    "unit": (BESIDE, 45),
    "sanity": (BESIDE, 45),
    "matrix": (BESIDE, 60),
    "samples": (BESIDE, 40),
    "controllers": (BESIDE, 40),
    "metrics": (BESIDE, 30),
    "latency": (ALONE, 15),
    "soak_latency": (ALONE, 60),
    "molecule": (ALONE, 15),
    "story": (ALONE, 15),
    "newcomer": (ALONE, 15),
    "demo": (ALONE, 20),
    "bench": (ALONE, 300),
}
TICK = 0.2
#: Seconds between two lines that say what runs.
BEAT = 30
#: Of the kernel's cgroup v1, where the processors' time is shared out there; else of v2, where it is one tree for all.
CPU_V1 = Path("/sys/fs/cgroup/cpu")
V2 = next(path for path in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")) if path.is_dir())


def say(text: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


class Group:
    """The control group of a stage: counts its processor time, holds it back where others go first, and ends it."""

    def __init__(self, name: str, first: bool) -> None:
        self.path = V2 / f"everywhere.{name}"
        self.shares = CPU_V1 / f"everywhere.{name}" if (CPU_V1 / "cpu.shares").exists() else None
        self.remove()
        for folder in self._folders():
            folder.mkdir()
        # A quarter of what others have, not only what they leave: what waits for seconds fails by its own time-outs.
        share = 4 if first else 1
        for file, whole in ((self.path / "cpu.weight", 25), (CPU_V1 / self.path.name / "cpu.shares", 256)):
            if file.exists():
                file.write_text(str(share * whole))

    def _folders(self) -> list[Path]:
        return [self.path, *([self.shares] if self.shares else [])]

    def enter(self) -> None:
        for folder in self._folders():
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def seconds(self) -> tuple[float, float]:
        """Of the processors: of programs, and of the kernel for them."""
        told = dict(line.split() for line in (self.path / "cpu.stat").read_text().splitlines())
        return int(told["user_usec"]) / 1e6, int(told["system_usec"]) / 1e6

    def stalled(self) -> float:
        """Seconds in which some of it was ready to run and had no processor, where the kernel counts that."""
        file = self.path / "cpu.pressure"
        found = re.search(r"^some .*total=(\d+)", file.read_text(), re.M) if file.exists() else None
        return int(found[1]) / 1e6 if found else 0.0

    def kill(self) -> None:
        """Kill all that is in it and below it, until nothing is."""
        end = time.monotonic() + 60
        while pids := self._pids():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > end:
                raise SystemExit(
                    f"stages: {self.path.name}: processes {pids} are still there after a minute of SIGKILL"
                )
            time.sleep(0.05)

    def _pids(self) -> list[int]:
        found: list[int] = []
        for folder in self._folders():
            for procs in folder.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):  # a host of the lab removed that group meanwhile
                    found += map(int, procs.read_text().split())
        return found

    def remove(self) -> None:
        """Also what a run that was killed left of this name, and what systemd-nspawn made in other trees."""
        if self.path.exists():
            self.kill()
        for folder in [*V2.glob(self.path.name), *Path("/sys/fs/cgroup").glob(f"*/{self.path.name}")]:
            for inner in sorted(folder.rglob("*/"), reverse=True):
                inner.rmdir()
            if folder.exists():
                folder.rmdir()


@dataclass
class Running:
    """One stage at work."""

    name: str
    process: subprocess.Popen[bytes]
    group: Group
    environment: dict[str, str]
    log: Path
    began: float = field(default_factory=time.monotonic)
    looked: float = field(default_factory=time.monotonic)
    busy: float = 0.0
    waited: float = 0.0
    shown: int = 0
    over_limit: bool = False

    @property
    def took(self) -> float:
        return time.monotonic() - self.began

    def look(self) -> None:
        """Where it neither used one processor nor was kept from one, the stage only waited."""
        now, busy = time.monotonic(), sum(self.group.seconds()) + self.group.stalled()
        self.waited += max(0.0, (now - self.looked) - (busy - self.busy))
        self.looked, self.busy = now, busy

    def show(self, prefix: str, whole: bool = False) -> None:
        """Print the lines that are new in the log."""
        with self.log.open("rb") as file:
            file.seek(self.shown)
            text = file.read()
        end = len(text) if whole else text.rfind(b"\n") + 1
        self.shown += end
        for line in text[:end].decode(errors="replace").splitlines():
            print(f"{prefix}{line}")
        sys.stdout.flush()


def start(name: str) -> Running:
    lab = f"{name.replace('_', '-')}-{CHECKOUT}"
    group = Group(f"{name}-{CHECKOUT}", first=STAGES[name][0] != BESIDE)
    environment = dict(
        os.environ,
        EVERYWHERE_LAB=lab,
        EVERYWHERE_CGROUP=str(group.path),
        EVERYWHERE_TABLE=str(LOGS / f"{name}.table"),
        TMPDIR=tempfile.mkdtemp(prefix="everywhere-"),
    )
    log = LOGS / f"{name}.log"
    log.with_suffix(".table").unlink(missing_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(ROOT / ".ci/stage"), name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            preexec_fn=group.enter,
        )
    return Running(name, process, group, environment, log)


def clear(one: Running) -> bool:
    """Leave nothing of a stage: neither a process, nor its lab, nor its scratch files."""
    one.group.kill()
    one.process.wait()
    down = 0
    if Path("/run/everywhere-labs", one.environment["EVERYWHERE_LAB"]).exists():
        with one.log.open("ab") as log:
            down = subprocess.call([str(ROOT / ".ci/stage"), "down"], env=one.environment, stdout=log, stderr=log)
    one.group.remove()
    shutil.rmtree(one.environment["TMPDIR"])
    return down == 0


def told(log: Path) -> list[str]:
    """The lines of a log that say what failed, or else its last ones."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if re.match(r"(E  |FAILED |ERROR )", line)][-30:] or lines[-15:]


def tables(names: list[str]) -> list[str]:
    """What stages wrote down as tables; those with the same head are one."""
    lines: list[str] = []
    head: list[str] = []
    for name in names:
        file = LOGS / f"{name}.table"
        if file.exists():
            rows = file.read_text().splitlines()
            lines += rows[2:] if rows[:2] == head else ["", *rows]
            head = rows[:2]
    return lines


def next_one(waiting: list[str], running: list[Running]) -> str | None:
    """The first of those that wait for which there is room."""
    lanes = [STAGES[one.name][0] for one in running]
    for name in waiting:
        lane = STAGES[name][0]
        room = 2 if lane == BESIDE and FIRST not in lanes else LANES[lane]
        if lane == ALONE and (running or any(STAGES[other][0] != ALONE for other in waiting)):
            continue
        if ALONE not in lanes and lanes.count(lane) < room:
            return name
    return None


def run(names: list[str]) -> int:
    LOGS.mkdir(parents=True, exist_ok=True)
    # Where the newest are found, whichever checkout they are of.
    latest = LOGS.with_name("logs.link")
    latest.unlink(missing_ok=True)
    latest.symlink_to(LOGS)
    latest.rename(CACHE / "logs")
    began = beat = time.monotonic()
    if code := subprocess.call([str(ROOT / ".ci/stage"), "prepare"]):
        return code
    rows, failed = [f"{'set-up':14}{time.monotonic() - began:6.0f}"], []
    waiting, running = [name for name in STAGES if name in names], []
    try:
        while waiting or running:
            while (name := next_one(waiting, running)) is not None:
                waiting.remove(name)
                running.append(start(name))
                say(f"===== {name}: begins; its log is {running[-1].log}")
            time.sleep(TICK)
            for one in list(running):
                prefix = f"{one.name:13} | " if len(names) > 1 else ""
                one.look()
                one.over_limit = one.took > STAGES[one.name][1] * 60
                if one.process.poll() is None and not one.over_limit:
                    one.show(prefix)
                    continue
                one.show(prefix, whole=True)
                if one.over_limit:
                    say(f"{one.name} took its {STAGES[one.name][1]} minutes: it is killed")
                user, system = one.group.seconds()
                running.remove(one)
                passed = clear(one) and one.process.returncode == 0 and not one.over_limit
                verdict = "passed" if passed else "FAILED"
                failed += [] if passed else [one]
                rows.append(f"{one.name:14}{one.took:6.0f}{user:8.0f}{system:8.0f}{one.waited:8.0f}  {verdict}")
                say(f"===== {one.name}: {verdict} after {one.took:.0f} s{'' if passed else f'; see {one.log}'}")
            if time.monotonic() - beat > BEAT:
                beat = time.monotonic()
                say("; ".join(f"{one.name} {one.took:.0f} s" for one in running) + f". To come: {' '.join(waiting)}")
    finally:
        for one in running:
            say(f"{one.name} is ended")
            clear(one)
    print(*tables([name for name in STAGES if name in names]), sep="\n")
    # What failed is said again where nobody has to look for it.
    for one in failed:
        print(f"\n----- {one.name} failed: {one.log} -----", *told(one.log), sep="\n")
    print(f"\n{'seconds':14}{'wall':>6}{'user':>8}{'system':>8}{'waited':>8}", *rows, sep="\n")
    print(f"{'in all':14}{time.monotonic() - began:6.0f}")
    print(f"{len(rows) - 1 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def main(names: list[str]) -> int:
    os.environ |= {"EVERYWHERE_CACHE": str(CACHE), "EVERYWHERE_WORK": str(WORK)}
    if names in (["clean"], ["shell"]):
        os.environ["EVERYWHERE_LAB"] = f"shell-{CHECKOUT}"
        os.execv(ROOT / ".ci/stage", [str(ROOT / ".ci/stage"), *names])
    if unknown := [name for name in names if name not in STAGES]:
        raise SystemExit(f"stages: there is no {unknown[0]}; there are {', '.join(STAGES)}, clean and shell")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return run(names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
