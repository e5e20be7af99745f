# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile values in every public variable: each is refused by name, and none lands in a file.

The variables of the roles go through real runs of Ansible, one host for each case, as a deploy begins. The filters and
modules, and the whole product of places and values, are called in Python.
"""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.everywhere.dnsmasq.plugins.filter import plan as plan_filter
from ansible_collections.everywhere.dnsmasq.plugins.filter import route as route_filter
from ansible_collections.everywhere.dnsmasq.plugins.filter import settings as settings_filter
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils import _findings
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import read_first_servers
from ansible_collections.everywhere.dnsmasq.tests.unit import hostile
from ansible_collections.everywhere.dnsmasq.tests.unit.hostile import (
    FIRST_PLACES,
    MARK,
    PLACES,
    POISONS,
    TYPES,
    Place,
    is_clean,
)
from ansible_collections.everywhere.dnsmasq.tests.unit.plugins.plugin_utils._topology.topologies import is_one_sentence

ROOT = Path(__file__).resolve().parents[2]
ROLES = ROOT / "roles"
CALLBACKS = ROOT / "tests/integration/network_1/callbacks"
plan = plan_filter.FilterModule().filters()["plan"]
route = route_filter.FilterModule().filters()["route"]
settings = settings_filter.FilterModule().filters()["settings"]

SPECS = {
    role: yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    for role in ("dnsmasq", "resolv_conf")
}


def escaped(message: str) -> bool:
    """Every line of it is a sentence of ours, so nothing of what it quotes began a line or moved a cursor."""
    return all(is_one_sentence(line) for line in message.split("\n"))


# --- real runs ---


class Case(NamedTuple):
    """One host of the inventory, and what becomes of it."""

    variables: dict[str, Any]
    named: str
    refused: bool = True


class Told(NamedTuple):
    """What a run says of one host: why it failed, or what it would write."""

    refusal: str | None
    files: str


class Template(str):
    """Jinja that Ansible resolves."""


class Unsafe(yaml.SafeDumper):
    """Jinja as text, not as a template: what comes from somebody else's data."""


Unsafe.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "!unsafe" if "{%" in text or "{{" in text else "tag:yaml.org,2002:str", text, style='"'
    ),
)
Unsafe.add_representer(Template, lambda dumper, text: dumper.represent_str(str(text)))
Unsafe.ignore_aliases = lambda *_: True

DERIVE = [
    {
        "name": "Derive",
        "everywhere.dnsmasq.derive_plans": {},
        "register": "dnsmasq_plans",
        "run_once": True,
    }
]
# All that the roles would render, host by host. Only the reading module runs here; the role is there for its variables.
RENDER = [
    *DERIVE,
    {
        "name": "Ask this machine once",
        "everywhere.dnsmasq.resolver_info": {},
        "register": "dnsmasq_info",
        "run_once": True,
    },
    {"import_role": {"name": "everywhere.dnsmasq.dnsmasq"}, "when": False},
    {
        "name": "Render",
        "vars": {"resolv_conf_info": "{{ dnsmasq_info }}", "watcher": "{{ __dnsmasq_watcher }}"},
        "ansible.builtin.debug": {
            "msg": "{% for file in templates %}{{ lookup('ansible.builtin.template', file) }}\n{% endfor %}"
        },
    },
]
# What Ansible itself does as the role begins, with the variables that the plan does not read.
SPEC = [{"name": "Validate", "ansible.builtin.validate_argument_spec": {"argument_spec": "{{ specs[role] }}"}}]


Run = Callable[..., dict[str, Told]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs tasks with a host for each case; what each was told, or the one case that a task for all speaks for."""

    def told(tasks: Any, cases: dict[str, Case], common: dict[str, Any], alone: str | None = None) -> dict[str, Told]:
        path = tmp_path_factory.mktemp("run")
        linked = path / "collections/ansible_collections/everywhere/dnsmasq"
        linked.parent.mkdir(parents=True)
        linked.symlink_to(ROOT)
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {f"case{number}": case.variables for number, case in enumerate(cases.values())}
        inventory = path / "inventory.yml"
        inventory.write_text(yaml.dump({"all": {"hosts": hosts, "vars": common | here}}, Dumper=Unsafe), "utf-8")
        playbook = tasks
        if not isinstance(tasks, str):
            templates = sorted(str(file) for file in ROLES.glob("*/templates/*.j2"))
            files = [str(ROLES / name) for name in ("dnsmasq/vars/debian.yml", "resolv_conf/vars/main.yml")]
            play = {
                "hosts": "all",
                "gather_facts": False,
                "vars": {
                    "templates": templates,
                    "role_path": str(ROLES / "dnsmasq"),
                },
                "vars_files": files,
                "tasks": tasks,
            }
            playbook = str(path / "play.yml")
            Path(playbook).write_text(yaml.safe_dump([play]))
        kept = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
        environment = kept | {
            "ANSIBLE_COLLECTIONS_PATH": str(path / "collections"),
            "ANSIBLE_HOME": str(path),
            "ANSIBLE_LOCAL_TEMP": str(path / "tmp"),
            "ANSIBLE_FORKS": "2",
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "events",
            "EVENTS": str(path / "events"),
        }
        program = "import sys; from ansible.cli.playbook import main; sys.exit(main())"
        argv = [sys.executable, "-c", program, playbook, "-i", str(inventory)]
        done = subprocess.run(argv, env=environment, cwd=path, capture_output=True, check=False)
        events = path / "events"
        assert events.is_file(), done.stdout + done.stderr
        results: dict[str, Told] = {}
        for event in map(json.loads, events.read_text("utf-8").splitlines()):
            if "host" in event:
                refusal = event["msg"] if event["failed"] else None
                results[event["host"]] = Told(refusal, "" if event["failed"] else event["msg"])
        heard = {name: host for name, host in zip(cases, hosts, strict=True) if alone in (None, name)}
        assert set(results) == set(heard.values()), done.stdout + done.stderr
        return {name: results[host] for name, host in heard.items()}

    return told


def turned(places: dict[str, Place], number: int) -> Iterator[tuple[str, Place, str, Any]]:
    """So many values for each place, beginning with others at each, so that each value gets into many places."""
    at = 0
    for name, place in places.items():
        items = list(hostile.values(place.good).items())
        for _count in range(number):
            yield name, place, *items[at % len(items)]
            at += 1


PLANNED = {
    f"{name}: {value_name}": Case(place.build(value), place.named, value_name not in place.legal)
    for name, place, value_name, value in turned(PLACES | FIRST_PLACES, 7)
}
# A template, which the inventory's author may write anywhere, of something that is not there.
TEMPLATES = {
    "dnsmasq_sizes": {"dnsmasq_sizes": Template("{{ nope }}")},
    "a size": {"dnsmasq_sizes": {"cache_size": Template("{{ nope }}")}},
    "a zone": hostile.home("zones", [Template("{{ nope }}")]),
    "a nameserver": hostile.home("nameservers", [Template("{{ nope }}")]),
    "dnsmasq_network": {"dnsmasq_network": Template("{{ nope }}")},
    "dnsmasq_topology": {"dnsmasq_topology": Template("{{ nope }}"), "dnsmasq_network": ""},
    "dnsmasq_checks": {"dnsmasq_checks": Template("{{ nope }}")},
    "a check": {"dnsmasq_checks": [{"name": Template("{{ nope }}")}]},
}
PLANNED |= {f"{name}: a template": Case(variables, "nope") for name, variables in TEMPLATES.items()}
SOUND = "sound"
COMMON = {
    "dnsmasq_topology": hostile.TOPOLOGY,
    "dnsmasq_network": "home",
    "resolv_conf_nameservers": ["127.0.0.1", "127.0.0.2"],
}


# By the role's argument_specs: a variable, how a refusal names it, and what is right there.
SPEC_PLACES: dict[str, Place] = {
    f"{role}_state": Place(
        lambda value, role=role: {"role": role, f"{role}_state": value},
        "state",
        "present",
    )
    for role in SPECS
}
# Ansible makes mappings of `name=x`, and takes the words of a boolean with white space around them.
MAPPINGS = frozenset({"a second line", "a carriage return", "an equals sign"})
WORD = hostile.WORD
UNSET = hostile.UNSET
for _role in SPECS:
    _checks = f"{_role}_checks"
    for _name, _legal, _check in (
        # derive_plans judges what is in the mappings.
        (_checks, MAPPINGS | UNSET, lambda value: value),
        (f"an item of {_checks}", MAPPINGS | {"a mapping"}, lambda value: [value]),
    ):
        SPEC_PLACES[_name] = Place(
            lambda value, role=_role, option=_checks, check=_check: {"role": role, option: check(value)},
            _checks,
            "name",
            frozenset(_legal),
        )
for _name in ("dnsmasq_hardening", "dnsmasq_require_latest", "dnsmasq_metrics"):
    SPEC_PLACES[_name] = Place(
        lambda value, option=_name: {"role": "dnsmasq", option: value},
        _name,
        "yes",
        WORD | UNSET,
    )
SPEC_PLACES["dnsmasq_settle_seconds"] = Place(
    lambda value: {"role": "dnsmasq", "dnsmasq_settle_seconds": value},
    "dnsmasq_settle_seconds",
    "1.0",
    UNSET | {"a boolean", "a number", "half a number", "a newline alone", "a full-width digit"},
)
SPECIFIED = {
    f"{name}: {value_name}": Case(place.build(value), place.named, value_name not in place.legal)
    for name, place, value_name, value in turned(SPEC_PLACES, 12)
}


# What libc is to be asked.
RESOLVERS = {
    f"{name}: {value_name}": Case(place.build(value), place.named)
    for name, place, value_name, value in turned(hostile.checks("resolv_conf_checks", "resolv_conf_checks"), 5)
    if value_name not in place.legal
} | {
    "no check": Case({"resolv_conf_checks": []}, "resolv_conf_checks is []"),
    "a type that libc does not ask": Case(
        {"resolv_conf_checks": [{"name": "x.example", "type": "SOA"}]},
        "[0]['type'] is 'SOA', which libc",
    ),
    "a template": Case({"resolv_conf_checks": Template("{{ nope }}")}, "nope"),
}


def judged(cases: dict[str, Case], told: dict[str, Told]) -> Counter[str]:
    """Each case was refused by name, or what would be written is clean."""
    wrong = {}
    for name, case in cases.items():
        refusal, files = told[name]
        if not (case.named in (refusal or "") if case.refused else refusal is None and is_clean(files)):
            wrong[name] = refusal or files
    assert not wrong, "\n".join(f"{name}: {text}" for name, text in wrong.items())
    return Counter("refused" if case.refused else "clean" for case in cases.values())


# Each lookup of a template copies the names of all hosts, so fewer at a time cost less.
RUNS = 6


def concerning(refusal: str) -> dict[str, list[str]]:
    """The findings of a refusal for all hosts, by the host that they concern; those without hosts concern each."""
    found: dict[str, list[str]] = {}
    for finding in refusal.splitlines():
        whose = re.search(r" \(of ((?:case\d+(?:, | and )?)+)(\d+ more)?\)$", finding)
        # Of a finding that concerns many, some are told by number.
        hosts = [] if whose is None or whose[2] else re.findall(r"case\d+", whose[1])
        for host in hosts or ["several"]:
            found.setdefault(host, []).append(finding)
    return found


@pytest.mark.parametrize("number", [pytest.param(0, marks=pytest.mark.ansible), *range(1, RUNS)])
def test_what_the_plan_reads_is_refused_by_name_in_a_real_run(run: Run, number: int) -> None:
    cases = {SOUND: Case({}, "", False)} | dict(list(PLANNED.items())[number::RUNS])
    refused = {name: f"case{at}" for at, (name, case) in enumerate(cases.items()) if case.refused}
    refusal = run(DERIVE, cases, COMMON, alone=SOUND)[SOUND].refusal or ""
    assert all(line.isprintable() and MARK not in line.split()[:1] for line in refusal.splitlines())
    found = concerning(refusal)
    wrong = {
        name: found.get(host)
        for name, host in refused.items()
        if not any(cases[name].named in finding for finding in found.get(host, []) + found.get("several", []))
    }
    assert wrong == {}
    assert set(found) - {"several"} <= set(refused.values())
    assert len(refused) >= math.ceil(200 / RUNS)


@pytest.mark.ansible
def test_what_the_plan_lets_through_is_written_clean(run: Run) -> None:
    cases = {SOUND: Case({}, "", False)} | {name: case for name, case in PLANNED.items() if not case.refused}
    told = run(RENDER, cases, COMMON)
    sound = told[SOUND]
    assert sound.refusal is None and is_clean(sound.files) and "server=/corp.example/192.0.2.11" in sound.files
    assert judged(cases, told)["clean"] == len(cases) > 10
    # None wrote a line that a sound topology does not have but rules and sizes.
    lines = set(sound.files.splitlines())
    for name in cases:
        new = set(told[name].files.splitlines()) - lines
        assert all(NEW_LINE.fullmatch(line) for line in new), (name, new)


NEW_LINE = re.compile(
    r"server=(/[a-z0-9._-]+/)?[0-9a-f.:#]+|# [a-z0-9._-]+ is (home|other)'s, asked (directly|through home's bridges)"
    r"|(cache-size|dns-forward-max|max-tcp-connections|use-stale-cache)=[0-9]+"
    r"|# The configuration of a host in (home|no network): everywhere.dnsmasq.dnsmasq."
    r"|elsewhere='[0-9a-f.: ]*'|.*@askers.*|resolv-file=[a-z/.-]+|no-resolv|# [A-Za-z ,0-9]+"
)


@pytest.mark.ansible
def test_what_the_specs_say_is_refused_by_name_in_a_real_run(run: Run) -> None:
    told = run(SPEC, SPECIFIED, {"specs": SPECS})
    unnamed = {name for name in told if hostile.CORE_NAMES_LESS and hostile.NO_MAPPING in (told[name].refusal or "")}
    found = judged({name: case for name, case in SPECIFIED.items() if name not in unnamed}, told)
    assert found["refused"] >= 80


TRUE_OR_FALSE = ("dnsmasq_hardening", "dnsmasq_require_latest", "dnsmasq_metrics")


@pytest.mark.ansible
def test_what_is_neither_true_nor_false_is_refused_by_name_in_a_deploy(run: Run) -> None:
    # A host has the same value in all of them, and is told of each.
    values = hostile.values("yes")
    hosts = {name: Case(dict.fromkeys(TRUE_OR_FALSE, value), "") for name, value in values.items()}
    found = concerning(run(DERIVE, hosts, COMMON, alone=next(iter(hosts)))[next(iter(hosts))].refusal or "")
    for at, name in enumerate(hosts):
        named = {option for option in TRUE_OR_FALSE if any(f"{option} is" in one for one in found.get(f"case{at}", []))}
        assert named == (set() if name in WORD else set(TRUE_OR_FALSE)), (name, values[name])
    assert len(found) >= 35


@pytest.mark.ansible
def test_each_public_variable_of_the_roles_has_its_cases() -> None:
    public = {name for options in SPECS.values() for name in options}
    assert {
        name for name in public if not any(name in place for place in [*PLACES, *FIRST_PLACES, *SPEC_PLACES])
    } == set()


@pytest.mark.ansible
def test_one_host_of_which_the_inventory_is_wrong_ends_the_run_for_all(run: Run) -> None:
    cases = {"sound": Case({}, ""), "wrong": Case({"dnsmasq_network": "no\nwhere"}, ""), "as sound": Case({}, "")}
    refusal = run(DERIVE, cases, COMMON, alone="sound")["sound"].refusal
    assert refusal is not None
    assert r"dnsmasq_network is 'no\nwhere'" in refusal and "(of case1)" in refusal


@pytest.mark.ansible
@pytest.mark.parametrize(
    ("said", "refused"),
    [
        (
            {"dnsmasq_network": "{{ inventory_hostname }}"},
            "a template of the play, which would be 'case0' on all hosts",
        ),
        ({"dnsmasq_network": ""}, "dnsmasq_network is said by the play and by the inventory"),
        ({"dnsmasq_metrics": True, "dnsmasq_network": "home"}, None),
    ],
    ids=["a template", "another value than the inventory's", "what the inventory does not say, or says as well"],
)
def test_what_a_play_says_holds_for_all_hosts_or_is_refused(run: Run, said: Any, refused: str | None) -> None:
    cases = {"one": Case({}, ""), "two": Case({}, "")}
    refusal = run([{**DERIVE[0], "vars": said}], cases, COMMON, alone="one")["one"].refusal
    assert refusal is None if refused is None else refusal and refused in refusal


@pytest.mark.ansible
def test_what_libc_is_to_be_asked_is_refused_by_name_before_anything_changes(run: Run) -> None:
    first = next(iter(RESOLVERS))
    found = concerning(run(DERIVE, RESOLVERS, COMMON, alone=first)[first].refusal or "")
    wrong = {
        name: found.get(f"case{at}")
        for at, (name, case) in enumerate(RESOLVERS.items())
        if not any(case.named in finding for finding in found.get(f"case{at}", []) + found.get("several", []))
    }
    assert wrong == {}
    assert len(RESOLVERS) >= 40


# --- the filters ---


def rendered(made: dict[str, Any]) -> str:
    """The real template, with the settings of this plan."""
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["comment"] = "# {}".format
    return environment.from_string((ROLES / "dnsmasq/templates/dnsmasq.conf.j2").read_text()).render(
        ansible_managed="managed",
        __dnsmasq_plan=made,
        __dnsmasq_settings=settings(made, version="2.90", resolv_file="/run/x/upstream.conf"),
        __dnsmasq_includes=[],
    )


def refusal_of(call: Callable[[], Any]) -> str | None:
    """The filter's own refusal; any other error is the test's."""
    try:
        call()
    except AnsibleFilterError as error:
        assert isinstance(error.__cause__, _findings.InputError)
        return str(error)
    return None


def asked(given: dict[str, Any]) -> Any:
    return given.get("dnsmasq_checks", ())


@pytest.mark.ansible
@pytest.mark.parametrize("name", PLACES)
def test_each_value_in_each_place_is_refused_by_name_and_shown_escaped(name: str) -> None:
    place = PLACES[name]
    for value_name, value in hostile.values(place.good).items():
        given = COMMON | place.build(value)
        topology, network = given["dnsmasq_topology"], given["dnsmasq_network"]
        for host in ("app1", "bridge"):
            call = partial(plan, topology, host, network, sizes=given.get("dnsmasq_sizes"), checks=asked(given))
            if value_name in place.legal:
                if host == "app1" or network == "home":
                    assert is_clean(rendered(call()))
                continue
            refusal = refusal_of(call)
            assert refusal and place.named in refusal, value_name
            assert escaped(refusal), value_name
            assert not isinstance(value, str) or _findings.shown(value) in refusal, value_name


def follow(**differences: Any) -> Any:
    given = {"topology": hostile.TOPOLOGY, "name": "db.corp.example", "host": "app1", "network": "home", **differences}
    return route(given.pop("topology"), **given)


def planning(**differences: Any) -> Any:
    given = {"topology": hostile.TOPOLOGY, "host": "app1", "network": "home", **differences}
    return rendered(plan(given.pop("topology"), **given))


MADE = plan(hostile.TOPOLOGY, host="app1", network="home")


def setting(made: Any = MADE, **differences: Any) -> Any:
    given = {"version": "2.90", "resolv_file": "/run/x/upstream.conf", **differences}
    return "\n".join(f"{line['option']}={line['value']}" for line in settings(made, **given))


PRINTABLE = frozenset(name for name, poison in POISONS.items() if poison.isprintable() and len(poison) < 200)
DHCP = plan({}, host="app1", network="")
OPTIONS: dict[str, tuple[Callable[[Any], Any], str, str, frozenset[str]]] = {
    # A host's name stands in a comment, as it is in the inventory.
    "plan: host": (lambda value: planning(host=value) and None, "host is", "app1", PRINTABLE),
    "plan: network": (lambda value: planning(network=value), "dnsmasq_network", "home", UNSET),
    "plan: listen": (lambda value: planning(listen=value), "listen", "127.0.0.1", frozenset()),
    "plan: an item of listen": (lambda value: planning(listen=[value]), "listen[0]", "127.0.0.1", frozenset()),
    "plan: members": (
        lambda value: planning(members=value),
        "members",
        "home",
        frozenset({"a list", "a list of lists"}),
    ),
    # They are counted, and those that no network has are nobody's.
    "plan: an item of members": (
        lambda value: planning(members=[value], host="bridge"),
        "members",
        "home",
        frozenset([*POISONS, *TYPES]),
    ),
    "route: topology": (lambda value: follow(topology=value), "dnsmasq_topology", "home", frozenset()),
    "route: name": (lambda value: follow(name=value), "dnsmasq_name", "db.corp.example", hostile.IDN),
    "route: an address": (lambda value: follow(name=value), "dnsmasq_name", "2001:db8::1", frozenset()),
    "route: host": (lambda value: follow(host=value) and None, "host is", "app1", PRINTABLE),
    "route: network": (lambda value: follow(network=value), "dnsmasq_network", "home", UNSET),
    "settings: plan": (setting, "plan", "home", frozenset()),
    "settings: version": (lambda value: setting(version=value), "version", "2.90", frozenset()),
    "settings: user": (lambda value: setting(user=value), "user", "dnsmasq", frozenset()),
    "settings: group": (lambda value: setting(group=value), "group", "dnsmasq", UNSET),
    "settings: pid_file": (lambda value: setting(pid_file=value) and None, "pid_file", "/run/x", frozenset({"a rule"})),
    "settings: resolv_file": (
        lambda value: setting(DHCP, resolv_file=value) and None,
        "resolv_file",
        "/run/x",
        frozenset({"a rule"}),
    ),
} | {
    f"settings: {key} of the plan": (
        lambda value, key=key: setting({**MADE, key: value}),
        "plan",
        "home",
        frozenset(),
    )
    for key in ("tier", "listen", "forwards", "reverse", "upstream", "sizes")
}


@pytest.mark.ansible
@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_of_a_filter_is_refused_by_name(option: str) -> None:
    call, named, good, legal = OPTIONS[option]
    for value_name, value in hostile.values(good).items():
        if value_name in legal:
            assert is_clean(str(call(value))), value_name
            continue
        refusal = refusal_of(partial(call, value))
        assert refusal and named in refusal and escaped(refusal), (value_name, refusal)


@pytest.mark.ansible
@pytest.mark.parametrize(
    "name", [f"app1\nserver=/{MARK}/192.0.2.66", "a" * 256, "\u00fc" * 128, "a\u2028b", "a\x1b[2J"]
)
def test_a_hosts_name_cannot_end_the_comment_that_it_stands_in(name: str) -> None:
    refusal = refusal_of(lambda: plan({}, host=name, network=""))
    assert refusal and "host is" in refusal and escaped(refusal)


@pytest.mark.ansible
@pytest.mark.parametrize("key", ["forwards", "reverse"])
@pytest.mark.parametrize("part", ["zone", "servers", "owner", "via"])
def test_a_rule_of_a_forged_plan_is_refused(key: str, part: str) -> None:
    [rule, *_others] = MADE[key]
    for value_name, value in hostile.values("corp.example").items():
        forged = {**MADE, key: [{**rule, part: [value] if part == "servers" else value}]}
        if (refusal := refusal_of(partial(setting, forged))) is None:
            assert all(re.fullmatch(r"[!-~]{1,1000}", line) for line in setting(forged).split("\n")), value_name
        else:
            assert "plan" in refusal and escaped(refusal)


NUMBERS = {"more digits than Python prints": 10**5000, "hexadecimal": int("f" * 6000, 16), "negative": -(10**5000)}


@pytest.mark.ansible
@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("name", PLACES)
def test_a_number_that_cannot_be_printed_is_refused_by_name(name: str, number: int) -> None:
    given = COMMON | PLACES[name].build(number)
    topology, network = given["dnsmasq_topology"], given["dnsmasq_network"]
    refusal = refusal_of(lambda: plan(topology, "app1", network, sizes=given.get("dnsmasq_sizes"), checks=asked(given)))
    assert refusal and PLACES[name].named in refusal and escaped(refusal)


@pytest.mark.parametrize("name", FIRST_PLACES)
def test_each_value_in_the_place_of_a_first_server_is_refused_by_name_and_shown_escaped(name: str) -> None:
    place = FIRST_PLACES[name]
    for value_name, value in (hostile.values(place.good) | NUMBERS).items():
        findings: list[str] = []
        read_first_servers(place.build(value)["resolv_conf_nameservers"], findings)
        assert findings, value_name
        assert place.named in findings[0] and escaped("\n".join(findings)), (value_name, findings)


@pytest.mark.ansible
def test_lists_of_any_depth_are_refused_by_name() -> None:
    deep: Any = []
    for _level in range(3000):
        deep = [deep]
    refusal = refusal_of(lambda: plan(hostile.home("zones", deep)["dnsmasq_topology"], "app1", "home"))
    assert refusal and "dnsmasq_topology['home']['zones'][0]" in refusal and escaped(refusal)


@pytest.mark.ansible
def test_how_many_hostile_values_there_were() -> None:
    real = {"plan": PLANNED, "argument_specs": SPECIFIED, "resolv_conf_checks": RESOLVERS}
    counts = {name: Counter("refused" if case.refused else "clean" for case in real[name].values()) for name in real}
    truths = len(hostile.values("yes")) * len(TRUE_OR_FALSE)
    called = sum(len(hostile.values(place.good)) for place in PLACES.values()) * 2
    called += sum(len(hostile.values(good)) for _call, _named, good, _legal in OPTIONS.values())
    print(f"in real runs: {counts}; in calls of the filters: {called}")
    assert sum(count["refused"] for count in counts.values()) + truths >= 300
    assert called >= 3000
