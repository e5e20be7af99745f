"""Cables with a delay: pairs of TAP devices, in network namespaces, joined by this process.

Usage: cables.py < cables.json, a list of {"a": [namespace, device, MAC or null], "b": [...], "delay": seconds one way}.
The kernel here has no netem, and a delay in the network (not in a server) delays every protocol alike.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x0002, 0x1000, 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def open_tap(namespace: str, device: str, mac: str | None) -> int:
    """A TAP device in the namespace; its descriptor works from any other."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    _enter(there)
    try:
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _IFF_TAP | _IFF_NO_PI))
        if mac:
            subprocess.run(["ip", "link", "set", device, "address", mac], check=True)
    finally:
        _enter(home)
        os.close(home)
        os.close(there)
    return tap


def forward(cables: list[tuple[int, int, float]]) -> None:
    """Move frames until told to stop; each waits its cable's delay, and order is kept."""
    other = {a: (b, delay) for a, b, delay in cables} | {b: (a, delay) for a, b, delay in cables}
    waiting: dict[int, deque[tuple[float, bytes]]] = {tap: deque() for tap in other}
    while True:
        due = min((queue[0][0] for queue in waiting.values() if queue), default=None)
        pause = None if due is None else max(0.0, due - time.monotonic())
        ready = select.select(list(other), [], [], pause)[0]
        now = time.monotonic()
        for tap in ready:
            far, delay = other[tap]
            try:
                while True:
                    waiting[far].append((now + delay, os.read(tap, 65536)))
            except BlockingIOError:
                pass
        now = time.monotonic()
        for tap, queue in waiting.items():
            while queue and queue[0][0] <= now:
                try:
                    os.write(tap, queue.popleft()[1])
                except OSError as error:  # the far device is down: a frame on a pulled cable is lost
                    print(f"lost a frame: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    # A network does not become slow because hosts are busy.
    os.nice(-15)
    plugged = [(open_tap(*cable["a"]), open_tap(*cable["b"]), cable["delay"]) for cable in json.load(sys.stdin)]
    print("plugged", flush=True)
    forward(plugged)
