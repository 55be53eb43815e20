"""Tasks that only look: they change nothing on any host, and may run as often as anybody likes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from .files import (
    ACTIONS,
    IMPORT_ROLE,
    IMPORT_TASKS,
    INCLUDE_ROLE,
    INCLUDE_TASKS,
    children,
    forms,
    is_true,
    value_of,
)
from .roles import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKING = forms(
    "assert", "debug", "fail", "find", "gather_facts", "getent", "include_vars", "package_facts", "pause", "ping",
    "service_facts", "set_fact", "setup", "slurp", "stat", "wait_for", "wait_for_connection",
)  # fmt: skip
COMMANDS = forms("command", "shell", "raw")
URI, PAUSE = forms("uri"), forms("pause")  # the latter pauses the controller
NO_MODULES = ("delegate_facts",)
NAMES_FILES = (*IMPORT_TASKS, *INCLUDE_TASKS, *IMPORT_ROLE, *INCLUDE_ROLE)  # whose tasks may say otherwise
TRUE = ("true", "yes", "on", "y", "1")
ASKING = ("", "GET", "HEAD", "OPTIONS")
HERE = ("localhost", "127.0.0.1", "::1")


def only_looks(task: yaml.MappingNode) -> bool:
    """Tell whether a task changes nothing: a block where none of its tasks does.

    A module that reads, by its name; ``uri`` that gets; a command of which its author says ``changed_when: false``; any
    task that is always in check mode.
    """
    below = list(children(task))
    if below:
        return all(map(only_looks, below))
    modules = _modules(task)
    if modules.keys().isdisjoint(NAMES_FILES) and _is_in_check_mode(task):
        return True
    if any(name in LOOKING or name.endswith(("_info", "_facts")) for name in modules):
        return True
    if (asked := next((modules[name] for name in URI if name in modules), None)) is not None:
        return words_of(asked).get("method", "").upper() in ASKING
    changes = value_of(task, "changed_when")
    return not modules.keys().isdisjoint(COMMANDS) and changes is not None and not is_true(changes)


def _is_in_check_mode(task: yaml.MappingNode) -> bool:
    """Tell whether a task itself says so, and not by a template."""
    mode = value_of(task, "check_mode")
    return mode is not None and str(mode.value).lower() in TRUE


def _modules(task: yaml.MappingNode) -> dict[str, yaml.Node]:
    """Give what may be the module of a task, with its arguments: keys, and what an old ``action`` names."""
    named = {key.value: value for key, value in task.value if key.value not in NO_MODULES}
    given = value_of(task, *ACTIONS)
    if isinstance(given, yaml.ScalarNode):
        named[given.value.partition(" ")[0]] = given
    elif given is not None:
        named[words_of(given).get("module", "")] = given
    return named


def looks_for_all(task: yaml.MappingNode) -> bool:
    """Tell whether a ``run_once`` task only looks, on the controller: then each wave may do it once."""
    return only_looks(task) and all(_is_here(each) for each in _leaves(task, None))


def _here(task: yaml.MappingNode) -> yaml.Node | None:
    """Give the controller where a task runs there anyway."""
    here = value_of(task, "local_action") is not None or not _modules(task).keys().isdisjoint(PAUSE)
    return yaml.ScalarNode("", HERE[0]) if here else None


def _is_here(host: yaml.Node | None) -> bool:
    return isinstance(host, yaml.ScalarNode) and host.value in HERE


def _leaves(task: yaml.MappingNode, outer: yaml.Node | None) -> Iterator[yaml.Node | None]:
    """Give where each task of a block is delegated to."""
    host = _here(task) or value_of(task, "delegate_to") or outer
    below = list(children(task))
    for child in below:
        yield from _leaves(child, host)
    if not below:
        yield host
