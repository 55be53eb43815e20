"""The schedule of an upgrade: the waves of a whole graph of services, packed together.

A service may change on its hosts as soon as all that it comes after is done on all theirs, whatever else is still to
do. Nothing depends on the order in which services and hosts are listed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from .._common.graph import levels
from .._common.text import natural
from .bounds import chains, fewest, loads
from .domains import make_rota
from .nodes import make_nodes, order_of
from .pack import Waves
from .rules import Rules, Visit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .nodes import Change

    Wave = dict[str, tuple[str, ...]]

    """The hosts of each service that a wave disrupts."""


@dataclass(frozen=True)
class Schedule:
    """The waves, and for each service, changing or not, after how many of them it is done."""

    waves: tuple[Wave, ...]
    done: Mapping[str, int]


def make_schedule(
    order: Mapping[str, Iterable[str]],
    changes: Mapping[str, Change],
    domains: Mapping[str, str] | None = None,
    last: Collection[str] = (),
    bundles: Sequence[Collection[str]] = (),
) -> Schedule:
    """Pack the waves of all services in *order*, which names what each of them comes after.

    *domains* and *last* are those of :class:`Rules`. The services of one of the *bundles* change together on the hosts
    that they share; elsewhere what one of them comes after goes before. Raises :class:`CycleError`. With failure
    domains there are two schedules to choose from: with a rota of them, and with whatever domain comes first.
    """
    schedules = [_Scheduler(order, changes, domains or {}, frozenset(last), bundles).schedule()]
    if domains:
        scheduler = _Scheduler(order, changes, domains, frozenset(last), bundles)
        scheduler.keep_rota()
        schedules.append(scheduler.schedule())
    return min(schedules, key=lambda schedule: len(schedule.waves))


class _Scheduler:
    """Services have a rank, above that of all they come after; a rank is packed when all below it have their waves.

    A host is visited as few times as the ranks allow, but for the visits that would take more waves: a service is
    *due* by the last wave that leaves enough for all that comes after it. Whoever would be late goes alone.

    Services that change together are one here, a node, which visits name beside them where they take their places.
    """

    def __init__(
        self,
        order: Mapping[str, Iterable[str]],
        changes: Mapping[str, Change],
        domains: Mapping[str, str],
        last: frozenset[str],
        bundles: Sequence[Collection[str]],
    ) -> None:
        self._services = [name for level in levels(order) for name in level]
        self._changes = make_nodes(
            {name: changes[name] for name in self._services if name in changes}, bundles
        )
        order = order_of(order, self._changes)
        self._levels = levels(order)
        self._last = last
        slots = {name: node.slots for name, node in self._changes.items()}
        self._order = Rules(slots, befores=order, domains=domains)
        # Whoever waits is told when to start, so the waves need not know the order.
        of_services = {name: change.slots for name, change in changes.items()}
        self._waves = Waves(Rules(of_services, domains=domains, last=last))
        self._tails, self._due = self._deadlines(Rules(slots, domains=domains))

    def schedule(self) -> Schedule:
        visits = self._visits()
        places: defaultdict[str, list[int]] = defaultdict(list)
        for rank, level in enumerate(self._levels):
            for name in reversed(level):
                if name in self._changes and self._changes[name].full_stop:
                    self._stop(name, places)
            start = {name: self._release(name) for name in self._order.befores}
            for visit in sorted(visits.get(rank, ()), key=self._urgency):
                self._place(visit, start, places[visit.host])
        return _without_empty(tuple(self._named()), {name: self._done(name) for name in self._services})

    def keep_rota(self) -> None:
        """Give every wave to a failure domain beforehand, and every service the time that this takes."""
        needs: dict[str, Counter[str]] = {}
        for name, change in self._changes.items():
            if not change.full_stop:
                hosts = Counter(
                    self._order.domains[host] for host in change.hosts if host in self._order.domains
                )
                needs[name] = Counter({domain: -(-count // change.slots) for domain, count in hosts.items()})
        after = {name: self._tails[name] - needs[name].total() for name in needs}
        rota = make_rota(needs, self._order.earlier, after)
        self._waves.reserve(rota.domains)
        self._due.update(rota.due)

    def _deadlines(self, unordered: Rules) -> tuple[dict[str, int], dict[str, int]]:
        """Give the waves from the first of each service to the end, and the last wave that each of them may take."""
        each = [
            Visit(host, (name,))
            for name, change in self._changes.items()
            if not change.full_stop
            for host in change.hosts
        ]
        needed = {**dict.fromkeys(self._order.befores, 0), **loads(each, unordered)}
        tails = chains(needed, self._order)
        end = max([fewest(each, unordered), *tails.values()])
        return tails, {name: end - tails[name] + needed[name] - 1 for name in needed}

    # --- Visits ---

    def _visits(self) -> dict[int, list[Visit]]:
        """Give, by rank, the visits: each host as few times as the ranks of its services allow."""
        windows = self._windows()
        services: defaultdict[str, list[str]] = defaultdict(list)
        for name, change in self._changes.items():
            if not change.full_stop:
                for host in change.hosts:
                    services[host].append(name)
        visits: defaultdict[int, list[Visit]] = defaultdict(list)
        for host, names in services.items():
            for rank, together in _stab(names, windows, apart=host in self._last):
                visits[rank].append(Visit(host, together))
        return visits

    def _windows(self) -> dict[str, tuple[int, int]]:
        """Give the ranks that each service may have, lowest and highest: all are below those of what comes after it."""
        lowest = {name: rank for rank, level in enumerate(self._levels) for name in level}
        highest = dict.fromkeys(lowest, len(self._levels) - 1)
        for name, befores in self._order.befores.items():
            for before in befores:
                if before in highest:
                    highest[before] = min(highest[before], lowest[name] - 1)
        return {name: (lowest[name], highest[name]) for name in lowest}

    def _urgency(self, visit: Visit) -> tuple[object, ...]:
        """Put first what most waits for; a host that is last comes after all others of its rank."""
        weight = sum(self._tails[name] ** 2 for name in visit.services)
        return visit.host in self._last, -weight, natural(visit.host), visit.services

    # --- Places ---

    def _release(self, name: str) -> int:
        return self._waves.past(self._order.earlier[name])

    def _done(self, name: str) -> int:
        return self._waves.past((name,)) or self._release(name)

    def _place(self, visit: Visit, start: Mapping[str, int], places: list[int]) -> None:
        """Place a visit in a wave that has the host already, else in the first with room; what is late goes alone."""
        services = sorted(visit.services, key=lambda name: (-self._due[name], natural(name)))
        while services:
            due = self._due[services[-1]]
            together = Visit(visit.host, tuple(services))
            disrupted = self._disrupted(together)
            wave = self._find(disrupted, max(start[name] for name in services), due, places)
            if wave > due and len(services) > 1:
                alone = services.pop()
                self._place(Visit(visit.host, (alone,)), start, places)
                continue
            self._waves.join(disrupted, wave)
            places.append(wave)
            return

    def _disrupted(self, visit: Visit) -> Visit:
        """Name beside the nodes of a visit the services that are disrupted with them."""
        nodes = {name: self._changes[name].on(visit.host) for name in visit.services}
        return Visit(
            visit.host, tuple(dict.fromkeys(each for name in nodes for each in (name, *nodes[name])))
        )

    def _find(self, visit: Visit, start: int, due: int, places: Iterable[int]) -> int:
        if visit.host not in self._last:
            for wave in places:
                if start <= wave <= due and self._waves.has_room(visit, wave):
                    return wave
        return self._waves.find(visit, start)

    def _stop(self, name: str, places: Mapping[str, list[int]]) -> None:
        """Give a full stop a wave of its own, before those that are there."""
        wave = self._release(name)
        visits = [self._disrupted(Visit(host, (name,))) for host in self._changes[name].hosts]
        self._waves.insert(visits, wave)
        for waves in places.values():
            waves[:] = [number + (number >= wave) for number in waves]
        for other, due in self._due.items():
            self._due[other] = due + (due >= wave)

    def _named(self) -> Iterator[Wave]:
        rank = {name: number for number, name in enumerate(self._services)}
        for wave in self._waves:
            hosts: defaultdict[str, list[str]] = defaultdict(list)
            for visit in wave:
                for name in visit.services:
                    if name in rank:
                        hosts[name].append(visit.host)
            yield {
                name: tuple(sorted(hosts[name], key=natural)) for name in sorted(hosts, key=rank.__getitem__)
            }


def _without_empty(waves: tuple[Wave, ...], done: Mapping[str, int]) -> Schedule:
    """Drop waves that were set aside and taken by nobody."""
    taken = [0, *accumulate(bool(wave) for wave in waves)]
    return Schedule(tuple(filter(None, waves)), {name: taken[number] for name, number in done.items()})


def _stab(
    names: Iterable[str], windows: Mapping[str, tuple[int, int]], *, apart: bool
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Group the services of a host by a rank in the windows of all of the group, into as few groups as can be.

    With *apart* each service is a group of its own, at its highest rank.
    """
    together: list[str] = []
    rank = -1
    for name in sorted(names, key=lambda name: (windows[name][1], natural(name))):
        if together and (apart or windows[name][0] > rank):
            yield rank, tuple(together)
            together = []
        if not together:
            rank = windows[name][1]
        together.append(name)
    if together:
        yield rank, tuple(together)
