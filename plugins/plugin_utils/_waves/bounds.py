"""Lower bounds: how few waves could do at best."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain
from typing import TYPE_CHECKING

from .._common.text import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .rules import Rules, Visit

    Kind = frozenset[str]

    """The services of a visit."""

    Group = tuple[Kind, str | None]

    """Visits of one kind in one failure domain."""


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
