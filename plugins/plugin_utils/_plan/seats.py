"""Seats: who takes whose place in the waves of a plan, once ``rank.yml`` has found out who goes last. Pure.

A plan is compiled before anybody is asked. Hosts with the same services are alike to it, so they may change places, and
all that it promises stays true: how many go at once, in which order services come, what waits for what.
"""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from .._common.text import listed, natural, shortened
from .._service.steps import CHANGE, DISRUPTIVE, RANK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .._inventory.placement import Placement
    from .plan import Plan, PlannedService

Ranks = dict[str, dict[str, int]]
"""By service and host."""
Seats = dict[str, str]
"""By host, the one whose place it takes; who keeps its own is not named."""


class _Kind(NamedTuple):
    """What hosts that change places have in common."""

    services: frozenset[str]
    is_last: bool = False
    domain: str | None = None


def is_ranked(service: PlannedService) -> bool:
    """Tell whether hosts of a service have a rank that counts; where all stop together nobody is last."""
    return RANK in service.parts and service.changes and not service.full_stop


def ranked_services(plan: Plan) -> list[str]:
    """Name the services whose ranks count, what others come after first."""
    found = [name for name, service in plan.services.items() if is_ranked(service)]
    done = {name: number for (name, _host), number in _places(plan, found).items()}
    return sorted(found, key=lambda name: (done[name], natural(name)))


def fitting(plan: Plan, seats: Seats) -> Seats:
    """Leave out hosts that are not alike any more, not there, or migrate for all others by now."""
    return _among(seats, {host: _Kind(names) for host, names in _movable(plan).items()})


def taking_places(plan: Plan, is_ours: Callable[[str], bool]) -> set[str]:
    """Name all hosts whose places may be taken by some: those with the same services, where one of these is ranked."""
    services = _movable(plan)
    ranked = set(filter(lambda name: is_ranked(plan.services[name]), plan.services))
    kinds = {names for host, names in services.items() if not ranked.isdisjoint(names) and is_ours(host)}
    return {host for host, names in services.items() if names in kinds}


def free_to_move(plan: Plan, hosts: Iterable[str], begun: Collection[str]) -> set[str]:
    """Leave out the hosts that have begun, and those that migrate for all others, as the waves go by them."""
    once = _migrating(plan)
    return {host for host in hosts if host not in begun and host not in once}


def arrange(
    plan: Plan,
    seats: Seats,
    ranks: Ranks,
    free: Collection[str],
    placement: Placement,
    done: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Seats:
    """Give all seats when hosts that are *free* have changed places: those with lower ranks come first.

    Where services rank two hosts against each other, the one that others come after decides. Who is not free stays.
    *done* are the hosts that each service has changed on: only those with the same work before them change places.
    """
    names = [name for name in ranked_services(plan) if name in ranks]
    place = _places(plan, names)
    kinds = _kinds(plan, placement)
    seats = _among(seats, kinds)
    groups: defaultdict[tuple[_Kind, frozenset[str]], list[str]] = defaultdict(list)
    for host in free:
        left = frozenset(name for name in kinds[host].services if host not in done.get(name, ()))
        groups[kinds[host], left].append(host)
    new = dict(seats)
    for (_kind, left), hosts in groups.items():
        ours = [name for name in names if name in left]

        def waves_of(host: str, ours: list[str] = ours) -> tuple[object, ...]:
            seat = seats.get(host, host)
            return (*(place[name, seat] for name in ours), natural(seat))

        def ranks_of(host: str, ours: list[str] = ours) -> list[int]:
            return [ranks[name].get(host, 0) for name in ours]

        in_waves = sorted(hosts, key=waves_of)
        by_rank = sorted(in_waves, key=ranks_of)
        new |= {host: seats.get(seat, seat) for host, seat in zip(by_rank, in_waves, strict=True)}
    return {host: seat for host, seat in new.items() if host != seat}


def seat_lines(plan: Plan, name: str, ranks: Mapping[str, int]) -> Iterator[str]:
    """Say who goes last of a service, in a plan with its hosts in their places, and who cannot."""
    if len(set(ranks.values())) < 2:
        return
    highest = max(ranks.values())
    last = [host for host, rank in ranks.items() if rank == highest]
    place = {host: at for (_name, host), at in _places(plan, [name]).items()}
    early = [host for host in last if any(place[host] < place[each] for each in ranks if each not in last)]
    if len(early) < len(last):
        there = [host for host in last if host not in early]
        yield f"Last of {name}, as its rank.yml found out: {listed(shortened(there))}."
    if early:
        yield (
            f"{listed(shortened(early))} would go last of {name}, by its rank.yml, and keeps its place before others: "
            "hosts change places only where they have the same services and failure domain, none of them migrates for "
            "all, and no other run is about them; where services rank them against each other, one decides."
        )


def _places(plan: Plan, names: Collection[str]) -> dict[tuple[str, str], int]:
    """Tell in which wave each host of some services has its place."""
    return {
        (name, host): number
        for number, play in enumerate(plan.plays)
        if play.kind == CHANGE
        for name in play.services.keys() & names
        for host in play.services[name]
    }


def _among(seats: Seats, kinds: Mapping[str, _Kind]) -> Seats:
    """Let hosts of one kind alone have each other's places: who has that of another kind takes the next in the ring."""
    among: Seats = {}
    for host, seat in seats.items():
        taken = seat
        while host in kinds and taken != host and kinds.get(taken) != kinds[host]:
            taken = seats[taken]
        if host in kinds and taken != host:
            among[host] = taken
    return among


def _kinds(plan: Plan, placement: Placement) -> dict[str, _Kind]:
    crowded = _crowded(plan)
    return {
        host: _Kind(
            names,
            host in placement.last,
            None if crowded.isdisjoint(names) else placement.domains.get(host),
        )
        for host, names in _movable(plan).items()
    }


def _movable(plan: Plan) -> dict[str, frozenset[str]]:
    """Give the services of each host that does not migrate for all others."""
    services: defaultdict[str, set[str]] = defaultdict(set)
    for name, service in plan.services.items():
        for host in service.hosts:
            services[host].add(name)
    once = _migrating(plan)
    return {host: frozenset(names) for host, names in services.items() if host not in once}


def _migrating(plan: Plan) -> set[str]:
    return {service.run_once_host for service in plan.services.values() if service.migrates_once}


def _crowded(plan: Plan) -> set[str]:
    """Name the services of which several hosts are down at once, for which all must be of one failure domain."""
    return {
        name
        for play in plan.plays
        if play.kind in DISRUPTIVE
        for name, hosts in play.services.items()
        if len(hosts) > 1
    }
