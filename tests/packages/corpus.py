"""Upgrade the packages of the catalogue on a real host of each suite, with restarts off, and judge what happened.

One host takes one package after the other. What was seen is kept in .build/packages, one file for each package, so that
a run goes on where it was stopped; --anew forgets it. With all packages played, it writes docs/packages.md.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible
import yaml
from judge import Verdict
from table import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    Entry = dict[str, Any]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FLEET = ROOT / "tests/fleet/fleet"
KEPT = ROOT / ".build/packages"
PAGE = ROOT / "docs/packages.md"
KIT = "/opt/packages"
SITE = "all: {children: {corpus: {hosts: {host: }}}}\n"
SERVICE = "units: [fleet-host-key.service]\n"  # the policy of each package takes the place of this one's
# In one call a package may name a service and its socket: here the latter is listed too, there it is not.
LISTED = {"bookworm": [".service", ".socket"], "trixie": [".service"]}
HANDFUL = 4
DAY_SECONDS = 86400


class HostError(Exception):
    """A host cannot be used, or did not survive a package."""


class Host:
    """A host in a fleet of its own, ready for the corpus; as a context it is gone at the end."""

    def __init__(self, suite: str, fleet: str) -> None:
        self.suite = suite
        self.fleet = fleet
        self.is_up = False

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *_anything: object) -> None:
        self.down()

    def up(self) -> None:
        """Start it, offer it the newer packages, and turn its restarts off with the collection's playbook."""
        self._fleet("up", "--suite", self.suite, "host")
        self._fleet("offer-updates")
        self.run(f"rm -rf {KIT}; mkdir -p {KIT}; tar -xC {KIT}", kit())
        # The image leaves out the folders of manuals, without which Java cannot be installed.
        self.run("mkdir -p /usr/share/man/man1; apt-get -qq -y install strace > /dev/null 2>&1")
        self._defer()
        self.is_up = True

    def play(self, entry: Entry) -> dict[str, Any]:
        """Play a package on the host, and give what was seen; a host that did not survive it is taken down."""
        if not self.is_up:
            self.up()
        try:
            said = self.run(f"exec python3 {KIT}/on_host.py", json.dumps(entry).encode())
        except HostError as exc:
            self.down()
            return {"trouble": str(exc)}
        return dict(json.loads(said.splitlines()[-1]))

    def run(self, script: str, stdin: bytes = b"") -> str:
        """Run a script of the shell on the host, and give what it printed."""
        return self._fleet("exec", "host", "--", "sh", "-euc", script, stdin=stdin)

    def down(self) -> None:
        """Remove it."""
        self._fleet("down")
        self.is_up = False

    def _defer(self) -> None:
        """Play defer_restarts, for a service with a unit of the fleet's own."""
        service = KEPT / "roles/corpus/meta/service.yml"
        service.parent.mkdir(parents=True, exist_ok=True)
        service.write_text(SERVICE)
        (KEPT / "site.yml").write_text(SITE)
        playbook = ["ansible-playbook", "-i", self._fleet("inventory").strip(), "-i", "site.yml"]
        completed(KEPT, [*playbook, "orderly.services.defer_restarts"])

    def _fleet(self, *words: str, stdin: bytes = b"") -> str:
        return completed(ROOT, [str(FLEET), "--fleet", self.fleet, *words], stdin)


def completed(folder: Path, command: list[str], stdin: bytes = b"") -> str:
    """Run a command that must succeed, and give what it printed."""
    done = subprocess.run(command, check=False, cwd=folder, input=stdin, capture_output=True)
    said = done.stdout.decode(errors="replace")
    if done.returncode:
        raise HostError(f"{' '.join(command)[:200]}: {(said + done.stderr.decode(errors='replace'))[-1000:]}")
    return said


def kit() -> bytes:
    """Pack what the host runs: the modules of this collection, what they need of ansible-core, the programs here."""
    core = Path(ansible.__file__).parent
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in ("__init__.py", "release.py", "_vendor", "module_utils"):
            tar.add(core / name, f"ansible/{name}")
        for name in ("modules", "module_utils"):
            tar.add(ROOT / "plugins" / name, f"ansible_collections/orderly/services/plugins/{name}")
        for name in ("calls.py", "on_host.py", "repack.py"):
            tar.add(HERE / name, name)
    return archive.getvalue()


def catalogue(suite: str) -> list[Entry]:
    """Read the entries that are for a suite."""
    entries = yaml.safe_load((HERE / "catalogue.yml").read_text())
    return [{**entry, "types": LISTED[suite]} for entry in entries if suite in entry.get("suites", LISTED)]


def name_of(entry: Entry) -> str:
    """Name the package that an entry is about: the last, as those before only help it."""
    return str(entry["packages"][-1])


def handful(entries: Sequence[Entry], day: int) -> list[Entry]:
    """Choose a few entries by the day, so that all have had their turn after some weeks."""
    return [entries[(day * HANDFUL + number) % len(entries)] for number in range(HANDFUL)]


def play_all(host: Host, entries: Sequence[Entry], kept: Path) -> list[Verdict]:
    """Play packages on a host, those that were not played yet; one line tells how each ended."""
    kept.mkdir(parents=True, exist_ok=True)
    verdicts = []
    for entry in entries:
        file = kept / f"{name_of(entry)}.json"
        if is_new := not file.exists():
            file.write_text(json.dumps(host.play(entry), indent=1))
        verdicts.append(Verdict(name_of(entry), json.loads(file.read_text())))
        if is_new:
            print(f"{host.suite}: {verdicts[-1].line}", flush=True)
    return verdicts


def all_packages(names: Sequence[str]) -> dict[str, list[Verdict]]:
    """Play all packages, or those named, on a host of each suite."""
    wanted = {
        suite: [each for each in catalogue(suite) if not names or name_of(each) in names] for suite in LISTED
    }
    with ExitStack() as stack, ThreadPoolExecutor(len(LISTED)) as pool:
        hosts = {suite: stack.enter_context(Host(suite, f"packages-{suite}")) for suite in LISTED}
        jobs = {suite: pool.submit(play_all, hosts[suite], wanted[suite], KEPT / suite) for suite in LISTED}
        return {suite: job.result() for suite, job in jobs.items()}


def some_packages(day: int) -> dict[str, list[Verdict]]:
    """Play the handful of a day, on the suite whose turn it is."""
    suite = list(LISTED)[day % len(LISTED)]
    shutil.rmtree(KEPT / "today", ignore_errors=True)
    with Host(suite, "packages") as host:
        return {suite: play_all(host, handful(catalogue(suite), day), KEPT / "today")}


def main() -> int:
    """Play what was asked for; the exit status is 1 where a package was not played, or the product did wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="PACKAGE", help="these only, on each suite; else all")
    parser.add_argument(
        "--today", action="store_true", help=f"{HANDFUL} packages on one suite, others each day"
    )
    parser.add_argument("--anew", action="store_true", help="forget what was played")
    options = parser.parse_args()
    if options.anew:
        shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    if options.today:
        verdicts = some_packages(int(time.time()) // DAY_SECONDS)
    else:
        verdicts = all_packages(options.names)
        if not options.names:
            PAGE.write_text(page(verdicts))
    wrong = [
        f"{suite}: {verdict.line}" for suite in verdicts for verdict in verdicts[suite] if verdict.is_wrong
    ]
    print("\n".join([*wrong, f"packages: {sum(map(len, verdicts.values()))} played, {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
