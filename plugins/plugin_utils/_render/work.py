"""The work of the plays of a plan: the tasks between the gate, which grants it, and the record that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._service.steps import CHANGE, FACTS, FINALIZE, STEP, STEP_OF_KIND, STEPS, WHEN, step_file
from .change import AS_EVER, CHANGE_FILE, FINALIZE_FILE
from .versions import ANY_GRANTED, GRANTED
from .yaml_text import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._plan.plan import Plan, Play

Task = dict[str, Any]

GATE = "orderly.services.internal.upgrade_gate"
IMPORT_ROLE, INCLUDE_ROLE = "ansible.builtin.import_role", "ansible.builtin.include_role"


def work(plan: Plan, play: Play) -> Iterator[Task]:
    """Give the tasks of a play."""
    if play.kind == CHANGE:
        yield from _change(plan, play)
    elif play.kind == FINALIZE:
        for name in play.services:
            yield _role(plan, play.id, name, FINALIZE_FILE, f"finalize {name}")
    else:
        for name in play.services:
            yield from _step(plan, play, name)
        yield {"name": f"{play.id} | Run the handlers", "ansible.builtin.meta": "flush_handlers"}


def _change(plan: Plan, play: Play) -> Iterator[Task]:
    """One wave, service by service: none is down on a host for longer than its own change takes."""
    yield _begin(plan, play)
    yield _lift_strict_mode(play)
    for name in play.services:
        yield _role(plan, play.id, name, CHANGE_FILE, f"change {name}")
    if _drained(plan, play):
        yield _record(plan, play, "absent", "Remove the record")


def _role(plan: Plan, play_id: str, name: str, tasks_from: str, title: str) -> Task:
    """Import what a service's role does in one go; it knows by itself where the service is granted."""
    return {
        "name": f"{play_id} | {title}",
        IMPORT_ROLE: {"name": plan.services[name].role, "tasks_from": tasks_from},
    }


def after_facts(plan: Plan, play_id: str, name: str, tasks_from: str, title: str) -> Iterator[Task]:
    """Import a file of a service's role, and before it the one that looks for all its files, if there is one."""
    if FACTS in plan.services[name].parts:
        yield {**_role(plan, play_id, name, FACTS, f"{FACTS} {name}"), **AS_EVER}
    yield _role(plan, play_id, name, tasks_from, title)


def _step(plan: Plan, play: Play, name: str) -> Iterator[Task]:
    step = STEP_OF_KIND[play.kind]
    variables = {"vars": {STEP: step}} if plan.services[name].dialect == WHEN else {}
    for task in after_facts(plan, play.id, name, step_file(step), f"{STEPS[step]} {name}"):
        yield {**task, **variables, "when": f"'{name}' in {GRANTED}"}


def _begin(plan: Plan, play: Play) -> Task:
    """Say the first word to a host: one whose locks are in another store refuses, and holds no slot in this one."""
    record = _record(plan, play, "present", "Record what is drained, and which store its slots are in")
    return {
        "name": f"{play.id} | Record what is drained, or stop",
        "block": [{**record, "register": "orderly_drained"}],
        "rescue": [
            {
                "name": f"{play.id} | Give back the slots that the host refuses",
                GATE: {"play": play.id, "state": "refused"},
                "when": "orderly_drained.stamped is defined",  # else nobody knows what became of the host
            },
            {
                "name": f"{play.id} | Stop here",
                "ansible.builtin.fail": {"msg": Template("{{ orderly_drained.msg }}")},
            },
        ],
    }


def _record(plan: Plan, play: Play, state: str, title: str) -> Task:
    """Let hosts remember what is drained, so that somebody can put it back if this run dies in between."""
    return {
        "name": f"{play.id} | {title}",
        "orderly.services.internal.drained_services": {
            "services": Template(f"{{{{ {GRANTED} | intersect({_drained(plan, play)}) }}}}"),
            "state": state,
            "operation": f"upgrade {play.id}",
            "store": Template("{{ orderly_gate.store }}"),
            "tokens": Template("{{ orderly_gate.tokens[inventory_hostname] | default({}) }}"),
            "path": Template("{{ rolling_op_records | default(omit) }}"),
        },
        "when": ANY_GRANTED,
    }


def _drained(plan: Plan, play: Play) -> list[str]:
    """Name the services of a play that are drained."""
    return [name for name in play.services if "drain" in plan.services[name].parts]


def changed_for_a_while(plan: Plan, names: Iterable[str]) -> list[str]:
    """Name the services among some that can undo temporary changes."""
    return [name for name in names if "undo" in plan.services[name].parts]


def _lift_strict_mode(play: Play) -> Task:
    """Let systemd stop and restart again what nobody was to restart by accident: this is on purpose."""
    return {
        "name": f"{play.id} | Lift strict mode",
        "orderly.services.strict_mode": {"services": Template(f"{{{{ {GRANTED} }}}}"), "state": "absent"},
        "when": ANY_GRANTED,
    }


def waits_for_migration(plan: Plan, play: Play, name: str) -> bool:
    """Tell whether the wave holds both the host that migrates for the whole service, and others that wait for it."""
    service = plan.services[name]
    hosts = play.services[name]
    return play.kind == CHANGE and service.migrates_once and service.run_once_host in hosts and len(hosts) > 1
