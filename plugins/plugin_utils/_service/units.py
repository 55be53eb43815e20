"""From the names of services, which the controller knows, to units, which hosts know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .._common.text import names_of
from .catalogue import deployed_services

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from .service import Service


@dataclass(frozen=True)
class Translated:
    """The services that are deployed on the host, in the order asked for, and the names that are of none."""

    services: tuple[Service, ...]
    unknown: tuple[str, ...]

    @property
    def units(self) -> list[str]:
        """List the units of the services."""
        return [unit for service in self.services for unit in service.units]

    def blocked_actions(self, actions: Sequence[str] | None) -> dict[str, list[str]]:
        """Say which actions are blocked for each unit: those given, or what the service says."""
        return {
            unit: list(actions or service.deferred_actions)
            for service in self.services
            for unit in service.units
        }


def translate(names: Iterable[str], deployed: Sequence[Service]) -> Translated:
    """Look names up among the services that are deployed on a host."""
    by_name = {service.name: service for service in deployed}
    names = tuple(dict.fromkeys(names))
    return Translated(
        services=tuple(by_name[name] for name in names if name in by_name),
        unknown=tuple(name for name in names if name not in by_name),
    )


def services_to_units(
    given: Mapping[str, Any], variables: Mapping[str, Any], *, default_all: bool = False
) -> dict[str, Any]:
    """Give the options of a task with units in the place of services; names of no service stay, for the host to refuse.

    With *default_all* the services are all that are deployed on the host. Raises :class:`CatalogueError`.
    """
    names = names_of(given.get("services"))
    deployed = deployed_services(variables) if names or default_all else ()
    known = translate([service.name for service in deployed] if default_all else names, deployed)
    units = [*known.units, *names_of(given.get("units"))]
    return {**given, "services": list(known.unknown), "units": units}
