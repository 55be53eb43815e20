"""Services that work only while more than half of their hosts are up: their budgets leave that many. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .budget import slots_of
from .catalogue import variable
from .service import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from .service import Service


def check_majorities(services: Iterable[Service], members: Mapping[str, Collection[str]]) -> None:
    """Raise :class:`CatalogueError` where a budget takes the majority of a service that keeps it.

    One host at a time is never refused here: whether two hosts, or one, can do without it is known to the role. A full
    stop is an outage that was asked for.
    """
    for service in services:
        hosts = len(members[service.name])
        spare = max(1, (hosts - 1) // 2)
        down = slots_of(service.max_unavailable, hosts)
        if service.keeps_majority and not service.full_stop and down > spare:
            raise CatalogueError(
                f"{service.name} works only while more than half of its {hosts} hosts are up, but max_unavailable is "
                f"{service.max_unavailable}, and so {down} of them at once. Nothing was touched. Set "
                f"{variable(service.name, 'max_unavailable')} to {spare}{' or less' if spare > 1 else ''}."
            )
