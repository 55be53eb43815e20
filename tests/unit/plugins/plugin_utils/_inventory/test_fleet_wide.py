"""What is about the whole fleet has to be the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.fleet_wide import check_fleet_wide
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.inventory import Inventory
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = "all: {children: {web: {hosts: {w1: , w2: }}, db: {hosts: {w1: , d1: }}}}"


def check(folder: Path, **group_vars: str) -> None:
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "group_vars").mkdir()
    for group, text in group_vars.items():
        (folder / f"group_vars/{group}.yml").write_text(text)
    check_fleet_wide(Inventory(DataLoader(), [str(folder / "hosts.yml")]))


def test_what_all_hosts_have_alike_is_accepted(tmp_path: Path) -> None:
    check(tmp_path, all="orderly_services: {web: {units: [web.service]}}", web="other: 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [("orderly_services", "{}"), ("orderly_roles_path", "[x]"), ("orderly_collections", "[a.b]")],
)
def test_what_only_some_have_is_refused_by_name_and_host(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(CatalogueError, match=f"{name} is not the same on w1 as on d1"):
        check(tmp_path, web=f"{name}: {value}")


def test_a_template_that_differs_between_hosts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="orderly_roles_path is not the same on w1 as on d1"):
        check(tmp_path, all="orderly_roles_path: ['roles/{{ inventory_hostname }}']")
