# This is a private utility of the orderly.services collection; it may change without notice.
"""The plan as a playbook: plain plays, each behind its gate, that Ansible runs and people read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ._dialects import STEP, WHEN
from ._gate import LEFT, NO_HOST, PLANNED
from ._order import natural
from ._plan_versions import (
    ANY_GRANTED,
    GRANTED,
    after_change,
    before_change,
    check_before_all,
    check_before_finalizers,
    has_versions,
    packages_of,
)
from ._planner import CHANGE, DISRUPTIVE, FINALIZE, POST_UPGRADE, PREPARE, VALIDATE
from ._reverify import PLAY as VERIFY_AGAIN
from ._reverify import verified_again
from ._steps import CHANGE_STEPS, MIGRATE_STEP, RUN_ONCE_HOST, STEPS, step_file
from ._yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._planner import Plan, Play

Task = dict[str, Any]

STEP_OF = {VALIDATE: 0, PREPARE: 1, POST_UPGRADE: 6}
GATE = "orderly.services.upgrade_gate"
TEMPORARY = "orderly.services.temporary_changes"
FINALIZED = "orderly.services.finalized_services"
# A variable of the play, so that every condition below stays short. The filter raises where the gate of this very play
# never ran: --start-at-task and --step cannot get around it.
GRANTED_SERVICES = (
    "{{ orderly_gate | default({}) | orderly.services.granted(orderly_play, inventory_hostname) }}"
)
NONE_GRANTED = "orderly_gate | default({}) | orderly.services.granted(orderly_play) | length == 0"

HEADER = """\
---
# The upgrade plan {id}, compiled by orderly.services {version}. It runs by itself:
#   ansible-playbook -i INVENTORY upgrade.yml
# Every play begins with its gate: what comes before must be done, and disrupted hosts hold a slot in the rolling lock
# of every service that is disrupted. Hosts on which the campaign has done a play already are left out of it.
# Packages are never rolled back: the plan has no way back but your backups.
"""

OPENING: dict[str, Any] = {
    "name": "Open the campaign",
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Open the campaign",
            GATE: {"state": "opened"},
            "run_once": True,
            "register": "orderly_campaign",
            "tags": ["always"],
        },
        {
            "name": "Pass by what is done",
            "ansible.builtin.set_fact": {LEFT: "{{ orderly_campaign.left }}"},
            "delegate_to": "localhost",
            "delegate_facts": True,
            "run_once": True,
            "tags": ["always"],
        },
    ],
}


def render(plan: Plan) -> str:
    """Give the text of the plan's ``upgrade.yml``."""
    return _text(plan, _plays(plan, plan.plays, plan.services))


def render_group(plan: Plan, group: str) -> str:
    """Give the text of a playbook that does what the plan does for the services of one group, behind the same gates."""
    names = [name for name, service in plan.services.items() if service["group"] == group]
    own = (_restricted(play, names) for play in plan.plays if not play.services.keys().isdisjoint(names))
    return _text(plan, (_for_group(play, group, names) for play in _plays(plan, own, names)))


def groups_of(plan: Plan) -> list[str]:
    """Name the groups that the services of a plan are deployed on."""
    return sorted({str(service["group"]) for service in plan.services.values()}, key=natural)


def _plays(plan: Plan, plays: Iterable[Play], names: Iterable[str]) -> Iterator[dict[str, Any]]:
    yield OPENING
    names = list(names)
    if plan.survey is not None:
        yield check_before_all(plan, names)
    yield from map(
        partial(_verify_again, plan),
        (name for name in verified_again({"services": plan.services}) if name in names),
    )
    looked = False
    for play in plays:
        if play.kind == FINALIZE and not looked:
            looked = True
            yield from check_before_finalizers(plan)
        yield from render_play(plan, play)


def _verify_again(plan: Plan, name: str) -> dict[str, Any]:
    """Verify a service on the hosts that an earlier run has upgraded; there are none but where a run is resumed."""
    play_id = f"{VERIFY_AGAIN}{name}"
    tasks: list[Task] = [
        {
            "name": f"{play_id} | Gather facts",
            "ansible.builtin.setup": {},
            "when": "(ansible_facts | default({})).distribution is undefined",
        },
        {
            "name": f"{play_id} | verify {name}",
            "ansible.builtin.import_role": {"name": plan.services[name]["role"], "tasks_from": "verify"},
        },
        {"name": f"{play_id} | Run the handlers", "ansible.builtin.meta": "flush_handlers"},
        {
            "name": f"{play_id} | Record who is well",
            GATE: {"play": play_id, "state": "verified"},
            "run_once": True,
        },
    ]
    return {
        "name": f"Verify {name} again where it is done, before more is disrupted",
        "hosts": f"{{{{ hostvars['localhost'].{LEFT}['{play_id}'] | default('{NO_HOST}') }}}}",
        "gather_facts": False,
        "become": True,
        "any_errors_fatal": False,
        "max_fail_percentage": 100,
        "tasks": tasks,
    }


def _text(plan: Plan, plays: Iterable[dict[str, Any]]) -> str:
    header = HEADER.format(id=plan.id, version=plan.versions.get("orderly.services", ""))
    return header + "\n".join(yaml_text([play]) for play in plays)


def _restricted(play: Play, names: Iterable[str]) -> Play:
    services = {name: play.services[name] for name in play.services if name in names}
    hosts = sorted({host for members in services.values() for host in members}, key=natural)
    return replace(play, services=services, hosts=tuple(hosts))


def _for_group(play: dict[str, Any], group: str, names: list[str]) -> dict[str, Any]:
    """Let the gates of a play grant and record no more than what its playbook does."""
    tasks = [
        {**task, GATE: {**task[GATE], "services": names}} if GATE in task else task for task in play["tasks"]
    ]
    return {
        **play,
        "hosts": f"{play['hosts']},&{group}" if "orderly_play" in play.get("vars", {}) else play["hosts"],
        "tasks": tasks,
    }


def render_play(plan: Plan, play: Play) -> list[dict[str, Any]]:
    """Give the Ansible plays of one play of the plan.

    Where several services share a wave, the work is a play of its own with the free strategy, so that hosts do not
    wait for each other's tasks; gate and release need all hosts at once and stay linear, and so does the work where
    hosts wait for the migration of one of them.
    """
    free = not any(_waits_for_migration(plan, play, name) for name in play.services)
    gate = [*_gate(play), *before_change(plan, play)]
    release = [*after_change(plan, play), _done(play)]
    if len(play.services) == 1:
        tasks = [*gate, *_begin(play), *_work(plan, play), *release]
        return [_play(plan, play, title(play), tasks)]
    return [
        _play(plan, play, f"{title(play)} | gate", gate),
        _play(plan, play, f"{title(play)} | work", [*_begin(play), *_work(plan, play)], free=free),
        _play(plan, play, f"{title(play)} | release", release),
    ]


def title(play: Play) -> str:
    """Name a play for people: what, and for waves who."""
    if play.kind != CHANGE:
        return play.title
    return f"{play.title} · " + ", ".join(
        f"{name} on {' '.join(hosts)}" for name, hosts in play.services.items()
    )


def _play(plan: Plan, play: Play, name: str, tasks: list[Task], *, free: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "hosts": f"{{{{ hostvars['localhost'].{LEFT}['{play.id}'] | default({PLANNED}) }}}}",
        "gather_facts": False,
        "become": True,
        # Whether the run goes on is for the gates to say; these cannot be trusted with it, and free knows but one.
        "any_errors_fatal": False,
        **({"strategy": "ansible.builtin.free"} if free else {"max_fail_percentage": 100}),
        "vars": {
            PLANNED: _pattern(plan, play),
            "orderly_play": play.id,
            GRANTED: GRANTED_SERVICES,
            **(
                {"orderly_packages": packages_of(plan, play.services)}
                if has_versions(plan, play) and not free
                else {}
            ),
        },
        **_module_defaults(plan, play),
        "tasks": tasks,
    }


def _module_defaults(plan: Plan, play: Play) -> dict[str, Any]:
    """Let what the roles put on record as temporary name its campaign."""
    if not _changed_for_a_while(plan, play.services):
        return {}
    return {"module_defaults": {TEMPORARY: {"campaign": "{{ orderly_gate.campaign }}"}}}


def _pattern(plan: Plan, play: Play) -> str:
    """Name the group where the play takes all hosts of a service: long lists of hosts are slow."""
    for name, hosts in play.services.items():
        if len(play.services) == 1 and len(hosts) > 1 and hosts == tuple(plan.services[name]["hosts"]):
            return str(plan.services[name]["group"])
    return ",".join(play.hosts)


def _gate(play: Play) -> list[Task]:
    return [
        {
            "name": f"{play.id} | Pass the gate",
            GATE: {"play": play.id, "state": "entered"},
            "run_once": True,
            "register": "orderly_gate",
            "tags": ["always"],
        }
    ]


def _begin(play: Play) -> list[Task]:
    return [
        {
            "name": f"{play.id} | End here if all is done",
            "ansible.builtin.meta": "end_play",
            "when": NONE_GRANTED,
        },
        {
            "name": f"{play.id} | Gather facts",
            "ansible.builtin.setup": {},
            "when": [ANY_GRANTED, "(ansible_facts | default({})).distribution is undefined"],
        },
    ]


def _done(play: Play) -> Task:
    return {
        "name": f"{play.id} | Record what is done"
        + (", release the slots" if play.kind in DISRUPTIVE else ""),
        GATE: {"play": play.id, "state": "done"},
        "run_once": True,
    }


def _work(plan: Plan, play: Play) -> Iterator[Task]:
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
                _migrated(plan, play, name)
                for name in play.services
                if _waits_for_migration(plan, play, name)
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
            "path": "{{ rolling_op_records | default(omit) }}",
        },
        "when": ANY_GRANTED,
    }


def _drained(plan: Plan, play: Play) -> list[str]:
    """Name the services of a play that are drained."""
    return [name for name in play.services if "drain" in plan.services[name]["parts"]]


def _undo(plan: Plan, play: Play, moment: str) -> Iterator[Task]:
    """Undo what hosts have on record as changed for a while, which may be nothing, and forget it when that is done."""
    for name in _changed_for_a_while(plan, reversed(play.services)):
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


def _changed_for_a_while(plan: Plan, names: Iterable[str]) -> list[str]:
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


def _waits_for_migration(plan: Plan, play: Play, name: str) -> bool:
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
