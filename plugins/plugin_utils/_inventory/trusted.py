"""Variables as inventory, playbook and command line give them: what hosts have answered is left out.

Facts become variables, and win over the inventory and over defaults of roles; any answer of any module may bring some.
So a host could say what happens to others, or on the controller. Whoever decides something about more than one host
reads its variables here.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ansible.vars.hostvars import HostVars

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from ansible.playbook.task import Task

_OF_LOOPS = ("ansible_loop", "ansible_loop_var", "ansible_index_var")
_OF_PLAYS = ("ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_batch", "play_hosts")
"""Ansible sets these over facts; a task knows another copy of its play, which does not know who has failed."""


class _NoFacts(dict[str, Any]):
    """Stands in the place of the fact cache: of no host anything is known. Keys are not read but by ``get``."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the signature of dict
        return {}


def _remembering(get_vars: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Put the variables of a host together once, as ``hostvars`` asks for them: a decision looks at them often."""
    known: dict[str, dict[str, Any]] = {}

    def remembered(**asked: Any) -> dict[str, Any]:
        if asked.keys() != {"host", "include_hostvars"} or asked["host"] is None:
            return get_vars(**asked)
        name = asked["host"].name
        if name not in known:
            known[name] = get_vars(**asked)
        return known[name]

    return remembered


def forget_facts(manager: Any) -> Any:
    """Give a variable manager of Ansible that has no facts; the one that was given keeps its own."""
    blind = copy.copy(manager)
    blind._loader = manager._loader  # noqa: SLF001 - a copy loses it
    blind._fact_cache = _NoFacts()  # noqa: SLF001 - there is no other way to read variables without facts
    return blind


def without_facts(variables: Mapping[str, Any], task: Task | None = None) -> Mapping[str, Any]:
    """Give the variables of a task, or of a lookup where no task is given, as they were if no host had answered.

    What tasks have registered or set stays. While a playbook is parsed there are no ``hostvars``, and no answers.
    """
    if "hostvars" not in variables:
        return variables
    seen = variables["hostvars"]
    manager = forget_facts(seen._variable_manager)  # noqa: SLF001 - nothing else gives it to a plugin
    hostvars = HostVars(seen._inventory, manager, manager._loader)  # noqa: SLF001 - it makes the manager its own
    manager.get_vars = _remembering(manager.get_vars)
    host = seen._inventory.get_host(variables.get("inventory_hostname") or "")  # noqa: SLF001 - as above
    if task is None:
        clean = manager.get_vars(host=host)
        answered = facts_of(variables, host.name) if host else {}
        return {
            **clean,
            **{name: variables[name] for name in variables if name not in answered},
            "hostvars": hostvars,
        }
    clean = manager.get_vars(
        play=task.get_play(),
        host=host,
        task=task,
        _hosts=variables["ansible_play_batch"],
        _hosts_all=variables["ansible_play_hosts_all"],
    )
    kept = (name for name in (*_OF_PLAYS, *_of_loop(variables)) if name in variables)
    return {**clean, **{name: variables[name] for name in kept}, "hostvars": hostvars}


def _of_loop(variables: Mapping[str, Any]) -> Iterator[str]:
    """Name the variables that the loop of a task sets."""
    yield from ("item", *_OF_LOOPS)
    yield from filter(None, (variables.get("ansible_loop_var"), variables.get("ansible_index_var")))


def facts_of(variables: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """Give what a host has answered as facts in this run, or in one whose facts were cached."""
    cache = variables["hostvars"]._variable_manager._fact_cache  # noqa: SLF001 - as above
    try:
        facts: Mapping[str, Any] = cache.get(host) or {}
    except KeyError:
        return {}
    return facts


def claims(
    variables: Mapping[str, Any], hosts: Iterable[str], is_ours: Callable[[str], bool]
) -> dict[str, list[str]]:
    """Name the facts of each host that have names of our variables; hosts without such are left out."""
    found = {host: sorted(filter(is_ours, map(str, facts_of(variables, host)))) for host in hosts}
    return {host: names for host, names in found.items() if names}
