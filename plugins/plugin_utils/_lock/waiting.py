"""How those who wait for a lock pace themselves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .._run.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._run.run import Run
    from .._store.store import Store
    from .request import StateOf, Waiting
REPORT_SECONDS = 8.0
LOOK_SECONDS = 1.0  # a run that ends leaves no trace in the store, so the waiting look at it
STAGGER_SECONDS = 0.01
MOST = 0.8  # of those in front: where the queue gets faster, the others' time is not overslept
NEXT = 2  # so many in front are no reason to sleep: somebody must be awake when a slot is given back
SLOWEST_SECONDS = 0.02  # for each in front; when all oversleep, the queue only seems to be slow


def in_front(waiting: Waiting) -> int:
    """Count those who come before the last of the requests that wait."""
    return max(waiting.positions.values(), default=1) - 1


class Pace:
    """How often one who waits looks at the queue: when everybody looks at every change, nobody gets on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._in_front = 0
        self._since = clock()

    def wait(self, store: Store, in_front: int, seconds: float) -> None:
        """Wait so long at most until it is worth to look again, with so many *in_front*."""
        if too_early := self._too_early(in_front):
            time.sleep(min(too_early, seconds))
            return
        # Those in front look more often for runs that have ended, and sooner at a change.
        patience = min(LOOK_SECONDS * (1 + in_front / 10), REPORT_SECONDS)
        changed = store.wait_for_change(min(patience, seconds))
        self._since = self._clock()  # how long nothing moved before tells nothing of how fast it moves now
        if changed:
            time.sleep(min(STAGGER_SECONDS * in_front, LOOK_SECONDS))

    def _too_early(self, in_front: int) -> float:
        """Tell for how long not even most of those in front have their turn, should the queue move on as fast.

        That is 0 for a queue that does not move: then the next change is waited for.
        """
        gone, since = self._in_front - in_front, self._since
        if not gone:
            return 0
        self._in_front, self._since = in_front, self._clock()
        if gone < 0 or in_front <= NEXT:
            return 0
        return (in_front - NEXT) * min(MOST * (self._since - since) / gone, SLOWEST_SECONDS)


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
