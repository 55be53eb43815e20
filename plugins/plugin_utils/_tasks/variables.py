"""What the tasks of a service say: in which part of an upgrade each runs, which variables it reads and writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import yaml
from jinja2 import Environment, TemplateSyntaxError, nodes

from .._service.steps import HANDLERS, KIND_OF_STEP, PARTS
from .files import (
    BLOCK_KEYS,
    IMPORT_TASKS,
    SET_FACT,
    Loader,
    TaskFile,
    read_tasks,
    value_of,
)
from .roles import below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .._service.service import Service
    from .split import Split

EXPRESSIONS = ("when", "until", "changed_when", "failed_when", "that", "var", "break_when")
_JINJA = Environment()  # noqa: S701 - it parses and never renders


@dataclass(frozen=True)
class TaskUse:
    """A task or a block, and the part of the upgrade that it runs in; steps 2 to 5 are one part."""

    part: str
    step: int | None
    file: TaskFile
    task: yaml.MappingNode

    @cached_property
    def reads(self) -> frozenset[str]:
        """Name the variables that its own keys ask for; those of tasks in a block are theirs."""
        own = ((key.value, value) for key, value in self.task.value if key.value not in BLOCK_KEYS)
        return frozenset(name for key, value in own for name in _names(key, value))

    @cached_property
    def writes(self) -> frozenset[str]:
        """Name the variables that it registers or sets as facts."""
        register, facts = value_of(self.task, "register"), value_of(self.task, *SET_FACT)
        registered = {register.value} if isinstance(register, yaml.ScalarNode) else set()
        keys = {key.value for key, _value in facts.value} if isinstance(facts, yaml.MappingNode) else set()
        return frozenset(registered | (keys - {"cacheable"}))

    @cached_property
    def gives(self) -> frozenset[str]:
        """Name the variables that it sets for itself or the tasks below: its vars, and the names of its loop."""
        loop = value_of(self.task, "loop_control")
        named = [
            value.value
            for key, value in (loop.value if isinstance(loop, yaml.MappingNode) else [])
            if key.value in ("loop_var", "index_var")
        ]
        given = value_of(self.task, "vars")
        own = [key.value for key, _value in given.value] if isinstance(given, yaml.MappingNode) else []
        return frozenset([*named, *own])


def names_in(text: str) -> frozenset[str]:
    """Name the variables that a template asks for; none where it is no template."""
    try:
        return frozenset(name.name for name in _JINJA.parse(text).find_all(nodes.Name) if name.ctx == "load")
    except TemplateSyntaxError:
        return frozenset()


def _names(key: str, value: yaml.Node) -> Iterator[str]:
    if isinstance(value, yaml.ScalarNode):
        if "{{" in value.value or "{%" in value.value:
            yield from names_in(value.value)
        elif key in EXPRESSIONS:
            yield from names_in("{{ " + value.value + " }}")
    elif isinstance(value, yaml.SequenceNode):
        for item in value.value:
            yield from _names(key, item)
    else:
        for inner, below in value.value:
            yield from _names(inner.value, below)


@dataclass(frozen=True)
class ServiceTasks:
    """A service, and all that its tasks say."""

    service: Service
    uses: tuple[TaskUse, ...]

    @cached_property
    def writes(self) -> dict[str, list[TaskUse]]:
        """Give, for each variable that the service writes, where it does."""
        found: dict[str, list[TaskUse]] = {}
        for word in self.uses:
            for name in word.writes:
                found.setdefault(name, []).append(word)
        return found

    @cached_property
    def given(self) -> frozenset[str]:
        """Name the variables that the role has by itself: defaults, vars, and those of its tasks."""
        files = (self.service.role_file(folder, "main") for folder in ("defaults", "vars"))
        own = (key for path in files if path is not None for key in _keys(path))
        return frozenset(own).union(*(word.gives for word in self.uses))


def _keys(path: Path) -> Iterable[str]:
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=Loader)
    except yaml.YAMLError:
        return []  # Ansible will say so itself
    return [key.value for key, _value in root.value] if isinstance(root, yaml.MappingNode) else []


def read_service_tasks(service: Service, split: Split) -> ServiceTasks:
    """Collect what all tasks of a service say, in the order in which they run."""
    folder = service.path / "tasks"
    uses = [
        word
        for placed in split.tasks
        for word in _with_included(
            folder, TaskUse(KIND_OF_STEP[placed.step], placed.step, placed.file, placed.task)
        )
    ]
    others = [(part, service.tasks_file(part)) for part in PARTS]
    others.append((HANDLERS, service.role_file("handlers", "main")))
    for part, path in others:
        if path is not None:
            uses += _words_of_file((path.parent, path.resolve()), part, None, set())
    return ServiceTasks(service, tuple(uses))


def _with_included(folder: Path, word: TaskUse) -> Iterator[TaskUse]:
    """Give a word, and those of the files that it includes; files that are imported were split by step too."""
    yield word
    if value_of(word.task, *IMPORT_TASKS) is None:
        for place in below(folder, word.file, word.task):
            yield from _words_of_file(place, word.part, word.step, set())


def _words_of_file(
    place: tuple[Path, Path], part: str, step: int | None, seen: set[Path]
) -> Iterator[TaskUse]:
    """Give the words of a file and of those that it names, in the order in which they run."""
    folder, path = place
    if path in seen:
        return
    seen.add(path)
    file = read_tasks(path)
    for task in file.walk():
        yield TaskUse(part, step, file, task)
        for further in below(folder, file, task):
            yield from _words_of_file(further, part, step, seen)
