"""The plan as a playbook: plain plays, each behind its gate, that Ansible runs and people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.names import pattern
from .._common.text import plural
from .._plan.names import LEFT, NO_HOST, OPENED, PLANNED, RANK_PLAY, SEEN_MEMBERS, VERIFY_PLAY
from .._plan.seats import is_ranked, ranked_services, taking_places
from .._service.steps import CHANGE, DISRUPTIVE, FINALIZE, RANK
from .._tasks.strategy import FREE, LINEAR
from .change import ENDS_ROLES, ENDS_ROLES_SINCE, TEMPORARY, VERIFY
from .versions import (
    GRANTED,
    VERSIONS,
    after_change,
    before_change,
    check_before_all,
    check_before_finalizers,
    has_versions,
    packages_of,
)
from .work import (
    GATE,
    IMPORT_ROLE,
    INCLUDE_ROLE,
    bring,
    changed_for_a_while,
    include_work,
    uses_of_roles,
    waits_for_migration,
    work,
)
from .yaml_text import Template, json_text, yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .._inventory.selection import Selection
    from .._plan.plan import Plan, Play

Task = dict[str, Any]

# A variable of the play, so that every condition below stays short. The filter raises where the gate of this very play
# never ran: --start-at-task and --step cannot get around it.
GRANTED_SERVICES = Template(
    "{{ orderly_gate | default({}) | orderly.services.granted(orderly_play, inventory_hostname) }}"
)
# What a host does under its slots says so, that a later run knows it: see module_utils/_host/tasks.py.
SLOTS = "ORDERLY_SLOTS"
SLOTS_OF_HOST = Template(
    "1 {{ {'host': inventory_hostname, 'store': ((orderly_gate | default({})).store | default({})).id | default(''),"
    " 'slots':"
    " ((orderly_gate | default({})).tokens | default({}))[inventory_hostname] | default({})} | to_json }}"
)

HEADER = """\
---
# The upgrade plan {id}, compiled by orderly.services {version}. It can be run on its own:
#   ansible-playbook -i INVENTORY upgrade.yml
# Every play begins with its gate: what comes before must be done, and disrupted hosts hold a slot in the rolling lock
# of every service that is disrupted. Hosts on which the campaign has done a play already are left out of it.
# Packages are never rolled back: your backups are the only way back.
"""

INCLUDES = """\
# What plays do stands in tasks/ and is included when a play comes to it: the roles of {uses} uses would be read before
# the first task, in many seconds. So --list-tasks shows gates and no tasks of roles; plan.html has them all.
"""
MOST_IMPORTS = 100
"""Above, the work is included: a role that is imported costs Ansible about 30 ms before the first task."""

CORE_CHECK: Task = {
    "name": "Check that this ansible-core can run the plan",
    "ansible.builtin.assert": {
        "that": [f"ansible_version.full is version('{ENDS_ROLES_SINCE}', '>=')"],
        "fail_msg": Template(
            f"This folder was written for ansible-core {ENDS_ROLES_SINCE} and later, and this is "
            "{{ ansible_version.full }}; nothing was touched. Run the playbook orderly.services.upgrade instead "
            "of this folder: it writes the same plan for this version, and continues its campaign."
        ),
        "quiet": True,
    },
    "run_once": True,
    "tags": ["always"],
}

OPENING: dict[str, Any] = {
    "name": "Open the campaign",
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        *([CORE_CHECK] if ENDS_ROLES else []),
        {
            "name": "Open the campaign",
            GATE: {"state": "opened"},
            "run_once": True,
            "register": OPENED,
            "tags": ["always"],
        },
        {
            "name": "Skip what is done",
            "ansible.builtin.set_fact": {LEFT: Template(f"{{{{ {OPENED}.left }}}}")},
            "delegate_to": "localhost",
            "delegate_facts": True,
            "run_once": True,
            "tags": ["always"],
        },
    ],
}


def render(plan: Plan, most_imports: int = MOST_IMPORTS) -> str:
    """Give the text of the plan's ``upgrade.yml``.

    Roles are imported, which lets ``--list-tasks`` show their tasks; with more than *most_imports* of them the work of
    plays is included.
    """
    included = includes_work(plan, plan.plays, most_imports)
    header = HEADER.format(id=plan.id, version=plan.versions.get("orderly.services", ""))
    header += INCLUDES.format(uses=_uses_of_roles(plan, plan.plays)) if included else ""
    return header + "\n".join(yaml_text([play]) for play in _playbook(plan, plan.plays, included=included))


def render_for_run(plan: Plan, about: Selection, most_imports: int = MOST_IMPORTS) -> str:
    """Give the plays that a run is about, as JSON: nobody reads it, and Ansible does so in half of the time."""
    plays = list(_concerning(plan, about))
    return json_text(list(_playbook(plan, plays, included=includes_work(plan, plays, most_imports))))


def includes_work(plan: Plan, plays: Sequence[Play], most_imports: int = MOST_IMPORTS) -> bool:
    """Tell whether the work of plays is included when they come to it, for it uses more roles than are imported."""
    return _uses_of_roles(plan, plays) > most_imports


def _playbook(plan: Plan, plays: Sequence[Play], *, included: bool) -> Iterator[dict[str, Any]]:
    first, *others = _plays(plan, plays, included=included) if plays else [None]
    for play in (OPENING, *([_promising(first)] if first else []), *others):
        yield _as_written(_held(play, plan))


def _uses_of_roles(plan: Plan, plays: Iterable[Play]) -> int:
    """Count how often plays of a plan bring a role."""
    services = plan.services.values()
    asked = sum(service.is_verified_again + is_ranked(service) for service in services)
    return asked + uses_of_roles(plan, plays)


def _plays(plan: Plan, plays: Sequence[Play], *, included: bool) -> Iterator[dict[str, Any]]:
    concerned = {name for play in plays for name in play.services}
    names = [name for name in plan.services if name in concerned]
    if plan.survey is not None and names:
        yield check_before_all(plan, names)
    for name in names:
        if plan.services[name].is_verified_again:
            yield _verify_again(plan, name, included=included)
    # Who decides about hosts that others rank otherwise is asked first: what is said of it stays true.
    ranked = [name for name in ranked_services(plan) if name in concerned]
    before = {
        CHANGE: [_rank(plan, name, included=included) for name in ranked],
        FINALIZE: check_before_finalizers(plan),
    }
    for play in plays:
        yield from before.pop(play.kind, ())
        yield from render_play(plan, play, included=included)


def _concerning(plan: Plan, about: Selection) -> Iterator[Play]:
    """Give the plays that a run is about: of hosts that may change places, those of the others too."""
    alike = taking_places(plan, about.has_host)
    for play in plan.plays:
        if any(
            about.has_service(name, plan.services[name].stage)
            and any(about.has_host(host) or host in alike for host in hosts)
            for name, hosts in play.services.items()
        ):
            yield play


def _promising(play: dict[str, Any]) -> dict[str, Any]:
    """Let a play promise the last line; before its hosts are read there is no campaign."""
    return {
        **play,
        "hosts": Template(f"{play['hosts']}{{{{ lookup('orderly.services.internal.upgrade_end') }}}}"),
    }


def _verify_again(plan: Plan, name: str, *, included: bool) -> dict[str, Any]:
    """Verify a service on the hosts that an earlier run has upgraded; there are none but where a run is resumed."""
    play_id = f"{VERIFY_PLAY}{name}"
    title = f"Verify {name} again where it is done, before more hosts are disrupted"
    record = {
        "name": f"{play_id} | Record which hosts are healthy",
        GATE: {"play": play_id, "state": "verified"},
        "run_once": True,
    }
    return _asking(plan, name, VERIFY, (play_id, title), [record], included=included)


def _rank(plan: Plan, name: str, *, included: bool) -> dict[str, Any]:
    """Find out which hosts of a service go last, of those that have not begun, and let them change places."""
    play_id = f"{RANK_PLAY}{name}"
    tasks: list[Task] = [
        {
            "name": f"{play_id} | Let hosts change places",
            GATE: {"play": play_id, "state": "ranked"},
            "run_once": True,
            "register": "orderly_ranked",
        },
        {
            "name": f"{play_id} | Keep who goes when",
            "ansible.builtin.set_fact": {
                LEFT: Template(f"{{{{ hostvars['localhost'].{LEFT} | combine(orderly_ranked.left) }}}}")
            },
            "delegate_to": "localhost",
            "delegate_facts": True,
            "run_once": True,
        },
    ]
    return _asking(plan, name, RANK, (play_id, f"Find out who goes last of {name}"), tasks, included=included)


def _asking(
    plan: Plan, name: str, kind: str, called: tuple[str, str], then: list[Task], *, included: bool
) -> dict[str, Any]:
    """Look at a service with its role, on the hosts that the opening of the campaign names: none, or some."""
    play_id, title = called
    imported = bring(plan, play_id, name, kind)
    included_role = {"name": imported["name"], INCLUDE_ROLE: imported[IMPORT_ROLE]}
    tasks: list[Task] = [
        {
            "name": f"{play_id} | Gather facts",
            "ansible.builtin.setup": {},
            "when": "(ansible_facts | default({})).distribution is undefined",
        },
        included_role if included else imported,
        {"name": f"{play_id} | Run the handlers", "ansible.builtin.meta": "flush_handlers"},
        *then,
    ]
    return {
        "name": title,
        "hosts": Template(f"{{{{ hostvars['localhost'].{LEFT}['{play_id}'] | default('{NO_HOST}') }}}}"),
        "gather_facts": False,
        "become": True,
        "max_fail_percentage": 100,
        "tasks": tasks,
    }


def _held(play: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """Let every gate hold on to the plan that the playbook was written with, whatever comes to lie beside it."""
    tasks = [
        {key: {**value, "plan": plan.id} if key in (GATE, VERSIONS) else value for key, value in task.items()}
        for task in play["tasks"]
    ]
    return {**play, "tasks": tasks}


def _as_written(play: dict[str, Any]) -> dict[str, Any]:
    """Say in a play all that it relies on, where ansible.cfg and the environment may have it otherwise.

    Whether the run goes on is for the gates to say: ``any_errors_fatal`` and its like cannot be trusted with it.
    """
    named = {key: play[key] for key in ("name", "hosts")}
    return {**named, "strategy": LINEAR, "any_errors_fatal": False, "force_handlers": False, **play}


def render_play(plan: Plan, play: Play, *, included: bool = False) -> list[dict[str, Any]]:
    """Give the Ansible plays of one play of the plan, its work in it or *included*.

    Where several services share a wave, the work is a play of its own with the free strategy, so that hosts do not
    wait for each other's tasks; gate and release need all hosts at once and stay linear, and so does the work where
    hosts wait for the migration of one of them, or for each other's steps, or one looks for all.
    """
    services = {name: plan.services[name] for name in play.services}
    free = not any(
        waits_for_migration(plan, play, name) or service.looks_once or service.full_stop
        for name, service in services.items()
    )
    gate = [*_gate(plan, play), *before_change(plan, play)]
    release = [*after_change(plan, play), _done(play)]
    tasks = [include_work(plan, play)] if included else work(plan, play)
    if len(play.services) == 1:
        return [_play(plan, play, title(plan, play), [*gate, *tasks, *release])]
    return [
        _play(plan, play, f"{title(plan, play)} | gate", gate),
        _play(plan, play, f"{title(plan, play)} | work", tasks, free=free),
        _play(plan, play, f"{title(plan, play)} | release", release),
    ]


def title(plan: Plan, play: Play) -> str:
    """Name a play for people: what, and for waves who, or how many of those who find their places by rank."""
    if play.kind != CHANGE:
        return play.title
    who = {
        name: f"{plural(len(hosts), 'host')} by rank" if is_ranked(plan.services[name]) else " ".join(hosts)
        for name, hosts in play.services.items()
    }
    return f"{play.title} · " + ", ".join(f"{name} on {hosts}" for name, hosts in who.items())


def _play(plan: Plan, play: Play, name: str, tasks: list[Task], *, free: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "hosts": Template(f"{{{{ hostvars['localhost'].{LEFT}['{play.id}'] | default({PLANNED}) }}}}"),
        "gather_facts": False,
        "become": True,
        **({"strategy": FREE} if free else {"max_fail_percentage": 100}),
        "vars": {
            PLANNED: _pattern(plan, play),
            "orderly_play": play.id,
            **({"orderly_relied_on": relied_on} if (relied_on := _relied_on(plan, play)) else {}),
            GRANTED: GRANTED_SERVICES,
            **(
                {"orderly_packages": packages_of(plan, play.services)}
                if has_versions(plan, play) and not free
                else {}
            ),
        },
        **_module_defaults(plan, play),
        **({"environment": {SLOTS: SLOTS_OF_HOST}} if play.kind in DISRUPTIVE else {}),
        "tasks": tasks,
    }


def _module_defaults(plan: Plan, play: Play) -> dict[str, Any]:
    """Let the temporary changes that the roles record name their campaign."""
    if not changed_for_a_while(plan, play.services):
        return {}
    return {"module_defaults": {TEMPORARY: {"campaign": Template("{{ orderly_gate.campaign }}")}}}


def _pattern(plan: Plan, play: Play) -> str:
    """Name the group where the play takes all hosts of a service: long lists of hosts are slow."""
    for name, hosts in play.services.items():
        if len(play.services) == 1 and len(hosts) > 1 and hosts == tuple(plan.services[name].hosts):
            return str(plan.services[name].group)
    return pattern(play.hosts)


def _relied_on(plan: Plan, play: Play) -> dict[str, Any]:
    """Name the services of a play that need some of their members meanwhile, with what tells how these are."""
    services = {name: plan.services[name] for name in play.services if play.kind in DISRUPTIVE}
    return {
        name: {"group": service.group, "units": list(service.units)}
        for name, service in services.items()
        if service.units and not service.full_stop and service.slots < len(service.hosts)
    }


def _gate(plan: Plan, play: Play) -> list[Task]:
    return [
        *([_look(play)] if _relied_on(plan, play) else []),
        {
            "name": f"{play.id} | Pass the gate",
            GATE: {"play": play.id, "state": "entered"},
            "run_once": True,
            "register": "orderly_gate",
            "tags": ["always"],
        },
    ]


def _look(play: Play) -> Task:
    """Look at the members that a play relies on, from its hosts; the gate counts those that are down."""
    share = "query('orderly.services.internal.members_relied_on', orderly_relied_on, play=orderly_play)"
    return {
        "name": f"{play.id} | Look at the members that it relies on",
        "orderly.services.internal.member_units": {
            "units": Template("{{ item.value.values() | flatten | unique }}")
        },
        "loop": Template(f"{{{{ {share} | first | dict2items }}}}"),
        "loop_control": {"label": Template("{{ item.key }}")},
        "delegate_to": Template("{{ item.key }}"),
        "register": SEEN_MEMBERS,
        "ignore_unreachable": True,  # such a member counts as down
        "failed_when": False,  # so does one that cannot be asked
        "tags": ["always"],
    }


def _done(play: Play) -> Task:
    return {
        "name": f"{play.id} | Record what is done"
        + (", release the slots" if play.kind in DISRUPTIVE else ""),
        GATE: {"play": play.id, "state": "done"},
        "run_once": True,
    }
