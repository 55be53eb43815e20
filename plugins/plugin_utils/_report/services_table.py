"""The services of an inventory as a table: what each says about itself, and what the inventory makes of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .._common.text import layout
from .._service.service import DATA, plain
from .._service.steps import PARTS, UPGRADE_TASKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._service.service import Service

HEADER = ("SERVICE", "ROLE", "GROUP", "HOSTS", "STAGE", "AFTER", "BUDGET", "DEFERRAL", "UNITS", "PARTS")
LEGEND = "* the inventory overrides what the role says"


@dataclass(frozen=True)
class Listed:
    """A service as its role has it, as the inventory settles it, and on how many hosts it is."""

    declared: Service
    settled: Service
    hosts: int

    @property
    def overridden(self) -> tuple[str, ...]:
        """Name the settings that the inventory changes."""
        return tuple(
            field.name
            for field in fields(self.declared)
            if getattr(self.declared, field.name) != getattr(self.settled, field.name)
        )

    @property
    def parts(self) -> tuple[str, ...]:
        """Name the task files that the role brings for upgrades and restarts."""
        parts = tuple(part for part in PARTS if self.settled.tasks_file(part) is not None)
        return ((UPGRADE_TASKS,) if self.settled.is_upgraded else ()) + parts

    @property
    def cells(self) -> tuple[str, ...]:
        """Give its row of the table."""
        service = self.settled
        return (
            service.name,
            DATA if service.is_data else service.role,
            self._marked(service.group, "group"),
            str(self.hosts),
            self._marked(service.stage, "stage"),
            self._marked(" ".join(map(str, (*service.after, *service.requires))) or "-", "after", "requires"),
            self._marked(
                "full stop" if service.full_stop else str(service.max_unavailable),
                "full_stop",
                "max_unavailable",
            ),
            self._marked(service.deferral, "deferral", "deferred_actions"),
            self._marked(" ".join(unit.removesuffix(".service") for unit in service.units) or "-", "units"),
            " ".join(self.parts) or "-",
        )

    def _marked(self, cell: str, *keys: str) -> str:
        return cell + "*" * any(key in self.overridden for key in keys)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for other programs."""
        return {
            "name": self.settled.name,
            "role": self.settled.role,
            "path": str(self.settled.path),
            **self.settled.settings(),
            "hosts": self.hosts,
            "parts": list(self.parts),
            "overridden": {key: plain(getattr(self.declared, key)) for key in self.overridden},
        }


def as_lines(services: Sequence[Listed]) -> list[str]:
    """Lay out the table, and what one has to know to read it."""
    marked = [LEGEND] if any(service.overridden for service in services) else []
    return [*layout([HEADER, *(service.cells for service in services)]), *marked]
