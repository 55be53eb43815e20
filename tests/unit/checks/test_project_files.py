from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.project_files import project_files
from ansible_collections.orderly.services.tests.runner import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_tarball_has_the_files_that_git_would_take(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    taken = ["README.md", "plugins/modules/x.py", "tests/.hidden"]
    ignored = [
        ".build/venv/python",
        ".hypothesis/x",
        ".ruff_cache/y",
        "orderly-1.tar.gz",
        "plugins/__pycache__/x.pyc",
    ]
    for name in [*taken, *ignored]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert project_files(tmp_path) == sorted([".gitignore", *taken])


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="there is no git here to compare with")
def test_git_and_gitignore_agree_on_this_checkout(tmp_path: Path) -> None:
    tracked = project_files(ROOT)
    for name in tracked:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    assert project_files(tmp_path) == tracked
