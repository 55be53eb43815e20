"""A plan's folder, read as Ansible reads it: which task runs on which host, and after what."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.deployments import read_deployments
from ansible_collections.orderly.services.plugins.plugin_utils._render.folder import write_plan
from ansible_collections.orderly.services.plugins.plugin_utils._render.playbook import PLANNED
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ..roles_world import Roles, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment

NAMES = ("web", "db", "cache", "dns")
STEPS = range(7)
CHANGE_STEPS = range(2, 6)
PARTS = ("drain", "verify", "undrain", "finalize")
SHAPES = ("plain", "block", "import")


@dataclass(frozen=True)
class Role:
    """A service and its tasks: for each its step, and how it is written down."""

    name: str
    hosts: tuple[str, ...]
    settings: dict[str, Any]
    tasks: tuple[tuple[int, str], ...]
    parts: tuple[str, ...]

    @property
    def said(self) -> set[str]:
        """Name all tasks of the service."""
        return {*(self.words(number) for number in range(len(self.tasks))), *self.parts}

    def words(self, number: int) -> str:
        return f"step{self.tasks[number][0]} {number}"

    def write(self, folder: Path) -> None:
        """Write the role."""
        for name in ("meta", "tasks"):
            (folder / name).mkdir(parents=True)
        (folder / "meta/service.yml").write_text(yaml.safe_dump(self.settings))
        for part in self.parts:
            (folder / f"tasks/{part}.yml").write_text(yaml.safe_dump([{"name": part, "command": "true"}]))
        tasks = []
        for number, (step, shape) in enumerate(self.tasks):
            task: dict[str, Any] = {"name": self.words(number), "command": "true"}
            if shape == "import":
                (folder / f"tasks/more{number}.yml").write_text(yaml.safe_dump([task]))
                task = {"import_tasks": f"more{number}.yml"}
            elif shape == "block":
                task = {"block": [task]}
            elif step == 4:
                task["run_once"] = True
            tasks.append({**task, "tags": f"step{step}"})
        (folder / "tasks/upgrade_tasks.yml").write_text(yaml.safe_dump(tasks))


@st.composite
def catalogues(draw: st.DrawFn) -> list[Role]:
    """Draw services that differ in all that shapes a plan."""
    roles: list[Role] = []
    for name in NAMES[: draw(st.integers(1, len(NAMES)))]:
        others = [role.name for role in roles]
        service = {
            "after": sorted(draw(st.sets(st.sampled_from(others)))) if others else [],
            "max_unavailable": draw(st.sampled_from([1, 2, "50%"])),
            "full_stop": draw(st.integers(0, 3)) == 0,
        }
        hosts = sorted(draw(st.sets(st.sampled_from(["h1", "h2", "h3", "h4", "h5"]), min_size=1)))
        tasks = draw(st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(SHAPES)), max_size=9))
        parts = draw(st.sets(st.sampled_from(PARTS)))
        roles.append(Role(name, tuple(hosts), service, tuple(tasks), tuple(sorted(parts))))
    return roles


class Done(NamedTuple):
    """A task that a host does: in which play, as its how many-th, and of which service."""

    play: int
    place: int
    host: str
    service: str
    task: str

    @property
    def step(self) -> int:
        """Give the step of a task of ``upgrade_tasks.yml``, -1 for others."""
        return int(self.task[4]) if self.task.startswith("step") else -1

    @property
    def is_of_the_service(self) -> bool:
        """Tell whether its role brought the task, and not the plan."""
        return self.step >= 0 or self.task in PARTS


@dataclass(frozen=True)
class Emitted:
    """What the folder of a plan does on which host, in the order of the playbook."""

    by_name: dict[str, Deployment]
    plays: list[dict[str, Any]]
    done: list[Done]

    def of(self, service: str, *steps: int) -> list[Done]:
        return [each for each in self.done if each.service == service and each.step in steps]


def emit(roles: list[Role]) -> Emitted:
    """Write the plan of a catalogue, and read its folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for role in roles:
            role.write(folder / "roles" / role.name)
        members = {role.name: role.hosts for role in roles}
        services = find_services([RoleFolder(folder / "roles")])
        deployments = read_deployments(services, members)
        playbook = write_plan(compile_plan(deployments, {}), services, folder / "plan")
        plays = yaml.safe_load(playbook.read_text())
        plan = json.loads(playbook.with_name("plan.json").read_text())
        granted = {play["id"]: play["services"] for play in plan["plays"]}
        by_name = {each.service.name: each for each in deployments}
        return Emitted(by_name, plays, list(read_plays(plays, playbook.parent / "roles", granted, members)))


def read_plays(
    plays: list[dict[str, Any]],
    roles: Path,
    granted: dict[str, dict[str, list[str]]],
    members: dict[str, tuple[str, ...]],
) -> Iterator[Done]:
    """Read the tasks of services out of a playbook, on the hosts that its gates grant when nothing is done yet."""
    for number, play in enumerate(plays):
        variables = play.get("vars", {})
        if (
            PLANNED not in variables
        ):  # what opens the campaign, and verifies again what earlier runs have done
            continue
        hosts = members.get(variables[PLANNED], tuple(variables[PLANNED].split(",")))
        place = count()
        for task in play["tasks"]:
            role = task.get("ansible.builtin.import_role")
            if role is None:
                continue
            service = role["name"].removeprefix("orderly_plan_")
            own = granted[variables["orderly_play"]][service]
            assert set(own) <= set(hosts)
            folder = roles / role["name"] / "tasks"
            for said, where in read_tasks(folder, f"{role['tasks_from']}.yml", [task.get("when")]):
                ends_here = said.get("ansible.builtin.meta") == "end_role"
                assert ends_here or f"'{service}' in orderly_granted" in where
                here = next(place)
                yield from (Done(number, here, host, service, said["name"]) for host in own)


def read_tasks(folder: Path, name: str, where: list[Any]) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Give the tasks of a file with all their conditions, those in blocks and in imported files too."""
    queue = [(task, where) for task in yaml.safe_load((folder / name).read_text())]
    while queue:
        task, outer = queue.pop(0)
        conditions = [*outer, task.get("when")]
        file = task.get("ansible.builtin.import_tasks", task.get("import_tasks"))
        if "block" in task:
            queue = [*((each, conditions) for each in task["block"]), *queue]
        elif file is not None:
            yield from read_tasks(folder, file, conditions)
        else:
            yield task, conditions


PROPERTY = settings(max_examples=25)  # each writes a folder


@PROPERTY
@given(catalogues())
def test_every_task_of_every_service_is_there_exactly_once_for_each_of_its_hosts(roles: list[Role]) -> None:
    asked = {
        (role.name, host, said)
        for role in roles
        for host in role.hosts
        for said in role.said
        # Draining and verifying are parts of a disruption; without one there is nothing to drain for.
        if said not in PARTS[:3] or any(step in CHANGE_STEPS for step, _shape in role.tasks)
    }
    emitted = emit(roles)
    done = Counter((each.service, each.host, each.task) for each in emitted.done if each.is_of_the_service)
    assert done == Counter(asked)


@PROPERTY
@given(catalogues())
def test_steps_keep_their_order_on_every_host_and_the_first_two_come_before_any_disruption(
    roles: list[Role],
) -> None:
    emitted = emit(roles)
    for role in roles:
        for host in role.hosts:
            steps = [each.step for each in emitted.of(role.name, *STEPS) if each.host == host]
            assert steps == sorted(steps)
    calm = [each.play for each in emitted.done if each.step in (0, 1)]
    rest = [each.play for each in emitted.done if each.is_of_the_service and each.step not in (0, 1)]
    assert not calm or not rest or max(calm) < min(rest)


@PROPERTY
@given(catalogues())
def test_no_play_begins_before_what_its_services_come_after_is_done(roles: list[Role]) -> None:
    emitted = emit(roles)
    for role in roles:
        begins = [each.play for each in emitted.of(role.name, *CHANGE_STEPS, 6)]
        for before in role.settings["after"]:
            ends = [each.play for each in emitted.of(before, *CHANGE_STEPS, 6)]
            assert not begins or not ends or max(ends) < min(begins)


@PROPERTY
@given(catalogues())
def test_no_play_disrupts_more_hosts_of_a_service_than_its_budget(roles: list[Role]) -> None:
    emitted = emit(roles)
    for role in roles:
        deployment = emitted.by_name[role.name]
        hosts = {(each.play, each.host) for each in emitted.of(role.name, *CHANGE_STEPS)}
        assert all(count <= deployment.slots for count in Counter(play for play, _host in hosts).values())


@PROPERTY
@given(catalogues())
def test_a_full_stop_waits_for_all_its_hosts_between_its_steps(roles: list[Role]) -> None:
    emitted = emit(roles)
    for role in (role for role in roles if role.settings["full_stop"]):
        done = sorted(emitted.of(role.name, *CHANGE_STEPS))
        assert len({each.play for each in done}) <= 1
        for here, there in pairwise(done):
            between = [each.task for each in emitted.done if here[:2] < each[:2] < there[:2]]
            barriers = [task for task in between if task.startswith("plan | Wait for every host after step")]
            assert here.step == there.step or barriers
            assert emitted.plays[here.play]["strategy"] == "ansible.builtin.linear"


# --- Plays ---


def test_every_play_begins_with_its_gate_and_leaves_failures_to_the_gates(
    roles: Roles, tmp_path: Path
) -> None:
    opening, *plays = load(roles.put(tmp_path / "plan"))
    gate = next(task for task in opening["tasks"] if "orderly.services.internal.upgrade_gate" in task)
    assert gate["orderly.services.internal.upgrade_gate"] == {"state": "opened", "plan": roles.plan().id}
    assert all(task["tags"] == ["always"] for task in opening["tasks"])
    assert plays
    for play in plays:
        assert play["tasks"][0]["orderly.services.internal.upgrade_gate"]["state"] == "entered"
        assert play["tasks"][0]["tags"] == ["always"]
        assert play["gather_facts"] is False
        assert play["any_errors_fatal"] is False
        assert play["max_fail_percentage"] == 100
        assert "serial" not in play
