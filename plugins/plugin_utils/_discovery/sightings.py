"""What hosts answered about the services that run there, as ``running_services_info`` gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._common.text import printable
from .._service.service import CatalogueError
from .._service.settings import checked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._common.answers import Shape

RUNNING: Shape = {
    "units": [
        {
            "unit": str,
            "names": [str],
            "umbrellas": [str],
            "owner": str,
            "packages": [str],
            "program": str,
            "tcp": [int],
            "local": [int],
            "udp": [int],
            "page": bool,
            "hold": str,
            "refusal": str,
        }
    ],
    "ignored": [str],
    "stopped": {str: str},
    "on_demand": [str],
    "sees_all": bool,
}
_WIDEST = 300


@dataclass(frozen=True)
class Seen:
    """A unit that runs on a host; see the module for what each field means."""

    unit: str
    names: tuple[str, ...] = ()
    umbrellas: tuple[str, ...] = ()
    owner: str = ""
    packages: tuple[str, ...] = ()
    local: tuple[int, ...] = ()
    listens: bool = False
    page: bool = False
    hold: str = ""
    refusal: str = ""

    @property
    def all_names(self) -> frozenset[str]:
        """Give the names by which a service may list it."""
        return frozenset((self.unit, *self.names))


@dataclass(frozen=True)
class Sighting:
    """What was seen on a host: what runs and, by name alone, what else there is to tell."""

    units: tuple[Seen, ...] = ()
    ignored: tuple[str, ...] = ()
    stopped: tuple[tuple[str, str], ...] = ()
    on_demand: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    sees_all: bool = True


def read_sighting(answer: Mapping[str, Any]) -> Sighting:
    """Read an answer that has the shape :data:`RUNNING`; names that no inventory could have are kept apart."""
    units = [_seen(told) for told in answer["units"]]
    return Sighting(
        units=tuple(each for each in units if _fits("units", [each.unit])),
        ignored=tuple(name for name in answer["ignored"] if _fits("units", [name])),
        stopped=tuple(
            (name, printable(state, _WIDEST))
            for name, state in answer["stopped"].items()
            if _fits("units", [name])
        ),
        on_demand=tuple(name for name in answer["on_demand"] if _fits("units", [name])),
        odd=tuple(printable(each.unit) for each in units if not _fits("units", [each.unit])),
        sees_all=answer["sees_all"],
    )


def _seen(told: Mapping[str, Any]) -> Seen:
    packages = tuple(name for name in told["packages"] if _fits("packages", [name]))
    return Seen(
        unit=told["unit"],
        names=tuple(told["names"]),
        umbrellas=tuple(name for name in told["umbrellas"] if _fits("units", [name])),
        owner=told["owner"] if told["owner"] in packages else "",
        packages=packages,
        local=tuple(port for port in told["local"] if 0 < port < 65536),
        listens=bool(told["tcp"] or told["udp"]),
        page=told["page"],
        hold=printable(told["hold"], _WIDEST),
        refusal=printable(told["refusal"], _WIDEST),
    )


def _fits(key: str, value: list[str]) -> bool:
    try:
        checked(key, value, "")
    except CatalogueError:
        return False
    return True
