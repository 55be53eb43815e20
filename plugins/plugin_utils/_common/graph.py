"""Order: a graph of names into levels, and names into the order people expect."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from .text import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class CycleError(ValueError):
    """The graph has a cycle; ``cycle`` lists its names, the first one again at the end."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" → ".join(cycle))
        self.cycle = cycle


def levels(predecessors: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], ...]:
    """Put every name one level above the highest of its predecessors, in natural order within a level.

    Predecessors that are not keys themselves are ignored. Raises :class:`CycleError` with the shortest cycle.
    """
    waiting = {
        name: {before for before in befores if before in predecessors}
        for name, befores in predecessors.items()
    }
    result: list[tuple[str, ...]] = []
    while waiting:
        ready = tuple(sorted((name for name, befores in waiting.items() if not befores), key=natural))
        if not ready:
            raise CycleError(_shortest_cycle(waiting))
        result.append(ready)
        for name in ready:
            del waiting[name]
        done = set(ready)
        for befores in waiting.values():
            befores.difference_update(done)
    return tuple(result)


def closure(predecessors: Mapping[str, Iterable[str]], name: str) -> frozenset[str]:
    """Collect everything that comes before *name*, directly or not."""
    seen: set[str] = set()
    stack = [name]
    while stack:
        for before in predecessors.get(stack.pop(), ()):
            if before in predecessors and before not in seen:
                seen.add(before)
                stack.append(before)
    return frozenset(seen)


def _shortest_cycle(graph: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    cycles = (_path_back(graph, name) for name in sorted(graph, key=natural))
    return min((cycle for cycle in cycles if cycle), key=len)


def _path_back(graph: Mapping[str, Iterable[str]], start: str) -> tuple[str, ...]:
    paths: deque[tuple[str, ...]] = deque([(start,)])
    seen = {start}
    while paths:
        path = paths.popleft()
        for before in sorted(graph[path[-1]], key=natural):
            if before == start:
                return (*path, start)
            if before in graph and before not in seen:
                seen.add(before)
                paths.append((*path, before))
    return ()
