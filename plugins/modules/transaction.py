#!/usr/bin/python

# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

DOCUMENTATION = r"""
module: transaction
short_description: Swap files, restart units and prove the result, or put everything back
version_added: 0.1.0
author:
  - The everywhere.dnsmasq founders (@everywhere)
description:
  - Does the critical part of a deploy in one execution on the managed host, so a controller that dies or a connection
    that breaks cannot leave the host half-way, and a run that changes nothing is one round trip.
  - Compares O(files) and O(units) with the host. If they differ, it has O(check) accept the new files, records what
    was there, swaps all files, reloads systemd, enables and starts O(units) in their order, and waits for O(proof).
  - If anything fails from the swap on, contents, modes, owners, created files and directories, enablement and running
    units are put back as they were, and the module fails with the first reason. Units that ran are restarted with the
    old files.
  - A run that finds nothing to change makes O(proof) once. If it does not hold, units whose O(units[].restart_for)
    names a file with O(files[].block) or O(files[].lines) are restarted once, since an earlier run may have been cut
    off between the files and the restart.
  - With O(state=absent) what the record names goes back, and then it goes itself.
  - From the swap on, hangups and interrupts are ignored, and a termination is delayed until the host is whole again.
    Only one transaction runs on a host at a time. Others wait for it.
attributes:
  check_mode:
    support: full
    description: Says what would change, also before units are installed. Runs neither O(check) nor O(proof).
  diff_mode:
    support: full
    description: Shows each file that changes, and enablement and activity of each unit that is touched.
options:
  state:
    description:
      - V(present) makes O(files) and O(units) what is wanted.
      - V(absent) puts everything that the record O(name) holds back to what was there before the first change. Files
        with O(files[].content), O(files[].link) and O(files[].watched) go back as a whole, and are removed if there
        were none. Out of files with O(files[].block), O(files[].lines) and O(files[].regexp) only our part is taken.
        Units are enabled and running as they were.
      - Where the record is missing or cannot be read, V(absent) takes away what O(files) name and what is there, as if
        nothing had been there before. Files with O(files[].link) and O(files[].regexp) stay. Units of which the file
        goes, and those with O(units[].running=false), are stopped and disabled; others are restarted. O(commands) are
        run. A warning says so. Nothing is done where nothing shows that there was a deploy. A file with
        O(files[].content), one with O(files[].block) and O(evidence) show it. Lines, and what another program writes,
        do not.
      - V(absent) takes no O(check), O(trial), O(proof) and O(after).
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the record, O(record_dir)C(/<name>.json), in lower case letters and underscores, 200 at most. Others
        are an error.
    type: str
    required: true
  record_dir:
    description:
      - The directory of the records, made with mode V(0700) if it is missing. It is a path as O(files[].path) is.
      - Before the first change, the record gets what was found, content, mode, owner and link of each file, the
        directories that were missing, and the state of each unit. Later runs add paths and units that are new to it
        and alter no entry.
      - What a run added is taken out again if that run is rolled back.
    type: str
    default: /var/lib/everywhere.dnsmasq
  files:
    description:
      - The files as they should be. Each takes exactly one of O(files[].content), O(files[].block),
        O(files[].lines), O(files[].regexp), O(files[].link) and O(files[].watched).
      - Missing parent directories are made with mode V(0755). A symbolic link is kept and the file that it leads to
        is replaced, but for O(files[].link) and O(files[].watched), which are about the path itself.
      - Files that are in no O(units[].restart_for) and no O(commands[].run_for) are read by libc or nobody. They
        land before units are restarted, and go back after that.
      - Two entries for one file, also by way of links, are an error, and so is a path that is not a regular file.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description:
          - The absolute path, without C(..), double or final slashes and control characters. Others are an error.
        type: str
        required: true
      content:
        description:
          - The whole text of the file.
        type: str
      block:
        description:
          - Text kept between the lines C(# BEGIN everywhere.dnsmasq) and C(# END everywhere.dnsmasq), where they
            stand or at the end. Every other byte is left alone.
          - An empty block, or a file with a stray or second marker line, is an error.
        type: str
      lines:
        description:
          - Lines that must stand together and in this order before the first other line that matches
            O(files[].before). They are inserted there if they do not, or appended if none matches, and copies of them
            further down are removed.
          - With O(files[].in_place) another line has to match within 2 seconds, or it is an error, since another writer
            may have just emptied the file to write it anew.
          - Each must be one line that is not empty, and none may be given twice. Requires O(files[].before).
        type: list
        elements: str
      before:
        description:
          - The regular expression of O(files[].lines), in the syntax of Python, searched for in each line.
        type: str
      regexp:
        description:
          - A regular expression in the syntax of Python, with C(^) and C($) at each line. What matches is replaced by
            O(files[].replace), which it requires. Where nothing matches the file stays as it is.
        type: str
      replace:
        description:
          - What O(files[].regexp) is replaced by, in the syntax of Python. It must not match again.
        type: str
      link:
        description:
          - Where a symbolic link at the path leads. A file that stands there is recorded and replaced.
        type: str
      watched:
        description:
          - Whether the file is only recorded, because one of O(units) or O(commands) writes it. It is brought back
            where it was changed, and its directory is made if it is missing.
        type: bool
        default: false
      mode:
        description:
          - The mode of the file as four octal digits in quotes, V(0000) to V(0777).
          - A file with O(files[].block) or O(files[].lines) that is there keeps its own. Owner and group are always
            kept, and new files belong to the user who runs the module.
        type: str
        default: '0644'
      in_place:
        description:
          - Whether the text is written into the inode that is there, not renamed over it, and after all other files.
            Needed where others hold the file, such as C(/etc/resolv.conf) under a running dhcpcd, or where it is a
            mount.
          - A C(dhclient-script) that is under way by then may have read its hooks before they were changed. It is
            waited for, 10 seconds at most, so that it does not write what was wanted before.
        type: bool
        default: false
  check:
    description:
      - A program that must accept the new text of one file before anything lands. It runs if any of O(files) changes.
    type: dict
    suboptions:
      argv:
        description:
          - The program and its arguments, run without a shell. V({staged}) is replaced by the path of a copy with the
            same base name and mode, and must be in one of the arguments. A return code other than 0 is a failure.
        type: list
        elements: str
        required: true
      file:
        description:
          - The path, from O(files), of the file whose copy is checked.
        type: str
        required: true
  trial:
    description:
      - A program that is started beside a unit that runs, before that is restarted and before anything lands. It has
        to satisfy O(proof), asked at 127.0.0.1 and a free port, within O(proof_deadline). So a configuration that
        does not answer never takes the place of one that does.
      - A program that ends by itself says nothing, since what it lacks may be the other one's place.
    type: dict
    suboptions:
      unit:
        description:
          - The name of the unit, from O(units), with its type.
        type: str
        required: true
      argv:
        description:
          - The program and its arguments, run in the foreground without a shell. V({staged}) is replaced by the path of
            a copy of O(trial.file) and V({port}) by the port, and both must be in them.
        type: list
        elements: str
        required: true
      file:
        description:
          - The path, from O(files), of the file that is its configuration.
        type: str
        required: true
      without:
        description:
          - What the copy leaves out, so that the two do not meet. Each line that is one of these words, alone or with
            C(=) and a value behind it.
        type: list
        elements: str
        default: []
  units:
    description:
      - The systemd units, in the order in which they are started. A unit that should run must be installed, or its
        unit file must be one of O(files). One that is masked is an error.
      - systemd is reloaded once if a unit needs it or if a file of a systemd unit directory changes.
      - Services of C(Type=oneshot) without C(RemainAfterExit) are never active and would be started in each run.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - The name of the unit, of 255 characters at most. Without a type it is a service.
        type: str
        required: true
      enabled:
        description:
          - Whether the unit starts at boot. Left as it is if omitted. A static unit counts as enabled.
        type: bool
      running:
        description:
          - Whether the unit runs. It must still be active when all units are started.
        type: bool
        default: true
      restart_for:
        description:
          - Paths, each from O(files). The unit is restarted if one of them changes, or if one with O(files[].content)
            is newer than the unit's start.
        type: list
        elements: str
        default: []
  commands:
    description:
      - Programs that make changed files count where no unit is to be restarted, run without a shell after the units,
        in their order. A return code other than 0 is a failure.
    type: list
    elements: dict
    default: []
    suboptions:
      argv:
        description:
          - The program and its arguments.
        type: list
        elements: str
        required: true
      undo:
        description:
          - What is run instead after the files went back. Without it O(commands[].argv) is.
        type: list
        elements: str
      run_for:
        description:
          - Paths, each from O(files). The program runs if one of them changes.
        type: list
        elements: str
        required: true
  resolv_conf:
    description:
      - A file like C(/etc/resolv.conf). One of its servers has to answer in the end, with whatever response, unless
        the record says that the file was not there, or dnspython is missing, which is warned of.
      - Goes with O(state=absent), after which no resolver of ours is left to prove.
    type: str
  evidence:
    description:
      - A path that is there only where a deploy was made, for O(state=absent) without a record. It is not touched.
    type: str
  proof:
    description:
      - What must hold in the end, in the options of M(everywhere.dnsmasq.query_latency). Wrong options are an error
        before anything is changed. Without it nothing is proven.
    type: dict
  proof_deadline:
    description:
      - How long O(proof) or O(resolv_conf) is tried again after a change, in seconds, V(0) to V(3600). The last failure
        is the reason given.
    type: float
    default: 20.0
  settle:
    description:
      - How long a unit that was started has to stay up, in seconds, V(0) to V(60). What O(proof) takes counts. A unit
        that systemd had to start again meanwhile is a failure.
    type: float
    default: 0.0
  after:
    description:
      - A unit that this transaction relies on and that an earlier one may have started just now. It has to run, and to
        have run for so long without systemd having to start it again, before anything changes. The rest of that time
        is waited for. Where nothing changes nothing is waited for.
    type: dict
    suboptions:
      unit:
        description:
          - The name of the unit, with its type.
        type: str
        required: true
      seconds:
        description:
          - For how long, V(0) to V(60).
        type: float
        required: true
  prepare_only:
    description:
      - Whether only O(files) are swapped, for drop-ins that must be there before a package is installed.
        O(units) are recorded but not touched, systemd is not reloaded, and nothing is proven.
    type: bool
    default: false
  deployed:
    description:
      - What this call was derived from, in a few words, for instance a digest. A call that holds is kept with these
        words in O(record_dir), and the option O(everywhere.dnsmasq.resolver_info#module:deployed) of
        M(everywhere.dnsmasq.resolver_info) tells by them whether a call is needed at all. Nothing is kept if omitted.
    type: str
requirements:
  - systemd
  - dnspython >= 1.15 on the host, with O(proof)
seealso:
  - module: everywhere.dnsmasq.query_latency
"""

EXAMPLES = r"""
- name: Put the drop-in down before the package starts its daemon
  everywhere.dnsmasq.transaction:
    name: dnsmasq
    prepare_only: true
    files:
      - path: /etc/systemd/system/dnsmasq.service.d/50-everywhere.conf
        content: |
          [Service]
          Restart=on-failure
    units:
      - name: dnsmasq.service

- name: Configure dnsmasq, prove that it answers, or put everything back
  everywhere.dnsmasq.transaction:
    name: dnsmasq
    files:
      - path: /etc/dnsmasq.d/50-everywhere.conf
        content: |
          listen-address=127.0.0.1
          bind-interfaces
    check:
      argv: [dnsmasq, --test, "--conf-file={staged}", "--conf-dir=/etc/dnsmasq.d,50-everywhere.conf"]
      file: /etc/dnsmasq.d/50-everywhere.conf
    units:
      - name: dnsmasq.service
        enabled: true
        restart_for: [/etc/dnsmasq.d/50-everywhere.conf]
    proof:
      queries:
        - name: db.corp.example

- name: Make it the first resolver, in the file that a daemon holds
  everywhere.dnsmasq.transaction:
    name: resolv_conf
    files:
      - path: /etc/dhcp/dhclient.conf
        lines: ["prepend domain-name-servers 127.0.0.1;"]
        before: ^\s*(request|require)\b
      - path: /etc/resolv.conf
        lines: [nameserver 127.0.0.1]
        before: ^nameserver
        in_place: true
    proof:
      transport: libc
      queries:
        - name: db.corp.example

- name: Take all of that back
  everywhere.dnsmasq.transaction:
    name: resolv_conf
    state: absent
    resolv_conf: /etc/resolv.conf
"""

RETURN = r"""
files:
  description: The paths that changed, or would change in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/dnsmasq.d/50-everywhere.conf]
restarted:
  description: The units that were started or restarted, in order.
  returned: success
  type: list
  elements: str
  sample: [dnsmasq.service]
reloaded:
  description: Whether systemd was reloaded.
  returned: success
  type: bool
  sample: false
proof:
  description:
    - What M(everywhere.dnsmasq.query_latency) returns.
    - Null without O(proof), in check mode and with O(prepare_only).
  returned: success
  type: dict
  sample: {server: 127.0.0.1, slowest_ms: 0.214}
diff:
  description: One entry for each file that changes, and one for all units that are touched.
  returned: success, with C(--diff)
  type: list
  elements: dict
  contains:
    before_header: {description: "The path, or V(systemd units).", type: str, sample: /etc/resolv.conf}
    after_header: {description: The same., type: str, sample: /etc/resolv.conf}
    before: {description: What was found., type: str, sample: "nameserver 192.0.2.1\n"}
    after: {description: What is wanted., type: str, sample: "nameserver 127.0.0.1\nnameserver 192.0.2.1\n"}
rolled_back:
  description: Whether changes were made and all of them were put back. V(false) if there were none.
  returned: failure
  type: bool
  sample: true
not_restored:
  description: What could not be put back, by name and with the reason.
  returned: failure
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import (
    apply,
    drift,
    files,
    restore,
    spec,
    units,
    validation,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction.host import (
    asker,
    labeller,
    prover,
    prover_at,
    runner,
)
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import wire

FILE = {
    "path": {"type": "str", "required": True},
    "content": {"type": "str"},
    "block": {"type": "str"},
    "lines": {"type": "list", "elements": "str"},
    "before": {"type": "str"},
    "regexp": {"type": "str"},
    "replace": {"type": "str"},
    "link": {"type": "str"},
    "watched": {"type": "bool", "default": False},
    "mode": {"type": "str", "default": "0644"},
    "in_place": {"type": "bool", "default": False},
}
CHECK = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "file": {"type": "str", "required": True},
}
COMMAND = {
    "argv": {"type": "list", "elements": "str", "required": True},
    "undo": {"type": "list", "elements": "str"},
    "run_for": {"type": "list", "elements": "str", "required": True},
}
TRIAL = {
    "unit": {"type": "str", "required": True},
    "argv": {"type": "list", "elements": "str", "required": True},
    "file": {"type": "str", "required": True},
    "without": {"type": "list", "elements": "str", "default": []},
}
UNIT = {
    "name": {"type": "str", "required": True},
    "enabled": {"type": "bool"},
    "running": {"type": "bool", "default": True},
    "restart_for": {"type": "list", "elements": "str", "default": []},
}
ARGUMENTS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "record_dir": {"type": "str", "default": "/var/lib/everywhere.dnsmasq"},
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE},
    "check": {"type": "dict", "options": CHECK},
    "trial": {"type": "dict", "options": TRIAL},
    "units": {"type": "list", "elements": "dict", "default": [], "options": UNIT},
    "commands": {"type": "list", "elements": "dict", "default": [], "options": COMMAND},
    "resolv_conf": {"type": "str"},
    "evidence": {"type": "str"},
    "proof": {"type": "dict"},
    "proof_deadline": {"type": "float", "default": 20.0},
    "settle": {"type": "float", "default": 0.0},
    "after": {
        "type": "dict",
        "options": {"unit": {"type": "str", "required": True}, "seconds": {"type": "float", "required": True}},
    },
    "prepare_only": {"type": "bool", "default": False},
    "deployed": {"type": "str"},
}


LOST = (
    "%s: what this collection puts on a host is taken away, as if nothing had been there before; what other lines and"
    " links said, which packages were there and what ran is not known, and left as it is"
)


def _require_fitting(params):
    """What goes with which state."""
    if params["resolv_conf"]:
        validation.plain_path("resolv_conf", params["resolv_conf"], "/etc/resolv.conf")
    if params["state"] == "present" and params["resolv_conf"]:
        raise files.ValidationError("resolv_conf goes with state=absent; use proof")
    if params["state"] == "present" and params["evidence"]:
        raise files.ValidationError("evidence goes with state=absent; leave it out")
    given = [option for option in ("check", "trial", "proof", "after", "prepare_only") if params[option]]
    if params["state"] == "absent" and given:
        raise files.ValidationError(f"state=absent takes no {given[0]}; the record says what goes back")


def keep_deployed(module):
    """What holds is not given up because there is no room to say so."""
    try:
        drift.keep(module.params)
    except OSError as error:
        module.warn(f"the next run will look at everything again: this one cannot be kept ({files.explain(error)})")


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    run = runner(module)
    try:
        absent = module.params["state"] == "absent"
        _require_fitting(module.params)
        request = spec.request_from(module.params)
        if module.params["resolv_conf"] and not wire.HAS_DNSPYTHON:
            module.warn(f"nobody asks the servers of {module.params['resolv_conf']}: dnspython is not installed")
        host = apply.Host(
            systemctl=units.Systemctl(run),
            run=run,
            record_dir=module.params["record_dir"],
            prove=asker(module.params["resolv_conf"]) if absent else prover(module.params["proof"], module.check_mode),
            label=labeller(module),
            prove_at=prover_at(module.params["proof"]),
        )
        result = (restore.restore if absent else apply.deploy)(request, host, module.check_mode)
        lost = result.pop("lost", None)
        if lost:
            module.warn(LOST % lost)
        if module.params["deployed"] and not (absent or module.check_mode or request.prepare_only):
            keep_deployed(module)
    except apply.RolledBack as error:
        module.fail_json(msg=str(error), changed=bool(error.lost), rolled_back=not error.lost, not_restored=error.lost)
    except apply.UNTOUCHED as error:
        message = f"{files.explain(error)}; nothing was changed"
        module.fail_json(msg=message, changed=False, rolled_back=False, not_restored=[])
    if not module._diff:
        del result["diff"]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
