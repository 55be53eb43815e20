"""Where roles stand: beside the inventory they are services; inside an inventory folder Ansible reads and runs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .toys import Outcome, Site

LOOKS = ("list_services", "status", "campaigns")
CHANGES = ("upgrade", "plan", "rolling_restart", "reboot", "recover", "defer_restarts")


def project(site: Site, roles: str) -> None:
    """Make an inventory of two folders, a service in each, and a program among the files of a role."""
    site.write("roles/web/files/backup.sh", f"#!/bin/sh\necho '{{}}'\ntouch {site.folder}/ran\n").chmod(0o755)
    site.service("web", "3")
    site.service("db", "3")
    for group, host, folder in (("web", "w1", "inv1"), ("db", "d1", "inv2")):
        site.groups(**{group: host})
        (site.folder / folder).mkdir()
        site.inventory.rename(site.folder / folder / "hosts.yml")
    site.write("inv1/group_vars/web.yml", "web_max_unavailable: 50%\n")
    (site.folder / "roles").rename(site.folder / roles)


def play(site: Site, playbook: str, *more: str) -> Outcome:
    return site.upgrade("-i", "inv1", "-i", "inv2", *more, playbook=f"orderly.services.{playbook}")


def test_roles_beside_an_inventory_of_two_folders_are_services_and_nothing_of_them_runs(site: Site) -> None:
    project(site, "roles")
    outcome = play(site, "list_services")
    assert outcome.code == 0
    assert "50%*" in outcome.text
    outcome = play(site, "upgrade")
    assert outcome.code == 0, outcome.raw
    assert outcome.log == ["db d1 install", "web w1 install"]
    assert "lie inside the inventory folder" not in outcome.text
    assert not Path(site.folder, "ran").exists()


@pytest.mark.parametrize("playbook", CHANGES)
def test_roles_inside_an_inventory_folder_are_refused_by_what_changes_hosts(
    site: Site, playbook: str
) -> None:
    project(site, "inv1/roles")
    outcome = play(site, playbook)
    assert outcome.code != 0
    assert (
        f"The service roles in {site.folder}/inv1/roles lie inside the inventory folder {site.folder}/inv1: Ansible "
        "reads every file there as an inventory, and runs those that are executable on this machine. "
        f"Move them to {site.folder}/roles, beside the inventory."
    ) in outcome.text
    assert Path(site.folder, "ran").exists()  # which is why
    assert site.contacts == set()


@pytest.mark.parametrize("playbook", LOOKS)
def test_roles_inside_an_inventory_folder_are_warned_of_by_what_looks(site: Site, playbook: str) -> None:
    project(site, "inv1/roles")
    outcome = play(site, playbook)
    assert outcome.code == 0, outcome.raw
    assert f"The service roles in {site.folder}/inv1/roles lie inside the inventory folder" in outcome.text
