# This is a private utility of the orderly.services collection; it may change without notice.
"""Names of many hosts in few words."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from ._order import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

FEW = 2
SHOWN = 12
NUMBERED = re.compile(r"([^.]*?)(\d+)([^\d.]*(?:\..*)?)")  # the last number before the first dot


def shortened(hosts: Iterable[str]) -> list[str]:
    """Name hosts that differ in a number together, as in ``web[1-9,12].example.org``, unless there are but two."""
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for host in sorted(hosts, key=natural):
        match = NUMBERED.fullmatch(host)
        alike[(match[1], match[3]) if match else (host, "")].append(match[2] if match else "")
    return [name for ends, numbers in alike.items() for name in _together(*ends, numbers)]


def _together(before: str, after: str, numbers: Sequence[str]) -> list[str]:
    if len(numbers) <= FEW:
        return [f"{before}{number}{after}" for number in numbers]
    return [f"{before}[{','.join(_runs(numbers))}]{after}"]


def _runs(numbers: Sequence[str]) -> Iterator[str]:
    first = 0
    for end, number in enumerate(numbers, 1):
        if end == len(numbers) or numbers[end] != f"{int(number) + 1:0{len(number)}}":
            run = numbers[first:end]
            yield from run if len(run) <= FEW else [f"{run[0]}-{run[-1]}"]
            first = end


def listed(names: Sequence[str], shown: int = SHOWN) -> str:
    """Join names with commas, and count those that would be too many."""
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {rest} more" if rest > 0 else "")


def with_services(visits: Mapping[str, Iterable[str]]) -> str:
    """Name hosts with the services that they are visited for, those of the same services together."""
    alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host in sorted(visits, key=natural):
        alike[tuple(visits[host])].append(host)
    return listed(
        [f"{name} ({' '.join(names)})" for names, hosts in alike.items() for name in shortened(hosts)]
    )
