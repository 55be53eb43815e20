"""How those who wait for a lock pace themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._run.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._run.run import Run
    from .request import StateOf, Waiting
REPORT_SECONDS = 8.0
LOOK_SECONDS = 1.0  # a run that ends leaves no trace in the store, so the waiting look at it
LOOK_AT_LEAST = 30.0
CROWD = 25  # so many in front make what is told of them twice as rare: to read it, all of them are read


def report_seconds(waiting: Waiting) -> float:
    """Tell how long at most to go on without a look at the whole queue."""
    return REPORT_SECONDS * (1 + _place(waiting) // CROWD)


def look_seconds(waiting: Waiting) -> float:
    """Tell how long at most to go on without a look at the runs that are waited for: for those in front it matters."""
    return min(LOOK_SECONDS * (1 + (_place(waiting) - 1) / 10), LOOK_AT_LEAST)


def _place(waiting: Waiting) -> int:
    return max(waiting.positions.values(), default=1)


def wait_for_turn(
    changed: Callable[[float], bool],
    seconds: float,
    every: float,
    is_over: Callable[[], bool],
    clock: Callable[[], float],
) -> None:
    """Wait so long at most until it is worth to look again: what is watched has *changed*, or a run *is over*.

    *changed* waits up to so many seconds for that; so often, in seconds, are the runs looked at.
    """
    end = clock() + seconds
    while (left := end - clock()) > 0:
        if changed(min(every, left)) or is_over():
            return


class Alive:
    """Remembers for a moment which runs are alive: to ask for all of a long queue takes longer than all the rest.

    Not of the *own* run: a slot given to it in the moment after its end would be nobody's.
    """

    def __init__(self, clock: Callable[[], float], own: Run) -> None:
        self._clock = clock
        self._own = own
        self._until: dict[Run, float] = {}

    def remembered(self, state_of: StateOf) -> StateOf:
        now = self._clock()

        def state(run: Run) -> RunState:
            if now < self._until.get(run, now):
                return RunState.LIVE
            answer = state_of(run)
            if answer is RunState.LIVE and run != self._own:
                self._until[run] = now + LOOK_SECONDS
            return answer

        return state
