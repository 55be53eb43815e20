# This is a private utility of the orderly.services collection; it may change without notice.
"""Rolling locks in a store: take slots and wait for them, give them back."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from . import _lock, _lock_change, _lock_decision
from ._lock import LockError
from ._lock_document import PREFIX, read_locks, write_locks
from ._lock_request import Claim, Refused, Waiting
from ._presence import PREFIX as RUNS
from ._presence import announce, is_seen, seen_by
from ._run import RunState
from ._store import Rehearsal, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._lock import Locks, Slot
    from ._lock_change import Retried
    from ._lock_request import Decision, Granted, Request, Requested, StateOf
    from ._run import Run
    from ._service import Service
    from ._store import Documents, Store

DEFAULT_WAIT = 3600.0
REPORT_SECONDS = 8.0
LOOK_SECONDS = 1.0  # a run that ends leaves no trace in the store, so the waiting look at it
STAGGER_SECONDS = 0.01
MOST = 0.8  # of those in front: where the queue gets faster, the others' time is not overslept
NEXT = 2  # so many in front are no reason to sleep: somebody must be awake when a slot is given back
SLOWEST_SECONDS = 0.02  # for each in front; when all oversleep, the queue only seems to be slow
Result = TypeVar("Result")


class RefusedError(LockError):
    """The slots are not given, and waiting would not help; ``why`` says it in a word."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.message, why=str(refused.why), holders=_plain(refused.slots))
        self.why = refused.why


class TimedOutError(LockError):
    """Those who came first took longer than the caller wanted to wait."""

    def __init__(self, waiting: Waiting, waited: float) -> None:
        super().__init__(
            f"The rolling lock was not free for {waited:.0f} s: {waiting.message}. Nothing was taken;"
            " run again later, or wait longer.",
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

    *progress* hears who is waited for, and for how many seconds so far, at once and at least every ten seconds.
    Raises :class:`RefusedError` where waiting would not help, :class:`TimedOutError` where it did not. Whoever
    leaves without a grant, be it by an exception from outside, leaves no request in a queue.
    """
    start = report_at = clock()
    alive = _Alive(clock, request.run)
    pace = _Pace(clock)

    def decide(documents: Documents) -> tuple[Documents, Decision]:
        return _decided(documents, request, alive.remembered(state_of or seen_by(documents, request.run)))

    try:
        while isinstance(decision := _announced(store, request.run, decide), Waiting):
            waited = clock() - start
            if waited >= wait:
                raise TimedOutError(decision, waited)
            if clock() >= report_at:
                progress(decision, waited)
                report_at = clock() + REPORT_SECONDS
            pace.wait(store, _in_front(decision), min(wait - waited, report_at - clock()))
    except BaseException:
        with suppress(LockError, StoreError):  # the first error tells more
            _change(store, lambda locks: (_lock_change.withdraw(locks, request.roll, request.run), None))
        raise
    if isinstance(decision, Refused):
        raise RefusedError(decision)
    return Grant(decision, clock() - start)


def preview(store: Store, request: Request, *, state_of: StateOf | None = None) -> Decision:
    """Tell what :func:`acquire` would meet now, and take nothing."""

    def decide(documents: Documents) -> tuple[Documents, Decision]:
        return _decided(documents, request, state_of or seen_by(documents, request.run))

    return Rehearsal(store).transact((PREFIX, RUNS), decide)


def enqueue(store: Store, request: Request, *, state_of: StateOf | None = None) -> Requested:
    """Put *request* into the queues, where it stays; raises :class:`RefusedError` where waiting would not help."""

    def decide(documents: Documents) -> tuple[Documents, Requested | Refused]:
        seen = state_of or seen_by(documents, request.run)
        answer = _lock_decision.enqueue(read_locks(documents), request, seen, _now())
        return write_locks(answer.locks), answer

    answer = _announced(store, request.run, decide)
    if isinstance(answer, Refused):
        raise RefusedError(answer)
    return answer


def release(store: Store, roll: str, run: Run, hosts: Iterable[str]) -> tuple[Slot, ...]:
    """Give back what this roll and run hold for *hosts* and withdraw what they wait for; tell which slots."""
    hosts = frozenset(hosts)
    return _change(store, lambda locks: _lock_change.release(locks, roll, run, hosts, _now()))


def retry(
    store: Store, roll: str, run: Run, hosts: Iterable[str], *, hold: bool, reason: str = ""
) -> Retried:
    """Let operations of *hosts* be tried again, with the slots held or given back to ask for them anew."""
    hosts = frozenset(hosts)
    return _change(
        store, lambda locks: _lock_change.retry(locks, roll, run, hosts, hold=hold, at=_now(), reason=reason)
    )


def force_release(
    store: Store, hosts: Iterable[str], *, reason: str, services: Iterable[str] | None = None
) -> tuple[Slot, ...]:
    """Give back the slots of *hosts* in some *services* or in all, whoever holds them; tell which slots.

    It may release a host that somebody is working on, so it takes a *reason*, which the lock keeps.
    """
    _insist_on(reason, "A forced release")
    hosts, chosen = frozenset(hosts), _maybe_set(services)
    return _change(store, lambda locks: _lock_change.force_release(locks, hosts, chosen, reason, _now()))


def freeze(store: Store, services: Iterable[str], *, reason: str, by: str) -> tuple[str, ...]:
    """Let nothing more be granted in *services*; tell which were not frozen before."""
    _insist_on(reason, "A freeze")
    chosen = frozenset(services)
    return _apply(store, lambda locks: _lock_change.freeze(locks, chosen, reason, by, _now()))


def thaw(store: Store, services: Iterable[str] | None) -> tuple[str, ...]:
    """Let slots of *services*, or of all, be granted again; tell which were frozen."""
    chosen = _maybe_set(services)
    return _apply(store, lambda locks: _lock_change.thaw(locks, chosen))


def take_out(store: Store, hosts: Mapping[str, Iterable[str]], *, reason: str) -> tuple[str, ...]:
    """Acknowledge that *hosts*, given with their services, are down; tell whose locks that changes."""
    _insist_on(reason, "Taking hosts out of service")
    return _apply(store, lambda locks: _lock_change.take_out(locks, hosts, reason))


def put_back(store: Store, hosts: Iterable[str], services: Iterable[str] | None) -> tuple[str, ...]:
    """Let *hosts* take part again in *services*, or in all; tell whose locks that changes."""
    hosts, chosen = frozenset(hosts), _maybe_set(services)
    return _apply(store, lambda locks: _lock_change.put_back(locks, hosts, chosen))


def locks_of(store: Store) -> Locks:
    """Read every lock."""
    return read_locks(store.read(PREFIX))


def look_at(store: Store, here: Run) -> tuple[Locks, StateOf]:
    """Read every lock, and what the run *here* can tell of others then."""
    documents = store.read(PREFIX, RUNS)
    return read_locks(documents), seen_by(documents, here)


def out_of_service(store: Store) -> dict[str, dict[str, str]]:
    """Tell which hosts are out of service, and why, by service."""
    locks = locks_of(store)
    return {service: dict(lock.out_of_service) for service, lock in locks.items() if lock.out_of_service}


def _insist_on(reason: str, what: str) -> None:
    if not reason.strip():
        raise LockError(f"{what} needs a reason; whoever looks later will want to know.")


def _maybe_set(names: Iterable[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def held_slots(store: Store) -> tuple[Slot, ...]:
    """List every slot held: a roll does well to begin with the hosts that an earlier one left behind."""
    return _lock.held_slots(locks_of(store))


def _in_front(waiting: Waiting) -> int:
    return max(waiting.positions.values(), default=1) - 1


class _Pace:
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


class _Alive:
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


def _decided(documents: Documents, request: Request, state_of: StateOf) -> tuple[Documents, Decision]:
    decision = _lock_decision.decide(read_locks(documents), request, state_of, _now())
    return write_locks(decision.locks), decision


def _announced(store: Store, run: Run, decide: Callable[[Documents], tuple[Documents, Result]]) -> Result:
    """Decide about the locks for a run that others can see; mostly they do, so to ask first is one round trip more."""

    def seen(documents: Documents) -> tuple[Documents, Result | None]:
        return decide(documents) if is_seen(store, run, documents) else ({}, None)

    while (result := store.transact((PREFIX, RUNS), seen)) is None:
        announce(store, run)
    return result


def _apply(store: Store, function: Callable[[Locks], Locks]) -> tuple[str, ...]:
    def attempt(locks: Locks) -> tuple[Locks, tuple[str, ...]]:
        after = function(locks)
        return after, tuple(sorted(after))

    return _change(store, attempt)


def _change(store: Store, function: Callable[[Locks], tuple[Locks, Result]]) -> Result:
    def decided(documents: Documents) -> tuple[Documents, Result]:
        locks, result = function(read_locks(documents))
        return write_locks(locks), result

    return store.transact((PREFIX,), decided)


def _plain(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    return [slot.as_dict() for slot in slots]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
