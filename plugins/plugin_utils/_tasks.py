# This is a private utility of the orderly.services collection; it may change without notice.
"""Task files of a service, split by step.

A task file is read as a tree of YAML nodes, never as values: what goes into a plan is the author's own text, comments,
``!unsafe`` and ``!vault`` included. The step of a task is its one effective tag ``step0`` … ``step6``, inherited from
blocks and static imports as Ansible inherits tags.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from ._findings import FindingsError
from ._steps import CHANGE_STEPS, KNOWN_STEPS, MIGRATE_STEP, STEPS
from ._task_files import (
    IMPORT_TASKS,
    TaskFile,
    children,
    file_name,
    label,
    read_tasks,
    strings,
    value_of,
    walk,
)
from ._task_rules import TaskRules
from ._task_text import Edit, as_file, as_item, edited, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Placed:
    """A task or a block, and the step it runs in."""

    step: int
    file: TaskFile
    task: yaml.MappingNode


@dataclass(frozen=True)
class Split:
    """The tasks of a service by step: the text of each step's file, and files that those import, by name."""

    steps: dict[int, str]
    imported: dict[str, str] = field(default_factory=dict)
    tasks: tuple[Placed, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Handler:
    """A name or topic that a handler answers to, and where it stands."""

    name: str
    file: Path
    line: int


def split_by_step(path: Path) -> Split:
    """Split a service's ``upgrade_tasks.yml`` by step.

    Raises :class:`FindingsError` with everything that is wrong with the file and the files it names.
    """
    splitter = _Splitter(TaskRules(path.parent))
    steps = splitter.split(read_tasks(path), frozenset())
    if splitter.rules.findings:
        raise FindingsError(splitter.rules.findings)
    tasks = tuple(sorted(splitter.placed, key=lambda placed: placed.step))
    return Split({step: as_file(texts) for step, texts in sorted(steps.items())}, splitter.imported, tasks)


def read_part(path: Path) -> str:
    """Read a task file that belongs to no step, ``drain.yml`` say, as it goes into a plan.

    Of the parts only ``finalize.yml`` may hold ``run_once`` tasks. Raises :class:`FindingsError`.
    """
    rules = TaskRules(path.parent)
    file = read_tasks(path)
    once = path.stem == "finalize"
    rules.check_dynamic(file, run_once_allowed=once)
    edits = [
        edit for item in file.items if once for edit in rules.all_run_once_edits(file, item, MIGRATE_STEP)
    ]
    if rules.findings:
        raise FindingsError(rules.findings)
    return edited(file.text, 0, len(file.text), edits) + "\n"


def read_handlers(path: Path) -> tuple[Handler, ...]:
    """Give what the handlers of a service answer to; raises :class:`FindingsError` for what they may not do."""
    rules = TaskRules(path.parent)
    queue, seen, handlers = deque([path]), {path}, []
    while queue:
        file = read_tasks(queue.popleft())
        rules.check_dynamic(file)
        for task in file.walk():
            for answered in (value_of(task, "name"), value_of(task, "listen")):
                names = [answered.value] if isinstance(answered, yaml.ScalarNode) else strings(answered)
                handlers += [Handler(name, file.path, task.start_mark.line + 1) for name in names]
            imported = file_name(task, *IMPORT_TASKS)
            target = rules.find(file, imported) if imported is not None else None
            if target is not None and target not in seen:
                seen.add(target)
                queue.append(target)
    if rules.findings:
        raise FindingsError(rules.findings)
    return tuple(handlers)


def place_beside(folder: Path, target: Path) -> str:
    """Give the subfolder of an imported file: its parts stay beside it, where they find what it includes."""
    folder = folder.resolve()
    inside = target.parent.relative_to(folder) if target.is_relative_to(folder) else None
    return f"{inside}/" if inside and inside.parts else ""


class _Splitter:
    """One walk over a task file and all it imports."""

    def __init__(self, rules: TaskRules) -> None:
        self.rules = rules
        self.imported: dict[str, str] = {}
        self.placed: list[Placed] = []

    def split(self, file: TaskFile, inherited: frozenset[str]) -> dict[int, list[str]]:
        """Give the text of the file's tasks by step."""
        steps: dict[int, list[str]] = defaultdict(list)
        for item, (start, end) in zip(file.items, spans(file.text, file.items, len(file.text)), strict=True):
            for step, edits in self.steps_of(file, item, inherited).items():
                steps[step].append(as_item(edited(file.text, start, end, edits)))
        return steps

    def steps_of(
        self, file: TaskFile, task: yaml.MappingNode, inherited: frozenset[str]
    ) -> dict[int, list[Edit]]:
        """Find the steps of a top-level item, and how its text must change for each of them."""
        tags = inherited | set(strings(value_of(task, "tags")))
        name = file_name(task, *IMPORT_TASKS)
        if name is not None:
            return self.import_file(file, task, name, tags)
        found = (
            self.step_of(file, leaf, leaf_tags) for leaf, leaf_tags in self.leaves(file, task, inherited)
        )
        steps = {step for step in found if step is not None}
        self.placed += [Placed(step, file, each) for step in steps for each in walk(task)]
        if len(steps) > 1:
            listed = ", ".join(f"step{step}" for step in sorted(steps))
            message = f"{label(task)} is a block of {listed}; a block belongs to one step."
            self.rules.report(file, task, "one-step", message)
        return {step: self.rules.all_run_once_edits(file, task, step) for step in steps}

    def leaves(
        self, file: TaskFile, task: yaml.MappingNode, inherited: frozenset[str]
    ) -> Iterator[tuple[yaml.MappingNode, frozenset[str]]]:
        """List the tasks below a task or block, each with its effective tags."""
        tags = inherited | set(strings(value_of(task, "tags")))
        below = list(children(task))
        for child in below:
            yield from self.leaves(file, child, tags)
        if not below:
            waves = {f"step{step}" for step in CHANGE_STEPS}
            self.rules.check_task(file, task, run_once_allowed=tags.isdisjoint(waves))
            yield task, tags

    def step_of(self, file: TaskFile, task: yaml.MappingNode, tags: frozenset[str]) -> int | None:
        """Find the one step of a task; a finding where there is none, several, or one that does not exist."""
        named = sorted(tag for tag in tags if re.fullmatch(r"step\d+", tag))
        unknown = [tag for tag in named if int(tag[4:]) not in STEPS]
        if unknown:
            message = (
                f"{label(task)} has the tag {unknown[0]}, which does not exist; the steps are {KNOWN_STEPS}."
            )
            self.rules.report(file, task, "unknown-step", message)
        elif len(named) != 1:
            has = f"the tags {' and '.join(named)}" if named else "no step tag"
            would = "more than once" if named else "never"
            message = f"{label(task)} has {has} and would run {would}; give it exactly one of {KNOWN_STEPS}."
            self.rules.report(file, task, "one-step", message)
        else:
            return int(named[0][4:])
        return None

    def import_file(
        self, file: TaskFile, task: yaml.MappingNode, name: yaml.ScalarNode, tags: frozenset[str]
    ) -> dict[int, list[Edit]]:
        """Split an imported file too: each step imports its own part of it."""
        target = self.rules.find(file, name)
        if target is None:
            message = (
                f"{label(task)} imports {name.value}, which is not there; an import needs a plain file name."
            )
            self.rules.report(file, task, "import", message)
            return {}
        result = {}
        for step, texts in sorted(self.split(read_tasks(target), tags).items()):
            part = f"{place_beside(self.rules.folder, target)}{target.stem}.step{step}.yml"
            self.imported[part] = as_file(texts)
            span = Edit(name.start_mark.index, name.end_mark.index, json.dumps(part))
            result[step] = [span, *self.rules.all_run_once_edits(file, task, step)]
            self.placed.append(Placed(step, file, task))
        return result
