"""What was written into a plan's folder is there, and nothing else that could run."""

from __future__ import annotations

import hashlib
import os
import py_compile
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.folder_files import (
    PART,
    differing,
    hash_files,
    state_of,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "roles/web/library").mkdir(parents=True)
    (tmp_path / "upgrade.yml").write_text("[]\n")
    (tmp_path / "roles/web/library/look.py").write_text("LOOK = 1\n")
    return tmp_path


@pytest.mark.parametrize("name", ["x.yml", ".hidden", "roles/web/tests/x.yml", "roles/web/library/x.pyc"])
def test_whatever_is_added_is_named(folder: Path, name: str) -> None:
    before = hash_files(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("planted")
    assert differing(before, hash_files(folder)) == f"{name} was added"


def test_what_is_edited_or_missing_is_named(folder: Path) -> None:
    before = hash_files(folder)
    (folder / "upgrade.yml").write_text("[{}]\n")
    (folder / "roles/web/library/look.py").unlink()
    assert (
        differing(before, hash_files(folder))
        == "roles/web/library/look.py is missing, upgrade.yml was edited"
    )


def test_what_python_made_of_a_file_that_is_there_is_no_difference(folder: Path) -> None:
    before = hash_files(folder)
    compiled = py_compile.compile(str(folder / "roles/web/library/look.py"))
    assert differing(before, hash_files(folder)) == ""
    (folder / "planted.py").write_text("LOOK = 2\n")
    py_compile.compile(str(folder / "planted.py"), cfile=compiled)
    (folder / "planted.py").unlink()
    assert "was added" in differing(before, hash_files(folder))


def test_a_repository_of_ones_own_may_hold_the_folder(folder: Path) -> None:
    before = hash_files(folder)
    (folder / ".git").mkdir()
    (folder / ".git/config").touch()
    assert differing(before, hash_files(folder)) == ""


def later() -> float:
    return time.time() + 60


def test_the_state_of_a_folder_stays_until_something_is_written_there(folder: Path) -> None:
    before = state_of(folder, later)
    (folder / ".git").mkdir()
    (folder / ".git/config").touch()
    assert before == state_of(folder, later) != ""


@pytest.mark.parametrize("name", ["upgrade.yml", "roles/web/library/look.py"])
def test_an_edit_shows_in_the_state_though_size_and_time_are_those_of_before(folder: Path, name: str) -> None:
    before, was = state_of(folder, later), (folder / name).stat()
    time.sleep(0.02)  # a tick of the file system's clock
    (folder / name).write_text("x" * was.st_size)
    os.utime(folder / name, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert state_of(folder, later) != before


def test_what_is_added_removed_or_replaced_shows_in_the_state(folder: Path) -> None:
    states = [state_of(folder, later)]
    for change in (
        (folder / "roles/web/x.yml").touch,
        lambda: (folder / "roles/web/x.yml").rename(folder / "y.yml"),
        lambda: (folder / "y.yml").rename(folder / "upgrade.yml"),
        (folder / "upgrade.yml").unlink,
    ):
        change()
        states.append(state_of(folder, later))
    assert len(set(states)) == len(states)


def test_nothing_is_said_of_the_state_while_a_change_would_not_show(folder: Path) -> None:
    assert state_of(folder) == ""
    (folder / "link.yml").symlink_to(folder / "upgrade.yml")
    assert state_of(folder, later) == ""


def test_playbooks_of_runs_come_and_go_and_the_state_stays(folder: Path) -> None:
    before = state_of(folder, later)
    part = folder / PART.format(of=7, hash="0" * 64)
    part.touch()
    assert state_of(folder, later) == before
    part.unlink()
    part.symlink_to(folder / "upgrade.yml")
    assert state_of(folder, later) == ""


def test_a_part_of_the_playbook_is_no_difference_as_long_as_it_is_as_it_was_written(folder: Path) -> None:
    before = hash_files(folder)
    text = b"- hosts: web1\n"
    part = folder / PART.format(of=7, hash=hashlib.sha256(text).hexdigest())
    part.write_bytes(text)
    assert differing(before, hash_files(folder)) == ""
    part.write_bytes(text + b"- hosts: all\n")
    assert differing(before, hash_files(folder)) == f"{part.name} was added"
    part.unlink()
    part.symlink_to(folder / "upgrade.yml")
    assert differing(before, hash_files(folder)) == f"{part.name} was added"
