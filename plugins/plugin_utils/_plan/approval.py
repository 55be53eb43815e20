"""An approved plan: where it is kept, and whether what inventory and roles give now is still that plan."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.places import home_folder
from .._service.catalogue import PLAN_FILE
from .._service.service import CatalogueError
from .drift import drift_of_plans
from .plan import AGAIN, hash_of
from .survey import Survey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .plan import Plan


def plan_folder(hash_of_plan: str, plan_dir: str | None) -> Path:
    """Tell where a plan is kept: in *plan_dir*, else in a cache folder of its own."""
    if plan_dir:
        return Path(os.path.expanduser(plan_dir)).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or home_folder("XDG_CACHE_HOME", "upgrade_plan_dir") / ".cache"
    return Path(cache) / "orderly" / "plans" / hash_of_plan


def read_kept(approved: str | None, plan_dir: str | None) -> dict[str, Any] | None:
    """Read the plan that was approved, or the one in *plan_dir*; None where there is none.

    :raises CatalogueError: when a plan that was approved is not what it was when its hash was made
    """
    if not approved and not plan_dir:
        return None
    file = plan_folder(str(approved), plan_dir) / PLAN_FILE
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        actual = hash_of(kept)
    except (OSError, ValueError, AttributeError, KeyError):
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
            f"The approved plan is {approved}, but inventory and roles give {plan.id} now, and the approved one is "
            "not in the cache folder of this user, so the differences are unknown. Pass -e upgrade_plan_dir=FOLDER "
            f"with its folder if it holds surveyed versions. {AGAIN}"
        )
    now = json.loads(plan.as_json())
    listed = "".join(f"\n  - {line}" for line in drift_of_plans(kept, now))
    raise CatalogueError(
        f"The approved plan is {approved}, but inventory and roles give {plan.id} now. Nothing was touched. What "
        f"differs:{listed}\n{AGAIN}"
    )
