# This is a private utility of the orderly.services collection; it may change without notice.
"""The work of the plays of a plan: the tasks between the gate, which grants it, and the record that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._dialects import STEP, WHEN
from ._plan_versions import ANY_GRANTED, GRANTED
from ._planner import CHANGE, FINALIZE, POST_UPGRADE, PREPARE, VALIDATE
from ._steps import CHANGE_STEPS, MIGRATE_STEP, RUN_ONCE_HOST, STEPS, step_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._planner import Plan, Play

Task = dict[str, Any]

STEP_OF = {VALIDATE: 0, PREPARE: 1, POST_UPGRADE: 6}
TEMPORARY = "orderly.services.temporary_changes"
FINALIZED = "orderly.services.finalized_services"


def work(plan: Plan, play: Play) -> Iterator[Task]:
    """Give the tasks of a play."""
    if play.kind == CHANGE:
        yield from _change(plan, play)
    elif play.kind == FINALIZE:
        yield from _undo(plan, play, "upgraded")
        yield from _finalize(plan, play)
    else:
        step = STEP_OF[play.kind]
        for name in play.services:
            yield _step(plan, play, name, step)
        yield _flush(play)


def _finalize(plan: Plan, play: Play) -> Iterator[Task]:
    """Finalize, and let hosts remember it: a controller that dies now cannot, and no finalizer runs twice."""
    names = [name for name in play.services if "finalize" in plan.services[name]["parts"]]
    if not names:
        return
    record = {
        "campaign": "{{ orderly_gate.campaign }}",
        "path": "{{ rolling_op_finalized | default(omit) }}",
    }
    yield {
        "name": f"{play.id} | See what is finalized already",
        FINALIZED: record,
        "when": ANY_GRANTED,
        "register": "orderly_finalized",
    }
    for name in names:
        task = _role(plan, play, name, "finalize", f"finalize {name}", run_once=True)
        yield {**task, "when": [task["when"], f"'{name}' not in orderly_finalized.services"]}
    yield _flush(play)
    yield {
        "name": f"{play.id} | Put on record what is finalized",
        FINALIZED: {**record, "services": f"{{{{ {GRANTED} | intersect({names}) }}}}"},
        "when": ANY_GRANTED,
    }


def _change(plan: Plan, play: Play) -> Iterator[Task]:
    """One wave: drain, steps 2 to 5, handlers, verify, undo, undrain."""
    full_stop = any(plan.services[name]["full_stop"] for name in play.services)
    yield _record(plan, play, "present", "Put on record what is drained, in which store its slots are")
    yield _lift_strict_mode(play)
    yield from _parts(plan, play, "drain")
    for step in CHANGE_STEPS:
        for name in play.services:
            if step in plan.services[name]["steps"]:
                yield _step(plan, play, name, step, run_once=step == MIGRATE_STEP)
        if full_stop:
            yield from (_flush(play), _barrier(play, step))
        elif step == MIGRATE_STEP:
            yield from (
                _migrated(plan, play, name) for name in play.services if waits_for_migration(plan, play, name)
            )
    yield _flush(play)
    yield from _parts(plan, play, "verify")
    yield from _undo(plan, play, "verified")
    yield from _parts(plan, play, "undrain", backwards=True)
    yield _flush(play)
    if _drained(plan, play):
        yield _record(plan, play, "absent", "Take it off the record")


def _record(plan: Plan, play: Play, state: str, words: str) -> Task:
    """Let hosts remember what is drained, so that somebody can put it back if this run dies in between.

    The first of them is also the first word to a host in its wave: one whose locks are in another store refuses.
    """
    return {
        "name": f"{play.id} | {words}",
        "orderly.services.drained_services": {
            "services": f"{{{{ {GRANTED} | intersect({_drained(plan, play)}) }}}}",
            "state": state,
            "operation": f"upgrade {play.id}",
            "store": "{{ orderly_gate.store }}",
            "tokens": "{{ orderly_gate.tokens[inventory_hostname] | default({}) }}",
            "path": "{{ rolling_op_records | default(omit) }}",
        },
        "when": ANY_GRANTED,
    }


def _drained(plan: Plan, play: Play) -> list[str]:
    """Name the services of a play that are drained."""
    return [name for name in play.services if "drain" in plan.services[name]["parts"]]


def _undo(plan: Plan, play: Play, moment: str) -> Iterator[Task]:
    """Undo what hosts have on record as changed for a while, which may be nothing, and forget it when that is done."""
    for name in changed_for_a_while(plan, reversed(play.services)):
        due = {"service": name, "until": moment, "path": "{{ rolling_op_temporary | default(omit) }}"}
        granted = f"'{name}' in {GRANTED}"
        yield {
            "name": f"{play.id} | Find what is to be undone for {name}",
            TEMPORARY: due,
            "when": granted,
            "register": "orderly_undo",
        }
        undo = _role(plan, play, name, "undo", f"undo {name}")
        yield {
            **undo,
            "vars": {"temporary_changes": "{{ orderly_undo.previous }}"},
            "when": [granted, "orderly_undo.previous | length > 0"],
        }
        yield _flush(play)
        yield {
            "name": f"{play.id} | Forget what was undone for {name}",
            TEMPORARY: {**due, "state": "absent"},
            "when": [granted, "orderly_undo.previous | length > 0"],
        }


def changed_for_a_while(plan: Plan, names: Iterable[str]) -> list[str]:
    """Name the services among some that can undo temporary changes."""
    return [name for name in names if "undo" in plan.services[name]["parts"]]


def _lift_strict_mode(play: Play) -> Task:
    """Let systemd stop and restart again what nobody was to restart by accident: this is on purpose."""
    return {
        "name": f"{play.id} | Lift strict mode",
        "orderly.services.strict_mode": {"services": f"{{{{ {GRANTED} }}}}", "state": "absent"},
        "when": ANY_GRANTED,
    }


def _parts(plan: Plan, play: Play, part: str, *, backwards: bool = False) -> Iterator[Task]:
    names = list(play.services)
    for name in reversed(names) if backwards else names:
        if part in plan.services[name]["parts"]:
            yield _role(plan, play, name, part, f"{part} {name}")


def _role(plan: Plan, play: Play, name: str, tasks_from: str, words: str, *, run_once: bool = False) -> Task:
    service = plan.services[name]
    task: Task = {
        "name": f"{play.id} | {words}",
        "ansible.builtin.import_role": {"name": service["role"], "tasks_from": tasks_from},
        "when": f"'{name}' in {GRANTED}",
    }
    if run_once:
        task["vars"] = {RUN_ONCE_HOST: service["run_once_host"]}
    return task


def _step(plan: Plan, play: Play, name: str, step: int, *, run_once: bool = False) -> Task:
    task = _role(plan, play, name, step_file(step), f"{STEPS[step]} {name}", run_once=run_once)
    if plan.services[name]["dialect"] == WHEN:
        task["vars"] = {**task.get("vars", {}), STEP: step}
    return task


def _flush(play: Play) -> Task:
    return {"name": f"{play.id} | Run the handlers", "ansible.builtin.meta": "flush_handlers"}


def waits_for_migration(plan: Plan, play: Play, name: str) -> bool:
    """Tell whether the wave holds both the host that migrates for the whole service, and others that wait for it."""
    service = plan.services[name]
    hosts = play.services[name]
    return (
        play.kind == CHANGE
        and service["migrates_once"]
        and service["run_once_host"] in hosts
        and len(hosts) > 1
    )


def _migrated(plan: Plan, play: Play, name: str) -> Task:
    """The hosts beside the one that migrates have the new packages, and must not start without the migration."""
    host = plan.services[name]["run_once_host"]
    return {
        "name": f"{play.id} | Wait for the migration of {name}",
        "ansible.builtin.assert": {
            "that": [f"'{host}' not in ansible_play_hosts_all | difference(ansible_play_hosts)"],
            "fail_msg": (
                f"The migration of {name} failed on {host}, so {name} does not start on {{{{ inventory_hostname }}}}. "
                "Mend it and run again: both hosts are repeated."
            ),
            "quiet": True,
        },
        "when": f"'{name}' in {GRANTED}",
    }


def _barrier(play: Play, step: int) -> Task:
    """A full stop goes step by step: nobody goes on while a host is missing."""
    return {
        "name": f"{play.id} | Wait for every host after step {step}",
        "ansible.builtin.assert": {
            "that": ["ansible_play_hosts | length == ansible_play_hosts_all | length"],
            "fail_msg": (
                f"Step {step} ({STEPS[step]}) failed on "
                "{{ ansible_play_hosts_all | difference(ansible_play_hosts) | join(', ') }}; the service stops on all "
                "its hosts together, so none goes on. Mend it and run again: the wave is repeated as a whole."
            ),
            "quiet": True,
        },
        "run_once": True,
    }
