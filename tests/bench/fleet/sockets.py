# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The receive buffer of another process's sockets.

The role sets net.core.rmem_default before dnsmasq starts. That is one value for the whole machine, which a bench has
no business to change, so the same size is given to the sockets themselves.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_PIDFD_GETFD = 438  # the same number on every architecture
_SO_RCVBUFFORCE = 33
_LIBC = ctypes.CDLL(None, use_errno=True)


def _sockets(pid: int) -> Iterator[socket.socket]:
    """Each socket of the process, as one of ours for as long as it is looked at."""
    process = os.pidfd_open(pid)
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            if not str(entry.readlink()).startswith("socket:"):
                continue
            number = _LIBC.syscall(_PIDFD_GETFD, process, int(entry.name), 0)
            if number < 0:
                raise OSError(ctypes.get_errno(), f"pidfd_getfd of process {pid}")
            with socket.socket(fileno=number) as found:
                yield found
    finally:
        os.close(process)


def set_receive_buffer(pid: int, wanted: int) -> int:
    """Give each UDP socket of the process on port 53 a buffer of `wanted` bytes; say how many there are."""
    count = 0
    for found in _sockets(pid):
        if found.family != socket.AF_INET or found.type != socket.SOCK_DGRAM or found.getsockname()[1] != 53:
            continue
        # The kernel doubles what setsockopt gives it, and takes the sysctl as it is.
        found.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted // 2)
        got = found.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        if got != wanted:
            raise RuntimeError(f"the receive buffer of process {pid} is {got} bytes and not {wanted}")
        count += 1
    if not count:
        raise RuntimeError(f"process {pid} has no socket on port 53")
    return count
