# Copyright (c) everywhere.dnsmasq contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a play registered on its hosts to the two files of a report."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError, plain
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report.health import FORMAT, in_order, judged, summary
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report.page import page
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.inventory import bare
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.parse import read_topology
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology.routing import graph

ROOT = Path(__file__).resolve().parents[3]
SUFFIXES = (".html", ".htm")
#: What the page takes from an earlier report.
SHOWN_BEFORE = {"cached_ms", "cold_ms", "hit_rate", "slowest_ms"}
PLOTTED_BEFORE = {"cached_ms", "cold_ms"}


class ReportError(InputError):
    """The report cannot be made of this."""


def networks(topology: Any, entries: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each network with its neighbours and what was found of its hosts."""
    read = read_topology(topology, [])
    links = graph(
        {name: None if one.links is None else [link.value for link in one.links] for name, one in read.items()}
    )
    hosts = Counter(entry["network"] for entry in entries)
    troubled = Counter(entry["network"] for entry in entries if entry["state"] not in ("fine", "bare"))
    return [
        {
            "name": name,
            "zones": [zone.value for zone in one.zones],
            "subnets": [str(subnet.value) for subnet in one.subnets],
            "nameservers": one.authorities,
            "bridges": {host: entry.value for host, entry in one.bridges.items()},
            "links": sorted(links[name]),
            "hosts": hosts[name],
            "troubled": troubled[name],
        }
        for name, one in read.items()
    ]


def _earlier(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = found["format"] == FORMAT and found["summary"].keys() >= SHOWN_BEFORE
        known = known and all(entry.keys() >= PLOTTED_BEFORE for entry in found["hosts"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        known = False
    if not known:
        raise ReportError(
            [f"{path} holds no figures of an earlier report: move it away, or give dnsmasq_report another path."]
        )
    return dict(found)


def version() -> str:
    """Of the collection: Galaxy's tarballs have a manifest, a checkout has not."""
    manifest, source = ROOT / "MANIFEST.json", ROOT / "galaxy.yml"
    if manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    found = (
        re.search(r"^version: (\S+)", source.read_text(encoding="utf-8"), re.MULTILINE) if source.is_file() else None
    )
    return found.group(1) if found else "of an unknown version"


def report(
    derived: Mapping[str, Any],
    hostvars: Any,
    path: str,
    info: str = "dnsmasq_report_info",
    asked: str = "dnsmasq_report_queries",
) -> list[dict[str, str]]:
    """The page and its data, which show as before what an earlier report left there."""
    file = Path.cwd() / plain(path)
    if file.suffix not in SUFFIXES:
        raise ReportError([f"dnsmasq_report is '{path}', which does not end in .html: name the page's file."])
    data = file.with_suffix(".json")
    entries = []
    for group in bare(derived["plans"]):
        for name in group["hosts"]:
            raw = hostvars.raw_get(name)
            entries.append(judged(name, group["plan"], bare(raw.get(info) or {}), bare(raw.get(asked) or {})))
    entries = in_order(entries)
    made = {
        "format": FORMAT,
        "generated": time.strftime("%Y-%m-%d %H:%M %Z"),
        "version": version(),
        "networks": networks(bare(derived["topology"]), entries),
        "summary": summary(entries),
        "hosts": entries,
    }
    before = _earlier(data)
    return [
        {"path": str(file), "content": page(made, before, data.name)},
        {"path": str(data), "content": json.dumps(made, indent=1) + "\n"},
    ]
