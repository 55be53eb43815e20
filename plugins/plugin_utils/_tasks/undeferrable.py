"""Tasks that restart services in a way that no module default can send elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from .files import Loader, forms, tasks_in, value_of, walk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FOLDERS = ("tasks", "handlers")
_LISTS_OF_A_PLAY = ("pre_tasks", "tasks", "post_tasks", "handlers")
_MANAGERS = forms("systemd", "systemd_service", "sysvinit")
_COMMANDS = forms("command", "shell", "raw")
_SERVICE = forms("service")
_OURS = "orderly.services.deferrable_service"
_HARMLESS = re.compile(r"started")
_RESTARTS = re.compile(
    r"(\b(systemctl|service|invoke-rc\.d)\b|/etc/init\.d/).*"
    r"(?<![\w-])((try-|force-)?(restart|stop|reload)|(try-)?reload-or-restart|kill)(?![\w-])"
)


@dataclass(frozen=True)
class Task:
    """A task, where it stands, and the module it uses."""

    file: Path
    line: int
    name: str
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name} ({self.module})"


def task_files(path: Path) -> list[Path]:
    """List the task and handler files below a folder of roles; a file stands for itself."""
    if path.is_file():
        return [path]
    files = (file for suffix in ("yml", "yaml") for file in path.rglob(f"*.{suffix}"))
    return sorted(file for file in files if set(_FOLDERS) & set(file.relative_to(path).parts[:-1]))


def find_tasks(file: Path, text: str) -> list[Task]:
    """Find such tasks in a file; what is not a list of tasks has none."""
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError:
        return []
    items = tasks_in(root) if isinstance(root, yaml.SequenceNode) else []
    return [found for item in items for task in walk(item, _LISTS_OF_A_PLAY) for found in _found(file, task)]


def _found(file: Path, task: yaml.MappingNode) -> Iterator[Task]:
    module = next((key.value for key, value in task.value if _is_undeferrable(key.value, value)), None)
    if module:
        name = value_of(task, "name")
        label = "a task without a name" if name is None else name.value
        yield Task(file, task.start_mark.line + 1, label, module)


def _is_undeferrable(module: str, arguments: yaml.Node) -> bool:
    if module in _COMMANDS:
        return bool(_RESTARTS.search(" ".join(_words(arguments))))
    # The use of a task overrides any module default.
    chosen = module in _SERVICE and _option(arguments, "use") not in ("", _OURS)
    manages = chosen or module in _MANAGERS
    return bool(manages) and not _HARMLESS.fullmatch(_option(arguments, "state") or "started")


def _option(arguments: yaml.Node, name: str) -> str:
    if isinstance(arguments, yaml.MappingNode):
        return next((str(value.value) for key, value in arguments.value if key.value == name), "")
    found = re.search(rf"\b{name}=(\S+)", str(arguments.value))
    return found[1] if found else ""


def _words(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield str(node.value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _words(each)
    elif isinstance(node, yaml.MappingNode):
        for _key, value in node.value:
            yield from _words(value)
