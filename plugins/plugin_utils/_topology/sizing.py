# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a dnsmasq has to hold, by its tier and the number of its clients, unless the user says otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import fault, misfit, place, plain

VARIABLE = "dnsmasq_sizes"
# All measured (5,000 clients at once). A query that waits in the socket takes 832 bytes of it, dnsmasq refuses a client
# beyond dns-forward-max also where it only waits for what another one asked, and each TCP connection is a process.
BYTES_PER_QUERY = 832
MARGIN = 2
CLIENTS_PER_CONNECTION = 25


class Limit(NamedTuple):
    """The range of a size that the user may set."""

    low: int
    high: int


LIMITS = {
    "cache_size": Limit(0, 100000),
    "forward_max": Limit(1, 100000),
    "stale_seconds": Limit(0, 86400),
    "tcp_connections": Limit(1, 300),
    "receive_buffer": Limit(4096, 1 << 28),
}
LOCAL: dict[str, int | None] = {
    "cache_size": 10000,
    "forward_max": 1024,
    # dnsmasq gives an expired answer at once, "no such name" too, even where whoever knows better is well: what is
    # created or moved is seen so much later than its TTL says.
    "stale_seconds": 60,
    # dnsmasq's and the kernel's own.
    "tcp_connections": None,
    "receive_buffer": None,
}
_NUMBER = re.compile(r"[0-9]{1,9}")


def of_bridge(clients: int) -> dict[str, int | None]:
    """All clients ask at once, each for another name.

    Rounded up to a power of two: not every host that is added to the inventory changes, and so restarts, each bridge.
    """
    clients = 1 << (clients - 1).bit_length() if clients else 0

    def within(size: str, number: int, floor: int) -> int:
        return min(max(number, floor), LIMITS[size].high)

    return {
        "cache_size": within("cache_size", MARGIN * clients, 10000),
        "forward_max": within("forward_max", MARGIN * clients, 1024),
        # A host that answers from an expired record fetches a fresh one, and must not be handed another expired one.
        "stale_seconds": 0,
        "tcp_connections": within("tcp_connections", clients // CLIENTS_PER_CONNECTION, 100),
        # The floor is what Linux has by default.
        "receive_buffer": within("receive_buffer", MARGIN * clients * BYTES_PER_QUERY, 212992),
    }


def _number(where: str, raw: object, limit: Limit) -> Iterator[str]:
    wanted = f"a whole number from {limit.low} to {limit.high}"
    # Text is taken as well: that is how a number comes from --extra-vars and from templates.
    if isinstance(raw, bool) or not isinstance(raw, (int, str)):
        yield misfit(where, raw, wanted)
    elif not (isinstance(raw, int) or _NUMBER.fullmatch(raw)) or not limit.low <= int(raw) <= limit.high:
        yield fault(where, raw, f"is out of range: give {wanted}")


def read_sizes(raw: object, findings: list[str]) -> dict[str, int]:
    """What the user sets instead."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        findings.append(misfit(VARIABLE, raw, f"a mapping with any of {', '.join(LIMITS)}"))
        return {}
    sizes: dict[str, int] = {}
    for key, value in raw.items():
        where = place(VARIABLE, key)
        if key not in LIMITS:
            findings.append(fault(where, value, f"is no size: use {', '.join(LIMITS)}"))
        elif value is not None:
            found = list(_number(where, value, LIMITS[key]))
            findings += found
            if not found:
                sizes[plain(key)] = int(value)
    return sizes
