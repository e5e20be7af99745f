# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles decide on hosts that cannot be booted here, by recorded facts of them."""

from __future__ import annotations

import itertools
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import detect
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import text_edits
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import plan as _plan
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import settings
from plugins.module_utils._resolv_conf.test_detect import BASE

ROLES = Path(__file__).resolve().parents[2] / "roles"
VARS = ROLES / "dnsmasq/vars"
PLATFORMS = sorted(path.stem for path in VARS.glob("*.yml") if path.name != "main.yml")
HOSTS = yaml.safe_load((Path(__file__).parent / "recorded/hosts.yml").read_text())
#: What only some platforms say.
OPTIONAL = {"__dnsmasq_package_python", "__dnsmasq_config", "__dnsmasq_upstream_file"}


@cache
def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def platform_vars(name: str) -> dict[str, Any]:
    """What include_vars leaves in force: the platform's word wins over the role's."""
    return read(VARS / "main.yml") | read(VARS / f"{name}.yml")


def verdict(host: dict[str, Any]) -> dict[str, Any]:
    return detect.detect({**BASE, **host["seen"], "os_release": host["os_release"]})


def candidates(verdict: dict[str, Any]) -> list[str]:
    """The files in the order of the role's own expression."""
    environment = jinja2.Environment()
    environment.filters["product"] = itertools.product
    environment.filters["split"] = str.split
    environment.filters["regex_replace"] = lambda text, pattern, new: re.sub(pattern, new, text)
    expression = read(VARS / "main.yml")["__dnsmasq_platforms"].strip()[2:-2]
    return list(environment.compile_expression(expression)(dnsmasq_info=verdict))


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_what_a_host_is_taken_for(host: dict[str, Any]) -> None:
    seen, expect = verdict(host), host["expect"]
    assert seen["provider"] == expect["provider"]
    assert (seen["manageable"], seen["obstacle"]) == (True, "")
    assert (ROLES / f"resolv_conf/tasks/providers/{expect['provider']}.yml").is_file()
    chosen = next(name for name in candidates(seen) if (VARS / name).is_file())
    assert chosen == f"{expect['vars']}.yml"
    data = platform_vars(expect["vars"])
    assert data["__dnsmasq_packages"] == expect["packages"]
    assert (data["__dnsmasq_user"], data["__dnsmasq_group"]) == (expect["user"], expect["group"])
    assert (ROLES / f"dnsmasq/tasks/packages_{data['__dnsmasq_package_tasks']}.yml").is_file()
    # Raises where the version that the system packages is too old.
    settings.settings(
        _plan.plan({}, "host", None), expect.get("dnsmasq", "2.90"), data["__dnsmasq_user"], resolv_file="/x"
    )


@pytest.mark.parametrize("name", PLATFORMS)
def test_each_platform_says_the_same_things(name: str) -> None:
    assert set(read(VARS / f"{name}.yml")) - OPTIONAL == set(read(VARS / "debian.yml"))


def test_each_platform_is_one_of_a_recorded_host() -> None:
    assert {host["expect"]["vars"] for host in HOSTS.values()} == set(PLATFORMS)


@pytest.mark.parametrize("name", PLATFORMS)
def test_the_configuration_passes_the_check_of_a_real_dnsmasq(name: str, tmp_path: Path) -> None:
    data = platform_vars(name)
    plan = _plan.plan({"here": {"zones": ["corp.example"], "nameservers": ["192.0.2.11"]}}, "host", "here")
    lines = settings.settings(
        plan, "2.90", data["__dnsmasq_user"], data["__dnsmasq_group"], resolv_file=data["__dnsmasq_upstream_file"]
    )
    jinja = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    jinja.filters["comment"] = "# {}".format
    text = jinja.from_string((ROLES / "dnsmasq/templates/dnsmasq.conf.j2").read_text()).render(
        ansible_managed="x",
        __dnsmasq_plan=plan,
        __dnsmasq_settings=lines,
        __dnsmasq_includes=data["__dnsmasq_includes"],
    )
    (tmp_path / "etc/dnsmasq.d").mkdir(parents=True)
    config = tmp_path / "etc/dnsmasq-everywhere.conf"
    config.write_text(text.replace("=/etc", f"={tmp_path}/etc"))
    done = subprocess.run(
        ["/usr/sbin/dnsmasq", "--test", f"--conf-file={config}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.strip()) == (0, "dnsmasq: syntax check OK.")


def taken_out(provider: str, path: str, text: str) -> str:
    """The text after the substitution that a takeover makes in a file."""
    [task] = read(ROLES / f"resolv_conf/tasks/providers/{provider}.yml")
    [file] = [one for one in task["everywhere.dnsmasq.transaction"]["files"] if one["path"] == path]
    once = text_edits.substituted(text.encode(), file["regexp"].encode(), file["replace"].encode())
    assert text_edits.substituted(once, file["regexp"].encode(), file["replace"].encode()) == once, "not the same twice"
    return once.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hosts:          files resolve [!UNAVAIL=return] dns\n", "hosts:          files dns\n"),
        (
            "hosts:      files myhostname mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns\n",
            "hosts:      files myhostname mdns4_minimal [NOTFOUND=return] dns\n",
        ),
        ("hosts:\tresolve [!UNAVAIL=return] files dns\n", "hosts: files dns\n".replace(" files", " files", 1)),
        ("hosts: files dns resolve\n", "hosts: files dns\n"),
        ("passwd: resolve\nhosts: files dns # resolve it\n", "passwd: resolve\nhosts: files dns # it\n"),
        ("hosts: files resolver dns\n", "hosts: files resolver dns\n"),
    ],
    ids=["Debian", "Fedora", "first of all", "last", "another database", "another word"],
)
def test_resolved_is_taken_out_of_nsswitch(before: str, after: str) -> None:
    assert taken_out("systemd_resolved", "/etc/nsswitch.conf", before) == after


def test_netconfig_gets_its_forwarder() -> None:
    text = '# comment\nNETCONFIG_DNS_FORWARDER="resolver"\nNETCONFIG_DNS_FORWARDER_FALLBACK="yes"\n'
    assert taken_out("netconfig", "/etc/sysconfig/network/config", text) == text.replace('"resolver"', '"dnsmasq"')
