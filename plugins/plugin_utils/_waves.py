# This is a private utility of the orderly.services collection; it may change without notice.
"""Waves: which hosts may be disrupted at the same time without breaking a budget."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ._order import closure, levels, natural

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    Kind = frozenset[str]
    """The services of a visit."""
    Group = tuple[Kind, str | None]
    """Visits of one kind in one failure domain."""


class Visit(NamedTuple):
    """A host that is disrupted once, for some of its services."""

    host: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """What waves keep to.

    A wave disrupts no more hosts of a service than it has *slots*; a service without slots does not limit it. It never
    holds hosts of two failure *domains*; hosts without one go with any. *befores* names the services that each service
    comes after. Hosts that are *last*, a primary say, are in the last wave of their services.
    """

    slots: Mapping[str, int]
    befores: Mapping[str, Iterable[str]] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)
    last: Collection[str] = frozenset()

    @cached_property
    def earlier(self) -> dict[str, frozenset[str]]:
        """Name all that each service comes after, directly or not."""
        return {service: closure(self.befores, service) for service in self.befores}

    @cached_property
    def depth(self) -> dict[str, int]:
        """Count the services of the longest chain before each service."""
        return {name: depth for depth, level in enumerate(levels(self.befores)) for name in level}

    @cached_property
    def apart(self) -> dict[str, frozenset[str]]:
        """Name the services that share no wave with each service, as there is an order between them."""
        result: defaultdict[str, set[str]] = defaultdict(set)
        for service, befores in self.earlier.items():
            for before in befores:
                result[service].add(before)
                result[before].add(service)
        return {service: frozenset(others) for service, others in result.items()}


def pack(
    visits: Mapping[str, Iterable[str]],
    rules: Rules,
    first: Collection[str] = (),
    batches: Sequence[int | str] = (),
) -> tuple[tuple[str, ...], ...]:
    """Pack hosts into as few waves as the rules allow, each host once.

    *visits* names the services that each host is disrupted for. Hosts named in *first* come before others; otherwise
    services and the natural order of names decide, never the order of the input. Hosts of services with an order
    between them never share a wave, since what drains the one may be the other; hosts of what comes before go before.

    *batches* are sizes as ``serial`` has them (numbers, or percentages of all hosts; the last one repeats): waves of
    one batch all come before those of the next, and a batch that exceeds a budget takes several waves.
    """
    order = _Order({host: tuple(services) for host, services in visits.items()}, rules, frozenset(first))
    waves = Waves(rules)
    for batch in _cut(order.for_people(), batches):
        start = len(waves)
        for host in order.for_packing(batch):
            services = order.visits[host]
            earlier = chain.from_iterable(rules.earlier.get(service, ()) for service in services)
            visit = Visit(host, services)
            waves.join(visit, waves.find(visit, max(start, waves.past(earlier))))
    return tuple(tuple(sorted((visit.host for visit in wave), key=natural)) for wave in waves)


def check_batches(batches: Iterable[int | str]) -> tuple[int | str, ...]:
    """Check the sizes of waves that somebody gave by hand; raises :class:`ValueError` with the odd one."""
    sizes = tuple(int(size) if isinstance(size, str) and size.isdigit() else size for size in batches)
    for size in sizes:
        whole = isinstance(size, int) and not isinstance(size, bool) and size >= 1
        if not whole and not (isinstance(size, str) and re.fullmatch(r"([1-9]\d?|100)%", size)):
            raise ValueError(repr(size))
    return sizes


def _cut(hosts: Sequence[str], batches: Sequence[int | str]) -> Iterator[Sequence[str]]:
    """Cut hosts into batches; without sizes all of them are one."""
    begin, number = 0, 0
    while begin < len(hosts):
        size = batches[min(number, len(batches) - 1)] if batches else len(hosts)
        count = max(1, len(hosts) * int(size[:-1]) // 100) if isinstance(size, str) else size
        yield hosts[begin : begin + count]
        begin, number = begin + count, number + 1


class _Order:
    """The order in which hosts take their places, which decides how many waves there are."""

    def __init__(self, visits: Mapping[str, tuple[str, ...]], rules: Rules, first: frozenset[str]) -> None:
        self.visits = visits
        self._rules = rules
        self._first = first
        self._rounds = self._count_rounds()
        self._tails = chains(spans((Visit(*visit) for visit in visits.items()), rules), rules)
        self._natural = {host: natural(host) for host in visits}

    def for_people(self) -> list[str]:
        """Order hosts as waves by hand take them: those left behind, then as names and services go, primaries last."""
        return sorted(self.visits, key=lambda host: (*self._class(host), self._natural[host]))

    def for_packing(self, hosts: Iterable[str]) -> list[str]:
        """Order hosts so that they pack well: where services are busiest first, while there is most room."""
        return sorted(hosts, key=lambda host: (*self._class(host), -self._weight(host), self._natural[host]))

    def _class(self, host: str) -> tuple[bool, int, int, bool]:
        return (
            host not in self._first,
            self._rounds[host],
            self._depth(self.visits[host]),
            host in self._rules.last,
        )

    def _weight(self, host: str) -> int:
        return sum(self._tails[service] ** 2 for service in self.visits[host])

    def _depth(self, services: Iterable[str]) -> int:
        return max((self._rules.depth.get(service, 0) for service in services), default=0)

    def _count_rounds(self) -> dict[str, int]:
        """Count the rounds after which a host may go: each takes the hosts that wait for nobody who is left.

        Where hosts wait for each other, as each runs what comes before a service of the other, those go whose services
        come first: with one visit to each host there is no order that holds for all.
        """
        kinds: defaultdict[tuple[frozenset[str], bool], list[str]] = defaultdict(list)
        for host, services in self.visits.items():
            kinds[frozenset(services), host in self._rules.last].append(host)
        befores = {
            services: frozenset(chain.from_iterable(self._rules.earlier.get(s, ()) for s in services))
            - services
            for services, _last in kinds
        }
        rounds: dict[str, int] = {}
        number = 0
        left = list(kinds)
        while left:
            waited_for = frozenset(chain.from_iterable(services for services, _last in left))
            ordinary = frozenset(chain.from_iterable(services for services, last in left if not last))
            ready = {
                (services, last)
                for services, last in left
                if befores[services].isdisjoint(waited_for) and not (last and services & ordinary)
            } or self._foremost(left)
            rounds |= {host: number for kind in ready for host in kinds[kind]}
            left = [kind for kind in left if kind not in ready]
            number += 1
        return rounds

    def _foremost(self, kinds: Collection[tuple[frozenset[str], bool]]) -> set[tuple[frozenset[str], bool]]:
        lowest = min((last, self._depth(services)) for services, last in kinds)
        return {(services, last) for services, last in kinds if (last, self._depth(services)) == lowest}


class Waves:
    """Waves that fill up; a visit goes into the first one that has room for it.

    A set of waves is an integer, with bit *n* for wave *n*: whether there is room for many services at once, in any of
    thousands of waves, takes a few operations.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._visits: list[list[Visit]] = []
        self._used: defaultdict[str, Counter[int]] = defaultdict(
            Counter
        )  # by service, its hosts in each wave
        self._with: defaultdict[str, int] = defaultdict(int)  # by service, the waves that disrupt it
        self._full: defaultdict[str, int] = defaultdict(int)  # by service, the waves without a slot left
        self._domain: defaultdict[str, int] = defaultdict(
            int
        )  # by failure domain, the waves that hold its hosts
        self._any_domain = 0
        self._closed = 0  # the waves that nobody can join

    def __len__(self) -> int:
        return len(self._visits)

    def __iter__(self) -> Iterator[tuple[Visit, ...]]:
        return map(tuple, self._visits)

    def reserve(self, domains: Iterable[str]) -> None:
        """Set the first waves aside for failure domains, one for each."""
        for wave, domain in enumerate(domains):
            self._domain[domain] |= 1 << wave
            self._any_domain |= 1 << wave

    def past(self, services: Iterable[str]) -> int:
        """Give the wave after the last one that disrupts any of the services."""
        return max((self._with[service].bit_length() for service in services), default=0)

    def find(self, visit: Visit, start: int = 0) -> int:
        """Find the first wave from *start* on that has room for a visit."""
        if visit.host in self._rules.last:
            start = max(start, self.past(visit.services) - 1)
        taken = self._barred(visit) | ((1 << start) - 1)
        return (~taken & (taken + 1)).bit_length() - 1

    def has_room(self, visit: Visit, wave: int) -> bool:
        """Tell whether a visit may join a wave."""
        return not self._barred(visit) >> wave & 1

    def insert(self, visits: Iterable[Visit], wave: int) -> None:
        """Put visits into a wave of their own, which nobody can join; those from there on come one later."""
        self._visits.insert(wave, [])
        below = (1 << wave) - 1

        def moved(waves: int) -> int:
            return waves & below | (waves & ~below) << 1

        for sets in (self._with, self._full, self._domain):
            sets.update({name: moved(waves) for name, waves in sets.items()})
        self._any_domain = moved(self._any_domain)
        self._closed = moved(self._closed) | 1 << wave
        for service, used in self._used.items():
            self._used[service] = Counter({n + (n >= wave): count for n, count in used.items()})
        for visit in visits:
            self.join(visit, wave)

    def _barred(self, visit: Visit) -> int:
        barred = self._closed
        for service in visit.services:
            barred |= self._full[service]
            for other in self._rules.apart.get(service, ()):
                barred |= self._with[other]
        domain = self._rules.domains.get(visit.host)
        if domain is not None:
            barred |= self._any_domain & ~self._domain[domain]
        return barred

    def join(self, visit: Visit, wave: int) -> None:
        """Put a visit into a wave that has room for it."""
        self._visits.extend([] for _missing in range(len(self._visits), wave + 1))
        self._visits[wave].append(visit)
        bit = 1 << wave
        for service in visit.services:
            self._with[service] |= bit
            self._used[service][wave] += 1
            if service in self._rules.slots and self._used[service][wave] >= self._rules.slots[service]:
                self._full[service] |= bit
        if (domain := self._rules.domains.get(visit.host)) is not None:
            self._domain[domain] |= bit
            self._any_domain |= bit


# --- The fewest waves there can be ---


def loads(visits: Iterable[Visit], rules: Rules) -> dict[str, int]:
    """Count the waves that each service needs at least, whatever else there is."""
    return _loads(_alike(visits, rules), rules)


def _alike(visits: Iterable[Visit], rules: Rules) -> Counter[Group]:
    return Counter((frozenset(services), rules.domains.get(host)) for host, services in visits)


def _loads(groups: Mapping[Group, int], rules: Rules) -> dict[str, int]:
    hosts: defaultdict[str, Counter[str | None]] = defaultdict(Counter)
    alone: Counter[str] = Counter()
    for (here, domain), count in groups.items():
        for service in here:
            if rules.apart.get(service, frozenset()).isdisjoint(here):
                hosts[service][domain] += count
            else:
                alone[service] += (
                    count  # it runs what shares no wave with the service: neither does another host
                )
    return {
        service: alone[service] + _waves_of(hosts[service], rules.slots.get(service))
        for service in {**hosts, **alone}
    }


def _waves_of(hosts: Counter[str | None], slots: int | None) -> int:
    """Count the waves for the hosts of one service, by failure domain."""
    needed = {
        domain: -(-count // slots) if slots else min(count, 1)
        for domain, count in hosts.items()
        if domain is not None
    }
    return max(sum(needed.values()), -(-hosts.total() // slots) if slots else min(hosts.total(), 1))


def spans(visits: Iterable[Visit], rules: Rules) -> dict[str, int]:
    """Count the waves that pass from the first host of each service to its last, at least.

    A host is visited for all its services at once, so one service may have to wait for the slots of another. Hosts that
    also run what a service comes after are left to that one.
    """
    own: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        for service in visit.services:
            if rules.earlier.get(service, frozenset()).isdisjoint(visit.services):
                own[service].append(visit)
    return {service: max(loads(each, rules).values()) for service, each in own.items()}


def chains(needed: Mapping[str, int], rules: Rules) -> dict[str, int]:
    """Count the waves from the first of each service to the end, through all that comes after it."""
    tails: dict[str, int] = {}
    for service in sorted(rules.earlier.keys() | needed, key=lambda name: -len(rules.earlier.get(name, ()))):
        later = (tails.get(other, 0) for other in rules.apart.get(service, ()))
        tails[service] = needed.get(service, 0) + max(later, default=0)
    return tails


def busiest(visits: Iterable[Visit], rules: Rules) -> Iterator[tuple[str, int]]:
    """Name the services of the longest chain, in the order of their waves, with the waves that each takes at least."""
    needed = spans(visits, rules)
    tails = chains(needed, rules)
    candidates = set(needed)
    while candidates:
        name = min(candidates, key=lambda name: (-tails[name], natural(name)))
        yield name, needed[name]
        candidates = {other for other in needed if name in rules.earlier.get(other, ())}


def fewest(visits: Iterable[Visit], rules: Rules) -> int:
    """Give a bound: no packing can do with fewer waves.

    Where at least n waves follow each of some visits, all of these are done n waves before the end; so there are at
    least n waves, and those besides that the visits need among themselves, in whatever order. How many waves follow a
    visit: visits of one kind, to the same services, have the same followers, those to a service that comes after one of
    theirs. All followers go later, so these waves are at least the bound of the followers by themselves.

    Where kinds wait for each other, no order holds for all of them, and only chains of services count.
    """
    visits = tuple(visits)
    groups = _alike(visits, rules)
    in_order = _bound(groups, _waves_after(groups, rules), rules)
    return max([in_order, *chains(spans(visits, rules), rules).values()])


def _bound(groups: Mapping[Group, int], after: Mapping[Kind, int], rules: Rules) -> int:
    """Bound the waves of some visits: for each number of waves after some of them, these and the waves after them."""
    numbers = {after[kind] for kind, _domain in groups}
    return max(
        (
            n + _unordered({each: groups[each] for each in groups if after[each[0]] >= n}, rules)
            for n in numbers
        ),
        default=0,
    )


def _unordered(groups: Mapping[Group, int], rules: Rules) -> int:
    """Bound the waves of visits in any order: the busiest service, or one failure domain after the other."""
    by_domain: defaultdict[str, dict[Group, int]] = defaultdict(dict)
    for group, count in groups.items():
        if group[1] is not None:
            by_domain[group[1]][group] = count
    apart = sum(max(_loads(each, rules).values(), default=0) for each in by_domain.values())
    return max([apart, *_loads(groups, rules).values()])


def _waves_after(groups: Mapping[Group, int], rules: Rules) -> dict[Kind, int]:
    """Count the waves that follow the last visit of each kind, at least; none where kinds wait for each other."""
    kinds = {kind for kind, _domain in groups}
    waits_for = {
        kind: frozenset(chain.from_iterable(rules.earlier.get(s, ()) for s in kind)) - kind for kind in kinds
    }
    followers = {kind: {other for other in kinds if waits_for[other] & kind} for kind in kinds}
    after: dict[Kind, int] = {}
    while left := kinds - after.keys():
        ready = [kind for kind in left if followers[kind] <= after.keys()]
        if not ready:
            return dict.fromkeys(kinds, 0)
        for kind in ready:
            after[kind] = _bound(
                {each: n for each, n in groups.items() if each[0] in followers[kind]}, after, rules
            )
    return after
