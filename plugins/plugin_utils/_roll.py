# This is a private utility of the orderly.services collection; it may change without notice.
"""A roll of restarts: which hosts are visited for which services, in which waves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._budget import slots_of
from ._order import natural
from ._waves import Rules, pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ._service import Service


@dataclass(frozen=True)
class Roll:
    """What a roll does: the services that each host is visited for, wave by wave, and what it cannot do."""

    visits: Mapping[str, tuple[Service, ...]]
    waves: tuple[tuple[str, ...], ...]
    outages: tuple[str, ...]  # services that have no other host to serve meanwhile
    strays: Mapping[str, tuple[str, ...]]  # host -> pending units that belong to no service

    @property
    def order(self) -> list[str]:
        """Name the hosts in the order of the waves."""
        return [host for wave in self.waves for host in wave]

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "order": self.order,
            "batches": [len(wave) for wave in self.waves],
            "waves": [{host: self.names(host) for host in wave} for wave in self.waves],
            "visits": {host: [service.as_dict() for service in self.visits[host]] for host in self.order},
            "outages": list(self.outages),
            "strays": {host: list(units) for host, units in self.strays.items()},
        }

    def names(self, host: str) -> list[str]:
        """Name the services that a host is visited for."""
        return [service.name for service in self.visits[host]]

    def lines(self) -> list[str]:
        """Tell people, before it starts, what will happen."""
        waves = [
            f"Wave {number} of {len(self.waves)}: "
            + ", ".join(f"{host} ({' '.join(self.names(host))})" for host in wave)
            for number, wave in enumerate(self.waves, 1)
        ]
        down = [f"{name} has no other host: it will be down while it restarts." for name in self.outages]
        left = [
            f"{' '.join(units)} on {host}: pending, but of no service; restart it with restart_services."
            for host, units in self.strays.items()
        ]
        return [*(waves or ["Nothing is to be restarted."]), *down, *left]


def plan_roll(
    services: Sequence[Service],
    groups: Mapping[str, Iterable[str]],
    pending: Mapping[str, Iterable[str]],
    held: Mapping[str, Iterable[str]],
    *,
    only: Iterable[str] = (),
    deferred_only: bool,
) -> Roll:
    """Plan the restarts of the hosts in *pending*, which gives each surveyed host its pending units.

    With *deferred_only* a service is restarted where a restart of one of its units is pending, else everywhere; *only*
    names the services to restart, empty for all. A host in *held*, left behind by an earlier roll, is visited again
    before all others, for the services it still holds slots of.
    """
    members = {service.name: frozenset(groups[service.group]) for service in services}
    names = frozenset(only) or members.keys()
    visits = {}
    strays = {}
    for host, waiting in pending.items():
        units = frozenset(waiting)
        here = tuple(service for service in services if host in members[service.name])
        again = frozenset(held.get(host, ()))
        due = {s.name for s in here if not deferred_only or not units.isdisjoint(s.units)}
        chosen = tuple(service for service in here if service.name in again | (due & names))
        if chosen:
            visits[host] = chosen
        if stray := tuple(sorted(units - {unit for service in here for unit in service.units})):
            strays[host] = stray
    slots = {
        service.name: slots_of(service.max_unavailable, len(members[service.name])) for service in services
    }
    befores = {service.name: service.befores for service in services}
    names_of_visits = {host: [s.name for s in chosen] for host, chosen in visits.items()}
    waves = pack(names_of_visits, Rules(slots, befores), tuple(held))
    visited = {service.name for chosen in visits.values() for service in chosen}
    outages = tuple(sorted((n for n in visited if slots[n] >= len(members[n])), key=natural))
    return Roll(visits, waves, outages, dict(sorted(strays.items(), key=lambda item: natural(item[0]))))
