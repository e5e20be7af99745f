# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps a unit needs, and what systemctl is asked and how its answers are read."""

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import files, units

NAME = "dnsmasq.service"
# as printed by systemd 252 for an active, an alias and a missing unit
SHOWN = """\
Id=dnsmasq.service
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NeedDaemonReload=no
ActiveEnterTimestampMonotonic=5000000

Id=systemd-resolved.service
LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=alias
NeedDaemonReload=yes
ActiveEnterTimestampMonotonic=0

Id=missing.service
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
NeedDaemonReload=no
ActiveEnterTimestampMonotonic=0
"""


def unit(enabled=None, running=True):
    return units.UnitSpec(NAME, enabled, running)


def state(active="active", enablement="enabled", load="loaded"):
    return units.UnitState(load, active, "", enablement)


class Programs:
    """Answers by the beginning of the command line; what is not told succeeds in silence."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def __call__(self, argv):
        self.asked.append(" ".join(argv))
        return next((answer for start, answer in self.answers.items() if self.asked[-1].startswith(start)), (0, "", ""))


@pytest.mark.parametrize(
    ("name", "full"),
    [("dnsmasq", "dnsmasq.service"), ("dns.path", "dns.path"), ("dhclient@eth0.1", "dhclient@eth0.1.service")],
    ids=["a bare name is a service", "a name with its type stays", "a dot is not yet a type"],
)
def test_a_unit_is_named_in_full(name, full):
    assert units.unit_spec({"name": name, "running": True, "restart_for": []}).name == full


@pytest.mark.parametrize("name", ["", "--now", "a b", "a/b", "a\nb", "a;b"])
def test_a_name_that_is_none_is_a_mistake(name):
    with pytest.raises(files.ValidationError, match="not the name of a systemd unit"):
        units.unit_spec({"name": name, "running": True, "restart_for": []})


@pytest.mark.parametrize(
    ("wanted", "now", "outdated", "verbs"),
    [
        (unit(), state(), False, []),
        (unit(), state(), True, ["restart"]),
        (unit(), state("inactive"), True, ["start"]),
        (unit(), state("failed"), False, ["start"]),
        (unit(), state("activating"), False, ["start"]),
        (unit(), state("reloading"), False, []),
        (unit(running=False), state(), True, ["stop"]),
        (unit(running=False), state("failed"), True, []),
        (unit(enabled=True), state(enablement="disabled"), False, ["enable"]),
        (unit(enabled=True), state(enablement="enabled-runtime"), False, ["enable"]),
        (unit(enabled=True), state(enablement="static"), False, []),
        (unit(enabled=False), state(enablement="enabled"), False, ["disable"]),
        (unit(enabled=False), state(enablement="static"), False, []),
        (unit(enabled=None), state(enablement="disabled"), False, []),
        (unit(enabled=True), units.UnitState(), False, ["enable", "start"]),
        (unit(enabled=False, running=False), units.UnitState(), False, []),
        (unit(running=False), state("inactive", "masked", "masked"), False, []),
    ],
    ids=[
        "all is well",
        "outdated",
        "down and outdated is one start",
        "failed",
        "still in its restart loop",
        "reloading is running",
        "to be stopped",
        "failed is stopped enough",
        "disabled",
        "enabled until the next boot only",
        "static needs no enabling",
        "to be disabled",
        "static cannot be disabled",
        "enablement left alone",
        "not there yet",
        "not there and not wanted",
        "masked and not wanted",
    ],
)
def test_the_steps_of_a_unit(wanted, now, outdated, verbs):
    assert units.steps_for(wanted, now, outdated) == [units.Step(verb, NAME) for verb in verbs]


def test_a_masked_unit_is_not_unmasked_silently():
    with pytest.raises(files.ValidationError, match=f"masked; run systemctl unmask {NAME}"):
        units.steps_for(unit(), state("inactive", "masked", "masked"), False)


def test_all_states_come_from_one_call():
    programs = Programs({"systemctl show": (0, SHOWN, "")})
    names = [NAME, "dbus-org.freedesktop.resolve1.service", "missing.service"]
    active, alias, missing = units.Systemctl(programs, clocks=lambda: (1000.0, 25.0)).states(names).values()
    assert len(programs.asked) == 1
    assert (active.up, active.since, active.stale) == (True, 980.0, False)
    assert (alias.up, alias.since, alias.stale, alias.enablement) == (False, None, True, "alias")
    assert (missing.there, missing.up) == (False, False)


def test_no_units_no_question():
    programs = Programs({})
    assert units.Systemctl(programs).states([]) == {}
    assert programs.asked == []


@pytest.mark.parametrize(
    "answer",
    [(1, "", "System has not been booted with systemd"), (127, "", "cannot run systemctl"), (0, "", "")],
    ids=["no systemd", "no systemctl", "no answer"],
)
def test_a_host_without_systemd_is_a_reason(answer):
    with pytest.raises(units.CommandFailed, match=f"the state of {NAME}, b.service: {answer[2] or 'rc 0'}$"):
        units.Systemctl(Programs({"systemctl show": answer})).states([NAME, "b.service"])


def test_a_start_begins_with_a_clean_slate():
    programs = Programs({"systemctl reset-failed": (1, "", "Unit dnsmasq.service not loaded.")})
    units.Systemctl(programs).take(units.Step("restart", NAME))
    assert programs.asked == [f"systemctl reset-failed -- {NAME}", f"systemctl restart -- {NAME}"]


def test_a_failed_start_quotes_the_journal():
    programs = Programs(
        {
            "systemctl start": (1, "", "Job for dnsmasq.service failed.\nSee journalctl -xe\n"),
            "journalctl": (0, "old\n\ndnsmasq: failed to bind 127.0.0.1: Address already in use\n", ""),
        }
    )
    with pytest.raises(units.CommandFailed) as caught:
        units.Systemctl(programs).take(units.Step("start", NAME))
    assert str(caught.value) == (
        "systemctl start dnsmasq.service failed: See journalctl -xe; "
        "its journal ends with: old | dnsmasq: failed to bind 127.0.0.1: Address already in use"
    )
    assert programs.asked[-1] == f"journalctl -u {NAME} -n 5 --no-pager -o cat"


def test_a_long_journal_is_clipped_at_its_beginning():
    programs = Programs({"journalctl": (0, "x" * 9000 + "the end\n", "")})
    words = units.Systemctl(programs).journal(NAME)
    assert words.endswith("the end") and len(words) < 600


@pytest.mark.parametrize("answer", [(1, "words", ""), (0, "\n", "")], ids=["no journal", "an empty journal"])
def test_without_a_journal_nothing_is_quoted(answer):
    assert units.Systemctl(Programs({"journalctl": answer})).journal(NAME) == ""


def test_an_enable_that_fails_quotes_no_journal():
    programs = Programs({"systemctl enable": (1, "", "Unit file dnsmasq.service does not exist.")})
    with pytest.raises(units.CommandFailed, match=r"enable dnsmasq.service failed: Unit .* does not exist.$"):
        units.Systemctl(programs).take(units.Step("enable", NAME))


def test_a_unit_that_died_at_once_is_found_out():
    shown = SHOWN.split("\n\n", 1)[0].replace("=active", "=activating").replace("running", "auto-restart")
    with pytest.raises(units.CommandFailed, match=r"did not stay up, it is activating \(auto-restart\)"):
        units.Systemctl(Programs({"systemctl show": (0, shown, "")})).require_up([NAME])


@pytest.mark.parametrize(
    ("steps", "before", "after"),
    [
        ([], None, None),
        (["restart"], "enabled, active", "enabled, active (restarted)"),
        (["enable", "start"], "not there", "enabled, active"),
        (["disable", "stop"], "enabled, active", "disabled, inactive"),
    ],
    ids=["nothing", "a restart", "a new unit", "a unit that goes"],
)
def test_the_diff_of_units(steps, before, after):
    now = units.UnitState() if before == "not there" else state()
    entries = units.unit_diffs({NAME: now}, [units.Step(verb, NAME) for verb in steps])
    assert [(one["before"], one["after"]) for one in entries] == (
        [(f"{NAME}: {before}\n", f"{NAME}: {after}\n")] if steps else []
    )


@pytest.mark.parametrize(
    ("texts", "line"),
    [(("a\nb\n\n", "c"), "b"), (("", "c\nd"), "d"), (("", " \n"), "")],
    ids=["the last line of the first", "or else of the second", "or nothing"],
)
def test_the_last_line_that_says_something(texts, line):
    assert units.last_line(*texts) == line
