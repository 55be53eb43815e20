"""Waves in few lines, for people who read a roll or a plan before it runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING

from .._common.text import listed, shortened, with_services

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MANY = 12
"""Waves; beyond that those of one kind are reported together."""


@dataclass(frozen=True)
class Wave:
    """The services that each host of a wave is visited for, and those that nobody serves meanwhile."""

    visits: Mapping[str, tuple[str, ...]]
    down: tuple[str, ...] = ()

    @property
    def kind(self) -> tuple[frozenset[tuple[tuple[str, ...], int]], tuple[str, ...]]:
        """Tell what it has in common with waves that differ in their hosts alone."""
        return frozenset(Counter(self.visits.values()).items()), self.down

    @property
    def outage(self) -> str:
        """Say what is down meanwhile, as the end of a line."""
        return f"; down meanwhile: {listed(self.down)}" if self.down else ""


def wave_lines(waves: Sequence[Wave], *, every_wave: bool = False) -> Iterator[str]:
    """Say which hosts each wave has, and for which services; with *every_wave* there is a line for each of them."""
    fold = len(waves) > MANY and not every_wave
    numbered = list(enumerate(waves, 1))
    for _kind, group in groupby(numbered, key=lambda each: each[1].kind if fold else each[0]):
        alike = list(group)
        first, last = alike[0][0], alike[-1][0]
        if len(alike) > 2:
            yield f"Waves {first} to {last} of {len(waves)}: {_each([wave for _number, wave in alike])}"
            continue
        for number, wave in alike:
            hosts = f"{len(wave.visits)} hosts, " if len(wave.visits) > 2 else ""
            yield f"Wave {number} of {len(waves)}: {hosts}{with_services(wave.visits)}{wave.outage}"


def _each(waves: Sequence[Wave]) -> str:
    """Say how many hosts of which services each of some waves of one kind has, and which they are altogether."""
    hosts: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, services in chain.from_iterable(wave.visits.items() for wave in waves):
        hosts[services].append(host)
    counts = Counter(waves[0].visits.values())
    return (
        ", ".join(
            f"{counts[services]} each of {listed(shortened(members))} ({' '.join(services)})"
            for services, members in hosts.items()
        )
        + waves[0].outage
    )
