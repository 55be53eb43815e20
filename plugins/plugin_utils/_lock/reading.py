"""What is read of the locks for a roll and a run: no more than can matter to them.

Locks of other services, and who waits behind, change nothing for a request. So it reads the locks that it claims slots
of, who comes first there, and what its roll and its run have elsewhere, which is listed where they meet. What turns out
to matter besides, such as whether a run is alive that this machine cannot see, is read once it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._run.presence import runs_in, seen_by
from .._run.run import RunState
from .._store.store import PREFIX as RUNS
from .._store.store import Span, is_in, only
from .document import LOCKS, QUEUES, lock_key, members_key, queue_key, queue_prefix, service_of
from .meeting import ALL, is_all_listed, listed, meeting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._run.run import Run
    from .._store.store import Documents, Part
    from .lock import Locks
    from .request import Claim, Request, StateOf, Waiting

ONE_BY_ONE = 50  # so many runs at most are asked for by name


class UnreadError(Exception):
    """A decision rests on *parts* of the store that were not read."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = frozenset(parts)
        super().__init__(self.parts)


class Reading:
    """The parts of a store that are read for a roll and a run, with what they claim, and their places in queues."""

    def __init__(self, roll: str, run: Run, request: Request | None = None) -> None:
        self.meeting = meeting(roll, run)
        self._run = run
        self._claims: tuple[Claim, ...] = request.claims if request else ()
        self._forgets = bool(
            request and request.forget_members
        )  # whoever waits for hosts that have left goes too
        self._places: frozenset[str] = frozenset()
        self._more: frozenset[Part] = frozenset()

    @property
    def parts(self) -> tuple[Part, ...]:
        """List the parts to be read, the same each time."""
        keys = {RUNS + self._run.id, ALL, *self.meeting}
        for claim in self._claims:
            keys |= {lock_key(claim.service), members_key(claim.service)}
        return (*map(only, sorted(keys)), *map(self._queue, self._claims), *sorted(self._more, key=str))

    def _queue(self, claim: Claim) -> Part:
        queue = queue_prefix(claim.service)
        place = next((key for key in self._places if key.startswith(queue)), None)
        return queue if place is None or self._forgets else Span(queue, place)

    def add(self, parts: Iterable[Part]) -> None:
        """Read more from now on."""
        self._more |= frozenset(parts)

    def check(self, documents: Documents) -> None:
        """Make sure that what was read is all that locks can rest on; runs are for :meth:`seen_by`.

        :raises UnreadError: when it is not
        :raises StoreError: when the list of what they have cannot be read
        """
        self._insist_on(self._needed(documents))

    def _needed(self, documents: Documents) -> Iterator[Part]:
        if not is_all_listed(documents):
            yield from LOCKS
        for key in listed(documents, self.meeting):
            yield only(key)
            if key.startswith(QUEUES):
                yield only(lock_key(service_of(key)))
        if not self._places <= documents.keys():  # somebody took the request away: it has to queue up again
            yield from (queue_prefix(claim.service) for claim in self._claims)

    def insist_on_idle(self, locks: Locks) -> None:
        """Make sure of all that is known of requests with hosts out of service: they may have others elsewhere.

        :raises UnreadError: when it was not read
        """
        waiting = {host for lock in locks.values() for one in lock.queue for host in one.hosts}
        if any(waiting & lock.out_of_service.keys() for lock in locks.values()):
            self._insist_on(LOCKS)

    def seen_by(self, documents: Documents) -> StateOf:
        """Tell the state of runs as the own run can prove it.

        What it gives raises :class:`UnreadError` for a run of which only a document can tell that was not read.
        """
        proven, parts = seen_by(documents, self._run), self.parts

        def state_of(run: Run) -> RunState:
            state = proven(run)
            if state is RunState.UNKNOWN and not is_in(RUNS + run.id, parts):
                others = {RUNS + each.id for each in runs_in(documents)}
                raise UnreadError(map(only, others) if len(others) <= ONE_BY_ONE else {RUNS})
            return state

        return state_of

    def _insist_on(self, needed: Iterable[Part]) -> None:
        parts = self.parts
        if unread := [part for part in needed if not _covered(part, parts)]:
            raise UnreadError(unread)

    def insist_on_runs(self, waiting: Waiting) -> None:
        """Make sure of what the store says of the runs that are waited for, so that news of it will be noticed.

        :raises UnreadError: when it was not read
        """
        self._insist_on(_documents_of(waiting))

    def wait(self, waiting: Waiting) -> None:
        """Take note of where the request waits now, and for whom: who is behind, and who else lives, is not read."""
        self._places = frozenset(queue_key(service, one) for service, one in waiting.places.items())
        own = (part for part in self._more if isinstance(part, Span) and not part.first.startswith(RUNS))
        self._more = frozenset((*own, *_documents_of(waiting)))

    def watched(self, waiting: Waiting) -> frozenset[str]:
        """Name the documents that change when the request may have its turn.

        Who is not the next one watches the place of the one right before, so that of a long queue only one is woken.
        """
        runs = {RUNS + run.id for run in (self._run, *waiting.runs)}
        before = {queue_key(service, one) for service, one in waiting.nearest.items()}
        locks = {
            lock_key(service) for service in (*(slot.service for slot in waiting.slots), *waiting.frozen)
        }
        return frozenset(runs | (before or locks))


def _covered(part: Part, parts: Iterable[Part]) -> bool:
    if isinstance(part, Span):
        return is_in(part.first, parts) and is_in(part.last, parts)
    return any(part.startswith(each) for each in parts if isinstance(each, str))


def _documents_of(waiting: Waiting) -> frozenset[Part]:
    return frozenset(only(RUNS + run.id) for run in waiting.runs)
