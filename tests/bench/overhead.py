"""Measure what the controller does beside useful work: an upgrade plan, a loop over steps, and plays by hand.

The same services with the same tasks on the same toy hosts of this machine, once all together on every host and once
each on hosts of its own, one host of a service at a time:

* plan: what ``orderly.services.upgrade`` compiles and runs,
* step loop: every task list is included at each step, and ``when: step | int == N`` chooses in it, as TripleO did,
* by hand: a play for each service with nothing but its tasks, which knows neither locks nor a journal.

A task is useful where it runs and belongs to a service. What is run or skipped beside is counted for each useful one;
gates, locks and journal are told apart. Goals: at most 1.1 where services are together, at least twice as fast as the
step loop. Last, waves that services share: the time of all of them in one run beside the sum of the times of one
after the other. Run as ``tests/env python tests/bench/overhead.py [SECONDS]``, where SECONDS (1) is what one
task of step 3 takes on a host.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import yaml
from ansible_collections.orderly.services.tests.play.toys import UPGRADE, Site

SERVICES = ("cache", "lb", "web")
HOSTS = 3
TOGETHER = dict.fromkeys(SERVICES, " ".join(f"h{number}" for number in range(HOSTS)))
APART = {name: " ".join(f"{name}{number}" for number in range(HOSTS)) for name in SERVICES}
STEPS = (0, 1, 2, 3, 5, 6)
TASKS = 2  # of each step
INCLUDE = "ansible.builtin.include_tasks"

COUNTER = """\
import os
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = "name: tally\\ntype: aggregate\\nshort_description: count\\ndescription: count"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "tally"
    CALLBACK_NEEDS_ENABLED = True

    def note(self, word, name):
        with open(os.environ["TALLY"], "a") as tally:
            tally.write(f"{word} {name}\\n")

    def v2_runner_on_ok(self, result):
        self.note("run", result._task.name)

    def v2_runner_on_skipped(self, result):
        self.note("skipped", result._task.name)

    def v2_playbook_on_include(self, included_file):
        for _host in included_file._hosts:
            self.note("run", "include")
"""


@dataclass(frozen=True)
class Run:
    """One run of ansible-playbook: what its tasks came to, seconds on the clock and of the processors."""

    tasks: Counter[tuple[str, str]]
    seconds: float
    processors: float

    @cached_property
    def useful(self) -> int:
        """Count the tasks of services that ran."""
        return self.tasks["run", "service"]

    @property
    def others(self) -> int:
        """Count what was run or skipped beside, but gates, locks and journal."""
        return (
            self.tasks["skipped", "service"] + self.tasks["run", "include"] + self.tasks["skipped", "include"]
        )

    @property
    def gates(self) -> int:
        """Count the tasks of gates, locks and journal."""
        return self.tasks["run", "gate"] + self.tasks["skipped", "gate"]

    @property
    def ratio(self) -> float:
        """Give the tasks run or skipped for each useful one."""
        return (self.useful + self.others) / self.useful


def write_fleet(site: Site, where: dict[str, str], seconds: float) -> None:
    """Write inventory and roles, and the two playbooks of others."""
    site.groups(**where)
    site.write("callbacks/tally.py", COUNTER)
    for name in SERVICES:
        role = site.service(name, steps="", max_unavailable=1)
        tasks = [(step, task(name, step, number, seconds)) for step in STEPS for number in range(TASKS)]
        by_tag = [{**each, "tags": f"step{step}"} for step, each in tasks]
        by_when = [{**each, "when": f"step | int == {step}"} for step, each in tasks]
        (role / "tasks/upgrade_tasks.yml").write_text(yaml.safe_dump(by_tag))
        (role / "tasks/by_step.yml").write_text(yaml.safe_dump(by_when))
        (role / "tasks/by_hand.yml").write_text(yaml.safe_dump([each for _step, each in tasks]))
    site.write("each.yml", yaml.safe_dump([include(name, "by_step") for name in SERVICES]))
    batches = dict.fromkeys(
        where.values()
    )  # services that are on the same hosts go through their steps together
    loop = {
        "name": "include",
        INCLUDE: "each.yml",
        "loop": list(range(7)),
        "loop_control": {"loop_var": "step"},
    }
    site.write(
        "step_loop.yml",
        yaml.safe_dump([play(next(n for n in where if where[n] == each), loop) for each in batches]),
    )
    site.write(
        "by_hand.yml", yaml.safe_dump([play(name, include(name, "by_hand", static=True)) for name in where])
    )


def task(name: str, step: int, number: int, seconds: float) -> dict[str, str]:
    """Give one task of a service; only the first one of step 3 takes its time."""
    what = f"sleep {seconds}" if (step, number) == (3, 0) else "true"
    return {"name": f"service {name} step{step} {number}", "ansible.builtin.raw": what}


def include(name: str, file: str, *, static: bool = False) -> dict[str, str]:
    """Give the task that brings a service's tasks."""
    module = "ansible.builtin.import_tasks" if static else INCLUDE
    return {"name": "include", module: f"roles/{name}/tasks/{file}.yml", "when": f"'{name}' in group_names"}


def play(hosts: str, *tasks: object) -> dict[str, object]:
    """Give a play of one host at a time."""
    return {"hosts": hosts, "serial": 1, "gather_facts": False, "tasks": list(tasks)}


def run(site: Site, playbook: str | Path, *arguments: str) -> Run:
    """Run a playbook to its good end."""
    tally = site.folder / "tally"
    tally.unlink(missing_ok=True)
    environ = {
        "ANSIBLE_FORKS": "20",
        "ANSIBLE_CALLBACK_PLUGINS": str(tally.with_name("callbacks")),
        "ANSIBLE_CALLBACKS_ENABLED": "tally",
        "TALLY": str(tally),
    }
    begin, before = time.monotonic(), getrusage(RUSAGE_CHILDREN)
    outcome = site.upgrade(*arguments, playbook=playbook, **environ)
    took, after = time.monotonic() - begin, getrusage(RUSAGE_CHILDREN)
    if outcome.code:
        sys.exit(f"{playbook} failed:\n{outcome.raw[-3000:]}")
    counts = Counter(kind_of(line) for line in tally.read_text().splitlines())
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(counts, took, busy)


def kind_of(line: str) -> tuple[str, str]:
    """Tell what a line of the tally is about: the task of a service, what brings tasks, or a gate and what it needs."""
    word, _blank, name = line.partition(" ")
    kind = name.partition(" ")[0]
    return word, kind if kind in ("service", "include") else "gate"


def measure(title: str, where: dict[str, str], seconds: float) -> Run:
    """Compare the three on one fleet, and print it; gives the run of the plan."""
    with tempfile.TemporaryDirectory() as name:
        site = Site(Path(name))
        write_fleet(site, where, seconds)
        runs = {
            "plan": run(site, UPGRADE),
            "step loop": run(site, site.folder / "step_loop.yml"),
            "by hand": run(site, site.folder / "by_hand.yml"),
        }
    loop = runs["step loop"]
    print(f"\n{title} (load {os.getloadavg()[0]:.0f})")
    print(f"  {'':<12}{'useful':>8}{'others':>8}{'of each useful':>16}{'gates, locks, journal':>23}"
          f"{'seconds':>9}{'of processors':>15}{'step loop takes':>17}")  # fmt: skip
    for words, each in runs.items():
        print(
            f"  {words:<12}{each.useful:8}{each.others:8}{each.ratio:16.2f}{each.gates:23}"
            f"{each.seconds:9.1f}{each.processors:15.1f}{loop.seconds / each.seconds:16.1f}x"
        )
    if len({each.useful for each in runs.values()}) != 1:
        sys.exit("The three did not do the same.")
    return runs["plan"]


def one_after_the_other(where: dict[str, str], seconds: float) -> float:
    """Give the seconds of a fleet's services, each upgraded by a run of its own."""
    with tempfile.TemporaryDirectory() as name:
        site = Site(Path(name))
        write_fleet(site, where, seconds)
        return sum(run(site, UPGRADE, "-e", f"upgrade_only={service}").seconds for service in where)


def main(seconds: float = 1.0) -> int:
    """Measure and print; tells whether the goals are met."""
    together = measure(f"{len(SERVICES)} services together on {HOSTS} hosts", TOGETHER, seconds)
    apart = measure(f"{len(SERVICES)} services on {HOSTS} hosts each", APART, seconds)
    total = one_after_the_other(APART, seconds)
    print(f"\nServices that share waves: {apart.seconds:.1f} s in one run, {total:.1f} s in a run for each")
    return 0 if together.ratio <= 1.1 and apart.seconds < total else 1


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
