"""Waves: which hosts may be disrupted at the same time without breaking a budget."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from .._common.text import natural
from .._service.budget import slots_of
from .bounds import chains, spans
from .rules import Rules, Visit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence


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


def _cut(hosts: Sequence[str], batches: Sequence[int | str]) -> Iterator[Sequence[str]]:
    """Cut hosts into batches; without sizes all of them are one."""
    begin, number = 0, 0
    while begin < len(hosts):
        size = batches[min(number, len(batches) - 1)] if batches else len(hosts)
        count = slots_of(size, len(hosts))
        yield hosts[begin : begin + count]
        begin, number = begin + count, number + 1


class Kind(NamedTuple):
    """What hosts have in common that may go in each other's place."""

    services: frozenset[str]
    last: bool
    ranks: frozenset[tuple[str, int]]


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
        kinds: defaultdict[Kind, list[str]] = defaultdict(list)
        for host, services in self.visits.items():
            ranks = self._rules.rank_of(Visit(host, services))
            kinds[Kind(frozenset(services), host in self._rules.last, ranks)].append(host)
        befores = {
            services: frozenset(chain.from_iterable(self._rules.earlier.get(s, ()) for s in services))
            - services
            for services, _last, _ranks in kinds
        }
        rounds: dict[str, int] = {}
        number = 0
        left = list(kinds)
        while left:
            waited_for = frozenset(chain.from_iterable(kind.services for kind in left))
            ordinary = frozenset(chain.from_iterable(kind.services for kind in left if not kind.last))
            lowest = _lowest_ranks(left)
            ready = {
                kind
                for kind in left
                if befores[kind.services].isdisjoint(waited_for)
                and not (kind.last and kind.services & ordinary)
                and all(rank == lowest[service] for service, rank in kind.ranks)
            } or self._foremost(left)
            rounds |= {host: number for kind in ready for host in kinds[kind]}
            left = [kind for kind in left if kind not in ready]
            number += 1
        return rounds

    def _foremost(self, kinds: Collection[Kind]) -> set[Kind]:
        """Choose by what comes first; where services rank hosts against each other, those say it that come first."""
        lowest = min((kind.last, self._depth(kind.services)) for kind in kinds)
        chosen = [kind for kind in kinds if (kind.last, self._depth(kind.services)) == lowest]
        for service in sorted(_lowest_ranks(chosen), key=lambda name: (self._depth([name]), natural(name))):
            ranks = {kind: dict(kind.ranks).get(service) for kind in chosen}
            known = [rank for rank in ranks.values() if rank is not None]
            if len(set(known)) > 1:
                return {kind for kind, rank in ranks.items() if rank == min(known)}
        return set(chosen)


def _lowest_ranks(kinds: Iterable[Kind]) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for service, rank in chain.from_iterable(kind.ranks for kind in kinds):
        lowest[service] = min(rank, lowest.get(service, rank))
    return lowest


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
        self._ranked: defaultdict[str, dict[int, int]] = defaultdict(dict)  # by service and rank, the waves
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
        for service, rank in self._rules.rank_of(visit):
            lower = (waves for other, waves in self._ranked[service].items() if other < rank)
            start = max([start, *(waves.bit_length() for waves in lower)])
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
        for service, rank in self._rules.rank_of(visit):
            for theirs, waves in self._ranked[service].items():
                barred |= waves if theirs != rank else 0
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
        for service, rank in self._rules.rank_of(visit):
            self._ranked[service][rank] = self._ranked[service].get(rank, 0) | bit
        if (domain := self._rules.domains.get(visit.host)) is not None:
            self._domain[domain] |= bit
            self._any_domain |= bit
