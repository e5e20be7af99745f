#!/usr/bin/python
# Copyright: (c) 2026, the everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
---
module: resolver_info
short_description: Tells what writes a host's resolv.conf
version_added: 0.1.0
description:
  - Finds out, by asking the host and not by its distribution's name, which program writes C(/etc/resolv.conf),
    whether it can be taken over, which resolvers DHCP handed out, who holds port 53,
    and which dnsmasq is installed or would be.
  - With O(deployed) it also tells whether all that an earlier deploy did still stands, so that a play can leave out
    everything else on a host where it does.
  - Changes nothing.
author:
  - The everywhere.dnsmasq founders (@everywhere)
options:
  deployed:
    description:
      - What a deploy would be derived from now, in the words of the option
        O(everywhere.dnsmasq.transaction#module:deployed) of M(everywhere.dnsmasq.transaction), without the
        RV(facts_hash) behind them.
    type: str
  updates:
    description:
      - When the host's package manager is asked whether a newer dnsmasq is waiting in its repositories (RV(updates)).
      - V(never), V(always), or V(on_drift), which does not ask where O(deployed) finds the host up to date. To ask
        takes about a second of the host's processor.
      - Only the package lists that the host has already are looked at.
    type: str
    choices: [never, on_drift, always]
    default: never
attributes:
  check_mode:
    description: Can run in check mode, where it does the same.
    support: full
  diff_mode:
    description: Never changes anything, so there is no difference to show.
    support: none
seealso:
  - module: everywhere.dnsmasq.query_latency
"""

EXAMPLES = r"""
- name: Ask the host what writes its resolv.conf
  everywhere.dnsmasq.resolver_info:
  register: resolver

- name: Show it
  ansible.builtin.debug:
    msg: "{{ resolver.provider }}, because {{ resolver.evidence }}"

- name: Ask whether the last deploy still holds
  everywhere.dnsmasq.resolver_info:
    deployed: "{{ dnsmasq_plans.plans[dnsmasq_plans.of[inventory_hostname]].digest }}"
  register: resolver

- name: End the play on unchanged hosts
  ansible.builtin.meta: end_host
  when: resolver.up_to_date

- name: Ask whether a newer dnsmasq is waiting
  everywhere.dnsmasq.resolver_info:
    updates: always
  register: resolver

- name: Say why the installed one does not pass for the latest
  ansible.builtin.debug:
    var: resolver.updates.not_latest
"""

RETURN = r"""
provider:
  description:
    - What writes C(/etc/resolv.conf), one of V(dhclient_ifupdown), V(dhclient_initscripts) (Red Hat's and Amazon's),
      V(dhclient_networkmanager), V(dhclient) (one without hooks, which cannot be taken over), V(networkmanager),
      V(networkmanager_old) (one that manages no loopback link, as before 1.42, or with other addresses on it),
      V(systemd_resolved), V(systemd_networkd), V(dhcpcd), V(resolvconf), V(openresolv), V(netconfig) and V(static).
  returned: always
  type: str
  sample: dhclient_networkmanager
evidence:
  description: How the module knows.
  returned: always
  type: str
  sample: NetworkManager writes resolv.conf and runs dhclient on eth0
manageable:
  description: Whether C(/etc/resolv.conf) can be taken over on this host.
  returned: always
  type: bool
obstacle:
  description: Why it cannot be, in one sentence with the remedy; empty where RV(manageable) is true.
  returned: always
  type: str
path:
  description: The file that libc reads.
  returned: always
  type: str
  sample: /etc/resolv.conf
source:
  description: The file that holds what DHCP handed out, from which dnsmasq's upstreams are taken.
  returned: always
  type: str
  sample: /etc/resolv.conf
nameservers:
  description: The name servers of RV(path), in order.
  returned: always
  type: list
  elements: str
search:
  description: The search list.
  returned: always
  type: list
  elements: str
options:
  description: The resolver options.
  returned: always
  type: list
  elements: str
upstreams:
  description: RV(nameservers) without loopback and without the host's own addresses.
  returned: always
  type: list
  elements: str
nsswitch_resolve:
  description: Whether C(/etc/nsswitch.conf) asks systemd-resolved for host names.
  returned: always
  type: bool
dhclient_confs:
  description: The files that NetworkManager really merges into what dhclient reads, one or more.
  returned: always
  type: list
  elements: str
  sample: [/etc/dhcp/dhclient.conf]
resolved_servers:
  description: The servers that an admin gave systemd-resolved by C(DNS=).
  returned: always
  type: list
  elements: str
resolv_conf_consumers:
  description: What on the host hands its C(resolv.conf) on, of V(docker), V(containerd), V(kubelet) and V(podman).
  returned: always
  type: list
  elements: str
notes:
  description:
    - What works on the host and will not for what it feeds, and updates of dnsmasq that are or may be for security, one
      sentence each. They are warnings too.
    - Containers and pods cannot use the host's 127.0.0.1. C(/run/dnsmasq-everywhere/resolv.conf), which the role
      P(everywhere.dnsmasq.dnsmasq#role) keeps, has the same servers without it.
  returned: always
  type: list
  elements: str
listeners:
  description: Who holds port 53, each with C(protocol), C(address) and C(process).
  returned: always
  type: list
  elements: dict
dnsmasq:
  description:
    - The dnsmasq of the host. C(installed) says whether binary and service are there; C(version) is what is installed,
      or what an install would bring, or null where neither can be told; C(ours) says whether this collection
      has been at work on it, C(brought) whether it was not there before, C(metrics) whether a timer of ours writes
      what it counts; C(package) is the version of its package, or null.
  returned: always
  type: dict
  sample:
    installed: true
    version: "2.90"
    ours: true
    brought: true
    metrics: false
    package: 2.90-4~deb12u2
updates:
  description:
    - What the host's package manager says of dnsmasq by its own lists, and how far its word can be trusted. Null where
      it was not asked (O(updates)) and where there is no dnsmasq.
  returned: always
  type: dict
  contains:
    installed:
      description: The version of the installed package, or null for a dnsmasq of no package.
      type: str
      sample: 2.90-4~deb12u1
    candidate:
      description:
        - The version that is waiting, or null.
        - What a hold or a pin keeps back from apt is seen all the same. What an exclude or a lock hides from dnf or
          zypper is not.
      type: str
      sample: 2.90-4~deb12u2
    security:
      description:
        - Whether it is a security update, or leaves one behind; null where the repositories do not tell.
        - It is one for apt where it comes from a suite or a site whose name ends in C(-security), for yum, dnf and
          zypper where an advisory of the repository says so.
      type: bool
      sample: true
    lists_age:
      description:
        - The seconds since the package lists were last refreshed, or null without lists.
        - Where some repositories were refreshed and others were not, the newest counts. A refresh of apt that failed
          counts as one, unless the host has Ubuntu's hook that keeps the time of each success. The date of the security
          updates tells of it within a week.
      type: int
      sample: 3600
    support_end:
      description:
        - The last day on which the host's release gets updates, by C(SUPPORT_END) of C(/etc/os-release) or, on Debian
          and Ubuntu, by the package C(distro-info-data); null where nothing on the host says so. Debian's LTS counts;
          its extended LTS and Ubuntu's ESM count on a host that has their lists.
      type: str
      sample: "2028-06-30"
    not_latest:
      description:
        - Why the installed dnsmasq does not pass for the latest, one sentence each with the remedy; empty where it
          does.
        - An update is waiting; the release gets no updates any more; the package lists are older than a day or missing;
          the package manager does not answer; Debian or Ubuntu knows no suite of security updates, or only one made
          more than a week ago; Amazon Linux 2023 stays at the release that is installed.
        - A release of which nothing says how long it gets updates passes.
      type: list
      elements: str
      sample:
        - "a security update of dnsmasq is waiting: 2.90-4~deb12u1 -> 2.90-4~deb12u2, upgrade it"
os:
  description: The C(id), C(like) (list) and C(version) of C(/etc/os-release).
  returned: always
  type: dict
  sample: {"id": "debian", "like": [], "version": "12"}
systemd:
  description: The version of systemd, without what the distribution adds; V(0) without systemd.
  returned: always
  type: int
  sample: 252
nft:
  description: Whether the program C(nft) of nftables is installed.
  returned: always
  type: bool
  sample: true
python:
  description: Ansible's Python on the host.
  returned: always
  type: str
  sample: /usr/bin/python3
dnspython:
  description: The version of dnspython that Ansible's Python on the host can import, or null.
  returned: always
  type: str
  sample: 2.3.0
facts_hash:
  description: A digest of all of this that a deploy follows from; the same as long as the same would follow.
  returned: always
  type: str
up_to_date:
  description:
    - Whether the transactions of both roles, C(dnsmasq), C(resolv_conf) and, where there is one, C(metrics), were made
      from O(deployed) and RV(facts_hash), and all of it still stands as it was left and is proven again, now.
  returned: with O(deployed)
  type: bool
drift:
  description: The first thing that does not stand, or nothing.
  returned: with O(deployed)
  type: str
  sample: "dnsmasq: /etc/dnsmasq-everywhere.conf is not as it was left"
"""

import os
import sys
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import detect, facts

try:
    from dns.version import version as DNSPYTHON
except ImportError:
    DNSPYTHON = None


ARGUMENTS = {
    "deployed": {"type": "str"},
    "updates": {"type": "str", "choices": ["never", "on_drift", "always"], "default": "never"},
}
ROLES = ("dnsmasq", "resolv_conf")


def asked_updates(when, found, ask):
    """What the package manager says, where it is to be asked: it takes longer than all the rest."""
    there = found["dnsmasq"]["installed"] or found["dnsmasq"]["package"]
    wanted = when == "always" or (when == "on_drift" and not found.get("up_to_date"))
    return ask() if there and wanted else None


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    deployed = module.params["deployed"]

    def run(argv):
        program = module.get_bin_path(argv[0])
        if not program:
            return 127, ""
        rc, out, unused_err = module.run_command([program] + argv[1:], environ_update={"LC_ALL": "C"})
        return rc, out

    def ask():
        # Only now: most runs on most hosts need none of it.
        from ansible_collections.everywhere.dnsmasq.plugins.module_utils._packages.updates import updates

        return updates(run, seen["os_release"], time.time())

    nft = any(os.path.exists(folder + "/nft") for folder in ("/usr/sbin", "/sbin"))
    seen = facts.collect(run)
    found = detect.detect(seen)
    found.update(dnspython=DNSPYTHON, nft=nft, python=sys.executable)
    found["facts_hash"] = detect.facts_hash(found)
    if deployed is not None:
        # Only now: it is most of what there is to load.
        from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import drift, host

        words = "%s %s" % (deployed, found["facts_hash"])
        names = ROLES + (("metrics",) if found["dnsmasq"]["metrics"] else ())
        found_drift = drift.drift(names, words, facts.RECORDS, host.looking(module))
        found.update(up_to_date=not found_drift, drift=found_drift)
    found["updates"] = asked_updates(module.params["updates"], found, ask)
    found["notes"] += found["updates"].pop("notes") if found["updates"] else []
    for note in found["notes"]:
        module.warn(note)
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
