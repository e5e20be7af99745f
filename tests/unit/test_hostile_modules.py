# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile values in every option of the modules: each is refused by name before anything is asked or touched.

A content may be any text. Paths, names, modes, units, programs and regular expressions may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check, wire
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import files, host
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import spec as _spec
from ansible_collections.everywhere.dnsmasq.plugins.modules import resolver_info, transaction
from ansible_collections.everywhere.dnsmasq.tests.unit import hostile
from ansible_collections.everywhere.dnsmasq.tests.unit.hostile import POISONS

pytestmark = pytest.mark.ansible


class Refused(Exception):
    """What the module would fail with; ours says whether it is our sentence or that of Ansible's own check."""

    def __init__(self, message: str, ours: bool) -> None:
        super().__init__(message)
        self.ours = ours


class Option(NamedTuple):
    """An option: parameters with the value in it, how a refusal names it, what is right there and what is legal."""

    build: Callable[[Any], dict[str, Any]]
    named: str
    good: str
    legal: frozenset[str] = frozenset()


def checked(arguments: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """As AnsibleModule begins."""
    try:
        result = ArgumentSpecValidator(arguments).validate(given)
    except ValueError as error:
        assert hostile.CORE_NAMES_LESS and hostile.NO_MAPPING in str(error)
        raise Refused(str(error), ours=False) from error
    if result.error_messages:
        raise Refused("; ".join(result.error_messages), ours=False)
    return result.validated_parameters


# --- query_latency ---


class Asked(Exception):
    """The options were taken: this would be asked."""


def query(given: dict[str, Any]) -> str:
    """What would be asked of whom, or Refused."""

    def ask(question: wire.Question, address: str, port: int, transport: str, timeout: float, tries: int) -> Any:
        raise Asked(f"{question.label} {question.wire.hex()} {address} {port} {transport}")

    params = checked(check.ARGUMENTS, given)
    try:
        check.assess(
            params,
            ask=ask,
            libc=lambda question: ask(question, "", 0, "libc", 0, 0),
            resolv_conf=lambda: {"nameservers": [], "options": []},
        )
    except check.CheckFailed as error:
        raise Refused(str(error), ours=True) from error
    except Asked as error:
        return str(error)
    raise AssertionError("nothing was asked")


def one(**differences: Any) -> dict[str, Any]:
    return {"queries": [{"name": "db.corp.example", "cached": False, **differences}]}


def of_module(option: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {**one(), option: value}


def of_query(option: str) -> Callable[[Any], dict[str, Any]]:
    return lambda value: one(**{option: value})


def texts(*legal: str) -> frozenset[str]:
    return frozenset(legal)


def without(signs: str, *more: str) -> frozenset[str]:
    """The poisons without one of these signs, and more."""
    return frozenset(name for name, poison in POISONS.items() if not set(signs) & set(poison)) | frozenset(more)


UNSET = texts("nothing")
# What Ansible converts before a module sees it.
EQUALS = texts("an equals sign")  # a mapping
WORD = texts("a boolean", "a newline alone")
NUMBER = texts("a boolean", "a number", "a newline alone")
DIGITS = NUMBER | texts("a full-width digit")
FLOAT = DIGITS | texts("half a number")
AS_TEXT = texts("a boolean", "a number", "half a number", "a list", "a list of lists", "a mapping")
#: DNS takes any byte in a name and writes it escaped. White space is a slip; a name has 255 bytes, and no empty label.
NAME = without(" \t\n\r\x85\u2028\u00a0\u202e", "a boolean", "a number", "half a number", "a list of lists") - texts(
    "a way up", "very long"
)
CONTROLS = "".join(map(chr, range(32))) + "\x7f"

QUERY: dict[str, Option] = {
    "queries": Option(lambda value: {"queries": value}, "queries", "name", EQUALS),
    "queries[]": Option(lambda value: {"queries": [value]}, "queries", "name", EQUALS),
    "queries[].name": Option(of_query("name"), "queries", "db.corp.example", NAME),
    "queries[].type": Option(of_query("type"), "queries", "A"),
    "queries[].expected": Option(of_query("expected"), "queries", "192.0.2.80", UNSET | texts("a semicolon")),
    "queries[].expected[]": Option(lambda value: one(expected=[value]), "queries", "192.0.2.80", texts("a semicolon")),
    "queries[].rcode": Option(of_query("rcode"), "rcode", "NOERROR"),
    "queries[].cached": Option(of_query("cached"), "cached", "yes", WORD),
    "queries[].exists": Option(of_query("exists"), "exists", "yes", WORD),
    "queries[].reference": Option(of_query("reference"), "queries", "192.0.2.11", UNSET),
    "queries[].reference[]": Option(lambda value: one(reference=[value]), "queries", "192.0.2.11"),
    "queries[].required": Option(of_query("required"), "required", "yes", WORD),
    "queries[].required of a hostile name": Option(lambda value: one(name=value, required=False), "required", "x"),
    "queries[].server": Option(of_query("server"), "queries", "192.0.2.53", UNSET),
    "queries[].transport": Option(of_query("transport"), "transport", "udp"),
    "server": Option(of_module("server"), "server", "192.0.2.53"),
    "port": Option(of_module("port"), "port", "53", DIGITS),
    "transport": Option(of_module("transport"), "transport", "udp"),
    "samples": Option(of_module("samples"), "samples", "20", DIGITS),
    "max_cached_ms": Option(of_module("max_cached_ms"), "max_cached_ms", "1.0", FLOAT),
    "quantile": Option(of_module("quantile"), "quantile", "median"),
    "timeout": Option(of_module("timeout"), "timeout", "2.0", FLOAT),
    "tries": Option(of_module("tries"), "tries", "2", NUMBER),
    "statistics": Option(of_module("statistics"), "statistics", "yes", WORD),
}


# --- transaction ---


def request(given: dict[str, Any]) -> str:
    """What the request is, or Refused; nothing of the host is looked at."""
    params = checked(transaction.ARGUMENTS, given)
    try:
        transaction._require_fitting(params)
        made = _spec.request_from(params)
        host.prover(params["proof"], False)
        host.prover_at(params["proof"])
    except files.ValidationError as error:
        raise Refused(str(error), ours=True) from error
    return repr(made)


PATH = "/etc/dnsmasq.d/x.conf"
#: A file's name may have any sign but controls.
PATHS = without(CONTROLS) - texts("a way up")
#: A program may be given any text that C can hold. Ansible makes an empty text of nothing where one is required.
WORDS = without("\0") | AS_TEXT | UNSET
ANYTHING = without("") | AS_TEXT


def deploy(**differences: Any) -> dict[str, Any]:
    return {"name": "x", "files": [{"path": PATH, "content": "x"}], "units": [{"name": "x.service"}], **differences}


def of_file(**options: Any) -> dict[str, Any]:
    return deploy(files=[{"path": PATH, **options}])


def of_unit(**options: Any) -> dict[str, Any]:
    return deploy(units=[{"name": "x.service", **options}])


def of_check(**options: Any) -> dict[str, Any]:
    return deploy(check={"argv": ["dnsmasq", "{staged}"], "file": PATH, **options})


def of_command(**options: Any) -> dict[str, Any]:
    return deploy(commands=[{"argv": ["true"], "run_for": [PATH], **options}])


def of_trial(**options: Any) -> dict[str, Any]:
    trial = {"unit": "x.service", "argv": ["dnsmasq", "{staged}", "{port}"], "file": PATH, **options}
    return deploy(trial=trial, proof=one())


TRANSACTION: dict[str, Option] = {
    "state": Option(lambda value: deploy(state=value), "state", "present"),
    "name": Option(lambda value: deploy(name=value), "name", "x"),
    "record_dir": Option(lambda value: deploy(record_dir=value), "record_dir", "/var/lib/x", PATHS),
    "files": Option(lambda value: deploy(files=value), "files", "path"),
    "files[]": Option(lambda value: deploy(files=[value]), "files", "path"),
    "files[].path": Option(lambda value: deploy(files=[{"path": value, "content": "x"}]), "files", PATH, PATHS),
    "files[].content": Option(lambda value: of_file(content=value), "content", "x", ANYTHING),
    "files[].block": Option(lambda value: of_file(block=value), "block", "x", ANYTHING),
    "files[].mode": Option(lambda value: of_file(content="x", mode=value), "mode", "0644"),
    "files[].lines": Option(
        lambda value: of_file(lines=value, before="x"), "lines", "x", without("\0\r\n") | (AS_TEXT - texts("a mapping"))
    ),
    "files[].lines[]": Option(
        lambda value: of_file(lines=[value], before="x"), "lines", "x", without("\0\r\n") | AS_TEXT
    ),
    "files[].before": Option(lambda value: of_file(lines=["x"], before=value), "before", "x(", AS_TEXT),
    "files[].regexp": Option(lambda value: of_file(regexp=value, replace="x"), "regexp", "x(", AS_TEXT),
    "files[].replace": Option(
        lambda value: of_file(regexp="x", replace=value), "replace", "x", without("\\") | AS_TEXT
    ),
    "files[].link": Option(lambda value: of_file(link=value), "link", "/run/x", without(CONTROLS) | AS_TEXT),
    "files[].watched": Option(lambda value: of_file(watched=value), "watched", "yes", WORD),
    "files[].in_place": Option(lambda value: of_file(content="x", in_place=value), "in_place", "yes", WORD),
    "units": Option(lambda value: deploy(units=value), "units", "name", EQUALS),
    "units[]": Option(lambda value: deploy(units=[value]), "units", "name", EQUALS),
    "units[].name": Option(
        lambda value: of_unit(name=value),
        "units",
        "x.service",
        texts("a backslash", "a boolean", "a number", "half a number"),
    ),
    "units[].enabled": Option(lambda value: of_unit(enabled=value), "enabled", "yes", WORD | UNSET),
    "units[].running": Option(lambda value: of_unit(running=value), "running", "yes", WORD),
    "units[].restart_for": Option(lambda value: of_unit(restart_for=value), "restart_for", PATH),
    "units[].restart_for[]": Option(lambda value: of_unit(restart_for=[value]), "restart_for", PATH),
    "check": Option(lambda value: deploy(check=value), "check", "argv", UNSET),
    "check.argv": Option(lambda value: of_check(argv=value), "check", "dnsmasq"),
    "check.argv[]": Option(lambda value: of_check(argv=["dnsmasq", "{staged}", value]), "check", "x", WORDS),
    "check.file": Option(lambda value: of_check(file=value), "check", PATH),
    "trial": Option(lambda value: deploy(trial=value, proof=one()), "trial", "argv", UNSET),
    "trial.unit": Option(lambda value: of_trial(unit=value), "trial", "x.service"),
    "trial.argv": Option(lambda value: of_trial(argv=value), "trial", "dnsmasq"),
    "trial.argv[]": Option(lambda value: of_trial(argv=["x", "{staged}", "{port}", value]), "trial", "x", WORDS),
    "trial.file": Option(lambda value: of_trial(file=value), "trial", PATH),
    "trial.without": Option(
        lambda value: of_trial(without=value), "trial", "listen-address", WORDS - UNSET - texts("a mapping")
    ),
    "trial.without[]": Option(lambda value: of_trial(without=[value]), "trial", "listen-address", WORDS),
    "commands": Option(lambda value: deploy(commands=value), "commands", "argv"),
    "commands[]": Option(lambda value: deploy(commands=[value]), "commands", "argv"),
    "commands[].argv[]": Option(lambda value: of_command(argv=["true", value]), "argv", "x", WORDS),
    "commands[].undo[]": Option(lambda value: of_command(undo=["true", value]), "undo", "x", WORDS),
    "commands[].run_for[]": Option(lambda value: of_command(run_for=[value]), "run_for", PATH),
    "resolv_conf": Option(
        lambda value: {"name": "x", "state": "absent", "resolv_conf": value}, "resolv_conf", "/x", PATHS | UNSET
    ),
    "evidence": Option(
        lambda value: {"name": "x", "state": "absent", "evidence": value}, "evidence", "/x", PATHS | UNSET
    ),
    "proof": Option(lambda value: deploy(proof=value), "proof", "server", UNSET),
    "proof.server": Option(lambda value: deploy(proof={**one(), "server": value}), "proof: server", "192.0.2.53"),
    "proof.queries[].name": Option(lambda value: deploy(proof=one(name=value)), "proof: queries[0]", "x.example", NAME),
    "proof_deadline": Option(lambda value: deploy(proof_deadline=value), "proof_deadline", "20", FLOAT),
    "settle": Option(lambda value: deploy(settle=value), "settle", "2", FLOAT),
    "after": Option(lambda value: deploy(after=value), "after", "unit", UNSET),
    "after.unit": Option(
        lambda value: deploy(after={"unit": value, "seconds": 2}),
        "units: ",
        "x.service",
        texts("a backslash", "a boolean", "a number", "half a number"),
    ),
    "after.seconds": Option(lambda value: deploy(after={"unit": "x", "seconds": value}), "seconds", "2", FLOAT - UNSET),
    "prepare_only": Option(lambda value: deploy(prepare_only=value), "prepare_only", "yes", WORD),
    "deployed": Option(lambda value: deploy(deployed=value), "deployed", "x", ANYTHING | UNSET),
}

#: Ansible's own check of a mapping with options ends in a TypeError.
BROKEN = dict.fromkeys(("check", "trial", "after"), texts("a boolean", "a number", "half a number"))
# --- resolver_info ---


def look(given: dict[str, Any]) -> str:
    """The words are compared, and go nowhere else."""
    return repr(checked(resolver_info.ARGUMENTS, given))


INFO = {
    "deployed": Option(lambda value: {"deployed": value}, "deployed", "x", ANYTHING | UNSET),
    "updates": Option(lambda value: {"updates": value}, "updates", "always"),
}
MODULES = {
    "query_latency": (query, QUERY),
    "transaction": (request, TRANSACTION),
    "resolver_info": (look, INFO),
}


def cases(module: str, name: str) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each value of an option, and whether it is legal."""
    _call, table = MODULES[module]
    option = table[name]
    for value_name, value in hostile.values(option.good).items():
        if module != "transaction" or value_name not in BROKEN.get(name, texts()):
            yield value_name, option.build(value), value_name in option.legal


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@pytest.mark.parametrize(
    ("module", "name"),
    [pytest.param(module, name, id=f"{module}: {name}") for module in MODULES for name in MODULES[module][1]],
)
def test_each_option_of_a_module_is_refused_by_name(module: str, name: str) -> None:
    call, table = MODULES[module]
    for value_name, given, legal in cases(module, name):
        try:
            came = call(given)
        except Refused as error:
            if hostile.CORE_NAMES_LESS and re.search(f"{hostile.NO_MAPPING}|'None' is not a string", str(error)):
                continue
            assert not legal, (value_name, str(error))
            assert table[name].named in str(error), (value_name, str(error))
            assert not error.ours or str(error).isprintable(), (value_name, str(error))
        else:
            assert legal, (value_name, came)
            assert came.isprintable() and (module != "query_latency" or came.isascii()), (value_name, came)


def test_how_many_hostile_values_there_were() -> None:
    found = {module: sum(1 for name in MODULES[module][1] for _case in cases(module, name)) for module in MODULES}
    refused = sum(
        not legal for module in MODULES for name in MODULES[module][1] for *_case, legal in cases(module, name)
    )
    print(f"{found}, of which {refused} are refused")
    assert refused >= 1000


def options_of(arguments: dict[str, Any], path: str = "") -> Iterator[str]:
    for name, spec in arguments.items():
        yield path + name
        yield from options_of(spec.get("options", {}), path + name + ("[]." if spec["type"] == "list" else "."))


@pytest.mark.parametrize("module", MODULES)
def test_each_option_has_its_cases(module: str) -> None:
    arguments = {
        "query_latency": check.ARGUMENTS,
        "transaction": transaction.ARGUMENTS,
        "resolver_info": resolver_info.ARGUMENTS,
    }[module]
    tested = {name.split(" ")[0].removesuffix("[]") for name in MODULES[module][1]}
    assert set(options_of(arguments)) - tested == set()


HALF = "\ud800"
ODD = {
    "a newline in a regexp": (of_file(regexp="(?\n", replace="x"), "regexp"),
    "a regexp that repeats too often": (of_file(regexp="x{99999999999999999999}", replace="x"), "regexp"),
    "a newline in argv": (of_command(argv=["a\nb"], run_for=["/x"]), "run_for"),
    "no such group": (of_file(regexp="(x)", replace="\\2"), "replace"),
    "no group of that name": (of_file(regexp="(?P<a>x)(y)", replace="\\g<b>"), "replace"),
    "no group of that name that has a newline": (of_file(regexp="x", replace="\\g<\n>"), "replace"),
    "an escape that is none": (of_file(regexp="x", replace="\\q"), "replace"),
    "half a character in content": (of_file(content=HALF), "content"),
    "half a character in a link": (of_file(link=f"/x{HALF}"), "link"),
    "half a character in a path": (deploy(files=[{"path": f"/x{HALF}", "content": "x"}]), "path"),
    "half a character in argv": (of_command(argv=["true", HALF]), "argv"),
    "half a character in a trial": (of_trial(without=[HALF]), "trial: without"),
    "a path with two slashes in front": (deploy(files=[{"path": "//etc/x", "content": "x"}]), "path"),
    "a record_dir with two slashes in front": (deploy(record_dir="//var/lib/x"), "record_dir"),
    "a record_dir with a slash behind": (deploy(record_dir="/var/lib/x/"), "record_dir"),
    "NUL in check": (of_check(argv=["dnsmasq", "{staged}\0"]), "check: argv"),
    "NUL in argv": (of_command(argv=["true", "\0"]), "commands: argv"),
    "NUL in undo": (of_command(undo=["true", "\0"]), "commands: undo"),
    "NUL in a trial": (of_trial(argv=["x\0", "{staged}", "{port}"]), "trial: argv"),
    "a name of 201": (deploy(name="x" * 201), "the name has 201 characters"),
    "a unit of 256 with its type": (deploy(units=[{"name": "x" * 248}]), "units: the name .* has 256 characters"),
}


@pytest.mark.parametrize(("given", "named"), ODD.values(), ids=ODD)
def test_what_is_odd_is_refused_in_one_line(given: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named) as raised:
        request(given)
    assert raised.value.ours and str(raised.value).isprintable()


@pytest.mark.parametrize(
    "given",
    [
        of_file(regexp="(?P<a>x)(y)?", replace="\\g<a>\\2\\g<0>\\\\\n"),
        of_file(content="\udcff"),
        of_trial(without=["\udcff"]),
        deploy(name="x" * 200),
        deploy(units=[{"name": "x" * 247}]),
    ],
    ids=[
        "groups by number and name",
        "a byte that is no text",
        "the same in a trial",
        "a name of 200",
        "a unit of 255",
    ],
)
def test_what_is_at_the_edge_is_taken(given: dict[str, Any]) -> None:
    assert request(given)


def test_a_first_server_of_another_kind_is_shown_escaped() -> None:
    with pytest.raises(ValueError, match="libc does not ask") as raised:
        check._check_libc("127.0.0.1", ["fe80::1%\x1b[31m"])
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("text", ["192.0.2.80\n192.0.2.81", "192.0.2.80\r", "192.0.2.80\nserver=/evil/192.0.2.66"])
def test_expected_data_is_one_line(text: str) -> None:
    with pytest.raises(Refused, match=r"queries\[0\]: .* is not data of type A: it has more than one line"):
        query(one(expected=[text]))
