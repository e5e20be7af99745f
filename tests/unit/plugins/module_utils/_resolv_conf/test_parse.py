# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf means to the modules what it means to libc."""

import pytest
from ansible_collections.everywhere.dnsmasq.plugins.module_utils._resolv_conf import parse


# Each text was given to glibc 2.36 itself (res_init in a mount namespace) and read back from its state.
@pytest.mark.parametrize(
    ("text", "differences"),
    [
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", {"nameservers": ["192.0.2.1", "2001:db8::1"]}),
        ("search a.example\nsearch b.example c.example\n", {"search": ["b.example", "c.example"]}),
        ("search a.example\ndomain b.example\n", {"search": ["b.example"]}),
        ("domain a.example\nsearch b.example\n", {"search": ["b.example"]}),
        ("domain a.example b.example\n", {"search": ["a.example"]}),
        ("search a.example\nsearch\n", {"search": ["a.example"]}),
        ("search a.example # b\n", {"search": ["a.example", "#", "b"]}),
        ("# nameserver 192.0.2.1\n#nameserver 192.0.2.1\n; search a.example\n;options rotate\n", {}),
        (
            "nameserver\t192.0.2.1\nsearch\ta.example\t\tb.example\n",
            {"nameservers": ["192.0.2.1"], "search": ["a.example", "b.example"]},
        ),
        ("nameserver 192.0.2.1 # the first\n", {"nameservers": ["192.0.2.1"]}),
        ("options timeout:1 rotate\noptions attempts:3\n", {"options": ["timeout:1", "rotate", "attempts:3"]}),
        ("nameserver\nsearch\noptions\n\n \n", {}),
        ("nameserver=192.0.2.1\nnameservers 192.0.2.1\nNAMESERVER 192.0.2.1\nsortlist 192.0.2.0\n", {}),
        ("  nameserver 192.0.2.1\n\tsearch a.example\n", {}),
        ("nameserver dns.example\nnameserver 192.0.2.1#53\nnameserver 192.0.2.1;\n", {}),
        ("nameserver 192.0.2.1", {"nameservers": ["192.0.2.1"]}),
        ("nameserver\v192.0.2.1\nnameserver 192.0.2.2\vx\nnameserver 192.0.2.3\r\n", {}),
        ("", {}),
        (None, {}),
    ],
    ids=[
        "name servers in order",
        "the last search wins",
        "a domain after a search wins",
        "a search after a domain wins",
        "a domain is one name",
        "an empty search changes nothing",
        "a search list knows no comments",
        "lines that begin with # or ;",
        "tabs",
        "what follows an address is ignored",
        "options accumulate",
        "words without a value",
        "words that are none",
        "a line that begins with a space or a tab is not read",
        "a name server that is not an address is not read",
        "no newline at the end",
        "only spaces and tabs separate words",
        "an empty file",
        "no file",
    ],
)
def test_resolv_conf_is_read_as_glibc_reads_it(text, differences):
    assert parse.parse_resolv_conf(text) == {"nameservers": [], "search": [], "options": [], **differences}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"search corp.example\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n", ["127.0.0.1", "192.0.2.53"]),
        (b"# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n  nameserver 192.0.2.3\nnameserver\t::1 # here\n", ["::1"]),
        (b"nameserver fe80::1%eth0\n", ["fe80::1%eth0"]),
        (b"nameserver resolver.example\nnameserver 192.0.2.53\n", ["192.0.2.53"]),
        (b"nameserver\n\xff\xfe\nnameserver \xff\n", []),
        (None, []),
    ],
    ids=["in order", "comments and white space", "an address with a scope", "a name", "no address", "no file"],
)
def test_a_file_is_read(tmp_path, text, expected):
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_bytes(text)
    assert parse.read(str(path))["nameservers"] == expected
