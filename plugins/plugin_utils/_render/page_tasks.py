"""What task files say to people: the names of their tasks, in order, as a plan's page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from ansible.playbook.task import Task

from .._tasks.files import (
    BLOCK_KEYS,
    IMPORT_TASKS,
    Loader,
    entry,
    file_name,
    is_point_of_no_return,
    is_true,
    tasks_in,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEYWORDS = frozenset(Task.fattributes) - {"action"}  # what a task may say beside its module


@dataclass(frozen=True)
class ListedTask:
    """One task as people read of it."""

    name: str
    module: str = ""
    when: str = ""
    once: bool = False
    no_return: bool = False


def list_tasks(text: str, files: Mapping[str, str], *, once_host: str = "") -> tuple[ListedTask, ...]:
    """List the tasks of a file in the order they stand; imported *files*, by name, stand where they are imported.

    A condition that names *once_host* is the planner's own, and means that the task runs on one host.
    """
    return tuple(_listed(yaml.compose(text, Loader=Loader), files, once_host, ()))


def _listed(
    root: yaml.Node | None, files: Mapping[str, str], once_host: str, conditions: tuple[str, ...]
) -> Iterator[ListedTask]:
    for task in tasks_in(root) if isinstance(root, yaml.SequenceNode) else ():
        inherited = (*conditions, *_texts(value_of(task, "when")))
        imported = file_name(task, *IMPORT_TASKS)
        if imported is not None and imported.value in files:
            root_of_file = yaml.compose(files[imported.value], Loader=Loader)
            yield from _listed(root_of_file, files, once_host, inherited)
        elif entry(task, "block"):
            for part in BLOCK_KEYS:
                yield from _listed(value_of(task, part), files, once_host, inherited)
        else:
            yield _shown(task, inherited, once_host)


def _shown(task: yaml.MappingNode, conditions: tuple[str, ...], once_host: str) -> ListedTask:
    keys = [str(key.value) for key, _value in task.value]
    module = next((key for key in keys if key not in KEYWORDS and not key.startswith("with_")), "")
    own = [each for each in conditions if not (once_host and once_host in each)]
    return ListedTask(
        name=next(iter(_texts(value_of(task, "name"))), module),
        module=module,
        when=" and ".join(own),
        once=len(own) < len(conditions) or is_true(value_of(task, "run_once")),
        no_return=is_point_of_no_return(task),
    )


def _texts(node: yaml.Node | None) -> list[str]:
    """Give the texts of a scalar or a list."""
    if isinstance(node, yaml.SequenceNode):
        return [str(item.value) for item in node.value if isinstance(item, yaml.ScalarNode)]
    return [str(node.value)] if isinstance(node, yaml.ScalarNode) else []
