from __future__ import annotations

import os
import stat
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


FOLDERS = [
    ("var/lib/orderly", 0o700),
    ("etc/policy-rc.d", 0o755),
    ("var/lib/policy-rc.d", 0o755),
    ("etc/x/y.d", 0o755),
]


@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
@pytest.mark.parametrize(("folder", "mode"), FOLDERS)
def test_who_may_read_does_not_depend_on_the_umask(
    tmp_path: Path, folder: str, mode: int, umask: int
) -> None:
    before = os.umask(umask)
    try:
        write_text(tmp_path / folder / "x", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / folder).parent.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / folder / "x").stat().st_mode) == 0o644


@pytest.mark.parametrize(("folder", "mode"), FOLDERS[:3])
def test_rights_of_our_folders_are_corrected(tmp_path: Path, folder: str, mode: int) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder).chmod(0o750)
    write_text(tmp_path / folder / "x", "")
    assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == mode


def test_a_name_lasts_when_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file)), fsync(file)))
    write_text(tmp_path / "x", "")
    assert [stat.S_ISDIR(each.st_mode) for each in synced] == [False, True]
    assert synced[1].st_ino == tmp_path.stat().st_ino
