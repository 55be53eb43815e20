"""The cache of plans: folders that no run has used for long are removed; each can be written again."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .._service.catalogue import PLAN_FILE

if TYPE_CHECKING:
    from collections.abc import Collection

KEPT = 20
DAYS = 90


def cache_folder() -> Path:
    """Tell where this user's plans are that have no folder of their own."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orderly" / "plans"


def mark_used(folder: Path) -> None:
    """Note that a plan is used."""
    with suppress(OSError):  # somebody else's folder
        os.utime(folder)


def prune(cache: Path, in_use: Collection[str], now: float | None = None) -> list[Path]:
    """Remove plans that were not used for long, but for the latest and those *in_use*; tell which.

    What a killed run left half written beside them goes, too. What cannot be removed stays.
    """
    latest = (time.time() if now is None else now) - DAYS * 24 * 3600
    with suppress(OSError):
        found = [
            (each.stat().st_mtime, each)
            for each in cache.iterdir()
            if each.is_dir() and not each.is_symlink()
        ]
        plans = sorted((pair for pair in found if (pair[1] / PLAN_FILE).is_file()), reverse=True)
        scratch = [pair for pair in found if pair[1].name.startswith(".")]
        old = [each for used, each in (*plans[KEPT:], *scratch) if used < latest and str(each) not in in_use]
        for each in old:
            shutil.rmtree(each, ignore_errors=True)
        return old
    return []
