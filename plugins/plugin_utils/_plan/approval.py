"""An approved plan: where it is kept, and whether what inventory and roles give now is still that plan."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._service.catalogue import PLAN_FILE
from .._service.service import CatalogueError
from .cache import cache_folder
from .drift import drift_of_plans
from .folder_files import differing, hash_files, state_of
from .plan import AGAIN, check_plan_format, hash_of, read_plan, short
from .survey import Survey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plan import Plan


PAGE = "plan.html"
APPROVED = "upgrade_approved_plan"
WHOLE = re.compile(r"[0-9a-f]{64}")


def plan_folder(hash_of_plan: str, plan_dir: str | None) -> Path:
    """Tell where a plan is kept: in *plan_dir*, else in a cache folder of its own."""
    if plan_dir:
        return Path(os.path.expanduser(plan_dir)).absolute()
    return cache_folder() / short(hash_of_plan)


def approved_elsewhere(where: str) -> str:
    """Tell somebody who approves a plan other than on the command line why that is refused."""
    return (
        f"{APPROVED} is accepted only on the command line, but {where}. Remove it there, and approve a plan with "
        f"-e {APPROVED}=HASH."
    )


def check_whole(approved: str | None) -> None:
    """Refuse what is not a whole hash: for a part of one, somebody can make another plan.

    :raises CatalogueError: when it is not
    """
    if approved and not WHOLE.fullmatch(str(approved)):
        raise CatalogueError(
            f"{APPROVED}: {str(approved)[:80]!r} is not the hash of a plan; expected all of its 64 digits, as "
            "orderly.services.plan prints them after upgrade_approved_plan=."
        )


def read_as_written(folder: Path, approved: str | None = None) -> Plan:
    """Read the plan of a folder, all of whose files are as they were written; where one was approved, that one.

    :raises CatalogueError: when it is not so; the message names the files
    """
    check_whole(approved)
    plan = read_plan(folder)
    if approved and approved != plan.hash:
        raise CatalogueError(
            f"The approved plan is {approved}, but {folder} is the plan {plan.hash}. {AGAIN}"
        )
    check_files(folder, plan)
    return plan


def read_unchanged(folder: Path, state: str | None) -> Plan | None:
    """Read the plan of a folder that is in the *state* in which all of it was checked; None where it is not.

    :raises CatalogueError: when the plan cannot be read
    """
    return read_plan(folder, known=True) if state and state == state_of(folder) else None


def check_files(folder: Path, plan: Plan) -> None:
    """Refuse a folder in which something could run that its plan does not have.

    :raises CatalogueError: when it is so; the message names the files
    """
    page = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8")).get("page")
    there = hash_files(folder)
    there.pop(PLAN_FILE)
    if differs := differing({**plan.files, PAGE: str(page)}, there):
        raise CatalogueError(
            f"{folder} is not as it was written: {differs}. Nothing was touched. Remove what was added; if something "
            f"was edited, change the role or the inventory instead. {AGAIN}"
        )


def read_kept(approved: str | None, plan_dir: str | None) -> dict[str, Any] | None:
    """Read the plan that was approved, or the one in *plan_dir*; None where there is none.

    :raises CatalogueError: when a plan that was approved is not what it was when its hash was made
    """
    check_whole(approved)
    if not approved and not plan_dir:
        return None
    file = plan_folder(str(approved), plan_dir) / PLAN_FILE
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        check_plan_format(file, kept)
        actual = hash_of(kept)
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None
    if approved and actual != str(approved):
        was = "was edited after it was made" if kept.get("hash") == str(approved) else f"is the plan {actual}"
        raise CatalogueError(f"The approved plan is {approved}, but {file} {was}. {AGAIN}")
    return kept if actual == kept.get("hash") else None


def survey_of(kept: Mapping[str, Any] | None) -> Survey | None:
    """Give what was surveyed for a plan that is kept."""
    return Survey.from_data(kept["survey"]) if kept and "survey" in kept else None


def check_approved(plan: Plan, approved: str | None, kept: Mapping[str, Any] | None) -> None:
    """Refuse a plan that is not the approved one.

    :raises CatalogueError: when it is not; the message lists all that differs
    """
    if not approved or str(approved) == plan.hash:
        return
    if kept is None:
        raise CatalogueError(
            f"The approved plan is {approved}, but inventory and roles give {plan.hash} now. What differs is not "
            f"known, as the approved plan is not in {cache_folder()}. {AGAIN} Or, if its folder is kept "
            "elsewhere, name that with -e upgrade_plan_dir=FOLDER."
        )
    now = json.loads(plan.as_json())
    listed = "".join(f"\n  - {line}" for line in drift_of_plans(kept, now))
    raise CatalogueError(
        f"The approved plan is {approved}, but inventory and roles give {plan.hash} now. Nothing was touched. What "
        f"differs:{listed}\n{AGAIN}"
    )
