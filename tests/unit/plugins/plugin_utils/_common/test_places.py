from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common import places
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._common.places import (
    home_folder,
    open_to_others,
)

if TYPE_CHECKING:
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project/roles"
    folder.mkdir(parents=True)
    return folder


def test_ours_alone_is_ours(folder: Path) -> None:
    assert open_to_others(folder) == ""
    assert open_to_others(folder / "not there yet") == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o707])
def test_where_everybody_can_write_is_open(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert open_to_others(folder) == f"everybody can write to {folder}"


def test_who_can_write_above_can_put_another_folder_there(folder: Path) -> None:
    folder.parent.chmod(0o777)
    assert open_to_others(folder) == f"everybody can write to {folder.parent}"


def test_in_a_sticky_folder_ours_stays_ours(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    assert open_to_others(folder) == ""


def test_a_link_leads_where_it_leads(folder: Path, tmp_path: Path) -> None:
    folder.chmod(0o777)
    (tmp_path / "link").symlink_to(folder)
    assert open_to_others(tmp_path / "link") == f"everybody can write to {folder}"


@pytest.fixture
def not_in_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_may_all_write", lambda _folder: False)


@needs_root
@pytest.mark.usefixtures("not_in_tmp")
def test_what_belongs_to_somebody_else_is_open_where_that_counts(folder: Path) -> None:
    os.chown(folder.parent, 65534, -1)
    assert open_to_others(folder) == f"{folder.parent} belongs to the user 65534"
    assert open_to_others(folder, everybody=True) == ""


@needs_root
def test_where_all_make_folders_it_counts_who_made_this_one(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    assert open_to_others(folder, everybody=True) == ""
    os.chown(folder, 65534, -1)
    assert open_to_others(folder, everybody=True) == f"{folder} belongs to the user 65534"


@needs_root
@pytest.mark.usefixtures("not_in_tmp")
def test_a_group_of_others_may_not_write(folder: Path) -> None:
    folder.chmod(0o775)
    assert open_to_others(folder) == ""
    os.chown(folder, -1, 4711)
    assert open_to_others(folder) == f"the group 4711 can write to {folder}"
    assert open_to_others(folder, everybody=True) == ""


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    with pytest.raises(
        ControllerError, match=f"uid {os.getuid()}, .*: set XDG_CACHE_HOME in the environment, or plan"
    ):
        home_folder("XDG_CACHE_HOME", "plan")
