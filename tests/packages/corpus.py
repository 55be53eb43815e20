"""Upgrade the packages of the catalogue on a real host of each suite, with restarts off, and judge what happened.

One host takes one package after the other. What was seen is kept in .build/packages, one file for each package, so that
a run goes on where it was stopped: remove the folder to begin anew. The table is docs/packages.md.

    python tests/packages/corpus.py [--suite SUITE] [--handful DAY | PACKAGE…]
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ansible
import yaml
from judge import Verdict, judge

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLEET = ROOT / "tests/fleet/fleet"
KEPT = ROOT / ".build/packages"
SUITES = ("bookworm", "trixie")
KIT = "/opt/packages"
SITE = "all: {children: {corpus: {hosts: {host: }}}}\n"
SERVICE = "units: [fleet-host-key.service]\n"  # the policy of each package takes the place of this one's
HANDFUL = 4


class Host:
    """A host of a fleet of its own, made ready for the corpus."""

    def __init__(self, suite: str) -> None:
        self.suite = suite
        self.fleet = f"packages-{suite}"

    def command(self, *words: str) -> list[str]:
        return [str(FLEET), "--fleet", self.fleet, *words]

    def run(self, script: str, stdin: bytes = b"") -> str:
        """Run a script of the shell on the host, and give what it printed."""
        done = subprocess.run(
            self.command("exec", "host", "--", "sh", "-euc", script), check=False, input=stdin, capture_output=True
        )
        if done.returncode:
            raise RuntimeError(f"{self.suite}: {done.stderr.decode(errors='replace')[-1000:]}")
        return done.stdout.decode(errors="replace")

    def up(self) -> None:
        """Start it, offer it the newer packages, turn its restarts off by the collection's playbook."""
        subprocess.run(self.command("up", "--suite", self.suite, "host"), check=True, stdout=subprocess.DEVNULL)
        subprocess.run(self.command("offer-updates"), check=True)
        self.run(f"rm -rf {KIT}; mkdir -p {KIT}; tar -xC {KIT}", kit())
        self.run("apt-get -qq -y --no-install-recommends install strace > /dev/null 2>&1")
        self.defer()

    def defer(self) -> None:
        inventory = subprocess.run(self.command("inventory"), check=True, stdout=subprocess.PIPE, text=True)
        site, service = KEPT / "site.yml", KEPT / "roles/corpus/meta/service.yml"
        service.parent.mkdir(parents=True, exist_ok=True)
        site.write_text(SITE)
        service.write_text(SERVICE)
        playbook = ["ansible-playbook", "-i", inventory.stdout.strip(), "-i", str(site)]
        done = subprocess.run(
            [*playbook, "orderly.services.defer_restarts"], check=False, cwd=KEPT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stdout[-2000:])

    def play(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Play a package on the host, and give what was seen."""
        said = self.run(f"exec python3 {KIT}/on_host.py", json.dumps(entry).encode())
        return json.loads(said.splitlines()[-1])

    def down(self) -> None:
        subprocess.run(self.command("down"), check=True)


def kit() -> bytes:
    """Pack what the host runs: the modules of this collection, what they need of ansible-core, and the programs here."""
    core, collection = Path(ansible.__file__).parent, ROOT / "plugins"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("__init__.py", "release.py", "_vendor", "module_utils"):
            tar.add(core / name, f"ansible/{name}")
        for name in ("modules", "module_utils"):
            tar.add(collection / name, f"ansible_collections/orderly/services/plugins/{name}")
        for name in ("calls.py", "on_host.py"):
            tar.add(HERE / name, name)
    return archive.getvalue()


def catalogue(suite: str) -> list[dict[str, Any]]:
    """Read the entries that are for a suite."""
    entries = yaml.safe_load((HERE / "catalogue.yml").read_text())
    return [entry for entry in entries if suite in entry.get("suites", SUITES)]


def name_of(entry: dict[str, Any]) -> str:
    return str(entry["packages"][-1])


def play_all(suite: str, entries: list[dict[str, Any]]) -> list[Verdict]:
    """Play packages on one host, those that were not yet."""
    host, verdicts = Host(suite), []
    (KEPT / suite).mkdir(parents=True, exist_ok=True)
    is_up = False
    for entry in entries:
        kept = KEPT / suite / f"{name_of(entry)}.json"
        if not kept.exists():
            if not is_up:
                host.up()
                is_up = True
            try:
                facts = host.play(entry)
            except RuntimeError as exc:  # the host itself did not survive it: the next one gets a new host
                facts = {"trouble": str(exc)}
                host.down()
                is_up = False
            kept.write_text(json.dumps(facts, indent=1))
            print(f"{suite}: {judge(name_of(entry), json.loads(kept.read_text())).line}", flush=True)
        verdicts.append(judge(name_of(entry), json.loads(kept.read_text())))
    return verdicts


def chosen(suite: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    entries = catalogue(suite)
    if options.names:
        return [entry for entry in entries if name_of(entry) in options.names]
    return entries


def main() -> int:
    """Play what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", choices=SUITES, action="append")
    parser.add_argument("names", nargs="*", metavar="PACKAGE")
    options = parser.parse_args()
    suites = options.suite or SUITES
    KEPT.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(len(suites)) as pool:
        verdicts = list(pool.map(lambda suite: play_all(suite, chosen(suite, options)), suites))
    return any(verdict.is_wrong for each in verdicts for verdict in each)


if __name__ == "__main__":
    sys.exit(main())
