# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade puts in order: services, and in place of those of a bundle what of it changes together on a host.

Of services that change together, hosts may have all or some. Those that have the same ones are a node of the order: it
comes after all that any of its services comes after, but for what changes with that service on the same host.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

BUNDLED = "+"  # no name of a service has it


@dataclass(frozen=True)
class Change:
    """A service that is to change: where, how many hosts at once, or all of them together."""

    hosts: tuple[str, ...]
    slots: int
    full_stop: bool = False


@dataclass(frozen=True)
class Node(Change):
    """Services that change together on some hosts: all of them on each, but for those in *less*."""

    services: tuple[str, ...] = ()
    less: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def on(self, host: str) -> tuple[str, ...]:
        """Name the services that change on a host."""
        return self.less.get(host, self.services)


def make_nodes(changes: Mapping[str, Change], bundles: Iterable[Collection[str]]) -> dict[str, Node]:
    """Give the nodes by their names; that of a service in no bundle is the service's.

    A bundle that stops everywhere is one node.
    """
    together = [tuple(name for name in changes if name in bundle) for bundle in bundles]
    alone = changes.keys() - {name for names in together for name in names}
    nodes = {
        name: Node(change.hosts, change.slots, change.full_stop, (name,))
        for name, change in changes.items()
        if name in alone
    }
    for names in filter(None, together):
        nodes |= {_name(node.services): node for node in _of_bundle(names, changes)}
    return nodes


def _of_bundle(names: Sequence[str], changes: Mapping[str, Change]) -> list[Node]:
    services: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        for host in changes[name].hosts:
            services[host].append(name)
    if any(changes[name].full_stop for name in names):
        less = {host: tuple(here) for host, here in services.items() if len(here) < len(names)}
        return [Node(tuple(services), len(services), full_stop=True, services=tuple(names), less=less)]
    hosts: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, here in services.items():
        hosts[tuple(here)].append(host)
    return [
        Node(tuple(members), min(changes[name].slots for name in here), services=here)
        for here, members in hosts.items()
    ]


def _name(services: Iterable[str]) -> str:
    return "".join(f"{BUNDLED}{name}" for name in services)


def order_of(order: Mapping[str, Iterable[str]], nodes: Mapping[str, Node]) -> dict[str, tuple[str, ...]]:
    """Name the nodes that each node comes after, by what services come after; what does not change is a node too."""
    at: defaultdict[str, list[str]] = defaultdict(list)
    for name, node in nodes.items():
        for service in node.services:
            at[service].append(name)
    idle = {name: (name,) for name in order if name not in at}
    places: Mapping[str, Sequence[str]] = {**at, **idle}

    def before(name: str, services: Collection[str]) -> tuple[str, ...]:
        found = (
            place
            for service in services
            for each in order.get(service, ())
            for place in places.get(each, ())
            if place != name and not (each in services and service in nodes[place].services)
        )
        return tuple(dict.fromkeys(found))

    named = {**{name: nodes[name].services for name in nodes}, **idle}
    return {name: before(name, services) for name, services in named.items()}
