# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of services that are not what people mean: none of them is there, or one only stands for others."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, Mapping, Sequence

    from .._host.runner import Runner
    from .._host.systemd import Systemd

_ALIKE = 0.75
_LIST = ("systemctl", "list-unit-files", "--no-legend", "--no-pager", "--plain", "--full")


def absent_services(
    systemd: Systemd, services: Iterable[Mapping[str, Any]], run: Runner
) -> Iterator[tuple[str, str]]:
    """Name each service of which the host has no unit, and say what it has instead; *services* have a name and units.

    A host has one of several units where a service lists those of several releases.
    """
    services = tuple(services)
    states = systemd.show([unit for service in services for unit in service["units"]])
    absent = [
        each
        for each in services
        if each["units"] and not any(states[unit].is_known for unit in each["units"])
    ]
    there = _unit_files(run) if absent else []
    for service in absent:
        units = ", ".join(service["units"])
        near = [name for unit in service["units"] for name in get_close_matches(unit, there, 2, _ALIKE)]
        meant = f" It has {' and '.join(dict.fromkeys(near))}." if near else ""
        yield (
            service["name"],
            f"{service['name']}: this host has no {units}, so no restart of it is deferred here.{meant} Write units "
            "into meta/service.yml as systemctl list-units shows them.",
        )


def umbrellas(systemd: Systemd, services: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say of each unit that runs no program, and only groups instances of its name, which ones a service leaves out.

    PostgreSQL's ``postgresql.service`` is one: packages ask to restart ``postgresql@15-main.service``.
    """
    services = tuple(services)
    states = systemd.show([unit for service in services for unit in service["units"]])
    for service in services:
        for unit in service["units"]:
            state, instances = states[unit], unit.rsplit(".", 1)[0] + "@"
            grouped = [each for each in state.takes_along if each.startswith(instances)]
            if state.type == "oneshot" and (left := sorted(set(grouped).difference(service["units"]))):
                yield (
                    f"{service['name']}: {unit} runs nothing itself and only groups {', '.join(left)} here. Write "
                    f"{'that' if len(left) == 1 else 'those'} into its units too: else a restart of it is recorded, "
                    "and no roll does it."
                )


def _unit_files(run: Runner) -> Sequence[str]:
    _code, output, _errors = run(list(_LIST), environ_update={"LC_ALL": "C"})
    return [line.split()[0] for line in output.splitlines() if line.strip()]
