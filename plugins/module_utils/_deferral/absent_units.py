# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of services that are not what people mean: none of them is there, or one only stands for others."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Mapping, Sequence

if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator

    from .._host.runner import Runner
    from .._host.systemd import Systemd, UnitState

    Services = Mapping[str, Sequence[str]]

    """The units of services, by service."""

_ALIKE = 0.75
_LIST = ("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain", "--full")


def absent(services: Services, states: Mapping[str, UnitState]) -> list[str]:
    """Name each service of which the host has no unit; where it lists those of several releases, one is enough."""
    return [
        name for name, units in services.items() if units and not any(states[unit].is_known for unit in units)
    ]


@dataclass(frozen=True)
class Umbrella:
    """A unit of a service that runs no program, and only groups instances of its name that the service leaves out.

    PostgreSQL's ``postgresql.service`` is one: packages ask to restart ``postgresql@15-main.service``.
    """

    service: str
    unit: str
    groups: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return {"service": self.service, "unit": self.unit, "groups": list(self.groups), "says": str(self)}

    def __str__(self) -> str:
        return (
            f"{self.service}: {self.unit} runs nothing itself and only groups {', '.join(self.groups)} here. Write "
            f"{'that' if len(self.groups) == 1 else 'those'} into its units too: else a restart of it is recorded, "
            "and no roll does it."
        )


def umbrellas(services: Services, states: Mapping[str, UnitState]) -> list[Umbrella]:
    """Find the units of services that only group others."""
    found = (_umbrella(name, unit, units, states[unit]) for name, units in services.items() for unit in units)
    return [each for each in found if each.groups]


def _umbrella(service: str, unit: str, units: Sequence[str], state: UnitState) -> Umbrella:
    instances = f"{unit[: -len('.service')] if unit.endswith('.service') else unit}@"
    grouped = (
        {each for each in state.takes_along if each.startswith(instances)}
        if state.type == "oneshot"
        else set()
    )
    return Umbrella(service, unit, tuple(sorted(grouped.difference(units))))


def describe_absent(service: str, units: Sequence[str]) -> str:
    """Say of a service that the host has none of its units."""
    return f"{service}: there is no {', '.join(units)} here, so no restart of it is deferred."


def absent_services(systemd: Systemd, services: Services, run: Runner) -> Iterator[tuple[str, str]]:
    """Name each service of which the host has no unit, and say what it has instead."""
    missing = absent(services, systemd.show([unit for units in services.values() for unit in units]))
    there = _unit_files(run) if missing else []
    for name in missing:
        near = [each for unit in services[name] for each in get_close_matches(unit, there, 2, _ALIKE)]
        meant = f" It has {' and '.join(dict.fromkeys(near))}." if near else ""
        yield (
            name,
            f"{describe_absent(name, services[name])}{meant} List its units (in meta/service.yml, or in "
            "orderly_services) as systemctl list-units shows them.",
        )


def is_of_no_service(unit: str, along: Iterable[str], services: Services) -> bool:
    """Tell whether no roll restarts a unit: no service has it, or one that systemd restarts *along* with it.

    Where nobody noted which services there are, nobody can tell.
    """
    listed = {each for units in services.values() for each in units}
    return bool(services) and listed.isdisjoint((unit, *along))


def _unit_files(run: Runner) -> Sequence[str]:
    _code, output, _errors = run(list(_LIST), environ_update={"LC_ALL": "C"})
    return [line.split()[0] for line in output.splitlines() if line.strip()]
