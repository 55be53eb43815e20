"""Play a world: run the playbook, hurt what it works on, put things right, run it to a clean end, and judge it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml
from ansible_collections.orderly.services.tests.faults.local_site import PLAY_SECONDS, ROOT, THIS_CORE
from ansible_collections.orderly.services.tests.faults.ssh_site import end, processes_below
from ansible_collections.orderly.services.tests.rolls import judge, stage, world

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts
    from ansible_collections.orderly.services.tests.rolls.stage import Stage
    from ansible_collections.orderly.services.tests.rolls.world import Service, World

FIRST_WAVE = "Wave 1 of"
KILLED = "killed"
CLEAN_RUNS = 3
"""How often a roll may be run, with a recovery in between, until all is well when everything was put right."""
TASKS = """
- name: The service is stopped
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: stopped
  loop: {REVERSED}
  tags: step2

- name: The service is started
  ansible.builtin.systemd_service:
    name: "{{ item }}"
    state: started
  loop: {UNITS}
  tags: step5
"""


@dataclass
class Verdict:
    """What came of a roll."""

    given: World
    broken: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    restarts: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """Say it in a line, and one more for each rule that was broken."""
        down = ", ".join(f"{name} {number}" for name, number in self.most.items())
        line = (
            f"roll {self.given.number}: {self.given}: {'BROKEN' if self.broken else 'ok'}, "
            f"runs {' '.join(self.statuses)}, {self.restarts} restarts, most down {down}, {self.seconds:.0f} s"
        )
        return "\n".join([line, *(f"    {each}" for each in (*self.broken, *self.unseen))])


class Controller:
    """A folder with an inventory and the services of a world, and the runs of playbooks from there."""

    def __init__(self, folder: Path, hosts: Hosts, given: World) -> None:
        self.folder = folder
        self.inventories = (str(hosts.inventory), "inventory.yml")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.given = given
        self.logs: list[Path] = []
        self.runs: list[float] = []
        (folder / "inventory.yml").write_text(yaml.safe_dump(self._inventory()))
        for service in given.services:
            self._write_role(service)

    def _inventory(self) -> dict[str, object]:
        groups = {each.name: {"hosts": dict.fromkeys(each.hosts)} for each in self.given.services}
        return {"all": {"children": groups, "vars": {"orderly_store": f"sqlite://{self.folder}/store.db"}}}

    def _write_role(self, service: Service) -> None:
        role = self.folder / "roles" / service.name
        (role / "meta").mkdir(parents=True)
        (role / "tasks").mkdir()
        data = {
            "units": list(service.units), "max_unavailable": service.budget, "after": list(service.after),
        }  # fmt: skip
        (role / "meta/service.yml").write_text(yaml.safe_dump(data))
        units = list(service.units)
        tasks = TASKS.replace("{UNITS}", str(units)).replace("{REVERSED}", str(units[::-1]))
        (role / "tasks/upgrade_tasks.yml").write_text(tasks)

    def start(self, playbook: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a run that may be killed."""
        log = self.folder / f"run-{len(self.runs) + 1}-{playbook}.log"
        self.logs.append(log)
        self.runs.append(stage.now())
        environ = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"/tmp/orderly-rolls-{os.getpid()}",
            "ANSIBLE_TIMEOUT": "5",
            "PYTHONUNBUFFERED": "1",
        }
        with log.open("wb") as out:
            return subprocess.Popen(
                [
                    THIS_CORE, *(f"--inventory={each}" for each in self.inventories),
                    f"orderly.services.{playbook}", *arguments,
                ],
                cwd=self.folder, env=environ, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def said(self) -> str:
        """Give what the last run has said so far."""
        return self.logs[-1].read_text(errors="replace")

    def windows(self, statuses: list[str]) -> list[judge.Run]:
        """Give the time of each run: what a killed one has begun may go on until the next one begins."""
        ends = [*self.runs[1:], stage.now()]
        killed = [False, *(status == KILLED for status in statuses)]
        return [judge.Run(*each) for each in zip(self.runs, ends, killed, strict=False)]

    def end_all(self) -> None:
        """End what still works here."""
        for process in processes_below(self.folder):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def play(given: World, place: Stage, folder: Path) -> Verdict:
    """Play a world on hosts, and judge it."""
    began = time.monotonic()
    verdict = Verdict(given)
    controller = Controller(folder, place.hosts, given)
    place.prepare(given)
    since = stage.now()
    try:
        _run_all(given, place, controller, verdict)
        events = place.events(since)
    finally:
        controller.end_all()
    (folder / "events").write_text("".join(f"{event}\n" for event in sorted(events)))
    _judge(given, place, controller.windows(verdict.statuses), events, verdict)
    verdict.seconds = time.monotonic() - began
    return verdict


def _run_all(given: World, place: Stage, controller: Controller, verdict: Verdict) -> None:
    arguments = (f"--extra-vars={_parameter(given)}={','.join(given.only)}",) if given.only else ()
    verdict.statuses.append(_run_hurt(given, place, controller, arguments))
    if verdict.statuses != ["0"] and given.again:
        verdict.statuses.append(str(controller.start(given.playbook, *arguments).wait(PLAY_SECONDS)))
    if verdict.statuses == ["0"] and not given.only and not given.fault:
        return  # this was a clean one
    place.heal(given)
    if given.playbook == world.UPGRADE and (verdict.statuses[-1] != "0" or _leaves_out(given)):
        _run_clean(controller, verdict, world.UPGRADE)
    _run_clean(controller, verdict, world.RESTART)


def _leaves_out(given: World) -> bool:
    """Tell whether a run is not about all services: what is complete is not begun anew without a word."""
    return bool(given.only) and len(given.only) < len(given.services)


def _parameter(given: World) -> str:
    return "upgrade_only" if given.playbook == world.UPGRADE else "restart_only"


def _run_hurt(given: World, place: Stage, controller: Controller, arguments: tuple[str, ...]) -> str:
    """Run the playbook with its fault; a run that ends before that is not hurt."""
    run = controller.start(given.playbook, *arguments)
    fault = given.fault
    if fault and _wait_for_wave(run, controller):
        with suppress(subprocess.TimeoutExpired):
            run.wait(fault.delay)
        if run.poll() is None and fault.what == world.KILL_RUN:
            end(run, signal.SIGKILL)
            return KILLED
        if run.poll() is None or fault.what != world.KILL_RUN:
            place.hurt(fault)
    return str(run.wait(PLAY_SECONDS))


def _wait_for_wave(run: subprocess.Popen[bytes], controller: Controller) -> bool:
    while run.poll() is None and FIRST_WAVE not in controller.said():
        time.sleep(0.1)
    return run.poll() is None


def _run_clean(controller: Controller, verdict: Verdict, playbook: str) -> None:
    """Run a playbook until it ends well, with a recovery in between, as messages advise."""
    for _time in range(CLEAN_RUNS):
        status = controller.start(playbook).wait(PLAY_SECONDS)
        verdict.statuses.append(str(status))
        if status == 0:
            return
        status = controller.start("recover").wait(PLAY_SECONDS)
        verdict.statuses.append(f"r{status}")
    verdict.broken.append(f"stuck: {playbook} does not end well though everything was put right")


def _judge(
    given: World, place: Stage, runs: list[judge.Run], events: list[judge.Event], verdict: Verdict
) -> None:
    scene = stage.scene(given)
    settled = (
        given.playbook == world.RESTART and not given.only
    )  # else the last run is about more than the first
    left_alone = {where for where, each in given.places.items() if each.condition in world.NOT_SETTLED}
    verdict.most = judge.most_down(scene, events)
    verdict.restarts = sum(event.what == judge.STOPPING for event in events)
    over = list(judge.over_budget(scene, events, runs))
    verdict.unseen += [each for each in over if each.startswith(judge.UNSEEN)]
    verdict.broken += [
        *(each for each in over if each.startswith(judge.BUDGET)),
        *judge.twice(events, runs, once_for_all=settled),
        *judge.forgotten(events, left_alone),
        *(f"pending at the end: {unit} on {host}" for host, unit in sorted(place.pending() - left_alone)),
    ]
