"""The lab of providers: its hosts, all looked at side by side, and the table of what was found true of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import lab
import pytest
import yaml
from plays import Run, keep_table, play_quietly

ROOT = Path(__file__).resolve().parents[3]
BY_NAME = {host.name: host for host in lab.read_inventory()[1]}
INVENTORY = yaml.safe_load(lab.INVENTORY.read_text())["all"]["children"]["vpc"]["children"]
#: The provider that each host has to be found to have.
PROVIDERS = {name: known["lab_provider"] for name, known in INVENTORY["clients"]["hosts"].items()}
CLIENTS = [BY_NAME[name] for name in PROVIDERS]
#: What DHCP hands out, and what a static host has in its file.
SERVERS = ["10.20.0.11", "10.20.0.12", "10.1.0.2"]
ONE_OF_EACH = {
    "bu-ifupdown",
    "bw-nm-dhclient",
    "bu-nm",
    "tx-nm",
    "fk-resolved",
    "bw-networkd",
    "tx-dhcpcd",
    "bw-resolvconf",
    "tx-openresolv",
    "bw-static",
}
#: Nobody hands anything out to it.
STATIC = {"bw-static"}


@dataclass
class Table:
    """One row a host, one cell a claim that is shown; claims that do not hold fail the test for all hosts together."""

    cells: dict[str, dict[str, str]] = field(default_factory=lambda: {name: {} for name in PROVIDERS})

    def each(
        self,
        claim: str,
        check: Callable[[lab.Host], str | None],
        hosts: list[lab.Host] | None = None,
        shown: bool = True,
    ) -> None:
        """Check a claim on every host, eight at a time; what the check returns stands in the cell."""

        def one(host: lab.Host) -> str | None:
            try:
                told, failure = check(host) or "yes", None
            except (AssertionError, SystemExit) as error:
                told, failure = "NO", f"{host.name}: {error}"
            if shown:
                self.cells[host.name][claim] = told
            return failure

        with ThreadPoolExecutor(8) as pool:
            failures = [failure for failure in pool.map(one, hosts or CLIENTS) if failure]
        assert not failures, f"{claim}: " + "\n".join(failures)

    def lines(self) -> list[str]:
        claims = list(dict.fromkeys(claim for cells in self.cells.values() for claim in cells))
        rows = [["host", *claims], ["---"] * (len(claims) + 1)]
        rows += [[name, *(cells.get(claim, "-") for claim in claims)] for name, cells in self.cells.items()]
        return [f"| {' | '.join(row)} |" for row in rows]


@pytest.fixture(scope="session")
def table() -> Iterator[Table]:
    made = Table()
    yield made
    keep_table(made.lines())


@pytest.fixture(scope="session")
def playbook(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    return lambda name, *options: play_quietly(tmp_path_factory.mktemp("events"), name, "-f", "6", *options)
