# This is a private utility of the orderly.services collection; it may change without notice.
"""Waves: which hosts may be disrupted at the same time without breaking a budget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ._order import closure, natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def pack(
    visits: Mapping[str, Iterable[str]],
    slots: Mapping[str, int],
    first: Iterable[str] = (),
    befores: Mapping[str, Iterable[str]] | None = None,
) -> tuple[tuple[str, ...], ...]:
    """Pack hosts into as few waves as the slots of their services allow, each host once.

    *visits* names the services that each host is disrupted for; a wave disrupts no more hosts of a service than it has
    slots. Services without slots in the mapping do not limit a wave. Hosts named in *first* come before others;
    otherwise the natural order of names decides, never the order of the input.

    *befores* names the services that each service comes after. Hosts of services with an order between them never
    share a wave, since what drains the one may be the other; hosts of what comes before go before.
    """
    earlier = {service: closure(befores or {}, service) for service in befores or {}}
    ahead = set(first)
    order = sorted(visits, key=lambda host: (host not in ahead, _depth(visits[host], earlier), natural(host)))
    waves = _Waves(slots, earlier)
    for host in order:
        waves.add(host, tuple(visits[host]))
    return tuple(tuple(sorted(hosts, key=natural)) for hosts in waves.hosts)


def _depth(services: Iterable[str], earlier: Mapping[str, frozenset[str]]) -> int:
    return max((len(earlier.get(service, ())) for service in services), default=0)


class _Waves:
    """Waves that fill up; each host goes into the first one that has room for it."""

    def __init__(self, slots: Mapping[str, int], earlier: Mapping[str, frozenset[str]]) -> None:
        self.hosts: list[list[str]] = []
        self._slots = slots
        self._earlier = earlier
        self._apart = {
            one: frozenset(other for other in earlier if other in earlier[one] or one in earlier[other])
            for one in earlier
        }
        self._used: list[Counter[str]] = []
        self._open_from: Counter[str] = Counter()  # by service, the first wave that is not full
        self._past: Counter[str] = Counter()  # by service, the wave after its last one

    def add(self, host: str, services: tuple[str, ...]) -> None:
        """Put a host into the first wave that has room for its services."""
        over = [self._past[before] for service in services for before in self._earlier.get(service, ())]
        wave = max([*over, *(self._open_from[service] for service in services)], default=0)
        while wave < len(self.hosts) and not self._has_room(wave, services):
            wave += 1
        if wave == len(self.hosts):
            self.hosts.append([])
            self._used.append(Counter())
        self.hosts[wave].append(host)
        self._used[wave].update(services)
        for service in services:
            self._past[service] = max(self._past[service], wave + 1)
            while self._open_from[service] < len(self.hosts) and self._is_full(
                self._open_from[service], service
            ):
                self._open_from[service] += 1

    def _has_room(self, wave: int, services: tuple[str, ...]) -> bool:
        apart = (other for service in services for other in self._apart.get(service, ()))
        return not any(self._is_full(wave, service) for service in services) and not any(
            self._used[wave][other] for other in apart
        )

    def _is_full(self, wave: int, service: str) -> bool:
        return service in self._slots and self._used[wave][service] >= self._slots[service]
