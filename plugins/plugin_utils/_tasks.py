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

from ._findings import Finding, FindingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STEPS = {0: "validate", 1: "prepare", 2: "quiesce", 3: "upgrade", 4: "migrate", 5: "start", 6: "post-upgrade"}
CHANGE_STEPS = (2, 3, 4, 5)
MIGRATE_STEP = 4
RUN_ONCE_HOST = "orderly_run_once_host"

FORBIDDEN_METAS = ("end_host", "end_play", "end_batch", "clear_host_errors")
IMPORT_TASKS = ("import_tasks", "ansible.builtin.import_tasks", "ansible.legacy.import_tasks")
INCLUDE_TASKS = ("include_tasks", "ansible.builtin.include_tasks", "ansible.legacy.include_tasks")
METAS = ("meta", "ansible.builtin.meta", "ansible.legacy.meta")
BLOCK_KEYS = ("block", "rescue", "always")


@dataclass(frozen=True)
class Split:
    """The tasks of a service by step: the text of each step's file, and files that those import, by name."""

    steps: dict[int, str]
    imported: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Handler:
    """A name or topic that a handler answers to, and where it stands."""

    name: str
    file: Path
    line: int


@dataclass(frozen=True)
class _Edit:
    """Replace the text from *start* to *end*."""

    start: int
    end: int
    text: str


# --- YAML nodes ---


@dataclass(frozen=True)
class TaskFile:
    """A task file and its text."""

    path: Path
    text: str

    def items(self) -> list[yaml.MappingNode]:
        """Give the top-level tasks and blocks."""
        try:
            root = yaml.compose(self.text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as exc:
            raise FindingsError([Finding(self.path, _line_of(exc), "yaml", f"not YAML: {exc}")]) from exc
        if root is None:
            return []
        items = root.value if isinstance(root, yaml.SequenceNode) else [root]
        tasks = [
            item
            for item in items
            if isinstance(root, yaml.SequenceNode) and isinstance(item, yaml.MappingNode)
        ]
        if odd := next((item for item in items if item not in tasks), None):
            raise FindingsError([self.finding(odd, "task-list", "expected a list of tasks and blocks.")])
        return tasks

    def finding(self, node: yaml.Node, rule: str, message: str) -> Finding:
        """Name a place of this file."""
        return Finding(self.path, node.start_mark.line + 1, rule, message)


def read_tasks(path: Path) -> TaskFile:
    """Read a task file."""
    return TaskFile(path, path.read_text(encoding="utf-8"))


def _line_of(exc: yaml.YAMLError) -> int:
    mark = getattr(exc, "problem_mark", None)
    return mark.line + 1 if mark else 1


def _entry(task: yaml.MappingNode, *keys: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((key, value) for key, value in task.value if key.value in keys), None)


def _value(task: yaml.MappingNode, *keys: str) -> yaml.Node | None:
    entry = _entry(task, *keys)
    return entry[1] if entry else None


def _strings(node: yaml.Node | None) -> list[str]:
    if isinstance(node, yaml.SequenceNode):
        return [item.value for item in node.value if isinstance(item, yaml.ScalarNode)]
    return [word.strip() for word in node.value.split(",")] if isinstance(node, yaml.ScalarNode) else []


def _label(task: yaml.MappingNode) -> str:
    name = _value(task, "name")
    return (
        f'"{name.value}"'
        if isinstance(name, yaml.ScalarNode)
        else f"the task at line {task.start_mark.line + 1}"
    )


def _children(task: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    for key in BLOCK_KEYS:
        part = _value(task, key)
        if isinstance(part, yaml.SequenceNode):
            yield from (child for child in part.value if isinstance(child, yaml.MappingNode))


def _walk(task: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    yield task
    for child in _children(task):
        yield from _walk(child)


def _is_true(node: yaml.Node | None) -> bool:
    return node is not None and str(node.value).lower() not in ("false", "no", "off", "n", "")


def _file_name(task: yaml.MappingNode, *modules: str) -> yaml.ScalarNode | None:
    """Find the node that holds the file's name in an import or include of tasks."""
    value = _value(task, *modules)
    if isinstance(value, yaml.MappingNode):
        value = _value(value, "file")
    return value if isinstance(value, yaml.ScalarNode) else None


# --- Splitting ---


def step_file(step: int) -> str:
    """Name the task file of a step in a plan; a name that no file of the role itself has."""
    return f"upgrade_tasks.step{step}"


def split_by_step(path: Path) -> Split:
    """Split a service's ``upgrade_tasks.yml`` by step.

    Raises :class:`FindingsError` with everything that is wrong with the file and the files it names.
    """
    splitter = _Splitter(path.parent)
    steps = splitter.split(read_tasks(path), frozenset())
    if splitter.findings:
        raise FindingsError(splitter.findings)
    return Split({step: _as_file(texts) for step, texts in sorted(steps.items())}, splitter.imported)


def read_part(path: Path) -> str:
    """Read a task file that belongs to no step, ``drain.yml`` say, as it goes into a plan.

    Of the parts only ``finalize.yml`` may hold ``run_once`` tasks. Raises :class:`FindingsError`.
    """
    splitter = _Splitter(path.parent)
    file = read_tasks(path)
    once = path.stem == "finalize"
    splitter.check_dynamic(file, run_once_allowed=once)
    edits = [
        edit for item in file.items() if once for edit in splitter.run_once_edits(file, item, MIGRATE_STEP)
    ]
    if splitter.findings:
        raise FindingsError(splitter.findings)
    return _edited(file.text, 0, len(file.text), edits) + "\n"


def read_handlers(path: Path) -> tuple[Handler, ...]:
    """Give what the handlers of a service answer to; raises :class:`FindingsError` for what they may not do."""
    splitter = _Splitter(path.parent)
    queue, seen, handlers = deque([path]), {path}, []
    while queue:
        file = read_tasks(queue.popleft())
        splitter.check_dynamic(file)
        for task in (task for item in file.items() for task in _walk(item)):
            for answered in (_value(task, "name"), _value(task, "listen")):
                names = [answered.value] if isinstance(answered, yaml.ScalarNode) else _strings(answered)
                handlers += [Handler(name, file.path, task.start_mark.line + 1) for name in names]
            imported = _file_name(task, *IMPORT_TASKS)
            target = splitter.find(file, imported) if imported is not None else None
            if target is not None and target not in seen:
                seen.add(target)
                queue.append(target)
    if splitter.findings:
        raise FindingsError(splitter.findings)
    return tuple(handlers)


class _Splitter:
    """One walk over a task file and all it names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self.checked: set[tuple[Path, bool]] = set()
        self.imported: dict[str, str] = {}

    def split(self, file: TaskFile, inherited: frozenset[str]) -> dict[int, list[str]]:
        """Give the text of the file's tasks by step."""
        steps: dict[int, list[str]] = defaultdict(list)
        items = file.items()
        for item, start, end in zip(items, *_spans(file.text, items), strict=True):
            for step, edits in self.steps_of(file, item, inherited).items():
                steps[step].append(_edited(file.text, start, end, edits))
        return steps

    def steps_of(
        self, file: TaskFile, task: yaml.MappingNode, inherited: frozenset[str]
    ) -> dict[int, list[_Edit]]:
        """Find the steps of a top-level item, and how its text must change for each of them."""
        tags = inherited | set(_strings(_value(task, "tags")))
        name = _file_name(task, *IMPORT_TASKS)
        if name is not None:
            return self.import_file(file, task, name, tags)
        found = (
            self.step_of(file, leaf, leaf_tags) for leaf, leaf_tags in self.leaves(file, task, inherited)
        )
        steps = {step for step in found if step is not None}
        if len(steps) > 1:
            listed = ", ".join(f"step{step}" for step in sorted(steps))
            self.findings.append(
                file.finding(
                    task, "one-step", f"{_label(task)} is a block of {listed}; a block belongs to one step."
                )
            )
        return {step: self.run_once_edits(file, task, step) for step in steps}

    def leaves(
        self, file: TaskFile, task: yaml.MappingNode, inherited: frozenset[str]
    ) -> Iterator[tuple[yaml.MappingNode, frozenset[str]]]:
        """List the tasks below a task or block, each with its effective tags."""
        tags = inherited | set(_strings(_value(task, "tags")))
        children = list(_children(task))
        for child in children:
            yield from self.leaves(file, child, tags)
        if not children:
            waves = {f"step{step}" for step in CHANGE_STEPS}
            self.check_task(file, task, run_once_allowed=tags.isdisjoint(waves))
            yield task, tags

    def step_of(self, file: TaskFile, task: yaml.MappingNode, tags: frozenset[str]) -> int | None:
        """Find the one step of a task; a finding where there is none, several, or one that does not exist."""
        named = sorted(tag for tag in tags if re.fullmatch(r"step\d+", tag))
        unknown = [tag for tag in named if int(tag[4:]) not in STEPS]
        known = ", ".join(f"step{step} ({words})" for step, words in STEPS.items())
        if unknown:
            message = (
                f"{_label(task)} has the tag {unknown[0]}, a step that does not exist; the steps are {known}."
            )
            self.findings.append(file.finding(task, "unknown-step", message))
        elif len(named) != 1:
            has = f"the tags {' and '.join(named)}" if named else "no step tag"
            would = "more than once" if named else "never"
            message = f"{_label(task)} has {has} and would run {would}; give it exactly one of {known}."
            self.findings.append(file.finding(task, "one-step", message))
        else:
            return int(named[0][4:])
        return None

    def import_file(
        self, file: TaskFile, task: yaml.MappingNode, name: yaml.ScalarNode, tags: frozenset[str]
    ) -> dict[int, list[_Edit]]:
        """Split an imported file too: each step imports its own part of it."""
        target = self.find(file, name)
        if target is None:
            message = (
                f"{_label(task)} imports {name.value}, which is not there; an import needs a plain file name."
            )
            self.findings.append(file.finding(task, "import", message))
            return {}
        result = {}
        for step, texts in sorted(self.split(read_tasks(target), tags).items()):
            part = f"{self.place(target)}{target.stem}.step{step}.yml"
            self.imported[part] = _as_file(texts)
            span = _Edit(name.start_mark.index, name.end_mark.index, json.dumps(part))
            result[step] = [span, *self.run_once_edits(file, task, step)]
        return result

    def find(self, file: TaskFile, name: yaml.ScalarNode) -> Path | None:
        """Find a file that a task names, where Ansible looks for it."""
        beside = (folder / name.value for folder in (file.path.parent, self.folder))
        return next((path.resolve() for path in beside if path.is_file()), None)

    def place(self, target: Path) -> str:
        """Give the subfolder of an imported file: its parts stay beside it, where they find what it includes."""
        folder = self.folder.resolve()
        inside = target.parent.relative_to(folder) if target.is_relative_to(folder) else None
        return f"{inside}/" if inside and inside.parts else ""

    # --- Rules for what a task may do ---

    def check_task(self, file: TaskFile, task: yaml.MappingNode, *, run_once_allowed: bool = False) -> None:
        """Look for what would take a host out of Ansible's sight, and into files that are included."""
        meta = _value(task, *METAS)
        if isinstance(meta, yaml.ScalarNode) and meta.value in FORBIDDEN_METAS:
            message = f"meta: {meta.value} would leave a half-done host green; let the task fail, or use a condition."
            self.findings.append(file.finding(task, "meta", message))
        name = _file_name(task, *INCLUDE_TASKS, *IMPORT_TASKS)
        target = self.find(file, name) if name is not None else None
        if target is not None:
            self.check_dynamic(read_tasks(target), run_once_allowed=run_once_allowed)

    def check_dynamic(self, file: TaskFile, *, run_once_allowed: bool = False) -> None:
        """Check a file whose tasks take their step from the task that includes it."""
        if (file.path, run_once_allowed) in self.checked:  # a file may include itself, to try again
            return
        self.checked.add((file.path, run_once_allowed))
        for item in file.items():
            for task in _walk(item):
                self.check_task(file, task, run_once_allowed=run_once_allowed)
                tagged = [tag for tag in _strings(_value(task, "tags")) if re.fullmatch(r"step\d+", tag)]
                if tagged:
                    message = (
                        f"{_label(task)} has the tag {tagged[0]}, but its file belongs to no step, or to the step of "
                        "its include; take the tag out."
                    )
                    self.findings.append(file.finding(task, "included-step", message))
                if _is_true(_value(task, "run_once")) and not run_once_allowed:
                    message = f"{_label(task)} is run_once in a file that every wave runs: it would run in each one."
                    self.findings.append(file.finding(task, "run-once", message))

    def run_once_edits(self, file: TaskFile, task: yaml.MappingNode, step: int) -> list[_Edit]:
        """Turn ``run_once`` of step 4 into a condition on the one host of the migration; refuse it in steps 2, 3, 5."""
        edits: list[_Edit] = []
        for each in _walk(task):
            once = _value(each, "run_once")
            if once is None or not _is_true(once) or step not in CHANGE_STEPS:
                continue
            if step == MIGRATE_STEP:
                edits += [_Edit(once.start_mark.index, once.end_mark.index, "false"), _condition(each)]
            else:
                message = f"{_label(each)} is run_once in step{step}, which runs wave by wave; only step4 may run once."
                self.findings.append(file.finding(each, "run-once", message))
        return edits


def _condition(task: yaml.MappingNode) -> _Edit:
    """Add the condition on the one host to a task's own."""
    only = f"inventory_hostname == {RUN_ONCE_HOST}"
    when = _value(task, "when")
    if when is not None:
        given = when.value if isinstance(when, yaml.SequenceNode) else [when]
        conditions = [only, *(str(node.value) for node in given)]
        # A block sequence ends where the next token begins; its last entry ends where its text does.
        last = when if getattr(when, "flow_style", True) or not given else given[-1]
        return _Edit(when.start_mark.index, last.end_mark.index, json.dumps(conditions, ensure_ascii=False))
    start = task.value[0][0].start_mark
    separator = ", " if task.flow_style else "\n" + " " * start.column
    return _Edit(start.index, start.index, f"when: {json.dumps(only)}{separator}")


def _spans(text: str, items: list[yaml.MappingNode]) -> tuple[list[int], list[int]]:
    """Give each item's text: from its dash (and the comments above it) to the next one's."""
    starts = [text.rindex("-", 0, item.start_mark.index) for item in items]
    starts = [_with_comments(text, text.rfind("\n", 0, start) + 1) for start in starts]
    return starts, [*starts[1:], len(text)]


def _with_comments(text: str, start: int) -> int:
    while start:
        above = text.rfind("\n", 0, start - 1) + 1
        line = text[above : start - 1].strip()
        if line and not line.startswith("#"):
            break
        start = above
    return start


def _edited(text: str, start: int, end: int, edits: list[_Edit]) -> str:
    pieces = []
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [text[start : edit.start], edit.text]
        start = edit.end
    return "".join([*pieces, text[start:end]]).strip("\n")


def _as_file(texts: list[str]) -> str:
    return "---\n" + "\n\n".join(texts) + "\n"
