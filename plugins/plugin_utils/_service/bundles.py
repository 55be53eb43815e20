# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles: services that change together on every host that has several of them.

Whoever upgrades a package upgrades it for all services that consist of it; so these stop before it changes, and start
when all of them have migrated. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from .._common.text import listed, natural
from .steps import ORDERLY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from .service import Service


@dataclass(frozen=True)
class Bundle:
    """The names of services that change together where they share a host, and why they do."""

    services: tuple[str, ...]
    why: tuple[str, ...]

    def __str__(self) -> str:
        together = " and ".join([listed(self.services[:-1]), self.services[-1]])
        return f"{together} change together on the hosts that they share ({'; '.join(self.why)})"


def find_bundles(services: Iterable[Service], members: Mapping[str, Collection[str]]) -> tuple[Bundle, ...]:
    """Find the bundles among services that change; *members* names the hosts of each.

    Two that share a host are of one bundle where they share a package, say the same ``bundle``, or are both written for
    TripleO, which ends a step of all services of a host before it begins the next. So is what either is bundled with.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for service in services:
        for reason in _reasons(service):
            alike[reason].append(service.name)
    bundle_of: dict[str, set[str]] = {}
    for names in alike.values():
        for one, other in combinations(names, 2):
            if not set(members[one]).isdisjoint(members[other]):
                both = bundle_of.get(one, {one}) | bundle_of.get(other, {other})
                bundle_of.update(dict.fromkeys(both, both))
    found = {tuple(sorted(names, key=natural)) for names in bundle_of.values()}
    return tuple(
        Bundle(names, tuple(sorted(reason for reason, theirs in alike.items() if _shared(names, theirs))))
        for names in sorted(found, key=lambda names: natural(names[0]))
    )


def _reasons(service: Service) -> Iterator[str]:
    yield from dict.fromkeys(f"package {package.partition(':')[0]}" for package in service.packages)
    if service.bundle is not None:
        yield f"bundle: {service.bundle}"
    if service.dialect != ORDERLY:
        yield "written for TripleO"


def _shared(names: Collection[str], theirs: Iterable[str]) -> bool:
    return len(set(names).intersection(theirs)) > 1
