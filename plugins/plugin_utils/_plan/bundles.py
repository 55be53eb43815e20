# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles in a plan: whether services that change together on a host can do so, and what waits for what then."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from .._service.service import CatalogueError
from .._service.settings import place_of
from .._service.steps import CHANGE
from .._waves.nodes import BUNDLED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .._common.graph import CycleError
    from .._service.bundles import Bundle
    from .._service.service import Service

WITHOUT = " without "
"""In what a play needs: ``db/change without web`` is done once db has changed on all its hosts that web is not on."""


def check_bundles(bundles: Iterable[Bundle], services: Mapping[str, Service]) -> None:
    """Refuse bundles whose services are in different stages, or of which only some stop everywhere.

    :raises CatalogueError: naming the bundle, and the settings that do not go together
    """
    for bundle in bundles:
        stages = {name: services[name].stage for name in bundle.services}
        if len(set(stages.values())) > 1:
            raise CatalogueError(
                f"{bundle}, but are in different stages: {_settings(services, stages, 'stage')}. Give them "
                "one stage, or keep them on different hosts."
            )
        stops = {name: services[name].full_stop for name in bundle.services}
        if len(set(stops.values())) > 1:
            said = {name: str(stop).lower() for name, stop in stops.items()}
            raise CatalogueError(
                f"{bundle}, but not all of them stop everywhere: "
                f"{_settings(services, said, 'full_stop')}. Say full_stop: true for all of them, or for none."
            )


def _settings(services: Mapping[str, Service], said: Mapping[str, str], key: str) -> str:
    return ", ".join(f"{key}: {words} in {place_of(services[name], key)}" for name, words in said.items())


def is_crossing(exc: CycleError) -> bool:
    """Tell whether a cycle goes through a bundle, and not through services alone."""
    return any(name.startswith(BUNDLED) for name in exc.cycle)


def crossing(
    exc: CycleError,
    order: Mapping[str, Collection[str]],
    bundles: Iterable[Bundle],
    services: Mapping[str, Service],
) -> CatalogueError:
    """Say of a cycle which services cannot change together, as others go between them, and where that is said."""
    named = [_services_in(name) for name in exc.cycle]
    reasons = [
        str(bundle) for bundle in bundles if any(set(names) <= set(bundle.services) for names in named)
    ]
    edges = [
        next((name, before) for name in later for before in earlier if before in order[name])
        for later, earlier in pairwise(named)
    ]
    shown = " → ".join("+".join(names) for names in named)
    places = ", ".join(f"{before} in {_place(services[name], before)}" for name, before in edges)
    return CatalogueError(
        f"{'. '.join(reasons)}. That cannot be, as others go between them (each after the next): {shown}. Remove one "
        f"of these from after or requires: {places}; or keep the services on different hosts."
    )


def _services_in(node: str) -> Sequence[str]:
    return node[1:].split(BUNDLED) if node.startswith(BUNDLED) else (node,)


def _place(service: Service, before: str) -> str:
    key = "after" if before in {dependency.service for dependency in service.after} else "requires"
    return place_of(service, key)


def together_with(bundles: Iterable[Bundle]) -> dict[str, tuple[str, ...]]:
    """Give the services of its bundle for each service that is in one."""
    return {name: bundle.services for bundle in bundles for name in bundle.services}


def need_beside(before: str, hosts_before: Iterable[str], name: str, hosts: Collection[str]) -> Iterator[str]:
    """Name what must be done of a service before another one changes together with it on some hosts.

    That is the service on the hosts that have only that one.
    """
    if not set(hosts_before) <= set(hosts):
        yield f"{before}/{CHANGE}{WITHOUT}{name}"
