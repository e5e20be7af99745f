# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a query may say: its options, and which of them contradict each other.

The modules read queries on the hosts; on the controller the same rules judge dnsmasq_checks and resolv_conf_checks.
plugins/doc_fragments/query.py documents the options. Runs under Python 3.6.
"""

TRANSPORTS = ["udp", "tcp", "libc"]
#: What getaddrinfo() can ask for.
LIBC_TYPES = ("A", "AAAA")

QUERY_SPEC = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "default": "A"},
    "expected": {"type": "list", "elements": "str"},
    "rcode": {"type": "str", "choices": ["NOERROR", "NXDOMAIN"]},
    "exists": {"type": "bool", "default": False},
    "cached": {"type": "bool", "default": True},
    "reference": {"type": "list", "elements": "str"},
    "required": {"type": "bool", "default": True},
    "server": {"type": "str"},
    "transport": {"type": "str", "choices": TRANSPORTS},
}
#: The options of a user's check: the roles decide how it travels. It exists unless rcode or expected says otherwise.
CHECK_OPTIONS = tuple(option for option in QUERY_SPEC if option not in ("server", "transport", "exists"))


def may_be_null(option):
    """Whether null says the same as leaving the option out, as it does to AnsibleModule."""
    return {"required", "default", "choices"}.isdisjoint(QUERY_SPEC[option])


def contradictions(query):
    """Each option that cannot stand beside the others, with the end of a sentence that begins with its value."""
    if query.get("expected") is not None and query.get("rcode") == "NXDOMAIN":
        yield "rcode", "has no data, and 'expected' says some: leave one of them out"
    if query.get("required") is False and not query.get("reference"):
        yield "required", "needs a 'reference' that could be silent: add one"
