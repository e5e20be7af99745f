# Copyright: (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transaction needs of the host that it runs on: programs, labels, and the proof as something to call."""

import os

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.everywhere.dnsmasq.plugins.module_utils._dns import check, wire
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import parse
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._transaction import apply, files, units, validation


class _Enough(Exception):
    """The rehearsal of a proof got as far as asking."""


def runner(module):
    """Programs answer (rc, stdout, stderr) whatever happens: fail_json must not strike between swap and roll back."""
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
    module.run_command_environ_update = {"LC_ALL": "C", "PATH": path.lstrip(":")}

    def run(argv):
        try:
            return module.run_command(argv, handle_exceptions=False)
        except OSError as error:
            return 127, "", f"cannot run {argv[0]}: {error.strerror}"

    return run


def looking(module):
    """What makes the host for a look at what the options of an earlier call made, which changes nothing."""
    run = runner(module)
    systemctl = units.Systemctl(run)
    return lambda params: apply.Host(systemctl, run, params["record_dir"], prover(params["proof"], False))


def labeller(module):
    if not module.selinux_enabled():
        return lambda path, like: None

    def label(path, like):
        context = module.selinux_default_context(like)
        if context and all(context):
            os.setxattr(path, "security.selinux", ":".join(context).encode(), follow_symlinks=False)

    return label


def prover(proof, check_mode):
    """The proof as a callable, its mistakes found first: all of it is gone through but the asking."""
    if proof is None:
        return None
    checked = ArgumentSpecValidator(check.ARGUMENTS).validate(proof)
    if checked.error_messages:
        unknown = "unknown option " if isinstance(checked.errors[0], UnsupportedError) else ""
        raise files.ValidationError(f"proof: {unknown}{checked.error_messages[0].rstrip('.')}")
    params = checked.validated_parameters

    def enough(*arguments, **options):
        raise _Enough

    def prove(**hands):
        try:
            return check.assess(params, **hands)
        except check.CheckFailed as error:
            raise apply.ProofFailed(str(error)) from error

    try:
        if wire.HAS_DNSPYTHON or not check_mode:
            prove(ask=enough, libc=enough, resolv_conf=lambda: {"nameservers": [params["server"]], "options": []})
    except _Enough:
        pass
    except apply.ProofFailed as error:
        raise files.ValidationError(f"proof: {error}") from error
    return prove


def prover_at(proof):
    """The proof of a trial: the same questions, asked of a port of 127.0.0.1."""
    if proof is None or proof.get("transport") == "libc":
        return None
    return lambda port: prover(dict(proof, server="127.0.0.1", port=port), False)()


def asker(path):
    """Whether a server that the file names answers, whatever it says, as a callable; None where nobody could ask."""
    if not path or not wire.HAS_DNSPYTHON:
        return None
    question = wire.question("everywhere-dnsmasq.invalid", "A")

    def prove():
        troubles = []
        for server in parse.read(path)["nameservers"]:
            try:
                wire.ask(question, server, 53, "udp", 2.0, 2)
            except (wire.NoAnswer, ValueError) as error:  # no socket takes a NUL in a scope
                troubles.append(validation.one_line(error))
            else:
                return
        raise apply.ProofFailed(f"no server of {path} answers: {', '.join(troubles) or 'it names none'}")

    return prove
