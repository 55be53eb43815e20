"""A folder that a run works by is known to those who would write it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._run.folders import who_works_by, work_by
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_that_works_by_a_folder_is_known_until_it_is_over(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        run = this_run(process.pid)
        work_by(tmp_path / "plan", run)
        work_by(tmp_path / "plan", run)
        assert list(who_works_by(tmp_path / "plan", this_run()).values()) == [run]
        assert who_works_by(tmp_path / "other", this_run()) == {}
        process.kill()
    assert who_works_by(tmp_path / "plan", this_run()) == {}
    assert not any((tmp_path / ".plan.runs").iterdir())


def test_a_run_that_cannot_be_seen_or_read_may_still_work(tmp_path: Path) -> None:
    elsewhere = replace(this_run(), namespace="pid:[7]")
    work_by(tmp_path / "plan", elsewhere)
    (tmp_path / ".plan.runs/broken.json").write_text("[]")
    assert set(who_works_by(tmp_path / "plan", this_run()).values()) == {elsewhere, None}


def test_where_nothing_may_be_written_nothing_can_be_written_over(tmp_path: Path) -> None:
    (tmp_path / ".plan.runs").write_text("a file is in the way")
    work_by(tmp_path / "plan", this_run())
    assert who_works_by(tmp_path / "plan", this_run()) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_somebody_else_says_of_a_folder_is_neither_believed_nor_written_to(tmp_path: Path) -> None:
    words, mine = tmp_path / ".plan.runs", tmp_path / "precious"
    words.mkdir()
    mine.write_text("root's")
    (words / f"{this_run().id}.new").symlink_to(mine)
    os.chown(words, 65534, 65534)
    for ask in (
        lambda: work_by(tmp_path / "plan", this_run()),
        lambda: who_works_by(tmp_path / "plan", this_run()),
    ):
        with pytest.raises(ControllerError, match=r"belongs to the user 65534.* upgrade_plan_dir"):
            ask()
    assert mine.read_text() == "root's"
