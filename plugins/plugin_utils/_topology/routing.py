# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The graph of networks: who is linked to whom, and which network comes first on the way to each other one."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

Graph = dict[str, set[str]]


def graph(links: Mapping[str, Collection[str] | None]) -> Graph:
    """The neighbours of each network, where None stands for links that were left out.

    A link holds both ways, whichever side names it. Where no network names any, all reach each other; as soon as one
    does, the named links are all there are.
    """
    if all(named is None for named in links.values()):
        return {name: set(links) - {name} for name in links}
    neighbours: Graph = {name: set() for name in links}
    for name, named in links.items():
        for other in named or ():
            if other in neighbours and other != name:
                neighbours[name].add(other)
                neighbours[other].add(name)
    return neighbours


def first_hops(home: str, neighbours: Graph, relays: Collection[str]) -> dict[str, str]:
    """The first network on the shortest way from home to each network that can be reached.

    Only a network with bridges relays, so every network between the two ends is one of the relays. Hence each step of
    a way is one shorter than the step before, from whichever network it is computed, and no loop can exist. Of two
    ways of one length, the one whose first network sorts first is taken.
    """
    hops: dict[str, str] = {}
    queue = deque([home])
    while queue:
        here = queue.popleft()
        if here != home and here not in relays:
            continue
        for there in sorted(neighbours[here] - hops.keys() - {home}):
            hops[there] = hops.get(here, there)
            queue.append(there)
    return hops
