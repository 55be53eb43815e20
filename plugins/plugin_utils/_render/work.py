"""The work of the plays of a plan: the tasks between the gate, which grants it, and the record that it is done.

They stand in the play, or, in large plans, once for all plays of a kind in a file that plays include: Ansible reads
every task of a playbook before the first one runs, and of what is included only what a run comes to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._service.steps import CHANGE, DISRUPTIVE, KINDS
from .change import turns, work_file
from .versions import ANY_GRANTED, GRANTED
from .yaml_text import Template

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .._plan.plan import Plan, Play

Task = dict[str, Any]

GATE = "orderly.services.internal.upgrade_gate"
IMPORT_ROLE, INCLUDE_ROLE = "ansible.builtin.import_role", "ansible.builtin.include_role"
INCLUDE_TASKS = "ansible.builtin.include_tasks"
NONE_GRANTED = "orderly_gate | default({}) | orderly.services.granted(orderly_play) | length == 0"
SHARED = "tasks"  # the folder of the files that plays include
ANY_PLAY = Template("{{ orderly_play }}")
ROLES, ROLE = "orderly_roles_of_play", "orderly_role_of_play"


def work(plan: Plan, play: Play) -> list[Task]:
    """Give the tasks of a play."""
    roles = [bring(plan, play.id, *turn) for turn in _turns(plan, play)]
    return list(_work(play.kind, play.id, roles, _drained(plan, play.services)))


def include_work(plan: Plan, play: Play) -> Task:
    """Include the tasks of a play, those of :func:`shared_work`, once it comes to them."""
    return {
        "name": f"{play.id} | Do what is left",
        INCLUDE_TASKS: f"{SHARED}/{play.kind}.yml",
        "vars": {
            ROLES: [
                {"name": plan.services[name].role, "tasks": work_file(kind)}
                for name, kind in _turns(plan, play)
            ]
        },
    }


def _turns(plan: Plan, play: Play) -> list[tuple[str, str]]:
    """Give the services of a play as they have their turns, each with what it does then."""
    if play.kind != CHANGE:
        return [(name, play.kind) for name in play.services]
    return list(turns({name: plan.services[name] for name in play.services}))


def uses_of_roles(plan: Plan, plays: Iterable[Play]) -> int:
    """Count how often plays of a plan bring a role."""
    return sum(len(_turns(plan, play)) for play in plays)


def shared_work(plan: Plan) -> dict[str, list[Task]]:
    """Give the tasks that all plays of a kind share, by kind.

    All hosts go through all roles of a play, in the same order, and each role knows where it has nothing to do: of
    loops over different lists Ansible makes one order, in which a host may come to its services in another one.
    """
    services = {
        kind: {name for play in plan.plays if play.kind == kind for name in play.services} for kind in KINDS
    }
    return {
        kind: list(_work(kind, ANY_PLAY, [_bring_each(kind)], _drained(plan, sorted(names))))
        for kind, names in services.items()
        if names
    }


def bring(plan: Plan, play_id: str, name: str, kind: str) -> Task:
    """Import what a service's role does in a kind of plays; it knows by itself where the service is granted."""
    return {
        "name": f"{play_id} | {kind} {name}",
        IMPORT_ROLE: {"name": plan.services[name].role, "tasks_from": work_file(kind)},
    }


def _bring_each(kind: str) -> Task:
    return {
        "name": _named(ANY_PLAY, f"{kind} each service"),
        INCLUDE_ROLE: {
            "name": Template(f"{{{{ {ROLE}.name }}}}"),
            "tasks_from": Template(f"{{{{ {ROLE}.tasks }}}}"),
        },
        "loop": Template(f"{{{{ {ROLES} }}}}"),
        "loop_control": {"loop_var": ROLE, "label": Template(f"{{{{ {ROLE}.name }}}}")},
    }


def _work(kind: str, play_id: str, roles: Iterable[Task], drains: Sequence[str]) -> Iterator[Task]:
    """Go service by service in a wave: none is down on a host for longer than its own change takes.

    Those that change together are down together.
    """
    yield from _begin(play_id)
    if kind == CHANGE:
        yield _stamp(play_id, drains)
        yield _lift_strict_mode(play_id)
    yield from roles
    if kind == CHANGE and drains:
        record = _record(play_id, drains, "absent", "Remove the record")
        yield {**record, "when": f"{GRANTED} | intersect({drains}) | length > 0"}
    elif kind not in DISRUPTIVE:
        yield {"name": _meta_named(play_id, "Run the handlers"), "ansible.builtin.meta": "flush_handlers"}


def _named(play_id: str, words: str) -> str:
    """Begin the name of a task with its play, which a variable tells where plays share the task."""
    name = f"{play_id} | {words}"
    return Template(name) if isinstance(play_id, Template) else name


def _meta_named(play_id: str, words: str) -> str:
    """Name a task of Ansible's own kind, in whose name it puts no variables."""
    return words if isinstance(play_id, Template) else f"{play_id} | {words}"


def _begin(play_id: str) -> Iterator[Task]:
    yield {
        "name": _meta_named(play_id, "End here if all is done"),
        "ansible.builtin.meta": "end_play",
        "when": NONE_GRANTED,
    }
    yield {
        "name": _named(play_id, "Gather facts"),
        "ansible.builtin.setup": {},
        "when": [ANY_GRANTED, "(ansible_facts | default({})).distribution is undefined"],
    }


def _stamp(play_id: str, drains: Sequence[str]) -> Task:
    """Say the first word to a host: one whose locks are in another store refuses, and holds no slot in this one."""
    record = _record(play_id, drains, "present", "Record what is drained, and which store its slots are in")
    return {
        "name": _named(play_id, "Record what is drained, or stop"),
        "block": [{**record, "register": "orderly_drained"}],
        "rescue": [
            {
                "name": _named(play_id, "Give back the slots that the host refuses"),
                GATE: {"play": play_id, "state": "refused"},
                "when": "orderly_drained.stamped is defined",  # else nobody knows what became of the host
            },
            {
                "name": _named(play_id, "Stop here"),
                "ansible.builtin.fail": {"msg": Template("{{ orderly_drained.msg }}")},
            },
        ],
    }


def _record(play_id: str, drains: Sequence[str], state: str, title: str) -> Task:
    """Let hosts remember what is drained, so that somebody can put it back if this run dies in between."""
    return {
        "name": _named(play_id, title),
        "orderly.services.internal.drained_services": {
            "services": Template(f"{{{{ {GRANTED} | intersect({list(drains)}) }}}}"),
            "state": state,
            "operation": Template("upgrade {{ orderly_play }}"),
            "store": Template("{{ orderly_gate.store }}"),
            "tokens": Template("{{ orderly_gate.tokens[inventory_hostname] | default({}) }}"),
            "path": Template("{{ rolling_op_records | default(omit) }}"),
        },
        "when": ANY_GRANTED,
    }


def _drained(plan: Plan, names: Iterable[str]) -> list[str]:
    """Name the services among some that are drained."""
    return [name for name in names if "drain" in plan.services[name].parts]


def changed_for_a_while(plan: Plan, names: Iterable[str]) -> list[str]:
    """Name the services among some that can undo temporary changes."""
    return [name for name in names if "undo" in plan.services[name].parts]


def _lift_strict_mode(play_id: str) -> Task:
    """Let systemd stop and restart again what nobody was to restart by accident: this is on purpose."""
    return {
        "name": _named(play_id, "Lift strict mode"),
        "orderly.services.strict_mode": {"services": Template(f"{{{{ {GRANTED} }}}}"), "state": "absent"},
        "when": ANY_GRANTED,
    }


def waits_for_migration(plan: Plan, play: Play, name: str) -> bool:
    """Tell whether the wave holds both the host that migrates for the whole service, and others that wait for it."""
    service = plan.services[name]
    hosts = play.services[name]
    return play.kind == CHANGE and service.migrates_once and service.run_once_host in hosts and len(hosts) > 1
