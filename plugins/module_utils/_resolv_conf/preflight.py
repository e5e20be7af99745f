# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a host is left alone: every obstacle to a deploy, each in one sentence with the remedy."""

#: What can be taken over; each has its tasks in roles/resolv_conf/tasks/providers.
PROVIDERS = (
    "dhclient_ifupdown",
    "dhclient_initscripts",
    "dhclient_networkmanager",
    "dhcpcd",
    "netconfig",
    "networkmanager",
    "networkmanager_old",
    "openresolv",
    "resolvconf",
    "static",
    "systemd_networkd",
    "systemd_resolved",
)
EVERY_ADDRESS = ("0.0.0.0", "*")


def dnsmasq_obstacles(info, plan, platform, require_latest=False):
    """To an instance of dnsmasq that follows the plan, by what resolver_info saw of the host.

    `platform` is the file that says what the host's distribution calls things, or empty where there is none.
    """
    found = [
        _unknown_platform(info, platform),
        _port_in_use(info, plan["listen"]),
        _no_upstream(info, plan["upstream"]),
        _not_latest(info) if require_latest else "",
    ]
    return [sentence for sentence in found if sentence]


def resolv_conf_obstacles(info, host, nameservers):
    """To a takeover of the host's resolv.conf, with these servers first."""
    if not info["manageable"]:
        return [info["obstacle"]]
    if info["provider"] not in PROVIDERS:
        return [
            "The resolv.conf of %s is written by %s (%s), and this version takes over only %s: leave the host out of"
            " the deploy." % (host, info["provider"], info["evidence"], " and ".join(PROVIDERS))
        ]
    if "rotate" in info["options"]:
        return [
            "%s of %s says 'options rotate', with which libc asks the servers in turn, past %s: take 'rotate' out where"
            " that line comes from." % (info["path"], host, nameservers[0])
        ]
    if info["provider"] == "netconfig" and nameservers != ["127.0.0.1"]:
        return [
            "The resolv.conf of %s is written by netconfig, which puts 127.0.0.1 first and nothing else: set"
            " resolv_conf_nameservers to [127.0.0.1] there, and not to [%s]." % (host, ", ".join(nameservers))
        ]
    return []


def _unknown_platform(info, platform):
    if platform:
        return ""
    return (
        "ID of /etc/os-release is %s, which this version does not know: leave the host out of the deploy."
        % info["os"]["id"]
    )


def _port_in_use(info, listen):
    """By anything but the dnsmasq that an earlier deploy started."""
    addresses = set(EVERY_ADDRESS).union(listen, ("[%s]" % address for address in listen if ":" in address))
    rivals = []
    for listener in info["listeners"]:
        process = str(listener["process"])
        own = info["dnsmasq"]["ours"] and process == "dnsmasq"
        if listener["address"] in addresses and not own and process not in rivals:
            rivals.append(process)
    if not rivals:
        return ""
    return (
        "Port 53 of %s is held by %s: if nobody else asks it, stop and disable it; else move it to another address."
        % (
            " or ".join(listen),
            " and ".join(rivals),
        )
    )


def _no_upstream(info, upstream):
    if upstream["mode"] != "dhcp" or info["upstreams"]:
        return ""
    return (
        "%s names no resolver but this host itself (%s): set upstream of the network in dnsmasq_topology to a list of"
        " addresses." % (info["source"], " ".join(info["nameservers"]))
    )


def _not_latest(info):
    """Before an install nothing is known, and after it the host is asked again."""
    reasons = info["updates"]["not_latest"] if info["updates"] else []
    if not reasons:
        return ""
    return "This dnsmasq does not pass for the latest: %s. Or set dnsmasq_require_latest to false." % "; ".join(reasons)
