"""Rolling locks in a store: take slots and wait for them, give them back."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .._common.text import now_text
from .._run.presence import announce, is_seen, seen_by
from .._run.run import RunState, run_state
from .._store.store import PREFIX as RUNS
from .._store.store import Rehearsal, StoreError, only
from . import changes, lock
from .decision import decide
from .decision import enqueue as decide_to_enqueue
from .document import LOCKS, PREFIX, lock_key, members_key, read_locks, write_locks
from .lock import LockError
from .meeting import ALL, all_lists, is_all_listed, lists
from .meeting import PREFIX as MEETING
from .reading import Reading, UnreadError
from .request import Claim, Refused, Waiting
from .waiting import Alive, look_seconds, report_seconds, wait_for_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from .._run.run import Run
    from .._service.service import Service
    from .._store.store import Documents, Part, Store
    from .changes import Forgotten, Retried
    from .document import Changes
    from .lock import Locks, Slot
    from .request import Decision, Granted, Request, Requested, StateOf

DEFAULT_WAIT = 3600.0
WHOLE = (*LOCKS, only(ALL))
Result = TypeVar("Result")


class RefusedError(LockError):
    """The slots are not given, and waiting would not help; ``why`` says it in a word."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, why=str(refused.why), holders=_plain(refused.slots))
        self.why = refused.why
        self.slots = refused.slots


class TimedOutError(LockError):
    """Those who came first took longer than the caller wanted to wait."""

    def __init__(self, waiting: Waiting, waited: float) -> None:
        super().__init__(
            f"The rolling lock was not free for {waited:.0f} s: {waiting.message}. Nothing was taken;"
            " run again later, or raise wait.",
            why="timed_out",
            holders=_plain(waiting.slots),
            positions=dict(waiting.positions),
            frozen={service: freeze.reason for service, freeze in waiting.frozen.items()},
        )


@dataclass(frozen=True)
class Grant:
    """The hosts of the wave may be disrupted, but for those out of service."""

    granted: Granted
    waited: float

    @property
    def out_of_service(self) -> Mapping[str, str]:
        """Tell why hosts of the wave get no slot."""
        return self.granted.out_of_service

    @property
    def slots(self) -> dict[str, list[str]]:
        """Tell the services that each host holds a slot of."""
        return {host: sorted(tokens) for host, tokens in self.granted.tokens.items()}


def claims_of(
    services: Iterable[Service],
    groups: Mapping[str, Iterable[str]],
    wave: Mapping[str, Iterable[str]],
    unhealthy: Mapping[str, Iterable[str]] | None = None,
    domains: Mapping[str, str] | None = None,
) -> tuple[Claim, ...]:
    """Claim for each host of *wave* a slot of each service named for it, with budgets as the catalogue has them.

    *unhealthy* names the services that were found down, and *domains* the failure domain, by host.

    :raises LockError: when a host is not in the group of a service that is named for it
    """
    wanted, down = _by_service(wave), _by_service(unhealthy or {})
    return tuple(
        Claim(
            service.name,
            frozenset(hosts),
            frozenset(groups[service.group]),
            service.max_unavailable,
            service.failure_budget,
            lame := frozenset(down.get(service.name, ())),
            {host: domain for host, domain in (domains or {}).items() if host in hosts | lame},
        )
        for service in services
        if (hosts := wanted.get(service.name))
    )


def _by_service(named: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    hosts: dict[str, set[str]] = {}
    for host, services in named.items():
        for service in services:
            hosts.setdefault(service, set()).add(host)
    return hosts


def _silent(_waiting: Waiting, _waited: float) -> None:
    """Tell nobody."""


def acquire(
    store: Store,
    request: Request,
    *,
    wait: float = DEFAULT_WAIT,
    progress: Callable[[Waiting, float], None] = _silent,
    state_of: StateOf | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Grant:
    """Take every slot of *request*, or none: wait up to *wait* seconds for runs that are alive.

    *progress* hears who is waited for, and for how many seconds so far, at once and at least every ten seconds, or less
    often where many come first.
    Whoever leaves without a grant, be it by an exception from outside, leaves no request in a queue.

    :raises RefusedError: when waiting would not help
    :raises TimedOutError: when *wait* seconds were not enough
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    start = report_at = clock()
    asking = _Asking(store, request, state_of, clock)
    with _withdrawn_unless_served(store, request):
        while isinstance(decision := asking.ask(), Waiting):
            waited = clock() - start
            if waited >= wait:
                raise TimedOutError(decision, waited)
            if clock() >= report_at:
                progress(decision, waited)
                report_at = clock() + report_seconds(decision)
            asking.pause(decision, min(wait - waited, report_at - clock()))
    return Grant(decision, clock() - start)


def take_turn(  # noqa: PLR0913 - what is asked, how long to wait for what, who is told, and what tests replace
    store: Store,
    request: Request,
    *,
    seconds: float,
    waited: float = 0.0,
    wait: float = DEFAULT_WAIT,
    asked: Callable[[Waiting], None] = lambda _waiting: None,
    is_over: Callable[[], bool] = lambda: False,
    state_of: StateOf | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Granted | Waiting:
    """Take every slot of *request* if it has its turn now; else keep the place in the queue, and wait for a moment.

    For hosts that ask each for itself, beside others of their run: what they know of these is as old as the question,
    so that nothing is granted to a question that has waited. Whoever is to wait asks anew when it is worth it: after
    up to so many *seconds*, or once something has changed, or *is_over* says so. *asked* hears of it at once.
    So many seconds it has *waited* for other runs by now, of the *wait* that it may.
    Whoever leaves with an exception leaves no request in a queue.

    :raises RefusedError: when waiting would not help
    :raises TimedOutError: when other runs are in the way, and the time to wait for them is over
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    asking = _Asking(store, request, state_of, clock)
    with _withdrawn_unless_served(store, request):
        decision = asking.ask()
        if isinstance(decision, Waiting):
            if waited >= wait and decision.is_for_others(request.run):
                raise TimedOutError(decision, waited)
            asked(decision)
            asking.pause(decision, seconds, is_over)
    return decision


class _Asking:
    """One request, asked again and again."""

    def __init__(
        self, store: Store, request: Request, state_of: StateOf | None, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._request = request
        self._state_of = state_of
        self._clock = clock
        self._alive = Alive(clock, request.run)
        self._reading = Reading(request.roll, request.run, request)

    def ask(self) -> Granted | Waiting:
        """Take the slots or a place in the queue; raises :class:`RefusedError` where waiting would not help."""
        decision = _announced(self._store, self._request, self._reading, self._decided)
        if isinstance(decision, Refused):
            raise RefusedError(decision)
        return decision

    def pause(self, waiting: Waiting, seconds: float, is_over: Callable[[], bool] = lambda: False) -> None:
        """Wait until it is worth to ask again, or for so many *seconds*."""
        self._reading.wait(waiting)
        changed = partial(self._store.wait_for_change, keys=self._reading.watched(waiting))
        ended = partial(self._ended, waiting)
        wait_for_turn(changed, seconds, look_seconds(waiting), lambda: is_over() or ended(), self._clock)

    def _decided(self, documents: Documents, locks: Locks) -> tuple[Locks, Decision]:
        state_of = self._state_of or self._reading.seen_by(documents)
        return _decided(self._reading, locks, self._request, self._alive.remembered(state_of))

    def _ended(self, waiting: Waiting) -> bool:
        """Tell whether a run is over by what this machine sees of it; the store is asked in another way."""
        state = self._alive.remembered(self._state_of or partial(run_state, here=self._request.run))
        return any(state(run) is RunState.OVER for run in (self._request.run, *waiting.runs))


@contextmanager
def _withdrawn_unless_served(store: Store, request: Request) -> Iterator[None]:
    """Let whoever leaves with an exception leave no request in a queue."""
    try:
        yield
    except BaseException:
        with suppress(LockError, StoreError):  # the first error tells more
            withdraw(store, request)
        raise


def withdraw(store: Store, request: Request) -> None:
    """Take out of every queue what this request waits for.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    roll, run = request.roll, request.run
    _narrowly(
        store,
        Reading(roll, run),
        lambda _documents, locks: (changes.withdraw(locks, roll, run, request.beside), None),
    )


def preview(store: Store, request: Request, *, state_of: StateOf | None = None) -> Decision:
    """Tell what :func:`acquire` would meet now, and take nothing.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """

    reading = Reading(request.roll, request.run, request)

    def decided(documents: Documents, locks: Locks) -> tuple[Locks, Decision]:
        return _decided(reading, locks, request, state_of or reading.seen_by(documents))

    return _narrowly(Rehearsal(store), reading, decided)


def enqueue(store: Store, request: Request, *, state_of: StateOf | None = None) -> Requested:
    """Put *request* into the queues, where it stays.

    :raises RefusedError: when waiting would not help
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """

    reading = Reading(request.roll, request.run, request)

    def decided(documents: Documents, locks: Locks) -> tuple[Locks, Requested | Refused]:
        reading.insist_on_idle(locks)
        answer = decide_to_enqueue(locks, request, state_of or reading.seen_by(documents), now_text())
        return answer.locks, answer

    answer = _announced(store, request, reading, decided)
    if isinstance(answer, Refused):
        raise RefusedError(answer)
    return answer


def release(
    store: Store, roll: str, run: Run, hosts: Iterable[str], services: Iterable[str] = ()
) -> tuple[Slot, ...]:
    """Give back what this roll and run hold for *hosts* and withdraw what they wait for; tell which slots.

    It is faster where *services* names most of whose slots these are.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    hosts = frozenset(hosts)
    reading = Reading(roll, run)
    reading.add(only(lock_key(service)) for service in services)
    return _narrowly(
        store, reading, lambda _documents, locks: changes.release(locks, roll, run, hosts, now_text())
    )


def retry(
    store: Store, roll: str, run: Run, hosts: Iterable[str], *, hold: bool, reason: str = ""
) -> Retried:
    """Let operations of *hosts* be tried again, with the slots held or given back to ask for them anew.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    hosts, reading = frozenset(hosts), Reading(roll, run)
    if not hold:
        reading.add(LOCKS)  # to ask anew behind all who wait
    return _narrowly(
        store,
        reading,
        lambda _documents, locks: changes.retry(
            locks, roll, run, hosts, hold=hold, at=now_text(), reason=reason
        ),
    )


def force_release(
    store: Store, hosts: Iterable[str], *, reason: str, services: Iterable[str] | None = None
) -> tuple[Slot, ...]:
    """Give back the slots of *hosts* in some *services* or in all, whoever holds them; tell which slots.

    It may release a host that somebody is working on, so it takes a *reason*, which the lock keeps.

    :raises LockError: when *reason* is empty, or the store has no lock of a service
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    _insist_on(reason, "A forced release")
    hosts, chosen = frozenset(hosts), _maybe_set(services)
    return _change(store, lambda locks: changes.force_release(locks, hosts, chosen, reason, now_text()))


def forget(
    store: Store, hosts: Iterable[str], deployed: Mapping[str, Iterable[str]], here: Run, *, reason: str
) -> Forgotten:
    """Drop all that is kept of *hosts* which have left for good, in services that are not *deployed* there any more.

    :raises LockError: when *reason* is empty, a host is unknown or still deployed, or a run works on it
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    _insist_on(reason, "Forgetting hosts")
    chosen = frozenset(hosts)

    def decided(documents: Documents) -> tuple[Changes, Forgotten]:
        locks = read_locks(documents)
        after, gone = changes.forget(locks, chosen, deployed, seen_by(documents, here), reason, now_text())
        return write_locks(after, documents), gone

    return _transact(store, (*WHOLE, RUNS), decided)


def freeze(store: Store, services: Iterable[str], *, reason: str, by: str) -> tuple[str, ...]:
    """Let nothing more be granted in *services*; tell which were not frozen before.

    :raises LockError: when *reason* is empty
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    _insist_on(reason, "A freeze")
    chosen = frozenset(services)
    return _apply(store, lambda locks: changes.freeze(locks, chosen, reason, by, now_text()))


def thaw(store: Store, services: Iterable[str] | None) -> tuple[str, ...]:
    """Let slots of *services*, or of all, be granted again; tell which were frozen.

    :raises LockError: when the store has no lock of a service
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    chosen = _maybe_set(services)
    return _apply(store, lambda locks: changes.thaw(locks, chosen))


def take_out(store: Store, hosts: Mapping[str, Iterable[str]], *, reason: str) -> tuple[str, ...]:
    """Acknowledge that *hosts*, given with their services, are down; tell whose locks that changes.

    :raises LockError: when *reason* is empty
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    _insist_on(reason, "Taking hosts out of service")
    return _apply(store, lambda locks: changes.take_out(locks, hosts, reason))


def put_back(store: Store, hosts: Iterable[str], services: Iterable[str] | None) -> tuple[str, ...]:
    """Let *hosts* take part again in *services*, or in all; tell whose locks that changes.

    :raises LockError: when the store has no lock of a service
    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    hosts, chosen = frozenset(hosts), _maybe_set(services)
    return _apply(store, lambda locks: changes.put_back(locks, hosts, chosen))


def locks_of(store: Store) -> Locks:
    """Read every lock.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    return read_locks(store.read(*LOCKS))


def look_at(store: Store, here: Run) -> tuple[Locks, StateOf]:
    """Read every lock, and what the run *here* can tell of others then.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    documents = store.read(*LOCKS, RUNS)
    return read_locks(documents), seen_by(documents, here)


def out_of_service(store: Store) -> dict[str, dict[str, str]]:
    """Tell which hosts are out of service, and why, by service.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    locks = _without_members(store)  # every gate asks, and neither members nor queues are of any use to it
    return {service: dict(lock.out_of_service) for service, lock in locks.items() if lock.out_of_service}


def _insist_on(reason: str, what: str) -> None:
    if not reason.strip():
        raise LockError(f"{what} needs a reason; others will want to know why.")


def _maybe_set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def held_slots(store: Store) -> tuple[Slot, ...]:
    """List every slot held: a roll does well to begin with the hosts that an earlier one left behind.

    :raises StoreError: when the store cannot be used
    :raises BrokenLockError: when a lock in it is broken
    """
    return lock.held_slots(_without_members(store))


def _without_members(store: Store) -> Locks:
    """Read every lock as far as its first document tells of it: no members, nobody who waits."""
    return read_locks(store.read(PREFIX))


def _decided(reading: Reading, locks: Locks, request: Request, state_of: StateOf) -> tuple[Locks, Decision]:
    reading.insist_on_idle(locks)
    decision = decide(locks, request, state_of, now_text())
    if isinstance(decision, Waiting):
        reading.insist_on_runs(decision)
    return decision.locks, decision


def _announced(
    store: Store,
    request: Request,
    reading: Reading,
    decide: Callable[[Documents, Locks], tuple[Locks, Result]],
) -> Result:
    """Decide about the locks for a run that others can see; mostly they do, so to ask first is one round trip more."""
    services = [claim.service for claim in request.claims]
    upon = {*map(lock_key, services), *map(members_key, services), RUNS + request.run.id}

    def seen(documents: Documents, locks: Locks) -> tuple[Locks, Result | None]:
        return decide(documents, locks) if is_seen(store, request.run, documents) else ({}, None)

    while (result := _narrowly(store, reading, seen, upon)) is None:
        announce(store, request.run)
    return result


def _narrowly(
    store: Store,
    reading: Reading,
    decide: Callable[[Documents, Locks], tuple[Locks, Result]],
    upon: Collection[str] = (),
) -> Result:
    """Change locks for a roll and a run, of which no more is read than matters to them."""

    def decided(documents: Documents) -> tuple[Changes, Result]:
        reading.check(documents)
        locks = read_locks(documents)
        after, result = decide(documents, locks)
        changes = write_locks(after, documents)
        met = lists({**locks, **after}, reading.meeting, documents) if changes else {}
        return {**changes, **met}, result

    while True:
        try:
            return _transact(store, reading.parts, decided, {*upon, *reading.meeting})
        except UnreadError as error:
            reading.add(error.parts)


def _apply(store: Store, function: Callable[[Locks], Locks]) -> tuple[str, ...]:
    def attempt(locks: Locks) -> tuple[Locks, tuple[str, ...]]:
        after = function(locks)
        return after, tuple(sorted(after))

    return _change(store, attempt)


def _change(store: Store, function: Callable[[Locks], tuple[Locks, Result]]) -> Result:
    """Change any locks, each for itself; nobody has anything in them afterwards that he had not before."""

    def decided(documents: Documents) -> tuple[Changes, Result]:
        after, result = function(read_locks(documents))
        return write_locks(after, documents), result

    return _transact(store, WHOLE, decided, ())


class _UnlistedError(Exception):
    """Locks are to be changed in a store where not all that is in them is listed, as earlier versions did not."""


def _transact(
    store: Store,
    parts: tuple[Part, ...],
    decide: Callable[[Documents], tuple[Changes, Result]],
    upon: Collection[str] | None = None,
) -> Result:
    """Change locks, after all of them have been written as this version does."""

    def decided(documents: Documents) -> tuple[Changes, Result]:
        answer = decide(documents)
        if answer[0] and not is_all_listed(documents):
            raise _UnlistedError
        return answer

    try:
        return store.transact(parts, decided, upon=upon)
    except _UnlistedError:
        store.transact((*LOCKS, MEETING), _written_anew)
    return store.transact(parts, decide, upon=upon)


def _written_anew(documents: Documents) -> tuple[Changes, None]:
    locks = read_locks(documents)
    return {**write_locks(locks, documents), **all_lists(locks, documents)}, None


def _plain(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    return [slot.as_dict() for slot in slots]
