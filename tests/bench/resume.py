"""Measure how long a resumed upgrade takes until it is where it failed: 1,000 hosts, 60 services, the last tenth.

Everything before the failed unit is recorded as done, as runs before would have; then the same command runs again. No
host exists: what is done must not be contacted, and the unit that failed fails again. Goal: at most 60 s. Run as:
``tests/env python tests/bench/resume.py [HOSTS [SERVICES]]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, NamedTuple

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import open_journal
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState, this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

ROOT = Path(__file__).parents[2]
LEVELS = 10  # services in a row, so many that each level has several


def write_site(folder: Path, hosts: int, services: int) -> None:
    """Write an inventory with every service on every host, and roles whose tasks can only fail."""
    inventory = {
        "all": {
            "children": {
                f"service{n}": {"hosts": {f"host{m}": {} for m in range(hosts)}} for n in range(services)
            },
            "vars": {"ansible_connection": "local", "ansible_become": False},
        }
    }
    (folder / "hosts.json").write_text(json.dumps(inventory))
    for n in range(services):
        role = folder / f"roles/service{n}"
        (role / "meta").mkdir(parents=True)
        (role / "tasks").mkdir()
        before = n - services // LEVELS
        after = [f"service{before}"] if before >= 0 else []
        (role / "meta/service.yml").write_text(json.dumps({"max_unavailable": "10%", "after": after}))
        tasks = [
            {"name": f"Step {step}", "ansible.builtin.fail": {}, "tags": f"step{step}"}
            for step in (0, 1, 3, 6)
        ]
        (role / "tasks/upgrade_tasks.yml").write_text(yaml.safe_dump(tasks))


class Timed(NamedTuple):
    """One run of ansible-playbook: seconds in all, until the first failed task, and of the processors; its output."""

    seconds: float
    failed: float | None
    processors: float
    output: str


def run(folder: Path, *arguments: str, playbook: str = "orderly.services.upgrade") -> Timed:
    """Run a playbook, by default the upgrade."""
    environ = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
        "ANSIBLE_NOCOLOR": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [program, "-i", str(folder / "hosts.json"), "-e", f"orderly_store=sqlite://{folder}/store.db"]
    begin, failed, lines, before = time.monotonic(), None, [], getrusage(RUSAGE_CHILDREN)
    with subprocess.Popen(
        [*command, *arguments, playbook], cwd=folder, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            lines.append(line)
            if failed is None and line.startswith(("fatal: ", "[ERROR]: Task failed")):
                failed = time.monotonic() - begin
    after = getrusage(RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timed(time.monotonic() - begin, failed, busy, "".join(lines))


def record_progress(folder: Path, plan: dict[str, Any]) -> tuple[str, int]:
    """Record all plays before the last tenth of the waves as done; give the play that comes next, and its number."""
    waves = [play["id"] for play in plan["plays"] if play["kind"] == "change"]
    failing = waves[len(waves) * 9 // 10]
    here = this_run()
    me = replace(here, started=here.started - 1)  # a run that is over
    with closing(open_store(f"sqlite://{folder}/store.db")) as store:
        journal = open_journal(store, plan["id"], me, lambda _run: RunState.OVER, "2026-01-01T00:00:00+00:00")
        for number, play in enumerate(plan["plays"]):
            if play["id"] == failing:
                return failing, number
            parts = {f"{name}/{play['kind']}": hosts for name, hosts in play["services"].items()}
            journal.record(DONE, play["id"], parts, "2026-01-01T00:00:00+00:00")
    raise ValueError(failing)


def main(hosts: int = 1000, services: int = 60) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder, hosts, services)
        listed = run(folder, "--list-hosts")
        path = next(folder.glob("cache/orderly/plans/*/plan.json"), None)
        if path is None:
            sys.exit(f"There is no plan:\n{listed.output[-3000:]}")
        parsed = run(folder, "--list-hosts", playbook=str(path.with_name("upgrade.yml")))
        plan = json.loads(path.read_text())
        failing, number = record_progress(folder, plan)
        resumed = run(folder)
        if resumed.failed is None or f"{failing} | " not in resumed.output:
            sys.exit(f"The run did not get to {failing}:\n{resumed.output[-3000:]}")
        store = (folder / "store.db").stat().st_size
    print(f"{hosts} hosts, {services} services on each: {len(plan['plays'])} plays, {number} of them done")
    print("                             seconds   of the processors")
    print(f"  Ansible's own parse      {parsed.seconds:9.1f} {parsed.processors:9.1f}")
    print(f"  plan and list            {listed.seconds:9.1f} {listed.processors:9.1f}")
    print(f"  start to the failed unit {resumed.failed:9.1f}             (goal 60)")
    print(f"  the whole run            {resumed.seconds:9.1f} {resumed.processors:9.1f}")
    print(f"  journal and locks        {store / 1e6:9.1f} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
