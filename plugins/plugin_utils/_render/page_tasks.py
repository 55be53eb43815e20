"""What task files say to people: the names of their tasks, in order, as a plan's page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from ansible.playbook.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BLOCK_KEYS = ("block", "rescue", "always")
IMPORTS = ("import_tasks", "ansible.builtin.import_tasks", "ansible.legacy.import_tasks")
POINT_OF_NO_RETURN = "point_of_no_return"
KEYWORDS = frozenset(Task.fattributes) - {"action"}  # what a task may say beside its module


@dataclass(frozen=True)
class TaskWords:
    """One task as people read of it."""

    name: str
    module: str = ""
    when: str = ""
    once: bool = False
    no_return: bool = False


def list_tasks(text: str, files: Mapping[str, str], *, once_host: str = "") -> tuple[TaskWords, ...]:
    """List the tasks of a file in the order they stand; imported *files*, by name, stand where they are imported.

    A condition that names *once_host* is the planner's own, and means that the task runs on one host.
    """
    return tuple(_listed(_compose(text), files, once_host, ()))


def _compose(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _listed(
    root: yaml.Node | None, files: Mapping[str, str], once_host: str, conditions: tuple[str, ...]
) -> Iterator[TaskWords]:
    for task in root.value if isinstance(root, yaml.SequenceNode) else ():
        keys = {key.value: value for key, value in task.value} if isinstance(task, yaml.MappingNode) else {}
        inherited = (*conditions, *_texts(keys.get("when")))
        imported = next((_texts(keys[key]) for key in IMPORTS if key in keys), [])
        if imported and imported[0] in files:
            yield from _listed(_compose(files[imported[0]]), files, once_host, inherited)
        elif "block" in keys:
            for part in BLOCK_KEYS:
                yield from _listed(keys.get(part), files, once_host, inherited)
        else:
            yield _words(keys, inherited, once_host)


def _words(keys: Mapping[str, yaml.Node], conditions: tuple[str, ...], once_host: str) -> TaskWords:
    module = next((key for key in keys if key not in KEYWORDS and not key.startswith("with_")), "")
    own = [each for each in conditions if not (once_host and once_host in each)]
    return TaskWords(
        name=next(iter(_texts(keys.get("name"))), module),
        module=module,
        when=" and ".join(own),
        once=len(own) < len(conditions) or _texts(keys.get("run_once")) == ["true"],
        no_return=_is_no_return(keys.get("vars")),
    )


def _is_no_return(variables: yaml.Node | None) -> bool:
    given = variables.value if isinstance(variables, yaml.MappingNode) else ()
    return any(key.value == POINT_OF_NO_RETURN and _is_true(value) for key, value in given)


def _is_true(node: yaml.Node) -> bool:
    return str(node.value).lower() in ("true", "yes", "on")


def _texts(node: yaml.Node | None) -> list[str]:
    """Give the texts of a scalar or a list; of a mapping, the one under ``file``."""
    if isinstance(node, yaml.MappingNode):
        node = next((value for key, value in node.value if key.value == "file"), None)
    if isinstance(node, yaml.SequenceNode):
        return [str(item.value) for item in node.value if isinstance(item, yaml.ScalarNode)]
    return [str(node.value)] if isinstance(node, yaml.ScalarNode) else []
