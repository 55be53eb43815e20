"""Measure how long an upgrade takes to start: 1,000 and 10,000 hosts with 100 or 300 services, all of them or one host.

From the command until the first gate has answered: Ansible reads the inventory, the plan is compiled and written,
Ansible reads its playbook, and the campaign is opened. The plan was made by a run before, as in all runs but the first.
Beside it stands what Ansible alone needs for the same inventory, with one empty play and with as many as the plan has.
Each is a process of its own, ended at that answer, so that its peak memory is its own. Goals are in seconds on the
clock of an idle machine; those of the processors grow less where other work goes on. Run as
``tests/env python tests/bench/start.py [HOSTS…]``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from planning import write_site  # type: ignore[import-not-found] # it stands beside this file

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SIZES = ((1000, 100), (1000, 300), (10000, 100))  # hosts, services
UPGRADE = "orderly.services.upgrade"
ONE_HOST = ("--limit", "h0")
GATE, ANSWER = "Open the campaign", "ok: ["
HEADINGS = ("hosts", "services", "", "seconds", "processors", "MiB", "goal")


class Goal(NamedTuple):
    """At most so many seconds, and so many MiB."""

    seconds: float
    mebibytes: float = 1024

    def __str__(self) -> str:
        """Say it."""
        return f"{self.seconds:g} s, {self.mebibytes:g} MiB"


WHOLE = {(1000, 100): Goal(6), (1000, 300): Goal(5), (10000, 100): Goal(40)}
OF_ONE_HOST = Goal(3, 200)


class Start(NamedTuple):
    """What it took until the first gate answered: seconds on the clock and of the processors, memory at most."""

    seconds: float
    processors: float
    mebibytes: float

    def meets(self, goal: Goal) -> bool:
        """Tell whether it was within a goal."""
        return self.seconds <= goal.seconds and self.mebibytes <= goal.mebibytes


def start(folder: Path, playbook: str, *options: str) -> Start:
    """Run a playbook until its first gate, or the task of that name, has answered."""
    environ = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    store = f"orderly_store=sqlite://{folder}/store.db"
    command = [program, "-i", str(folder / "hosts.json"), "-e", store, playbook, *options]
    begin, lines, is_there = time.monotonic(), [], False
    with subprocess.Popen(
        command, cwd=folder, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            lines.append(line)
            is_there = is_there or line.startswith(f"TASK [{GATE}]")
            if is_there and line.startswith(ANSWER):
                break
        else:
            sys.exit(f"{' '.join(command)} gave no answer:\n{''.join(lines)[-3000:]}")
        seconds = time.monotonic() - begin
        process.kill()
        _pid, process.returncode, used = os.wait4(process.pid, 0)
    return Start(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def write_empty_plays(path: Path, plays: int) -> str:
    """Write a playbook that answers once, and as many plays besides that do nothing."""
    answer = {"name": GATE, "ansible.builtin.debug": {}, "run_once": True}
    first = {"hosts": "all", "gather_facts": False, "tasks": [answer]}
    empty = {"hosts": "all", "gather_facts": False, "tasks": []}
    path.write_text("".join(f"- {json.dumps(each)}\n" for each in (first, *[empty] * plays)))
    return str(path)


def measure(hosts: int, services: int) -> Iterator[tuple[str, Start, Goal | None]]:
    """Start the upgrade of a fleet, the first time only to have its plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_site(folder, hosts, services)
        start(folder, UPGRADE)
        (folder / "store.db").unlink()
        (written,) = folder.glob("cache/orderly/plans/*/upgrade.yml")
        plays = written.read_text().count("\n- name: ")
        yield f"{plays:,} plays of the plan", start(folder, UPGRADE), WHOLE[hosts, services]
        (folder / "store.db").unlink()
        yield "one host of it", start(folder, UPGRADE, *ONE_HOST), OF_ONE_HOST
        for empty in (1, plays):
            playbook = write_empty_plays(folder / "empty.yml", empty)
            yield f"Ansible: {empty:,} empty", start(folder, playbook), None


def main(sizes: list[int]) -> int:
    """Print a table; tells whether all goals are met."""
    print("{:>7}{:>10}  {:<26}{:>9}{:>12}{:>7}  {}".format(*HEADINGS))
    missed = 0
    for hosts, services in SIZES:
        if sizes and hosts not in sizes:
            continue
        for words, took, goal in measure(hosts, services):
            verdict = "" if goal is None else f"{goal}: {'met' if took.meets(goal) else 'missed'}"
            missed += verdict.endswith("missed")
            print(
                f"{hosts:7,}{services:10}  {words:<26}{took.seconds:9.1f}{took.processors:12.1f}"
                f"{took.mebibytes:7.0f}  {verdict}",
                flush=True,
            )
    print(f"load {os.getloadavg()[0]:.0f}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main([int(each) for each in sys.argv[1:]]))
