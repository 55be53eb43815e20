"""Rules for what a task of a service may do, wherever it stands: in a step, in an included file, in a handler."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from .._service.steps import CHANGE_STEPS, MIGRATE_STEP, RUN_ONCE_HOST
from .edits import Edit, add_condition
from .files import (
    METAS,
    TaskFile,
    is_true,
    label,
    named_file,
    read_tasks,
    strings,
    value_of,
    walk,
)
from .findings import FindingsError
from .keys import key_findings
from .looks import looks_for_all
from .roles import below

if TYPE_CHECKING:
    from pathlib import Path

    from .findings import Finding

FORBIDDEN_METAS = ("end_host", "end_play", "end_batch", "clear_host_errors")
# Of another role it ends no more than that; of a service's own, all that the service does in a wave.
END_ROLE = "end_role"


class TaskRules:
    """Looks at tasks of one role, and collects what is wrong with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self._read: set[Path] = set()
        self._checked: set[tuple[Path, bool]] = set()

    def report(self, file: TaskFile, node: yaml.Node, rule: str, message: str) -> None:
        """Keep a finding."""
        self.findings.append(file.finding(node, rule, message))

    def read(self, path: Path, text: str | None = None) -> TaskFile:
        """Read a task file, or a *text* in its place; one that cannot be read is a finding, and has no tasks."""
        try:
            file = read_tasks(path) if text is None else TaskFile(path, text)
            file.items  # noqa: B018 - it is read when it is asked for
        except FindingsError as exc:
            self.findings += exc.findings
            return TaskFile(path, "")
        if path not in self._read:
            self._read.add(path)
            role = next((each.parent for each in path.parents if each.name in ("tasks", "handlers")), None)
            self.findings += key_findings(file, role or self.folder.parent)
        return file

    def find(self, file: TaskFile, name: yaml.ScalarNode) -> Path | None:
        """Find a file that a task names."""
        return named_file(self.folder, file, name)

    def check_task(
        self,
        file: TaskFile,
        task: yaml.MappingNode,
        folder: Path | None = None,
        *,
        run_once_allowed: bool = False,
    ) -> None:
        """Look for what would take a host out of Ansible's sight, and into files that are included."""
        meta = value_of(task, *METAS)
        ends_role = () if folder not in (None, self.folder) else (END_ROLE,)
        if isinstance(meta, yaml.ScalarNode) and meta.value in (*FORBIDDEN_METAS, *ends_role):
            message = f"meta: {meta.value} would leave a half-done host green; let the task fail, or use a condition."
            self.report(file, task, "meta", message)
        for of_role, path in below(folder or self.folder, file, task):
            self.check_dynamic(self.read(path), of_role, run_once_allowed=run_once_allowed)

    def check_dynamic(
        self, file: TaskFile, folder: Path | None = None, *, run_once_allowed: bool = False
    ) -> None:
        """Check a file whose tasks take their step from the task that includes it; it may be another role's."""
        if (file.path, run_once_allowed) in self._checked:  # a file may include itself, to try again
            return
        self._checked.add((file.path, run_once_allowed))
        for task in file.walk():
            self.check_task(file, task, folder, run_once_allowed=run_once_allowed)
            tagged = [tag for tag in strings(value_of(task, "tags")) if re.fullmatch(r"step\d+", tag)]
            if tagged:
                message = (
                    f"{label(task)} has the tag {tagged[0]}, but its file belongs to no step, or to the step of "
                    "its include; remove the tag."
                )
                self.report(file, task, "included-step", message)
            once = is_true(value_of(task, "run_once")) and not run_once_allowed
            if once and not looks_for_all(task):
                message = (
                    f"{label(task)} is run_once in a file that every wave runs: it would run in each one. "
                    "Only what looks, delegated to localhost, may."
                )
                self.report(file, task, "run-once", message)

    def run_once_edits(self, file: TaskFile, task: yaml.MappingNode, step: int) -> list[Edit]:
        """Turn ``run_once`` in step 4 into a condition on the one host of the migration; refuse it in steps 2, 3, 5."""
        once = value_of(task, "run_once")
        if once is None or not is_true(once) or step not in CHANGE_STEPS or looks_for_all(task):
            return []
        if step == MIGRATE_STEP:
            only = f"inventory_hostname == {RUN_ONCE_HOST}"
            return [Edit(once.start_mark.index, once.end_mark.index, "false"), add_condition(task, only)]
        message = (
            f"{label(task)} is run_once in step{step}, which runs wave by wave; only step4 may run once, "
            "and what only looks, delegated to localhost. Or do it in step1 or step6, which run on all hosts together."
        )
        self.report(file, task, "run-once", message)
        return []

    def all_run_once_edits(self, file: TaskFile, task: yaml.MappingNode, step: int) -> list[Edit]:
        """Do so for a task or block and all below it."""
        return [edit for each in walk(task) for edit in self.run_once_edits(file, each, step)]
