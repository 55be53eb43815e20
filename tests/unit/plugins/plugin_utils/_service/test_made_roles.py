"""The cache of roles that are made of data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import (
    RoleFolder,
    find_services,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.data import read_data
from ansible_collections.orderly.services.plugins.plugin_utils._service.made_roles import made_roles
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

DATA = {"web": {"units": ["web.service"], "packages": ["web"]}, "db": {"units": ["db.service"]}}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def test_what_was_made_is_read_as_any_role() -> None:
    services = find_services([RoleFolder(made_roles(read_data(DATA)))])
    assert [(each.name, each.units, each.packages) for each in services] == [
        ("db", ("db.service",), ()),
        ("web", ("web.service",), ("web",)),
    ]
    assert services[1].tasks_file("upgrade_tasks")
    assert not services[0].tasks_file("upgrade_tasks")


def test_the_same_data_are_written_once_and_others_elsewhere(cache: Path) -> None:
    folder = made_roles(read_data(DATA))
    before = (folder / "web/meta/service.yml").stat().st_ino
    assert made_roles(read_data(DATA)) == folder
    assert (folder / "web/meta/service.yml").stat().st_ino == before
    assert made_roles(read_data({"web": DATA["web"]})) != folder
    assert not list(cache.glob("orderly/services/.*"))


def test_what_nobody_has_used_for_long_is_removed() -> None:
    old, used = made_roles(read_data(DATA)), made_roles(read_data({"db": DATA["db"]}))
    for folder in (old, used):
        os.utime(folder, (0, 0))
    made_roles(read_data({"db": DATA["db"]}))
    made_roles(read_data({"web": DATA["web"]}))
    assert (old.exists(), used.exists()) == (False, True)


def test_a_cache_that_others_can_write_to_is_refused() -> None:
    made_roles(read_data(DATA)).chmod(0o777)
    with pytest.raises(CatalogueError, match=r"are not used: everybody can write to"):
        made_roles(read_data(DATA))


def test_a_cache_that_cannot_be_written_is_named(cache: Path) -> None:
    (cache / "orderly").write_text("")
    with pytest.raises(CatalogueError, match=r"cannot be written to .*XDG_CACHE_HOME"):
        made_roles(read_data(DATA))
