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
