"""The plan's folder: ``plan.json``, ``upgrade.yml``, ``plan.html`` and the roles that the playbook runs.

A folder is self-contained: it can be kept, read, and run again by itself. Its roles are copies with names of their
own, because a collection's role would win over a copy of the same name when the playbook runs by its full name.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.places import open_to_others
from .._plan.durations import by_play
from .._plan.role_files import files_of
from .._run.folders import who_works_by
from .._run.run import this_run
from .._service.catalogue import PLAN_FILE
from .._service.service import CatalogueError
from .page import list_all_tasks, render_page
from .playbook import groups_of, render, render_group
from .role_copy import copy_role, write_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._plan.plan import Plan
    from .._service.service import Service

PLAYBOOK = "upgrade.yml"
PAGE = "plan.html"


# --- Writing ---


def write_plan(
    plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float] | None = None
) -> Path:
    """Write the folder of a plan, and give the path of its playbook.

    The folder appears as a whole or not at all; one that holds this plan unchanged is left as it is, and one that a
    run works by is not written over. *seconds* tells the page, and nothing else, how long parts and steps
    (``SERVICE/PART``, ``SERVICE/step3``) took the last time.
    """
    if why := open_to_others(folder, everybody=True):
        raise CatalogueError(
            f"The plan is not written to {folder}, as what is there runs on your hosts: {why}. Set upgrade_plan_dir to "
            "a folder of your own."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
            new = Path(scratch, "plan")
            _write_files(plan, services, new, seconds or {})
            if not folder.exists() or _contents(new) != _contents(folder):
                _check_unused(folder, plan)
                _put(new, folder, Path(scratch, "old"))
    except OSError as exc:
        raise CatalogueError(
            f"The plan cannot be written to {folder}: {exc}. Set upgrade_plan_dir to a folder that you may write to."
        ) from exc
    return folder / PLAYBOOK


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: b"" if name == PAGE else path.read_bytes() for name, path in files_of(folder)}


def _check_unused(folder: Path, plan: Plan) -> None:
    for file, run in who_works_by(folder, this_run()).items():
        raise CatalogueError(
            f"{folder} is the plan that a run works by ({run or 'which one cannot be read'}), and inventory and roles "
            f"give another one now, {plan.hash}. Nothing was written. Wait for the end of that run, or give this plan "
            f"a folder of its own: -e upgrade_plan_dir=FOLDER. If that run is over, remove {file}."
        )


def _put(new: Path, folder: Path, aside: Path) -> None:
    if folder.exists():
        if any(folder.iterdir()) and not (folder / PLAN_FILE).is_file():
            raise CatalogueError(
                f"{folder} holds something other than a plan; set upgrade_plan_dir to a new or empty folder."
            )
        folder.rename(aside)
    new.rename(folder)


def _write_files(plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float]) -> None:
    folder.mkdir()
    (folder / PLAN_FILE).write_text(plan.as_json(), encoding="utf-8")
    (folder / PLAYBOOK).write_text(render(plan), encoding="utf-8")
    for group in groups_of(plan):
        (folder / f"upgrade-{group}.yml").write_text(render_group(plan, group), encoding="utf-8")
    for service in services:
        planned = plan.services[service.name]
        target = folder / "roles" / planned.role
        copy_role(service, target)
        write_tasks(service.name, planned, target)
    survey_data = {**_news(plan), "seconds": by_play(plan.plays, seconds), "took": seconds}
    page = render_page(plan, list_all_tasks(plan, folder), survey_data)
    (folder / PAGE).write_text(page, encoding="utf-8")


def _news(plan: Plan) -> dict[str, Any]:
    if plan.survey is None:
        return {}
    packages = {name: plan.survey.by_host(name) for name in plan.services}
    return {"approve": plan.hash, "surveyed": plan.surveyed, "packages": packages}
