"""The report, made of generated fleets, in a real browser that reaches nobody: its figures, its size, its looks."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleets
import pytest
from ansible_collections.everywhere.dnsmasq.plugins.action import derive_plans
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._findings import InputError
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._report import build, charts, health
from ansible_collections.everywhere.dnsmasq.plugins.plugin_utils._topology import inventory

#: What a browser is given: no network at all, so that whatever the page would ask for fails.
CHROMIUM = (
    "unshare", "--net", "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
    "--allow-file-access-from-files", "--enable-logging=stderr", "--disable-features=Translate,OptimizationHints",
)  # fmt: skip
#: Loads the page in a frame of a width, and writes down what it finds there once all of it is drawn.
HARNESS = """<!DOCTYPE html><style>iframe {{ border: 0; height: 900px }}</style>
<body><iframe id="page" style="width:{width}px"></iframe>
<pre id="found"></pre><script>
const frame = document.getElementById("page");
frame.onload = () => {{
  const page = frame.contentDocument, clock = frame.contentWindow.performance;
  const [navigation] = clock.getEntriesByType("navigation");
  const type = text => {{
    const find = page.getElementById("find");
    find.value = text;
    find.dispatchEvent(new frame.contentWindow.Event("input"));
    return page.querySelectorAll("#hosts tbody tr").length;
  }};
  const found = {{
    ready: navigation.domComplete,
    resources: clock.getEntriesByType("resource").map(entry => entry.name),
    wide: page.documentElement.scrollWidth,
    title: page.title,
    heading: page.querySelector("h1").textContent,
    tiles: [...page.querySelectorAll(".tile strong")].map(tile => tile.textContent),
    states: [...page.querySelectorAll(".states li")].map(state => state.textContent),
    rows: page.querySelectorAll("#hosts tbody tr").length,
    shown: page.getElementById("shown").textContent,
    first: page.querySelector("#hosts tbody td").textContent,
    pictures: [...page.querySelectorAll("svg[role=img]")].map(svg => svg.getAttribute("aria-label")),
    scripts: page.scripts.length,
  }};
  page.querySelectorAll("#hosts thead button")[7].click();
  page.querySelectorAll("#hosts thead button")[7].click();
  found.slowest = page.querySelectorAll("#hosts tbody td")[0].textContent;
  found.matches = type("{find}");
  found.nobody = type("no such text anywhere");
  document.getElementById("found").textContent = JSON.stringify(found);
}};
frame.src = "{page}";
</script></body>"""


@dataclass
class Made:
    page: Path
    text: str
    data: dict[str, Any]
    seconds: float


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Made]:
    """Writes a report of hosts' variables, as the playbook does."""

    def made(topology: Any, hosts: dict[str, Any], name: str = "report") -> Made:
        path, first, hostvars = tmp_path / f"{name}.html", next(iter(hosts)), fleets.Hostvars(hosts)
        given = {"dnsmasq_topology": topology}
        began = time.process_time()
        derived = inventory.derive(list(hosts), hostvars, list(hosts), first, derive_plans.defaults(), given)
        page, data = build.report(derived, hostvars, str(path))
        seconds = time.process_time() - began
        assert (page["path"], data["path"]) == (str(path), str(path.with_suffix(".json")))
        path.write_text(page["content"], "utf-8")
        path.with_suffix(".json").write_text(data["content"], "utf-8")
        return Made(path, page["content"], json.loads(data["content"]), seconds)

    return made


def chromium(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    argv = [*CHROMIUM, f"--user-data-dir={home / 'profile'}", *words]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Pages of the browser itself complain as well.
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line and "source: chrome://" not in line]
    assert complaints == []
    return done


def opened(made: Made, width: int, home: Path, find: str = "bridge") -> dict[str, Any]:
    harness = made.page.with_name("harness.html")
    harness.write_text(HARNESS.format(width=width, page=made.page.name, find=find))
    dom = chromium("--window-size=1600,1000", "--dump-dom", harness.as_uri(), home=home).stdout
    [found] = re.findall(r'<pre id="found">(.*?)</pre>', dom, re.S)
    return dict(json.loads(html.unescape(found)))


def photographed(made: Made, folder: Path, home: Path) -> list[Path]:
    """As people meet it: on a desk, on a phone, at night, on paper."""
    name, url = made.page.stem, made.page.as_uri()
    looks = {
        "desktop": ("--window-size=1440,2400",),
        "phone": ("--window-size=500,2400",),
        "dark": ("--window-size=1440,2400", "--blink-settings=preferredColorScheme=0"),
    }
    taken = []
    for look, words in looks.items():
        taken.append(folder / f"{name}-{look}.png")
        chromium(*words, f"--screenshot={taken[-1]}", url, home=home)
    taken.append(folder / f"{name}-print.pdf")
    chromium("--no-pdf-header-footer", f"--print-to-pdf={taken[-1]}", url, home=home)
    return taken


@pytest.fixture(scope="session")
def shots() -> Path:
    folder = Path(os.environ["EVERYWHERE_WORK"]) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"screenshots: {folder}")
    return folder


CASES = {
    "two networks": (fleets.two_networks(), 12),
    "six networks": (fleets.spokes(6), 60),
    "5,000 hosts in 20 networks": (fleets.spokes(20), 5000),
}


@pytest.mark.quiet
@pytest.mark.parametrize(("topology", "count"), CASES.values(), ids=CASES)
def test_a_page_is_drawn_within_two_seconds(topology, count, make, tmp_path):
    assert opened(make(topology, fleets.fleet(topology, count)), 1440, tmp_path)["ready"] < 2000


@pytest.mark.parametrize(("topology", "count"), CASES.values(), ids=CASES)
def test_a_browser_shows_what_the_data_say(topology, count, make, tmp_path, shots):
    made = make(topology, fleets.fleet(topology, count), name=f"fleet-of-{count}")
    hosts, summary = made.data["hosts"], made.data["summary"]
    assert made.seconds < 10
    found = opened(made, 1440, tmp_path)
    print(
        f"{count} hosts: made in {made.seconds:.1f} s of processor, {len(made.text):,} bytes, "
        f"drawn in {found['ready']:.0f} ms"
    )
    assert found["resources"] == []
    assert found["scripts"] == 2
    assert (
        found["heading"].startswith(f"{summary['states']['fine']:,} of {count:,}") or summary["states"]["fine"] == count
    )
    milliseconds = charts.milliseconds
    assert found["tiles"][:2] == [f"{milliseconds(summary['cached_ms'])} ms", f"{milliseconds(summary['cold_ms'])} ms"]
    assert found["states"] == [
        f"{number:,} {health.STATES[state]}" for state, number in summary["states"].items() if number
    ]
    assert sum(summary["states"].values()) == count == len(hosts)
    assert found["rows"] == min(100, count)
    assert found["shown"] == f"1 to {min(100, count)} of {count:,}"
    assert found["first"] == hosts[0]["host"]
    assert found["slowest"] == max(hosts, key=lambda entry: entry["cached_ms"] or 0)["host"]
    assert found["matches"] == sum("bridge" in entry["host"] for entry in hosts)
    assert found["nobody"] == 0
    assert len(found["pictures"]) == 2
    phone = opened(made, 390, tmp_path)
    assert phone["wide"] <= 390
    for shot in photographed(made, shots, tmp_path):
        assert shot.stat().st_size > 10_000, shot


def test_hostile_text_is_text(make, tmp_path):
    """From the inventory, a host and a name server."""
    evil = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;\"'</title></script>"
    topology = fleets.two_networks()
    hosts = fleets.fleet(topology, 8)
    names = list(hosts)
    hosts[evil] = hosts.pop(names[-1]) | {"inventory_hostname": evil}
    hosts[names[0]]["dnsmasq_report_info"] |= {"provider": evil, "notes": [evil], "nameservers": ["127.0.0.1", evil]}
    hosts[names[1]]["dnsmasq_report_queries"] = {"msg": evil, "queries": []}
    hosts[names[2]]["dnsmasq_report_info"] = {"unreachable": True, "msg": evil}
    hosts[names[3]]["dnsmasq_report_info"]["dnsmasq"] |= {"version": evil, "package": evil}
    hosts[names[4]]["dnsmasq_report_queries"]["statistics"]["servers"][0]["address"] = evil
    made = make(topology, hosts)
    found = opened(made, 1440, tmp_path, find="alert(1)")
    assert found["scripts"] == 2
    assert found["resources"] == []
    assert found["matches"] == 4  # by its own name, a finding, a provider or an address; the version is not searched
    assert evil not in made.text


@pytest.mark.parametrize("count", [1, 4], ids=["one host", "only bridges"])
def test_small_fleets(count, make):
    topology = fleets.two_networks()
    made = make(topology, dict(list(fleets.fleet(topology, 4).items())[:count]))
    assert made.data["summary"]["hosts"] == count == len(made.data["hosts"])


def test_a_host_in_no_topology_is_reported(make):
    told = fleets.fleet(fleets.two_networks(), 5)["web0001.datacenter"] | {
        "dnsmasq_topology": {},
        "dnsmasq_network": "",
    }
    made = make({}, {"alone": told})
    assert made.data["networks"] == []
    assert "<h2>Networks</h2>" not in made.text


def test_who_needs_somebody_comes_first(make):
    topology = fleets.two_networks()
    hosts = fleets.fleet(topology, 9)
    names = list(hosts)
    hosts[names[0]] |= {"dnsmasq_report_info": {"unreachable": True, "msg": "timed out"}, "dnsmasq_report_queries": {}}
    hosts[names[1]]["dnsmasq_report_queries"] |= {
        "queries": [{"name": "a.example", "type": "A", "failure": "no", "cached": None, "cold_ms": None}]
    }
    hosts[names[2]]["dnsmasq_report_info"] |= {"up_to_date": False, "drift": "resolv_conf: gone"}
    hosts[names[3]]["dnsmasq_report_info"]["dnsmasq"]["ours"] = False
    hosts[names[4]]["dnsmasq_report_info"]["nameservers"] = ["10.20.0.11"]
    found = {entry["host"]: entry for entry in make(topology, hosts).data["hosts"]}
    assert [found[name]["state"] for name in names[:6]] == ["down", "wrong", "drift", "bare", "wrong", "fine"]
    assert next(iter(found)) == names[0]
    assert found[names[4]]["findings"] == ["/etc/resolv.conf names 10.20.0.11 first, and not 127.0.0.1"]


def test_an_update_that_is_waiting_is_worth_a_look(make):
    topology = fleets.two_networks()
    hosts = fleets.fleet(topology, 9)
    first, second, third = list(hosts)[:3]
    waiting = {"installed": "1-1", "candidate": "1-2", "security": True, "not_latest": [fleets.WAITING]}
    hosts[first]["dnsmasq_report_info"] |= {"notes": [fleets.WAITING], "updates": waiting}
    # One that is not for security, or lists that are old, are data and no finding.
    old = {
        "installed": "1-1",
        "candidate": None,
        "security": False,
        "not_latest": ["the package lists are 9.0 days old"],
    }
    hosts[second]["dnsmasq_report_info"] |= {"notes": [], "updates": old}
    hosts[third]["dnsmasq_report_info"] |= {"notes": [], "updates": None}
    found = {entry["host"]: entry for entry in make(topology, hosts).data["hosts"]}
    assert (found[first]["state"], found[first]["findings"]) == ("notice", [fleets.WAITING])
    assert [(found[name]["state"], found[name]["findings"]) for name in (second, third)] == [("fine", [])] * 2
    assert [found[name]["updates"] for name in (first, second, third)] == [waiting, old, None]


def test_before_and_after(make):
    topology = fleets.two_networks()
    first = make(topology, fleets.fleet(topology, 12, seed=1))
    second = make(topology, fleets.fleet(topology, 12, seed=2))
    before = charts.milliseconds(first.data["summary"]["cached_ms"])
    assert f"from the cache, the median host; before {before} ms" in second.text
    assert "from the cache, before" in second.text and "before" not in first.text.partition("<main>")[2]


@pytest.mark.parametrize("text", ["no figures", "[]", '{"format": 2}', '{"format": 1, "summary": {}, "hosts": []}'])
def test_a_file_that_is_no_earlier_report_is_refused(text, make, tmp_path):
    (tmp_path / "report.json").write_text(text)
    topology = fleets.two_networks()
    with pytest.raises(InputError, match=r"report\.json holds no figures of an earlier report: move it away"):
        make(topology, fleets.fleet(topology, 6))


def test_the_page_is_named_as_one():
    with pytest.raises(InputError, match=r"dnsmasq_report is '/tmp/report.txt', which does not end in \.html"):
        build.report({"plans": [], "topology": {}}, fleets.Hostvars({}), "/tmp/report.txt")
