# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands is left alone, and whatever no longer does is found: on real files, with a systemd of paper."""

import copy
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import detect
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import apply, backup, drift, restore, spec
from ansible_collections.everywhere.dnsmasq.plugins.modules import transaction
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.module_utils._transaction.test_apply import (
    FIRST,
    Lab,
    unit,
)

pytestmark = pytest.mark.ansible
WORDS = "inputs basis"


class Deployed:
    """A host to which one transaction was deployed, and kept."""

    def __init__(self, root: Path) -> None:
        self.lab = Lab(root)
        given = {
            "name": "dnsmasq",
            "record_dir": str(root / "records"),
            "files": [{"path": str(self.lab.old), "content": "new\n"}],
            "units": [unit(FIRST, restart_for=[str(self.lab.old)])],
            "deployed": WORDS,
        }
        self.params = ArgumentSpecValidator(transaction.ARGUMENTS).validate(given).validated_parameters
        self.run()
        self.kept = Path(backup.kept_of("dnsmasq", self.params["record_dir"]))

    def run(self) -> None:
        apply.deploy(spec.request_from(self.params), self.lab.host(), False)
        drift.keep(self.params)

    def differs(self, words: str = WORDS, names: tuple[str, ...] = ("dnsmasq",)) -> str:
        return drift.drift(names, words, self.params["record_dir"], lambda params: self.lab.host())


@pytest.fixture
def deployed(tmp_path: Path) -> Deployed:
    return Deployed(tmp_path)


def test_what_stands_is_proven_again_and_left_alone(deployed: Deployed) -> None:
    made, before = deployed.lab.proof.made, deployed.lab.picture()
    done = list(deployed.lab.systemd.log)
    assert deployed.differs() == ""
    assert deployed.lab.proof.made == made + 1
    assert (deployed.lab.picture(), deployed.lab.systemd.log) == (before, done)


OTHER = "was not deployed from the same inventory, collection and host"


@pytest.mark.parametrize(
    ("happens", "found"),
    [
        (lambda it: it.lab.old.write_text("edited\n"), "old is not as it was left"),
        (lambda it: it.lab.old.chmod(0o600), "old is not as it was left"),
        (lambda it: it.lab.old.unlink(), "old is not as it was left"),
        (lambda it: it.lab.systemd.units[FIRST].update(active="failed"), f"{FIRST} is not as it was left"),
        (lambda it: it.lab.systemd.units[FIRST].update(stale="yes"), "systemd has to read again"),
        (lambda it: it.lab.systemd.units.clear(), f"{FIRST} is not as it was left"),
        (lambda it: setattr(it.lab.proof, "failures", 99), "failure"),
        (lambda it: it.kept.unlink(), OTHER),
        (lambda it: it.kept.write_text("{"), "is not readable"),
        (lambda it: (it.kept.unlink(), it.kept.mkdir()), "is not readable"),
        (lambda it: it.kept.write_text("[]"), "is not readable"),
        (lambda it: it.kept.write_text(json.dumps({"deployed": WORDS})), "is not readable"),
    ],
    ids=[
        "a file that was edited", "another mode", "a file that is gone", "a unit that failed", "a unit that was edited",
        "a unit that is gone", "answers that are not right", "nothing kept", "half of it kept",
        "a directory in its place", "something else kept",
        "words alone kept",
    ],
)  # fmt: skip
def test_what_no_longer_stands_is_found(deployed: Deployed, happens: Callable[[Deployed], Any], found: str) -> None:
    happens(deployed)
    assert found in deployed.differs()


def test_other_words_and_other_transactions_are_another_deploy(deployed: Deployed) -> None:
    assert OTHER in deployed.differs("other basis")
    assert deployed.differs(names=("dnsmasq", "resolv_conf")).startswith("resolv_conf was not deployed")


def test_a_deploy_that_failed_leaves_what_was_kept_of_the_one_that_holds(deployed: Deployed) -> None:
    before = deployed.kept.read_text()
    deployed.params["files"][0]["content"] = "newer\n"
    deployed.params["deployed"] = "other basis"
    deployed.lab.proof = type(deployed.lab.proof)(failures=99)
    with pytest.raises(apply.RolledBack):
        deployed.run()
    assert deployed.kept.read_text() == before
    deployed.lab.proof.failures = 0
    assert deployed.differs() == "" and OTHER in deployed.differs("other basis")


def test_what_is_kept_is_roots_own_and_goes_with_the_record(deployed: Deployed) -> None:
    assert stat.S_IMODE(deployed.kept.stat().st_mode) == 0o600
    request = spec.request_from({**deployed.params, "files": [], "units": []})
    restore.restore(request, deployed.lab.host(), False)
    assert not deployed.kept.exists() and not deployed.kept.parent.exists()
    assert OTHER in deployed.differs()


def test_a_write_that_was_cut_off_is_written_over_and_goes_too(deployed: Deployed) -> None:
    deployed.kept.with_name(deployed.kept.name + ".new").write_text("{")
    deployed.params["deployed"] = "newer basis"
    deployed.run()
    assert deployed.differs("newer basis") == ""
    deployed.kept.with_name(deployed.kept.name + ".new").write_text("{")
    request = spec.request_from({**deployed.params, "files": [], "units": []})
    restore.restore(request, deployed.lab.host(), False)
    assert not deployed.kept.parent.exists()


INFO: dict[str, Any] = {
    "provider": "static",
    "obstacle": "",
    "path": "/etc/resolv.conf",
    "source": "/etc/resolv.conf",
    "dhclient_confs": [],
    "resolved_servers": [],
    "systemd": 252,
    "os": {"id": "debian", "like": [], "version": "12"},
    "python": "/usr/bin/python3",
    "dnspython": "2.3.0",
    "nft": False,
    "nameservers": ["192.0.2.1"],
    "listeners": [],
    "dnsmasq": {
        "installed": True,
        "version": "2.90",
        "package": "2.90-4",
        "ours": False,
        "brought": True,
    },
}


def test_the_basis_is_what_a_deploy_follows_from_and_nothing_else() -> None:
    other = copy.deepcopy(INFO)
    other.update(nameservers=["127.0.0.1", "192.0.2.1"], listeners=[{"process": "dnsmasq"}])
    other["dnsmasq"].update(ours=True)
    assert detect.facts_hash(other) == detect.facts_hash(INFO)
    for key in detect.HASHED:
        assert detect.facts_hash({**INFO, key: "other"}) != detect.facts_hash(INFO), key
    for key in detect.HASHED_OF_DNSMASQ:
        assert detect.facts_hash({**INFO, "dnsmasq": {**INFO["dnsmasq"], key: "other"}}) != detect.facts_hash(INFO), key
