# This is a private utility of the orderly.services collection; it may change without notice.
"""Rolling locks in a store: take slots and wait for them, give them back."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from . import _lock
from ._lock import LockError
from ._lock_decision import Claim, Refused, Waiting, decide
from ._lock_document import PREFIX, read_locks, write_locks
from ._run import run_state
from ._store import Rehearsal, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._lock import Locks, Slot
    from ._lock_decision import Decision, Request, StateOf
    from ._run import Run
    from ._service import Service
    from ._store import Documents, Store

DEFAULT_WAIT = 3600.0
REPORT_SECONDS = 8.0
LOOK_SECONDS = 1.0  # a run that ends leaves no trace in the store, so the waiting look at it
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
        )


@dataclass(frozen=True)
class Grant:
    """The hosts of the wave may be disrupted, but for those out of service."""

    tokens: Mapping[str, Mapping[str, int]]  # host -> service -> token
    changed: bool
    out_of_service: Mapping[str, str]  # host -> reason
    unlisted: Mapping[str, tuple[str, ...]]  # service -> registered members that the inventory lacks
    waited: float

    @property
    def slots(self) -> dict[str, list[str]]:
        """Tell the services that each host holds a slot of."""
        return {host: sorted(tokens) for host, tokens in self.tokens.items()}


def claims_of(
    services: Iterable[Service], groups: Mapping[str, Iterable[str]], wave: Mapping[str, Iterable[str]]
) -> tuple[Claim, ...]:
    """Claim for each host of *wave* a slot of each service named for it, with budgets as the catalogue has them."""
    wanted: dict[str, set[str]] = {}
    for host, names in wave.items():
        for name in names:
            wanted.setdefault(name, set()).add(host)
    return tuple(
        Claim(service.name, frozenset(hosts), frozenset(groups[service.group]), service.max_unavailable)
        for service in services
        if (hosts := wanted.get(service.name))
    )


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
    state_of = state_of or _seen_from(request.run)
    start = report_at = clock()
    try:
        while isinstance(decision := _attempt(store, request, state_of), Waiting):
            waited = clock() - start
            if waited >= wait:
                raise TimedOutError(decision, waited)
            if clock() >= report_at:
                progress(decision, waited)
                report_at = clock() + REPORT_SECONDS
            store.wait_for_change(min(LOOK_SECONDS, wait - waited))
    except BaseException:
        with suppress(LockError, StoreError):  # the first error tells more
            _change(store, lambda locks: (_lock.withdraw(locks, request.roll, request.run), None))
        raise
    if isinstance(decision, Refused):
        raise RefusedError(decision)
    return Grant(
        decision.tokens, decision.changed, decision.out_of_service, decision.unlisted, clock() - start
    )


def preview(store: Store, request: Request, *, state_of: StateOf | None = None) -> Decision:
    """Tell what :func:`acquire` would meet now, and take nothing."""
    return _attempt(Rehearsal(store), request, state_of or _seen_from(request.run))


def release(store: Store, roll: str, run: Run, hosts: Iterable[str]) -> tuple[Slot, ...]:
    """Give back what this roll and run hold for *hosts* and withdraw what they wait for; tell which slots."""
    hosts = frozenset(hosts)
    return _change(store, lambda locks: _lock.release(locks, roll, run, hosts, _now()))


def force_release(
    store: Store, hosts: Iterable[str], *, reason: str, services: Iterable[str] | None = None
) -> tuple[Slot, ...]:
    """Give back the slots of *hosts* in some *services* or in all, whoever holds them; tell which slots.

    It may release a host that somebody is working on, so it takes a *reason*, which the lock keeps.
    """
    if not reason.strip():
        raise LockError("A forced release needs a reason; whoever looks later will want to know.")
    hosts = frozenset(hosts)
    chosen = None if services is None else frozenset(services)
    return _change(store, lambda locks: _lock.force_release(locks, hosts, chosen, reason, _now()))


def held_slots(store: Store) -> tuple[Slot, ...]:
    """List every slot held: a roll does well to begin with the hosts that an earlier one left behind."""
    return _lock.held_slots(read_locks(store.read(PREFIX)))


def _attempt(store: Store, request: Request, state_of: StateOf) -> Decision:
    def attempt(locks: Locks) -> tuple[Locks, Decision]:
        decision = decide(locks, request, state_of, _now())
        return decision.locks, decision

    return _change(store, attempt)


def _change(store: Store, function: Callable[[Locks], tuple[Locks, Result]]) -> Result:
    def decided(documents: Documents) -> tuple[Documents, Result]:
        locks, result = function(read_locks(documents))
        return write_locks(locks), result

    return store.transact((PREFIX,), decided)


def _seen_from(run: Run) -> StateOf:
    return lambda other: run_state(other, run)


def _plain(slots: Iterable[Slot]) -> list[dict[str, Any]]:
    return [slot.as_dict() for slot in slots]


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
