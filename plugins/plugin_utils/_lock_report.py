# This is a private utility of the orderly.services collection; it may change without notice.
"""What people want to know of rolling locks: who holds, who waits, what is left, and the status of each host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._lock import Slot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._lock import Holder, Lock, Locks, Waiter

ACTIVE, WAITING, MAINTENANCE, FAILED, OUT_OF_SERVICE = STATUSES = (
    "active",
    "waiting",
    "maintenance",
    "failed",
    "out_of_service",
)


def report(locks: Locks, services: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Tell all about some locks, or all, as plain data by service; a service without a lock has nothing to tell."""
    wanted = sorted(locks if services is None else locks.keys() & set(services))
    return {service: _lock(locks[service]) for service in wanted}


def statuses(locks: Locks, hosts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Tell what each host is about, in one word and one sentence; a host is in one status over all its services."""
    return {host: _status(locks, host) for host in hosts}


def _lock(lock: Lock) -> dict[str, Any]:
    return {
        "max_unavailable": lock.max_unavailable,
        "slots": lock.slots,
        "budget_left": max(0, lock.slots - len(lock.down)),
        "failure_budget": lock.failure_budget,
        "members": sorted(lock.members),
        "holders": [Slot(lock.service, lock.holders[host]).as_dict() for host in sorted(lock.holders)],
        "queue": [_waiter(one, place) for place, one in enumerate(lock.queue, 1)],
        "out_of_service": dict(lock.out_of_service),
        "frozen": dict(vars(lock.frozen)) if lock.frozen else None,
        "outcomes": [dict(vars(outcome)) for outcome in lock.outcomes],
    }


def _waiter(one: Waiter, place: int) -> dict[str, Any]:
    return {
        "position": place,
        "hosts": list(one.hosts),
        "operation": one.operation,
        "callback": one.callback,
        "arguments": dict(one.arguments),
        "attempt": one.attempt,
        "last": one.last,
        "since": one.since,
        "roll": one.roll,
        "controller": one.run.controller,
        "pid": one.run.pid,
    }


def _status(locks: Locks, host: str) -> dict[str, str]:
    held = [lock.holders[host] for lock in locks.values() if host in lock.holders]
    queued = [one for lock in locks.values() for one in lock.queue if host in one.hosts]
    away = [lock.out_of_service[host] for lock in locks.values() if host in lock.out_of_service]
    if away:
        return _words(OUT_OF_SERVICE, f"Out of service: {away[0]}")
    if failed := [one for one in held if one.failed]:
        return _words(FAILED, f"Failed {failed[0].operation} operation")
    if held:
        return _words(MAINTENANCE, f"Executing {_newest(held).operation} operation")
    if queued:
        return _words(WAITING, f"Awaiting {min(queued, key=lambda one: one.turn).operation} operation")
    return _words(ACTIVE, "")


def _newest(held: list[Holder]) -> Holder:
    return max(held, key=lambda one: one.token)


def _words(status: str, message: str) -> dict[str, str]:
    return {"status": status, "message": message}
