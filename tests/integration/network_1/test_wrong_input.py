"""Wrong input ends the run in its first task, on the controller, with the variable, the value and the remedy."""

from __future__ import annotations

import json

import pytest

DATACENTER = {"zones": ["corp.example"], "nameservers": ["10.20.0.11"]}
CASES = {
    "an unknown network": (
        {"dnsmasq_topology": {"datacenter": DATACENTER}, "dnsmasq_network": "us_est_1"},
        ["dnsmasq_network", "us_est_1", "datacenter"],
    ),
    "an address that is none": (
        {
            "dnsmasq_topology": {"us_east_1": DATACENTER | {"nameservers": ["10.20.0.256"]}},
            "dnsmasq_network": "us_east_1",
        },
        ["nameservers", "10.20.0.256"],
    ),
    "a zone with a space": (
        {"dnsmasq_topology": {"us_east_1": DATACENTER | {"zones": ["corp example"]}}, "dnsmasq_network": "us_east_1"},
        ["zones", "corp example"],
    ),
    "a zone with a newline": (
        {
            "dnsmasq_topology": {"us_east_1": DATACENTER | {"zones": ["corp.example\nserver=192.0.2.1"]}},
            "dnsmasq_network": "us_east_1",
        },
        ["zones", "corp.example\\nserver=192.0.2.1"],
    ),
    "a cache that is too large": (
        {
            "dnsmasq_topology": {"us_east_1": DATACENTER},
            "dnsmasq_network": "us_east_1",
            "dnsmasq_sizes": {"cache_size": 1000000},
        },
        ["cache_size", "1000000", "100000"],
    ),
    "an unknown key of a check": (
        {"dnsmasq_checks": [{"name": "db.corp.example", "typ": "A"}]},
        ["dnsmasq_checks[0]['typ']", "'A'", "use name, type"],
    ),
    "text in the place of checks": (
        {"dnsmasq_checks": "name=db.corp.example"},
        ["dnsmasq_checks is 'name=db.corp.example'", "give a list of mappings"],
    ),
    "a check of no name that has data": (
        {"resolv_conf_checks": [{"name": "db.corp.example", "rcode": "NXDOMAIN", "expected": ["10.20.0.21"]}]},
        ["resolv_conf_checks[0]['rcode']", "'NXDOMAIN'", "leave one of them out"],
    ),
    "a variable that is misspelled": (
        {"dnsmasq_topology": {"us_east_1": DATACENTER}, "dnsmasq_netwrok": "us_east_1"},
        ["dnsmasq_netwrok", "us_east_1", "write dnsmasq_network"],
    ),
    "two variables that are misspelled": (
        {"dnsmasq_topolgy": {"us_east_1": DATACENTER}, "dnsmasq_metric": True},
        [
            "dnsmasq_topolgy is set",
            "write dnsmasq_topology",
            "dnsmasq_metric is True",
            "write dnsmasq_metrics",
        ],
    ),
    "a boolean that is none": (
        {"dnsmasq_hardening": "no way"},
        ["dnsmasq_hardening", "no way", "true or false"],
    ),
    "two networks owning one zone": (
        {"dnsmasq_topology": {"us_east_1": DATACENTER, "us_west_2": DATACENTER}, "dnsmasq_network": "us_east_1"},
        ["corp.example", "us_east_1", "us_west_2"],
    ),
}


@pytest.mark.parametrize(("given", "named"), CASES.values(), ids=CASES.keys())
def test_wrong_input_fails_on_the_controller_before_any_host_is_touched(playbook, tmp_path, given, named):
    # Hosts that do not answer: a task that touched one would be unreachable, not failed.
    inventory = tmp_path / "hosts.yml"
    host = {"ansible_host": "127.0.0.1", "ansible_port": 9, "ansible_ssh_common_args": "-o ConnectTimeout=2"}
    inventory.write_text(json.dumps({"all": {"children": {"clients": {"hosts": {"web1": host, "web2": host}}}}}))
    run = playbook("deploy", "-e", json.dumps(given), inventory=inventory)
    assert run.returncode != 0
    assert {event["task"] for event in run.results} == {run.failures[0]["task"]}, "a later task ran"
    assert "Check what the inventory says of all hosts" in run.failures[0]["task"]
    for word in named:
        assert word in run.failures[0]["msg"]
