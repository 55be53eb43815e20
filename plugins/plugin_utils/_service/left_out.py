"""Roles that look like services and are none that is deployed: each with the reason, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from .service import DATA, SERVICE_FILE
from .steps import UPGRADE_TASKS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from .service import Service

_ALIKE = 0.8
_OTHER_NAMES = ("service.yaml", "services.yml", "services.yaml")
_TASKS = (f"{UPGRADE_TASKS}.yml", f"{UPGRADE_TASKS}.yaml", "drain.yml", "drain.yaml")


def not_read(folders: Iterable[Path]) -> list[str]:
    """Name the roles that were meant to be services, and are not read as such."""
    roles = {role.resolve(): role for folder in folders for role in sorted(folder.glob("*/"))}
    return [
        why for role in roles.values() if not (role / SERVICE_FILE).exists() for why in _why_not_read(role)
    ]


def _why_not_read(role: Path) -> Iterator[str]:
    if found := next((name for name in _OTHER_NAMES if (role / "meta" / name).exists()), None):
        yield f"{role} is left out: its meta/{found} is not read. Rename it to {SERVICE_FILE}."
    elif found := next((name for name in _TASKS if (role / "tasks" / name).exists()), None):
        yield (
            f"{role} is left out: it has tasks/{found} and no {SERVICE_FILE}. Write one; a single line will do: "
            "units: [NAME.service]."
        )


def without_hosts(
    services: Iterable[Service], deployed: Collection[Service], groups: Collection[str]
) -> list[str]:
    """Name the user's services that are deployed nowhere, with the group that was probably meant."""
    there = {service.name for service in deployed}
    return [
        f"{service.name} is left out: its group {service.group} has no hosts.{_perhaps(service, groups)}"
        for service in services
        if not service.is_shipped and service.name not in there
    ]


def _perhaps(service: Service, groups: Collection[str]) -> str:
    near = get_close_matches(service.group, groups, 1, _ALIKE) or [
        name for name in (service.name,) if name in groups
    ]
    named = f"Did you mean {near[0]}? Write" if near else "Give that group hosts, or write"
    return f" {named} group: {near[0] if near else 'NAME'} in {service.source}."


def unknown_before(services: Iterable[Service], groups: Mapping[str, Collection[str]]) -> list[str]:
    """Name what services come after and no role is, where hosts of that name, or a name close to it, tell a mistake."""
    services = list(services)
    names = {service.name for service in services}
    return [
        f"{service.name} comes after {each.service}, but there is no service {each.service}, so it waits for nothing."
        f"{_closest(each.service, names)} See {service.source}."
        for service in services
        for each in service.after
        if each.service not in names and (groups.get(each.service) or _closest(each.service, names))
    ]


def _closest(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, 1, _ALIKE)
    return f" Did you mean {near[0]}?" if near else ""


def hidden(services: Iterable[Service], data: Iterable[str]) -> list[str]:
    """Name what ``orderly_services`` says in vain, because a role of the user's has that name."""
    roles = {
        service.name: service.path for service in services if not (service.is_data or service.is_shipped)
    }
    return [
        f"{DATA}.{name} is not used: the role {roles[name]} has that name. Override its settings with variables, as in "
        f"{name}_max_unavailable, or give the service of the inventory another name."
        for name in data
        if name in roles
    ]


def replaced(services: Iterable[Service]) -> list[str]:
    """Name the services of this collection that a role of the user's replaces, or what the inventory says of them."""
    services = list(services)
    own = {service.name: service for service in services if not service.is_shipped}
    return [
        f"{service.name}: {_says(own[service.name])} replaces {service.role}."
        for service in services
        if service.is_shipped and service.name in own
    ]


def _says(service: Service) -> str:
    return service.source if service.is_data else str(service.path)
