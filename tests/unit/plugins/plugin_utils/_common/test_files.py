from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.files import write_bytes, write_report

if TYPE_CHECKING:
    from pathlib import Path


def test_a_report_is_there_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_report(path, {"outcome": "done"})
    with pytest.raises(TypeError):
        write_report(path, {"outcome": object()})
    assert json.loads(path.read_text()) == {"outcome": "done"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_with_the_rights_that_the_user_gives(tmp_path: Path) -> None:
    path = tmp_path / "new/status.json"
    before = os.umask(0o027)
    try:
        write_bytes(path, b"old")
        write_bytes(path, b"new")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_put_in_its_place_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "status.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_bytes(tmp_path / "status.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_file_and_its_name_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[os.stat_result] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file)))
    write_report(tmp_path / "report.json", {})
    assert [stat.S_ISDIR(each.st_mode) for each in synced] == [False, True]
    assert synced[1].st_ino == tmp_path.stat().st_ino
