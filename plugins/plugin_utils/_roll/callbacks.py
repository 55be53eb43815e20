"""Callbacks: the task file that an operation runs on each host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import yaml

from .._common.errors import ControllerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


class CallbackError(ControllerError):
    """A host has no task file that can be run: which one, where it was looked for."""


def find_callbacks(
    hosts: Iterable[str], default: str, overrides: Mapping[str, str], folders: Iterable[Path]
) -> dict[str, str]:
    """Give the path of each host's task file, its own or the default; raises where one is missing or broken."""
    folders = tuple(dict.fromkeys(folders))
    wanted = {host: overrides.get(host) or default for host in hosts}
    if lacking := sorted(host for host, name in wanted.items() if not name):
        raise CallbackError(
            f"There is no task file for {', '.join(lacking)}: name it with -e rolling_op_tasks=FILE, or in the "
            "variable rolling_op_tasks of the host."
        )
    paths = {name: _find(name, folders) for name in set(wanted.values())}
    return {host: paths[name] for host, name in wanted.items()}


def _find(name: str, folders: tuple[Path, ...]) -> str:
    candidates = [folder / os.path.expanduser(name) for folder in folders]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        where = ", ".join(str(folder) for folder in folders)
        raise CallbackError(f"The task file {name} was not found; it was looked for in {where}.")
    _check_tasks(path)
    return str(path.absolute())


def _check_tasks(path: Path) -> None:
    """Refuse what is no list of tasks before anything is drained for it."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (UnicodeDecodeError, yaml.YAMLError) as exc:
        mark: Any = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise CallbackError(f"{where}: not YAML: {getattr(exc, 'problem', None) or exc}.") from exc
    tasks = node.value if isinstance(node, yaml.SequenceNode) else []
    plays = [task for task in tasks if any(key.value == "hosts" for key, _value in _pairs(task))]
    if not tasks or plays or not all(isinstance(task, yaml.MappingNode) for task in tasks):
        found = "a playbook" if plays else "none"
        raise CallbackError(
            f"{path}: expected a list of tasks, as in roles/NAME/tasks/main.yml; this is {found}."
        )


def _pairs(task: yaml.Node) -> list[Any]:
    return task.value if isinstance(task, yaml.MappingNode) else []
