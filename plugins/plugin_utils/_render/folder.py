"""The plan's folder: ``plan.json``, ``upgrade.yml``, ``plan.html`` and the roles that the playbook runs.

A folder is self-contained: it can be kept, read, and run again by itself. Its roles are copies with names of their
own, because a collection's role would win over a copy of the same name when the playbook runs by its full name.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.places import open_to_others
from .._plan.approval import PAGE
from .._plan.cache import mark_used
from .._plan.durations import by_play
from .._plan.folder_files import PART, differing, hash_file, hash_files
from .._plan.plan import AGAIN, short
from .._run.folders import who_works_by
from .._run.run import this_run
from .._service.catalogue import PLAN_FILE
from .._service.service import CatalogueError
from .page import list_all_tasks, render_page
from .playbook import MOST_IMPORTS, includes_work, render, render_for_run
from .role_copy import copy_along, copy_role, write_tasks
from .work import SHARED, shared_work
from .yaml_text import yaml_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .._inventory.selection import Selection
    from .._plan.plan import Plan
    from .._service.service import Service

PLAYBOOK = "upgrade.yml"


# --- Writing ---


@dataclass(frozen=True)
class Draft:
    """A plan whose files are written aside, so that its hash is known; it has no folder yet."""

    plan: Plan
    files: Path

    def put(self, folder: Path, *, approved: bool = False) -> Path:
        """Make it the folder of the plan, as a whole or not at all; gives the path of its playbook.

        A folder that holds this plan unchanged is left as it is, and one that a run works by is not written over. One
        that was *approved* is not put right, as nobody knows which of its files were read.

        :raises CatalogueError: when *folder* holds something else, is in use, or was approved and edited since
        """
        with _named_errors(folder):
            there = hash_files(folder) if folder.exists() else {}
            differs = differing(hash_files(self.files), there) if there else "all is new"
            if approved and PLAN_FILE in there and differs:
                raise CatalogueError(
                    f"The folder of the approved plan, {folder}, is not as it was written: {differs}. Nothing was "
                    f"touched. {AGAIN}"
                )
            if differs:
                _check_unused(folder, self.plan)
                _put(self.files, folder, self.files.with_name("old"))
            mark_used(folder)
        return folder / PLAYBOOK


@contextmanager
def draft_plan(
    plan: Plan, services: Iterable[Service], near: Path, seconds: Mapping[str, float] | None = None
) -> Iterator[Draft]:
    """Write the files of a plan aside, in the folder that *near* will be in.

    *seconds* tells the page, and nothing else, how long parts and steps (``SERVICE/PART``, ``SERVICE/step3``) took the
    last time.
    """
    if why := open_to_others(near, everybody=True):
        raise CatalogueError(
            f"The plan is not written to {near}, as what is there runs on your hosts: {why}. Set upgrade_plan_dir to a "
            "folder of your own."
        )
    with _named_errors(near), ExitStack() as stack:
        near.parent.mkdir(parents=True, exist_ok=True)
        scratch = stack.enter_context(
            tempfile.TemporaryDirectory(dir=near.parent, prefix=f".{near.name}.", ignore_cleanup_errors=True)
        )
        new = Path(scratch, "plan")
        written = _write_files(plan, services, new, seconds or {})
        yield Draft(written, new)


def write_plan(
    plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float] | None = None
) -> Path:
    """Write the folder of a plan, and give the path of its playbook."""
    with draft_plan(plan, services, folder, seconds) as draft:
        return draft.put(folder)


def write_playbook(plan: Plan, folder: Path, most_imports: int = MOST_IMPORTS) -> None:
    """Write the playbook of a plan, and beside it what its plays include."""
    (folder / PLAYBOOK).write_text(render(plan, most_imports), encoding="utf-8")
    if includes_work(plan, plan.plays, most_imports):
        (folder / SHARED).mkdir(exist_ok=True)
        for kind, tasks in shared_work(plan).items():
            (folder / SHARED / f"{kind}.yml").write_text("---\n" + yaml_text(tasks), encoding="utf-8")


def playbook_for(plan: Plan, playbook: Path, about: Selection, *, whole: bool = False) -> Path:
    """Write the part of a plan's playbook that a run is about as Ansible reads it the soonest.

    So of a large plan the tasks of roles are not read before a play comes to them, unless somebody wants to see the
    *whole* of a part that is small. It goes with the process. Gives the plan's own playbook where that is short and the
    run is about all of it, or where nobody can write beside it.
    """
    is_large = includes_work(plan, plan.plays)
    if about.is_whole and not is_large:
        return playbook
    text = render_for_run(plan, about, 0 if is_large and not whole else MOST_IMPORTS).encode()
    part = playbook.with_name(PART.format(of=os.getpid(), hash=hashlib.sha256(text).hexdigest()))
    try:
        _remove_old_parts(playbook.parent)
        part.write_bytes(text)
        part.chmod(0o600)
    except OSError:
        return playbook
    atexit.register(part.unlink, missing_ok=True)
    return part


def _remove_old_parts(folder: Path) -> None:
    """Remove what runs left that were killed; Ansible has long read what is older than an hour."""
    for part in folder.glob(PART.format(of="*", hash="*")):
        if part.stat().st_mtime < time.time() - 3600:
            part.unlink(missing_ok=True)


@contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise CatalogueError(
            f"The plan cannot be written to {folder}: {exc}. Set upgrade_plan_dir to a folder that you may write to."
        ) from exc


def _check_unused(folder: Path, plan: Plan) -> None:
    for file, run in who_works_by(folder, this_run()).items():
        raise CatalogueError(
            f"{folder} is the plan that a run works by ({run or 'which one cannot be read'}), and inventory and roles "
            f"give another one now, {short(plan.hash)}. Nothing was written. Wait until that run ends, or give this "
            f"plan a folder of its own: -e upgrade_plan_dir=FOLDER. If that run is over, remove {file}."
        )


def _put(new: Path, folder: Path, aside: Path) -> None:
    if folder.exists():
        if any(folder.iterdir()) and not (folder / PLAN_FILE).is_file():
            raise CatalogueError(
                f"{folder} holds something other than a plan; set upgrade_plan_dir to a new or empty folder."
            )
        folder.rename(aside)
    new.rename(folder)


def _write_files(plan: Plan, services: Iterable[Service], folder: Path, seconds: Mapping[str, float]) -> Plan:
    """Write all files of a plan; gives the plan with the hashes of those that run."""
    folder.mkdir()
    write_playbook(plan, folder)
    services = tuple(services)
    copy_along(services, folder)
    for service in services:
        planned = plan.services[service.name]
        target = folder / "roles" / planned.role
        copy_role(service, target)
        write_tasks(service.name, planned, target)
    plan = replace(plan, files=hash_files(folder))
    survey_data = {**_news(plan), "seconds": by_play(plan.plays, seconds), "took": seconds}
    page = render_page(plan, list_all_tasks(plan, folder), survey_data)
    (folder / PAGE).write_text(page, encoding="utf-8")
    data = plan.as_json(page=hash_file(folder / PAGE), took=dict(seconds))
    (folder / PLAN_FILE).write_text(data, encoding="utf-8")
    _close_to_others(folder)
    return plan


def _close_to_others(folder: Path) -> None:
    """Let nobody else write what is going to run, whatever the umask says."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o022)


def _news(plan: Plan) -> dict[str, Any]:
    if plan.survey is None:
        return {"approve": plan.hash}
    packages = {name: plan.survey.by_host(name) for name in plan.services}
    return {"approve": plan.hash, "surveyed": plan.surveyed, "packages": packages}
