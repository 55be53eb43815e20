"""Rules for a role's ``facts.yml`` and ``rank.yml``: they look and no more, as they also run in check mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._service.steps import FACTS, HANDLERS, RANK
from .files import IMPORT_TASKS, INCLUDE_TASKS, entry, file_name, label, value_of
from .looks import only_looks
from .roles import below, role_used
from .rules import TaskRules

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

    from .files import TaskFile

_RUNS = {
    FACTS: "facts.yml runs at the head of every part, in check mode too",
    RANK: "rank.yml runs before every roll, in check mode too",
}


class FactsRules(TaskRules):
    """Looks at the tasks of a *part* that only looks, and at those of all files that it names."""

    def __init__(self, folder: Path, part: str = FACTS) -> None:
        super().__init__(folder)
        self.part = part
        self._runs = _RUNS[part]

    def check_task(
        self,
        file: TaskFile,
        task: yaml.MappingNode,
        folder: Path | None = None,
        *,
        run_once_allowed: bool = False,
    ) -> None:
        """Look for what changes something, and for what nobody can tell of."""
        super().check_task(file, task, folder, run_once_allowed=run_once_allowed)
        folder = folder or self.folder
        if folder.name == HANDLERS:
            return  # of a role that is included; nothing notifies them
        if value_of(task, "notify") is not None:
            message = (
                f"{label(task)} notifies a handler, but {self._runs}, and changes nothing; remove notify."
            )
            self.report(file, task, self.part, message)
        if file_name(task, *IMPORT_TASKS, *INCLUDE_TASKS) is not None or role_used(task) is not None:
            if not list(below(folder, file, task)):
                message = (
                    f"{label(task)} names files that are not found before it runs, but {self._runs}, so they are "
                    "looked into while planning. Write a plain name."
                )
                self.report(file, task, self.part, message)
        elif entry(task, "block") is None and not only_looks(task):
            message = (
                f"{label(task)} does more than look, but {self._runs}. Move it to a step, or say that it only reads: a "
                "command with changed_when: false, a module with check_mode: true. A file for another purpose needs "
                "another name."
            )
            self.report(file, task, self.part, message)
