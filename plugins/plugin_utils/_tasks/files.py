"""Task files as trees of YAML nodes: tasks, blocks, the files they name, and the places of all of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import yaml

from .aliases import AliasError, merged, without_aliases
from .findings import Finding, FindingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # written in C it reads thirty times faster

FORMS = ("", "ansible.builtin.", "ansible.legacy.")


def forms(*names: str) -> tuple[str, ...]:
    """List every way to write the names of Ansible's own modules."""
    return tuple(form + name for form in FORMS for name in names)


IMPORT_TASKS = forms("import_tasks")
INCLUDE_TASKS = forms("include_tasks")
INCLUDE_ROLE = forms("include_role")
IMPORT_ROLE = forms("import_role")
METAS = forms("meta")
ACTIONS = ("action", "local_action")  # the old ways to name a module
SET_FACT = forms("set_fact")
NULL = "tag:yaml.org,2002:null"  # what a file holds that has but its dashes
VAULTED = "$ANSIBLE_VAULT;"
BLOCK_KEYS = ("block", "rescue", "always")


@dataclass(frozen=True)
class TaskFile:
    """A task file and its text."""

    path: Path
    text: str

    @cached_property
    def items(self) -> tuple[yaml.MappingNode, ...]:
        """Give the top-level tasks and blocks; raises :class:`FindingsError` where there is something else."""
        with _findings(self.path):
            root = yaml.compose(self.text, Loader=Loader)
        if root is None or root.tag == NULL:
            return ()
        root = merged(root)
        items = root.value if isinstance(root, yaml.SequenceNode) else [root]
        is_list = isinstance(root, yaml.SequenceNode)
        if odd := next(
            (item for item in items if not (is_list and isinstance(item, yaml.MappingNode))), None
        ):
            raise FindingsError([self.finding(odd, "task-list", "expected a list of tasks and blocks.")])
        return tuple(items)

    def walk(self) -> Iterator[yaml.MappingNode]:
        """Give all tasks and blocks, at any depth."""
        for item in self.items:
            yield from walk(item)

    def finding(self, node: yaml.Node, rule: str, message: str) -> Finding:
        """Name a place of this file."""
        return Finding(self.path, node.start_mark.line + 1, rule, message)


def read_tasks(path: Path) -> TaskFile:
    """Read a task file; aliases are written out.

    :raises FindingsError: when that cannot be done
    """
    return _task_file(path, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=8192)  # a file is looked at for many reasons, one after the other
def _task_file(path: Path, text: str) -> TaskFile:
    if text.startswith(VAULTED):
        message = (
            "the file is encrypted, and a plan is made of task files that can be read. Decrypt it (ansible-vault "
            "decrypt), and keep secrets in variables that are encrypted."
        )
        raise FindingsError([Finding(path, 1, "vault", message)])
    with _findings(path):
        return TaskFile(path, without_aliases(text, Loader))


@contextmanager
def _findings(path: Path) -> Iterator[None]:
    """Give errors of a YAML text as findings."""
    try:
        yield
    except AliasError as exc:
        message = f"an alias (*) here {exc}; write it out."
        raise FindingsError([Finding(path, exc.line + 1, "yaml", message)]) from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(exc, "problem", None) or str(exc)
        raise FindingsError([Finding(path, line, "yaml", f"not YAML: {problem}.")]) from exc


def named_file(folder: Path, file: TaskFile, name: yaml.ScalarNode) -> Path | None:
    """Find a file that a task names, where Ansible looks for it: beside the file, and in the role's *folder*."""
    beside = (place / name.value for place in (file.path.parent, folder))
    return next((path.resolve() for path in beside if path.is_file()), None)


# --- Nodes ---


def entry(task: yaml.MappingNode, *keys: str) -> tuple[yaml.Node, yaml.Node] | None:
    """Find the first of some keys, and its value."""
    return next(((key, value) for key, value in task.value if key.value in keys), None)


def value_of(task: yaml.MappingNode, *keys: str) -> yaml.Node | None:
    """Find the value of the first of some keys."""
    found = entry(task, *keys)
    return found[1] if found else None


def strings(node: yaml.Node | None) -> list[str]:
    """Give what is a list of words, or words with commas between them."""
    if isinstance(node, yaml.SequenceNode):
        return [item.value for item in node.value if isinstance(item, yaml.ScalarNode)]
    return [word.strip() for word in node.value.split(",")] if isinstance(node, yaml.ScalarNode) else []


def label(task: yaml.MappingNode) -> str:
    """Name a task for people."""
    name = value_of(task, "name")
    if isinstance(name, yaml.ScalarNode):
        return f'"{name.value}"'
    return f"the task at line {task.start_mark.line + 1}"


def children(task: yaml.MappingNode, more: Iterable[str] = ()) -> Iterator[yaml.MappingNode]:
    """Give the tasks of a block, and those under *more* keys; nothing for a task."""
    for key in (*BLOCK_KEYS, *more):
        part = value_of(task, key)
        if isinstance(part, yaml.SequenceNode):
            yield from tasks_in(part)


def tasks_in(items: yaml.SequenceNode) -> list[yaml.MappingNode]:
    """Give what can be tasks in a list."""
    return [item for item in items.value if isinstance(item, yaml.MappingNode)]


def walk(task: yaml.MappingNode, more: Iterable[str] = ()) -> Iterator[yaml.MappingNode]:
    """Give a task or block and all below it, also under *more* keys."""
    yield task
    for child in children(task, more):
        yield from walk(child, more)


def is_true(node: yaml.Node | None) -> bool:
    """Tell whether a value is there and says yes."""
    return node is not None and str(node.value).lower() not in ("false", "no", "off", "n", "")


def is_point_of_no_return(task: yaml.MappingNode) -> bool:
    """Tell whether its author says of a task or block that there is no way back from it."""
    variables = value_of(task, "vars")
    return isinstance(variables, yaml.MappingNode) and is_true(value_of(variables, "point_of_no_return"))


def file_name(task: yaml.MappingNode, *modules: str) -> yaml.ScalarNode | None:
    """Find the node that holds the file's name in an import or include of tasks."""
    value = value_of(task, *modules)
    if isinstance(value, yaml.MappingNode):
        value = value_of(value, "file")
    return value if isinstance(value, yaml.ScalarNode) else None
