"""From the names of services, which the controller knows, to units, which hosts know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible.errors import AnsibleActionFail

from .catalogue import deployed_services
from .service import CatalogueError

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


def services_here(task_vars: Mapping[str, Any]) -> tuple[Service, ...]:
    """Load the services that are deployed on the host of a task; a broken service role fails the task."""
    try:
        return deployed_services(task_vars)
    except CatalogueError as exc:
        raise AnsibleActionFail(str(exc)) from None
