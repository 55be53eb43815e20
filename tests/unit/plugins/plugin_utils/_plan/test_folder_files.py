"""What was written into a plan's folder is there, and nothing else that could run."""

from __future__ import annotations

import py_compile
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.folder_files import differing, hash_files

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
