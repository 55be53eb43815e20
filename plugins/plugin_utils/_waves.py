# This is a private utility of the orderly.services collection; it may change without notice.
"""Waves: which hosts may be disrupted at the same time without breaking a budget."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ._order import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def pack(
    visits: Mapping[str, Iterable[str]], slots: Mapping[str, int], first: Iterable[str] = ()
) -> tuple[tuple[str, ...], ...]:
    """Pack hosts into as few waves as the slots of their services allow, each host once.

    *visits* names the services that each host is disrupted for; a wave disrupts no more hosts of a service than it has
    slots. Hosts named in *first* come before others; otherwise the natural order of names decides, never the order of
    the input. Services without slots in the mapping do not limit a wave.
    """
    ahead = set(first)
    order = sorted(visits, key=lambda host: (host not in ahead, natural(host)))
    waves: list[list[str]] = []
    used: list[Counter[str]] = []
    open_from: Counter[str] = Counter()
    for host in order:
        services = [service for service in visits[host] if service in slots]
        wave = max((open_from[service] for service in services), default=0)
        while wave < len(waves) and any(used[wave][service] >= slots[service] for service in services):
            wave += 1
        if wave == len(waves):
            waves.append([])
            used.append(Counter())
        waves[wave].append(host)
        used[wave].update(services)
        for service in services:
            while open_from[service] < len(waves) and used[open_from[service]][service] >= slots[service]:
                open_from[service] += 1
    return tuple(tuple(sorted(wave, key=natural)) for wave in waves)
