"""What Galaxy does at an import, and what it leaves to the author: on the tarball, before anybody has it.

release.py TREE SCRATCH [VERSION]: TREE is a clean copy of the repository, SCRATCH an empty folder. Ends with the first
finding; each check says what it saw.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import yaml

#: All that a user gets. Whatever else is in the tarball was forgotten in build_ignore.
WANTED = re.compile(
    r"(MANIFEST|FILES)\.json|LICENSE|(README|CHANGELOG|SECURITY|CONTRIBUTING|ARCHITECTURE)\.md"
    r"|changelogs/(changelog|config)\.yaml"
    r"|meta/(runtime|execution-environment)\.yml|meta/ee-(requirements|bindep)\.txt"
    r"|docs/[a-z_]+\.md|docs/images/.+"
    r"|playbooks/(tasks/)?[a-z_]+\.yml|playbooks/templates/[\w.]+\.j2"
    r"|plugins/(action|doc_fragments|filter|lookup|modules|module_utils|plugin_utils)/(_\w+/)?\w+\.py"
    r"|roles/(dnsmasq|resolv_conf)/(README\.md|(defaults|meta|tasks|templates|vars)/(providers/)?[\w.-]+)"
)
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.M)
#: Of galaxy-importer's log: what a person who looks at the collection's page on Galaxy would be shown.
COMPLAINT = re.compile(r"^(WARNING|ERROR|CRITICAL)\b.*", re.M)
KINDS = {"module": "plugins/modules", "filter": "plugins/filter", "lookup": "plugins/lookup", "role": "roles"}


def say(text: str) -> None:
    print(f"release-check: {text}", flush=True)


def run(*argv: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"release-check: {' '.join(map(str, argv))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def build(tree: Path, scratch: Path) -> Path:
    run("ansible-galaxy", "collection", "build", tree, "--output-path", scratch)
    [tarball] = scratch.glob("*.tar.gz")
    return tarball


def contents(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = [member.name for member in archive if member.isfile()]
    forgotten = [name for name in names if not WANTED.fullmatch(name)]
    if forgotten:
        raise SystemExit(f"release-check: {', '.join(forgotten)} in the tarball: add to build_ignore of galaxy.yml")
    say(f"{tarball.name}: {tarball.stat().st_size:,} bytes, {len(names)} files, none of a test or the lab")


def versions(tree: Path, asked: str | None) -> str:
    """galaxy.yml, the changelog's data and its page speak of one version, which is the tag's."""
    version: str = yaml.safe_load((tree / "galaxy.yml").read_text())["version"]
    released = yaml.safe_load((tree / "changelogs/changelog.yaml").read_text())["releases"]
    told = {
        "changelogs/changelog.yaml": version in released,
        # antsibull-changelog escapes each dot.
        "CHANGELOG.md": f"## v{version}".replace(".", "\\.") in (tree / "CHANGELOG.md").read_text().splitlines(),
        "the version that was asked for": asked in (None, "", version),
        "changelogs/fragments (left over)": not list((tree / "changelogs/fragments").glob("*.y*ml")),
    }
    wrong = [name for name, right in told.items() if not right]
    if wrong:
        raise SystemExit(f"release-check: galaxy.yml is at {version}, which does not agree with {', '.join(wrong)}")
    say(f"version {version}, in the changelog, and no fragment is left")
    return version


def anchors(text: str) -> set[str]:
    """As a forge makes them of headings."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text)]
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken(tree: Path) -> Iterator[str]:
    for page in [*tree.glob("*.md"), *tree.glob("docs/**/*.md")]:
        for target in LINK.findall(page.read_text()):
            path, _hash, anchor = target.partition("#")
            if "://" in target:
                if not target.startswith("https://"):
                    yield f"{page.name}: {target} is not https"
                continue
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                yield f"{page.name}: {target} is not there"
            elif anchor and anchor not in anchors(file.read_text()):
                yield f"{page.name}: {target} names no heading"


def links(tree: Path) -> None:
    found = list(broken(tree))
    if found:
        raise SystemExit("release-check: " + "; ".join(found))
    say("each link to a page or heading of the repository leads there (links to the internet are not followed)")


def importer(tarball: Path, scratch: Path) -> None:
    """Galaxy's own program, without the sandbox that it builds there for ansible-test: `make sanity` runs that."""
    config = scratch / "galaxy-importer.cfg"
    config.write_text(
        "[galaxy-importer]\nLOG_LEVEL_MAIN = INFO\nRUN_ANSIBLE_TEST = False\nCHECK_REQUIRED_TAGS = True\n"
    )
    home = {"GALAXY_IMPORTER_CONFIG": str(config), "HOME": str(scratch), "ANSIBLE_HOME": str(scratch / "ansible")}
    done = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(tarball)],
        env=os.environ | home,
        cwd=scratch,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    complaints = [match.group() for match in COMPLAINT.finditer(done.stdout)]
    if done.returncode or complaints or "Importer processing completed successfully" not in done.stdout:
        raise SystemExit(f"release-check: galaxy-importer ended with {done.returncode}:\n{done.stdout}")
    result = json.loads((scratch / "importer_result.json").read_text())
    say(f"galaxy-importer: no error, no warning, {len(result['contents'])} plugins, roles and playbooks")


def installed(tarball: Path, scratch: Path, version: str) -> Path:
    """In an empty path, without a server; every plugin and role shows its documentation from there."""
    path = scratch / "collections"
    home = {"ANSIBLE_HOME": str(scratch / "ansible"), "ANSIBLE_COLLECTIONS_PATH": str(path)}
    run("ansible-galaxy", "collection", "install", tarball, "-p", path, "--offline", **home)
    root = path / "ansible_collections/everywhere/dnsmasq"
    for kind, folder in KINDS.items():
        names = [file.stem for file in (root / folder).iterdir() if kind == "role" or file.suffix == ".py"]
        told = json.loads(run("ansible-doc", "--json", "-t", kind, *(f"everywhere.dnsmasq.{n}" for n in names), **home))
        if len(told) != len(names) or not all(told.values()):
            raise SystemExit(f"release-check: ansible-doc shows {sorted(told)} of {sorted(names)}")
        say(f"ansible-doc shows {len(names)} of {kind}: {', '.join(sorted(names))}")
    listed = json.loads(run("ansible-galaxy", "collection", "list", "-p", path, "--format", "json", **home))
    seen = [found["everywhere.dnsmasq"]["version"] for found in listed.values() if "everywhere.dnsmasq" in found]
    if version not in seen:
        raise SystemExit(f"release-check: ansible-galaxy lists version {seen}, not {version}")
    return path


def execution_environment(collections: Path, scratch: Path) -> None:
    """What ansible-builder reads out of the collection, and the context that it makes of it; no engine is needed."""
    told = run("ansible-builder", "introspect", collections, "--sanitize")
    for needed in ("dnspython", "openssh-client"):
        if needed not in told:
            raise SystemExit(f"release-check: ansible-builder does not find {needed}:\n{told}")
    definition = scratch / "execution-environment.yml"
    galaxy = {"collections": [{"name": str(next(scratch.glob("*.tar.gz"))), "type": "file"}]}
    images = {"base_image": {"name": "registry.example/ee-minimal:latest"}}
    definition.write_text(yaml.safe_dump({"version": 3, "images": images, "dependencies": {"galaxy": galaxy}}))
    context = scratch / "context"
    run("ansible-builder", "create", "-f", definition, "-c", context, "--output-filename", "Containerfile")
    if "ansible-galaxy collection install" not in (context / "Containerfile").read_text():
        raise SystemExit("release-check: the Containerfile of ansible-builder does not install the collection")
    say(
        "ansible-builder finds what an execution environment needs, and writes its Containerfile (not built: no engine)"
    )


def main() -> None:
    tree, scratch = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    version = versions(tree, sys.argv[3] if len(sys.argv) > 3 else None)
    links(tree)
    tarball = build(tree, scratch)
    contents(tarball)
    importer(tarball, scratch)
    execution_environment(installed(tarball, scratch, version), scratch)
    say(f"{version} can be released")


if __name__ == "__main__":
    main()
