"""What packing goes by: visits of hosts, and the rules that waves obey."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from .._common.graph import closure, levels

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping


class Visit(NamedTuple):
    """A host that is disrupted once, for some of its services."""

    host: str
    services: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """What waves keep to.

    A wave disrupts no more hosts of a service than it has *slots*; a service without slots does not limit it. It never
    holds hosts of two failure *domains*; hosts without one go with any. *befores* names the services that each service
    comes after. Hosts that are *last*, a primary say, are in the last wave of their services. *ranks* gives hosts of
    some services a number: hosts with a higher one go in later waves than those with lower ones.
    """

    slots: Mapping[str, int]
    befores: Mapping[str, Iterable[str]] = field(default_factory=dict)
    domains: Mapping[str, str] = field(default_factory=dict)
    last: Collection[str] = frozenset()
    ranks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @cached_property
    def earlier(self) -> dict[str, frozenset[str]]:
        """Name all that each service comes after, directly or not."""
        return {service: closure(self.befores, service) for service in self.befores}

    def rank(self, service: str, host: str) -> int:
        """Give the rank of a host of a service, 0 where nobody ranks it."""
        return self.ranks.get(service, {}).get(host, 0)

    def rank_of(self, visit: Visit) -> frozenset[tuple[str, int]]:
        """Give the ranks of a host for the services that it is visited for, of those that have any."""
        if not self.ranks:
            return frozenset()
        return frozenset(
            (service, self.rank(service, visit.host)) for service in visit.services if service in self.ranks
        )

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
