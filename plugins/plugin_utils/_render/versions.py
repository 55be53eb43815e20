"""Where the playbook of a plan looks at versions: before anything runs, around each change, before finalizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._service.steps import CHANGE, FINALIZE
from .yaml_text import Template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._plan.plan import Plan, Play

    Task = dict[str, Any]

VERSIONS_INFO = "orderly.services.internal.package_versions_info"
VERSIONS = "orderly.services.internal.upgrade_versions"
SEEN = "orderly_seen"
GRANTED = "orderly_granted"
ANY_GRANTED = f"{GRANTED} | length > 0"
OF_THIS_WAVE = Template(f"{{{{ orderly_packages | selectattr('name', 'in', {GRANTED}) }}}}")
OF_THIS_HOST = Template("{{ orderly_packages | selectattr('group', 'in', group_names) }}")


def packages_of(plan: Plan, names: Iterable[str]) -> list[dict[str, Any]]:
    """Give what tells the packages of services, of those that may have any.

    The packages that were *recorded* when the plan was made count too: an upgrade may change those of a unit.
    """
    kept = ("group", "packages", "units")
    return [
        {"name": name, **{key: getattr(plan.services[name], key) for key in kept}, **_recorded(plan, name)}
        for name in names
        if plan.services[name].packages or plan.services[name].units
    ]


def _recorded(plan: Plan, name: str) -> dict[str, list[str]]:
    """Give the packages of the survey, of a service that does not name its own."""
    if plan.services[name].packages or not plan.survey:
        return {}
    recorded = plan.survey.packages_of(name)
    return {"recorded": recorded} if recorded else {}


def check_before_all(plan: Plan, names: Iterable[str]) -> dict[str, Any]:
    """Stop before anything is touched where apt would install something other than the plan says."""
    names = list(names)
    return _look(
        plan,
        names,
        "Check that apt would install what the plan says",
        [
            _whom_to_ask("versions", "wanted"),
            _read("versions", OF_THIS_HOST, "inventory_hostname in orderly_wanted.hosts", ["always"]),
            _heard("versions", "Compare them with the plan", "checked", ["always"]),
        ],
    )


def before_change(plan: Plan, play: Play) -> list[Task]:
    """Keep the versions that a wave changes; where the plan was approved with versions, look at them once more.

    Since the plan was checked, the index of packages may have been refreshed.
    """
    if not has_versions(plan, play):
        return []
    return [
        _read(play.id, OF_THIS_WAVE, ANY_GRANTED),
        _heard(play.id, "Keep the versions before", "before"),
    ]


def after_change(plan: Plan, play: Play) -> list[Task]:
    """Insist that dpkg has finished with what a wave has brought.

    The versions are kept for the finalizers, if there are any, which will look whether it is still so.
    """
    if not has_versions(plan, play):
        return []
    read = _read(play.id, OF_THIS_WAVE, ANY_GRANTED)
    read["name"] = f"{play.id} | Check that dpkg has finished with the packages"
    read[VERSIONS_INFO]["finished"] = Template("{{ not ansible_check_mode }}")
    is_kept = any(each.kind == FINALIZE for each in plan.plays)
    return [read, *([_heard(play.id, "Keep the versions after", "after")] if is_kept else [])]


def check_before_finalizers(plan: Plan) -> list[dict[str, Any]]:
    """Stop before the first finalizer where hosts do not run what the journal says they do."""
    if not packages_of(plan, plan.services):
        return []
    look = _look(
        plan,
        plan.services,
        "Check that the hosts run what the journal says",
        [
            _whom_to_ask("finalize", "due"),
            {
                **_read("finalize", OF_THIS_HOST, "inventory_hostname in orderly_wanted.hosts", ["always"]),
                "register": SEEN,  # not what a wave has left
                "ignore_unreachable": True,
                "failed_when": False,  # all that do not agree are reported together
            },
            _heard("finalize", "Compare them with the journal", "agreed", ["always"], variable=SEEN),
        ],
    )
    return [look]


def has_versions(plan: Plan, play: Play) -> bool:
    """Tell whether a play changes services that have packages."""
    return play.kind == CHANGE and bool(packages_of(plan, play.services))


def _look(plan: Plan, names: Iterable[str], name: str, tasks: list[Task]) -> dict[str, Any]:
    names = list(names)
    return {
        "name": name,
        "hosts": ",".join(dict.fromkeys(str(plan.services[each].group) for each in names)),
        "gather_facts": False,
        "any_errors_fatal": False,
        "max_fail_percentage": 100,
        "vars": {"orderly_packages": packages_of(plan, names)},
        "tasks": tasks,
    }


def _whom_to_ask(prefix: str, state: str) -> Task:
    return {
        "name": f"{prefix} | Ask which hosts are still to do"
        if state == "wanted"
        else f"{prefix} | Ask which hosts",
        VERSIONS: {"state": state},
        "run_once": True,
        "register": "orderly_wanted",
        "tags": ["always"],
    }


def _read(prefix: str, services: str, when: str, tags: Iterable[str] = ()) -> Task:
    return {
        "name": f"{prefix} | Read the versions of packages",
        VERSIONS_INFO: {"services": services},
        "when": when,
        "register": "orderly_versions",
        **({"tags": list(tags)} if tags else {}),
    }


def _heard(
    prefix: str, words: str, state: str, tags: Iterable[str] = (), *, variable: str | None = None
) -> Task:
    return {
        "name": f"{prefix} | {words}",
        VERSIONS: {"state": state, **({"variable": variable} if variable else {})},
        "run_once": True,
        **({"tags": list(tags)} if tags else {}),
    }
