"""What a service's role in the plan does on a host in one go: a step, its change from drain to undrain, its finalizer.

Each is one task file of the role, which a play brings as a whole: Ansible takes milliseconds for every role that a
play imports, and reads a service's tasks there in the order in which they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ansible.release import __version__ as core_version

from .._plan.durations import END, TIMES
from .._plan.seats import is_ranked
from .._service.steps import (
    CHANGE,
    CHANGE_STEPS,
    FACTS,
    FINALIZE,
    MIGRATE_STEP,
    RANK,
    RUN_ONCE_HOST,
    STEP,
    STEP_OF_KIND,
    STEPS,
    UPGRADE_TASKS,
    WHEN,
    step_file,
)
from .versions import GRANTED
from .yaml_text import Template

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .._plan.plan import PlannedService

Task = dict[str, Any]

VERIFY = "verify"
PLAN = "plan"  # whose tasks those are that the role does not bring
QUIESCE, RETURN = "quiesce", "return"
PHASES = (
    FACTS,
    QUIESCE,
    *(STEPS[step] for step in CHANGE_STEPS if step != min(CHANGE_STEPS)),
    VERIFY,
    RETURN,
)
"""What services that change together do one after the other, each phase all of them before any begins the next."""
TEMPORARY = "orderly.services.temporary_changes"
AS_EVER = {"check_mode": False}  # what only looks does so in check mode, and is read there
REAL: Task = {
    "when": "not ansible_check_mode"
}  # check mode changed nothing, so what waits for that is not there
UNITS = "orderly.services.internal.member_units"
WELL_SECONDS = 10  # as in rolls
FINALIZED = "orderly.services.internal.finalized_services"
# Without it every host of a wave skips the tasks of the services it does not have, one after the other.
# https://docs.ansible.com/ansible/latest/collections/ansible/builtin/meta_module.html (end_role: since 2.18)
ENDS_ROLES_SINCE = "2.18"
ENDS_ROLES = tuple(map(int, core_version.split(".")[:2])) >= (2, 18)


class Role(NamedTuple):
    """A service's role in the plan: what ``plan.json`` says of the service, and the task files that the role has.

    *files* gives the name of each file by its stem, *checked* the stems whose arguments Ansible checks.
    """

    name: str
    service: PlannedService
    files: Mapping[str, str]
    checked: Collection[str] = ()


def work_file(kind: str) -> str:
    """Name the task file of a role for a kind of plays; a name that no file of the role itself has."""
    return f"{UPGRADE_TASKS}.{kind}"


def work_files(role: Role) -> dict[str, list[Task]]:
    """Give the task files that plays bring, by their stems, for all kinds of plays that the service is in."""
    service = role.service
    files = {kind: _step_tasks(role, step) for kind, step in STEP_OF_KIND.items() if step in service.steps}
    if service.changes and service.together:
        files |= _phases(role)
    elif service.changes:
        files[CHANGE] = _change_tasks(role)
    if service.finalizes:
        files[FINALIZE] = _finalize_tasks(role)
    if service.is_verified_again:
        files[VERIFY] = [*_facts(role), *_part(role, VERIFY)]
    if is_ranked(service):
        files[RANK] = [*_facts(role), *({**task, **AS_EVER} for task in _part(role, RANK))]
    return {work_file(kind): tasks for kind, tasks in files.items()}


def _step_tasks(role: Role, step: int) -> list[Task]:
    """Give the tasks of one service at a step that interrupts nothing."""
    return _where_granted(role, [*_facts(role), _step(role, step)])


def _change_tasks(role: Role) -> list[Task]:
    """Give the tasks of one service in one wave: facts, drain, steps 2 to 5, handlers, verify, undo, undrain."""
    return _where_granted(role, [*_facts(role), *_part(role, "drain"), *_steps(role), *_back(role)])


def turns(services: Mapping[str, PlannedService]) -> Iterator[tuple[str, str]]:
    """Give what services do in a wave as they have their turns: names, and what :func:`work_file` takes.

    One goes from its drain to its undrain, but those that change together go phase by phase: quiesced in reverse order.
    """
    seen: set[str] = set()
    for name, service in services.items():
        together = service.together or ()
        if not together:
            yield name, CHANGE
        elif name not in seen:
            names = [each for each in services if each in together]
            seen.update(names)
            for each in PHASES:
                turn = reversed(names) if each == QUIESCE else names
                yield from ((who, _phase(each)) for who in turn if _has_phase(services[who], each))


def _phase(name: str) -> str:
    return f"{CHANGE}.{name}"


def _has_phase(service: PlannedService, name: str) -> bool:
    """Tell whether a service has something to do in a phase; a full stop waits for the others in each step."""
    step = next((step for step in CHANGE_STEPS if STEPS[step] == name), None)
    if step is None:
        return name != FACTS or FACTS in service.parts
    drains = name == QUIESCE and "drain" in service.parts
    waits = service.full_stop or (step == MIGRATE_STEP and service.migrates_once)
    return step in service.steps or drains or waits


def _phases(role: Role) -> dict[str, list[Task]]:
    """Give the tasks of one service in one wave, cut where others that change with it on the same host have their turn.

    All are stopped before any is upgraded, and none starts before all have migrated.
    """
    first, *steps = CHANGE_STEPS
    phases = {
        FACTS: list(_facts(role)),
        QUIESCE: [*_part(role, "drain"), *_timed(role, first)],
        **{STEPS[step]: list(_timed(role, step)) for step in steps},
        VERIFY: [FLUSH, *_checks(role)],
        RETURN: [*_undo(role, "verified"), *_part(role, "undrain"), FLUSH],
    }
    return {_phase(name): _where_granted(role, tasks) for name, tasks in phases.items() if tasks}


def _finalize_tasks(role: Role) -> list[Task]:
    """Give the tasks of a finalizer: temporary changes are undone first.

    Hosts remember that it ran: a controller that dies now cannot, and no finalizer runs twice.
    """
    return _where_granted(role, [*_facts(role), *_undo(role, "upgraded"), *_finalize(role)])


def _where_granted(role: Role, tasks: list[Task]) -> list[Task]:
    end_here = {
        "name": f"{PLAN} | End here if {role.name} has nothing to do",
        "ansible.builtin.meta": "end_role",
        "when": f"'{role.name}' not in {GRANTED}",
    }
    granted = {"name": role.name, "when": f"'{role.name}' in {GRANTED}", "block": tasks}
    return [end_here, granted] if ENDS_ROLES else [granted]


def _facts(role: Role) -> Iterator[Task]:
    """Look at what the parts read, once for all of them: what they see is how the host was found."""
    yield from ({**task, **AS_EVER} for task in _part(role, FACTS))


def _steps(role: Role) -> Iterator[Task]:
    for step in CHANGE_STEPS:
        yield from _one_step(role, step)
    yield FLUSH
    yield _note_time(role, END, f"End the steps of {role.name}")


def _one_step(role: Role, step: int) -> Iterator[Task]:
    """Do a step, and wait where nobody may go on before others have done it."""
    service = role.service
    if step in service.steps:
        yield _note_time(role, f"step{step}", f"Begin step {step} of {role.name} ({STEPS[step]})")
        yield _step(role, step)
    if service.full_stop:
        yield from (FLUSH, _barrier(role, step))
    elif step == MIGRATE_STEP and service.migrates_once:
        yield _migrated(role)


def _timed(role: Role, step: int) -> Iterator[Task]:
    """Do a step after which others have their turn, which is no time of its own."""
    yield from _one_step(role, step)
    if step in role.service.steps:
        yield _note_time(role, f"{END}{step}", f"End step {step} of {role.name}")


def _step(role: Role, step: int) -> Task:
    variables = {
        **({RUN_ONCE_HOST: role.service.run_once_host} if step == MIGRATE_STEP else {}),
        **({STEP: step} if role.service.dialect == WHEN else {}),
    }
    return _bring(role, step_file(step), f"{STEPS[step]} {role.name}", variables)


def _note_time(role: Role, moment: str, words: str) -> Task:
    """Say where a host is, and let the gate that ends the play tell how long each step took.

    A fact costs no way to the host.
    """
    noted = f"{{'{role.name}': {{'{moment}': now().timestamp()}}}}"
    return {
        "name": f"{PLAN} | {words}",
        "ansible.builtin.set_fact": {
            TIMES: Template(f"{{{{ {TIMES} | default({{}}) | combine({noted}, recursive=true) }}}}")
        },
    }


def _back(role: Role) -> Iterator[Task]:
    """Put the service back: only after it is verified, unless check mode has left everything as it was."""
    yield from _checks(role)
    yield from _undo(role, "verified")
    yield from _part(role, "undrain")
    yield FLUSH


def _checks(role: Role) -> Iterator[Task]:
    yield from ({**task, **REAL} for task in (*_well(role), *_part(role, VERIFY)))


def _well(role: Role) -> Iterator[Task]:
    """Look at the units, also where the role has no verify of its own: one that failed is not well."""
    if units := list(role.service.units):
        yield {
            "name": f"{PLAN} | The units of {role.name} run, or were stopped on purpose",
            UNITS: {"units": units, "well_within": WELL_SECONDS},
        }


def _part(role: Role, part: str) -> Iterator[Task]:
    if part in role.service.parts:
        yield _bring(role, part, f"{part} {role.name}")


def _bring(role: Role, stem: str, words: str, variables: Mapping[str, Any] | None = None) -> Task:
    """Import one of the role's files: as tasks, which is quick, or as the role where that checks its arguments."""
    brought: Task = (
        {"ansible.builtin.import_role": {"name": role.service.role, "tasks_from": stem}}
        if stem in role.checked
        else {"ansible.builtin.import_tasks": role.files[stem]}
    )
    return {"name": words, **brought, **({"vars": dict(variables)} if variables else {})}


def _undo(role: Role, moment: str) -> Iterator[Task]:
    """Undo the temporary changes that hosts have recorded, if any, and remove the records when that is done."""
    if "undo" not in role.service.parts:
        return
    path = Template("{{ rolling_op_temporary | default(omit) }}")
    due = {"service": role.name, "until": moment, "path": path}
    found = "orderly_undo.previous | length > 0"
    yield {
        "name": f"{PLAN} | Find what must be undone for {role.name}",
        TEMPORARY: due,
        "register": "orderly_undo",
    }
    found_here = {"temporary_changes": Template("{{ orderly_undo.previous }}")}
    undo = _bring(role, "undo", f"undo {role.name}", found_here)
    yield {**undo, "when": found}
    yield FLUSH
    yield {
        "name": f"{PLAN} | Forget what was undone for {role.name}",
        TEMPORARY: {**due, "state": "absent"},
        "when": found,
    }


def _finalize(role: Role) -> Iterator[Task]:
    if "finalize" not in role.service.parts:
        return
    record = {
        "campaign": Template("{{ orderly_gate.campaign }}"),
        "path": Template("{{ rolling_op_finalized | default(omit) }}"),
    }
    yield {
        "name": f"{PLAN} | See what is already finalized",
        FINALIZED: record,
        "register": "orderly_finalized",
    }
    variables = {RUN_ONCE_HOST: role.service.run_once_host}
    yield {
        **_bring(role, "finalize", f"finalize {role.name}", variables),
        "when": f"'{role.name}' not in orderly_finalized.services",
    }
    yield FLUSH
    yield {
        "name": f"{PLAN} | Record what is finalized",
        FINALIZED: {**record, "services": [role.name]},
    }


def _migrated(role: Role) -> Task:
    """The hosts beside the one that migrates have the new packages, and must not start without the migration."""
    return {
        "name": f"{PLAN} | Wait for the migration of {role.name}",
        "ansible.builtin.assert": {
            "that": [f"{RUN_ONCE_HOST} not in ansible_play_hosts_all | difference(ansible_play_hosts)"],
            "fail_msg": Template(
                f"The migration of {role.name} failed on {{{{ {RUN_ONCE_HOST} }}}}, so {role.name} does not start on "
                "{{ inventory_hostname }}. Fix it and run again: both hosts are repeated."
            ),
            "quiet": True,
        },
        "vars": {RUN_ONCE_HOST: role.service.run_once_host},
    }


def _barrier(role: Role, step: int) -> Task:
    """A full stop goes step by step: nobody goes on while a host is missing.

    Where several services stop together the first host of the play may not have this one, so each host looks itself.
    """
    return {
        "name": f"{PLAN} | Wait for every host after step {step}",
        "ansible.builtin.assert": {
            "that": ["ansible_play_hosts | length == ansible_play_hosts_all | length"],
            "fail_msg": Template(
                f"Step {step} ({STEPS[step]}) failed on "
                "{{ ansible_play_hosts_all | difference(ansible_play_hosts) | join(', ') }}; the service stops on all "
                "its hosts together, so none continues. Fix it and run again: the wave is repeated as a whole."
            ),
            "quiet": True,
        },
        **({} if role.service.together else {"run_once": True}),
    }


FLUSH: Task = {"name": f"{PLAN} | Run the handlers", "ansible.builtin.meta": "flush_handlers"}
