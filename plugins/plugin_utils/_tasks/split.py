"""Task files of a service, split by step.

A task file is read as a tree of YAML nodes, never as values: what goes into a plan is the author's own text, comments,
``!unsafe`` and ``!vault`` included. The steps of a task follow from its effective tags or conditions, inherited from
blocks and static imports as Ansible inherits them; :mod:`.dialects` says how.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import yaml

from .._service.steps import CHANGE_STEPS, FINALIZE, LOOKING, MIGRATE_STEP, ORDERLY, TAGS
from .dialects import STEPS_IN, DialectError, Gating, check_tags_below
from .edits import Edit, as_file, as_item, comment_above, edited, keep_items, spans, without_tag
from .facts import FactsRules
from .files import (
    BLOCK_KEYS,
    IMPORT_TASKS,
    TaskFile,
    children,
    file_name,
    label,
    strings,
    tasks_in,
    value_of,
)
from .findings import FindingsError
from .rules import TaskRules

if TYPE_CHECKING:
    from pathlib import Path

Lowered = dict[int, list[Edit]]
"""For each step that a task runs in, how its text must change for it."""


@dataclass(frozen=True)
class Placed:
    """A task or a block, and the step it runs in."""

    step: int
    file: TaskFile
    task: yaml.MappingNode
    conditional: bool = False


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


def split_by_step(path: Path, dialect: str = ORDERLY, role: str = "", text: str | None = None) -> Split:
    """Split a service's ``upgrade_tasks.yml``, which is in a dialect, by step.

    With the name of its *role* a comment above each task says where its author wrote it, which Ansible shows where the
    copy fails. With a *text* that is what counts as written there, and no file has to be. Raises :class:`FindingsError`
    with everything that is wrong with the file and the files it names.
    """
    splitter = _Splitter(TaskRules(path.parent), dialect, role)
    steps = splitter.split(splitter.rules.read(path, text), Gating())
    if splitter.rules.findings:
        raise FindingsError(splitter.rules.findings)
    tasks = tuple(sorted(splitter.placed, key=lambda placed: placed.step))
    return Split({step: as_file(texts) for step, texts in sorted(steps.items())}, splitter.imported, tasks)


def read_part(path: Path) -> str:
    """Read a task file that belongs to no step, ``drain.yml`` say, as it goes into a plan.

    Of the parts only ``finalize.yml`` may hold ``run_once`` tasks, and ``facts.yml`` and ``rank.yml`` only what looks.
    Raises :class:`FindingsError`.
    """
    rules = FactsRules(path.parent, path.stem) if path.stem in LOOKING else TaskRules(path.parent)
    file = rules.read(path)
    once = path.stem == FINALIZE
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
        file = rules.read(queue.popleft())
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


@dataclass(frozen=True)
class _BlockPart:
    """The tasks under ``block``, ``rescue`` or ``always``, each with its steps and its edits for them."""

    file: TaskFile
    key: yaml.Node
    items: yaml.SequenceNode
    tasks: list[tuple[yaml.MappingNode, Lowered]]

    @property
    def steps(self) -> set[int]:
        return {step for _task, lowered in self.tasks for step in lowered}

    def edits(self, step: int) -> list[Edit]:
        """Leave the tasks of one step."""
        kept = [(task, lowered[step]) for task, lowered in self.tasks if step in lowered]
        if len(kept) == len(self.tasks):
            return [edit for _task, edits in kept for edit in edits]
        return [keep_items(self.file.text, self.key, self.items, kept)]


class _Splitter:
    """One walk over a task file and all it imports."""

    def __init__(self, rules: TaskRules, dialect: str, role: str) -> None:
        self.rules = rules
        self.dialect = dialect
        self.role = role
        self.imported: dict[str, str] = {}
        self.placed: list[Placed] = []

    def split(self, file: TaskFile, outer: Gating) -> dict[int, list[str]]:
        """Give the text of the file's tasks by step."""
        steps: dict[int, list[str]] = defaultdict(list)
        for item, (start, end) in zip(file.items, spans(file.text, file.items, len(file.text)), strict=True):
            for step, edits in self.lower(file, item, outer).items():
                steps[step].append(as_item(edited(file.text, start, end, edits)))
        return steps

    def lower(self, file: TaskFile, task: yaml.MappingNode, outer: Gating) -> Lowered:
        """Find the steps of a task or block, and how its text must change for each of them."""
        gating = outer.within(task)
        number = len(self.placed)
        imported = file_name(task, *IMPORT_TASKS)
        if imported is not None:
            lowered = self.lower_import(file, task, imported, gating)
        elif any(children(task)):
            lowered = self.lower_block(file, task, gating)
        else:
            lowered = {step: [] for step in sorted(self.steps_of(file, task, gating))}
        for step in lowered:
            self.placed.insert(number, Placed(step, file, task, bool(gating.conditions)))
            lowered[step] += self.rules.run_once_edits(file, task, step)
            if self.dialect == TAGS:  # who asks for a step by its tag asks for its tasks, opted in or not
                lowered[step] += without_tag(task, "never")
            lowered[step] += self.origin_of(file, task)
        return lowered

    def origin_of(self, file: TaskFile, task: yaml.MappingNode) -> list[Edit]:
        """Say above a task where its author wrote it; one in brackets has no line of its own."""
        if not self.role:
            return []
        folder = self.rules.folder.parent
        name = file.path.relative_to(folder) if file.path.is_relative_to(folder) else file.path.name
        return comment_above(file.text, task, lambda line: f"{self.role}/{name}:{line}")

    def steps_of(self, file: TaskFile, task: yaml.MappingNode, gating: Gating) -> frozenset[int]:
        """Find the steps of a task; a finding where they cannot be determined."""
        try:
            steps = STEPS_IN[self.dialect](gating)
            if self.dialect == TAGS:
                check_tags_below(task, steps)
        except DialectError as exc:
            self.rules.report(file, task, exc.rule, f"{label(task)} {exc}")
            steps = frozenset()
        self.rules.check_task(file, task, run_once_allowed=steps.isdisjoint(CHANGE_STEPS))
        return steps

    def lower_block(self, file: TaskFile, task: yaml.MappingNode, gating: Gating) -> Lowered:
        """Find the steps of a block's tasks; where they differ, each step has a copy of the block with its own."""
        parts = {
            key.value: _BlockPart(
                file, key, items, [(child, self.lower(file, child, gating)) for child in tasks_in(items)]
            )
            for key, items in task.value
            if key.value in BLOCK_KEYS and isinstance(items, yaml.SequenceNode)
        }
        steps = sorted(set().union(*(part.steps for part in parts.values())))
        if self.dialect == ORDERLY and len(steps) > 1:
            listed = ", ".join(f"step{step}" for step in steps)
            message = f"{label(task)} is a block of {listed}; a block belongs to one step."
            self.rules.report(file, task, "one-step", message)
        in_rescue_only = {
            step
            for step in steps
            if not any(step in part.steps for key, part in parts.items() if key != "rescue")
        }
        return {
            step: [edit for part in parts.values() for edit in part.edits(step)]
            for step in steps
            if step not in in_rescue_only  # where nothing can fail, nothing is rescued
        }

    def lower_import(
        self, file: TaskFile, task: yaml.MappingNode, name: yaml.ScalarNode, gating: Gating
    ) -> Lowered:
        """Split an imported file too: each step imports its own part of it."""
        target = self.rules.find(file, name)
        if target is None:
            message = f"{label(task)} imports {name.value}, which does not exist; an import needs a plain file name."
            self.rules.report(file, task, "import", message)
            return {}
        result = {}
        for step, texts in sorted(self.split(self.rules.read(target), gating).items()):
            part = self.keep_import(
                f"{place_beside(self.rules.folder, target)}{target.stem}.step{step}", as_file(texts)
            )
            result[step] = [Edit(name.start_mark.index, name.end_mark.index, json.dumps(part))]
        return result

    def keep_import(self, stem: str, text: str) -> str:
        """Keep a part of an imported file; gives its name, a new one where tags leave another part of it."""
        names = (f"{stem}{f'.{number}' if number else ''}.yml" for number in count())
        return next(name for name in names if self.imported.setdefault(name, text) == text)
