from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.files import (
    read_each,
    read_lines,
    read_text,
    remove_drop_in,
    write_text,
)
from ansible_collections.orderly.services.plugins.module_utils._host.yaml import YamlError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_the_old_one_or_the_new_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "etc/new/a.policy"
    write_text(path, "old\n")
    path.with_name(f".{path.name}.{os.getpid()}").write_text("left by a process that was killed")
    with path.open() as reader:
        write_text(path, "new \u00e9\n")
        assert (reader.read(), read_text(path)) == ("old\n", "new \u00e9\n")
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_or_removed_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("in the way")
    with pytest.raises(HostError, match=r"/etc/a.policy cannot be written: File exists\.") as caught:
        write_text(tmp_path / "etc/a.policy", "")
    assert caught.value.details == {"path": str(tmp_path / "etc/a.policy")}
    (tmp_path / "x.conf").mkdir()
    with pytest.raises(HostError, match=r"/x.conf cannot be removed: Is a directory\."):
        remove_drop_in(tmp_path / "x.conf")


def test_only_small_files_of_our_own_are_read_and_the_others_are_named(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"\xff")
    (tmp_path / "link").symlink_to(tmp_path / "good")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes((1 << 20) + 1))
    names = ("good", "link", "folder", "pipe", "large", "gone")
    found, trouble = read_each((tmp_path / name for name in names), read_text, "is no good")
    assert found == ["\\xff"]
    assert trouble == [
        *(f"{tmp_path}/{name} is no good (it is not a regular file)." for name in ("link", "folder", "pipe")),
        f"{tmp_path}/large is no good (it is larger than 1 MiB).",
    ]
    assert read_lines(tmp_path / "gone") == []


def test_what_another_user_wrote_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()
    if os.geteuid() == 0:
        os.chown(tmp_path / "a", 4711, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(YamlError, match=r"it belongs to user \d+, expected root"):
        read_text(tmp_path / "a")
