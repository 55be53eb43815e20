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
    from collections.abc import Iterator, Mapping

    from ansible.playbook.task import Task

_OF_LOOPS = ("ansible_loop", "ansible_loop_var", "ansible_index_var")


class _NoFacts(dict[str, Any]):
    """Stands in the place of the fact cache: of no host anything is known. Keys are not read but by ``get``."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the signature of dict
        return {}


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
    host = seen._inventory.get_host(variables.get("inventory_hostname") or "")  # noqa: SLF001
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
    return {**clean, **{name: variables[name] for name in _of_loop(variables)}, "hostvars": hostvars}


def _of_loop(variables: Mapping[str, Any]) -> Iterator[str]:
    """Name the variables that the loop of a task sets."""
    names = ("item", variables.get("ansible_loop_var"), variables.get("ansible_index_var"), *_OF_LOOPS)
    return (name for name in names if name and name in variables)


def facts_of(variables: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """Give what a host has answered as facts in this run, or in one whose facts were cached."""
    cache = variables["hostvars"]._variable_manager._fact_cache  # noqa: SLF001
    try:
        facts: Mapping[str, Any] = cache.get(host) or {}
    except KeyError:
        return {}
    return facts
