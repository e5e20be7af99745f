# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf as libc reads it (resolv.conf(5), glibc's res_init). Nothing else in Python reads it."""

import re
import socket


def is_address(text):
    """Whether it is an IPv4 address, or an IPv6 address with or without a scope."""
    for family, name in ((socket.AF_INET, text), (socket.AF_INET6, text.partition("%")[0])):
        try:
            socket.inet_pton(family, name)
            return True
        except (OSError, ValueError):
            continue
    return False


def parse_resolv_conf(text):
    """Name servers, search list and options: the last search or domain line wins.

    A keyword begins its line, and only spaces and tabs separate words: whatever begins with another character, be it a
    comment or an indented line, says nothing.
    """
    found = {"nameservers": [], "search": [], "options": []}
    for line in (text or "").split("\n"):
        keyword, *words = re.split("[ \t]+", line.rstrip(" \t"))
        if not words:
            continue
        if keyword == "nameserver" and is_address(words[0]):
            found["nameservers"].append(words[0])
        elif keyword == "search":
            found["search"] = words
        elif keyword == "domain":
            found["search"] = words[:1]
        elif keyword == "options":
            found["options"] += words
    return found


def read(path="/etc/resolv.conf"):
    """What the file says to libc; nothing where there is no such file."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return parse_resolv_conf(stream.read())
    except OSError:
        return parse_resolv_conf("")
