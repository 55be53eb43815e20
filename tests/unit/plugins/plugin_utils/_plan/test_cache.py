"""The cache of plans holds what is used, and the latest."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._plan.cache import DAYS, KEPT, prune

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_000_000_000.0
DAY = 24 * 3600


def made(cache: Path, name: str, days: int, file: str = "plan.json") -> Path:
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / file).touch()
    os.utime(folder, (NOW - days * DAY,) * 2)
    return folder


def test_old_plans_go_but_for_the_latest_and_those_of_open_campaigns(tmp_path: Path) -> None:
    latest = [made(tmp_path, f"latest{number}", DAYS + 1 + number) for number in range(KEPT)]
    old, used = made(tmp_path, "old", DAYS + 100), made(tmp_path, "used", DAYS + 200)
    scratch, foreign = made(tmp_path, ".x.1", DAYS + 1, "x"), made(tmp_path, "foreign", DAYS + 300, "x")
    assert set(prune(tmp_path, {str(used)}, NOW)) == {old, scratch}
    assert set(tmp_path.iterdir()) == {*latest, used, foreign}


def test_plans_of_the_last_weeks_stay_however_many_they_are(tmp_path: Path) -> None:
    for number in range(2 * KEPT):
        made(tmp_path, str(number), DAYS - 1)
    assert prune(tmp_path, (), NOW) == []


def test_no_cache_is_no_fault(tmp_path: Path) -> None:
    assert prune(tmp_path / "none", ()) == []
