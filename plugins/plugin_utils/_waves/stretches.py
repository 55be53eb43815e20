"""Stretches: waves that need no barrier between them, as slots alone keep their hosts from going together."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .rules import Rules, Visit

    Wave = Sequence[Visit]


def stretches(waves: Iterable[Wave], rules: Rules, alone: Collection[str] = ()) -> list[list[Wave]]:
    """Cut *waves* where hosts of the one must be done before hosts of the next may begin.

    That is so between services with an order, between failure domains, between hosts of a service that differ in rank,
    and before the last host of a service. A wave
    with one of the hosts named in *alone* is a stretch of its own.
    """
    cut: list[list[Wave]] = []
    for wave in waves:
        if cut and _may_go_beside(wave, [*chain.from_iterable(cut[-1])], rules, alone):
            cut[-1].append(wave)
        else:
            cut.append([wave])
    return cut


def _may_go_beside(wave: Wave, before: Wave, rules: Rules, alone: Collection[str]) -> bool:
    hosts = [visit.host for visit in (*before, *wave)]
    domains = {rules.domains[host] for host in hosts if host in rules.domains}
    services, earlier = _services(wave), _services(before)
    barred = frozenset().union(*(rules.apart.get(service, frozenset()) for service in services))
    ranks = [frozenset().union(*map(rules.rank_of, visits)) for visits in (before, wave)]
    ranked = {service for service, _rank in ranks[1] - ranks[0]} | {
        service for service, _rank in ranks[0] - ranks[1]
    }
    lasts = _services(visit for visit in (*before, *wave) if visit.host in rules.last)
    return (
        len(domains) <= 1
        and barred.isdisjoint(earlier)
        and lasts.isdisjoint(earlier & services)
        and ranked.isdisjoint(earlier & services)
        and not any(host in alone for host in hosts)
    )


def _services(visits: Iterable[Visit]) -> frozenset[str]:
    return frozenset(service for visit in visits for service in visit.services)
