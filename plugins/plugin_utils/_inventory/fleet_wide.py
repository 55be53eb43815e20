"""Variables that are about the whole fleet: they are read of one host, so they have to be the same on all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.text import natural
from .._service.service import DATA, CatalogueError

if TYPE_CHECKING:
    from .inventory import Inventory

FLEET_WIDE = (DATA, "orderly_roles_path", "orderly_collections")


def check_fleet_wide(inventory: Inventory) -> None:
    """Raise where a host has another value than the first one has."""
    hosts = sorted(inventory.groups.get("all", ()), key=natural)
    for name in (each for each in FLEET_WIDE if each in inventory.names):
        first, *others = inventory.typical_hosts(hosts, [name])
        expected = inventory.variable(first, name)
        odd = next((host for host in others if inventory.variable(host, name) != expected), None)
        if odd is not None:
            raise CatalogueError(
                f"{name} is not the same on {odd} as on {first}, and it is about the whole fleet. Set it for all "
                "hosts, in group_vars/all.yml, without anything in it that differs between hosts."
            )
