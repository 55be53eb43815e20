# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranks: what the ``rank.yml`` of roles found out about who goes first and who last. Pure."""

from __future__ import annotations

from itertools import combinations, product
from typing import TYPE_CHECKING, Any

from .._common.text import listed, natural, shortened
from .._service.rank import rank_variable, where_not_set, whole_number
from .._service.steps import RANK
from .roll import RollError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .._service.service import Service
    from .roll import Roll

    Ranks = dict[str, dict[str, int]]


def read_ranks(
    services: Iterable[Service], members: Mapping[str, Collection[str]], value: Callable[[str, str], Any]
) -> Ranks:
    """Read the ranks of the members that answered, by service and host; *value* gives a variable of a host.

    :raises RollError: naming the hosts whose role set no whole number
    """
    ranks: Ranks = {}
    for service in services:
        if service.tasks_file(RANK) is None:
            continue
        name = rank_variable(service.name)
        found = {host: whole_number(value(host, name)) for host in members[service.name]}
        if wrong := [host for host, rank in found.items() if rank is None]:
            where = where_not_set(service.name, wrong, service.tasks_file(RANK))
            raise RollError(f"Nothing was started: rank.yml of {service.name} set no whole number {where}")
        ranks[service.name] = {host: rank for host, rank in found.items() if rank is not None}
    return ranks


def rank_lines(roll: Roll) -> Iterator[str]:
    """Say who goes last of which service, and where two services say the opposite of two hosts."""
    ranks = _visited(roll)
    for name, hosts in ranks.items():
        if len(set(hosts.values())) > 1:
            highest = max(hosts.values())
            last = [host for host, rank in hosts.items() if rank == highest]
            yield f"Last of {name}, as its rank.yml found out: {listed(shortened(last))}."
    for one, other in combinations(ranks, 2):
        if pair := _against_each_other(ranks[one], ranks[other]):
            first = min(pair, key=roll.order.index)
            yield (
                f"{one} and {other} rank {' and '.join(pair)} against each other; {first} goes first, as services that "
                "come first, or else their names, decide."
            )


def _visited(roll: Roll) -> Ranks:
    ranks = {
        name: {host: rank for host, rank in hosts.items() if host in roll.visits and name in roll.names(host)}
        for name, hosts in roll.rules.ranks.items()
    }
    return {name: ranks[name] for name in sorted(ranks, key=natural)}


def _against_each_other(one: Mapping[str, int], other: Mapping[str, int]) -> tuple[str, str] | None:
    """Find two hosts that two services rank the other way round; of many that rank alike one stands for all."""
    example = {
        (one[host], other[host]): host
        for host in sorted(one.keys() & other.keys(), key=natural, reverse=True)
    }
    return next(
        (
            (example[here], example[there])
            for here, there in product(example, example)
            if here[0] < there[0] and here[1] > there[1]
        ),
        None,
    )
