# Copyright (c) 2026, The everywhere.dnsmasq founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One page of all that was measured: it needs no network, fits a phone, and is light by day and dark by night."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

from plots import draw
from results import cell

_STYLE = """
:root { color-scheme: light dark; --paper: #fdfdfc; --ink: #1d2127; --faint: #646c78; --line: #dcdfe4; --card: #f3f4f6;
  --good: #1f7a4d; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e6ea; --faint: #9aa2ae; --line: #31363e; --card: #1e2228; --good: #6fcf9a;
    --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0.2rem 0; } h2 { font-size: 1.3rem; margin: 3rem 0 0.3rem; }
h3 { font-size: 1rem; margin: 1.8rem 0 0.3rem; } a { color: inherit; }
p { margin: 0.4rem 0; } .faint { color: var(--faint); font-size: 0.87rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--card); }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.7rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; } th { color: var(--faint); font-weight: 600; }
.word { text-align: left; } td.word:first-child { font-weight: 600; }
.plot { padding: 0.6rem; } .plot svg { display: block; width: 100%; min-width: 30rem; height: auto; }
.claims { list-style: none; padding: 0; } .claims li { padding: 0.25rem 0; }
.holds b { color: var(--good); } .fails b { color: var(--bad); }
summary { cursor: pointer; color: var(--faint); margin-top: 1rem; }
pre { padding: 0.7rem; margin: 0.4rem 0; overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; font-size: 0.8rem; }
"""


def _row(tag: str, values: Sequence[Any], words: Sequence[bool]) -> str:
    cells = zip(values, words, strict=True)
    return (
        "<tr>"
        + "".join(f"<{tag}{' class=word' if word else ''}>{escape(cell(v))}</{tag}>" for v, word in cells)
        + "</tr>"
    )


def _grid(columns: list[str], rows: list[list[Any]]) -> str:
    words = [all(isinstance(row[place], str) for row in rows) for place in range(len(columns))]
    lines = [_row("th", columns, words), *(_row("td", row, words) for row in rows)]
    return f"<div class=wide><table>{''.join(lines)}</table></div>"


def _claim(claim: dict[str, Any]) -> str:
    kind, verdict = ("holds", "✓ holds") if claim["holds"] else ("fails", "✗ does not hold")
    figures = f"{cell(claim['measured'])}; limit: {claim['sense']} {cell(claim['limit'])}"
    return (
        f"<li class={kind}><b>{verdict}</b> {escape(claim['claim'])} <span class=faint>({escape(figures)})</span></li>"
    )


def _machine(machine: dict[str, Any]) -> str:
    load = " → ".join(" ".join(map(str, machine[when] or ["?"])) for when in ("load_before", "load_after"))
    return (
        f"Linux {machine['kernel']}, {machine['cpus']} x {machine['model']}, {machine['memory_mib']:,} MiB, "
        f"load {load}, {machine['date']}"
    )


def _note(text: str) -> list[str]:
    return [f"<p class=faint>{escape(text)}</p>"] if text else []


def _section(found: dict[str, Any], numbers: Iterator[int]) -> str:
    rounds = f"{found['rounds']} round{'s' if found['rounds'] != 1 else ''}"
    parts = [
        f'<h2 id="{escape(found["name"])}">{escape(found["title"])}</h2>',
        f"<p>{escape(found['what'])}</p>",
        *_note(f"{_machine(found['machine'])}; {rounds} in {found['seconds']:,.0f} s"),
    ]
    if found.get("quick"):
        parts.append("<p class=fails><b>A small sample (--quick): it proves no claim.</b></p>")
    if found["claims"]:
        parts.append(f"<ul class=claims>{''.join(map(_claim, found['claims']))}</ul>")
    for plot in found["plots"]:
        parts += [f"<h3>{escape(plot['title'])}</h3>", f"<div class='wide plot'>{draw(plot, next(numbers))}</div>"]
        parts += _note(plot["note"])
    for table in found["tables"]:
        parts += [f"<h3>{escape(table['title'])}</h3>", _grid(table["columns"], table["rows"]), *_note(table["note"])]
    versions = "\n".join(f"{tool} {version}" for tool, version in found["versions"].items())
    commands = "\n".join(f"$ {command}" for command in found["commands"])
    parts.append(
        f"<details><summary>Commands and versions</summary><pre>{escape(commands)}</pre>"
        f"<pre>{escape(versions)}</pre></details>"
    )
    return "\n".join(parts)


def _contents(all_found: list[dict[str, Any]]) -> str:
    rows = []
    for found in all_found:
        held = sum(claim["holds"] for claim in found["claims"])
        link = f'<a href="#{escape(found["name"])}">{escape(found["title"])}</a>'
        verdict = f"{held} of {len(found['claims'])} claims hold" if found["claims"] else "no claims"
        rows.append(
            f"<tr><td class=word>{link}</td><td class=word>{verdict}</td><td>{found['seconds']:,.0f} s</td></tr>"
        )
    return f"<div class=wide><table>{''.join(rows)}</table></div>"


def render(all_found: list[dict[str, Any]]) -> str:
    numbers = count(1)
    return "\n".join(
        [
            "<!doctype html><html lang=en><head><meta charset=utf-8>",
            '<meta name=viewport content="width=device-width, initial-scale=1">',
            f"<title>everywhere.dnsmasq: benches</title><style>{_STYLE}</style></head><body>",
            "<h1>everywhere.dnsmasq: benches</h1>",
            "<p class=faint>Measured by <code>make bench</code>. Figures of one machine: the ratios carry over, the "
            "times do not.</p>",
            _contents(all_found),
            *(_section(found, numbers) for found in all_found),
            "</body></html>\n",
        ]
    )


def write(folder: Path, names: Sequence[str]) -> Path:
    """The page of every bench that has left its numbers in the folder, in the order of the names."""
    files = [folder / f"{name}.json" for name in names]
    found = [json.loads(file.read_text()) for file in files if file.exists()]
    page = folder / "index.html"
    folder.mkdir(parents=True, exist_ok=True)
    page.write_text(render(found))
    return page
