"""What people want to know of rolling locks: who holds, who waits, what is left, and the status of each host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._run.run import RunState
from .decision import decide
from .lock import Lock, LockError, Slot
from .request import Claim, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._run.run import Run
    from .._service.service import Service
    from .lock import Holder, Locks, Waiter
    from .request import StateOf

ACTIVE, WAITING, MAINTENANCE, FAILED, OUT_OF_SERVICE = STATUSES = (
    "active",
    "waiting",
    "maintenance",
    "failed",
    "out_of_service",
)


def report(locks: Locks, state_of: StateOf) -> dict[str, dict[str, Any]]:
    """Tell all about locks as plain data, by service.

    :raises StoreError: when the store tells of a run what cannot be understood
    """
    return {service: _lock(lock, state_of) for service, lock in sorted(locks.items())}


def statuses(locks: Locks, hosts: Iterable[str], state_of: StateOf) -> dict[str, dict[str, str]]:
    """Tell what each host is about, in one word and one sentence; a host is in one status over all its services.

    :raises StoreError: when the store tells of a run what cannot be understood
    """
    return {host: _status(locks, host, state_of) for host in hosts}


def waits_for(locks: Locks, roll: str, run: Run, state_of: StateOf) -> str:
    """Say what a run waits for in the queues, in the words that it hears itself; empty where it does not wait.

    :raises StoreError: when the store tells of a run what cannot be understood
    """
    queued = {
        service: one
        for service, lock in locks.items()
        for one in lock.queue
        if (one.roll, one.run) == (roll, run)
    }
    if not queued:
        return ""
    claims = tuple(_claim(locks[service], one) for service, one in queued.items())
    first = min(queued.values(), key=lambda one: one.turn)
    request = Request(roll, run, first.operation, claims, retries=first.retries, last=first.last)
    decision = decide(locks, request, state_of, first.since)
    return getattr(decision, "message", "nobody any more: its turn has come")


def _claim(lock: Lock, one: Waiter) -> Claim:
    hosts = frozenset(one.hosts)
    return Claim(lock.service, hosts, lock.members | hosts, lock.max_unavailable, lock.failure_budget)


def chosen(locks: Locks, names: Iterable[str], asked_by: str) -> Locks:
    """Keep the locks of some services, or of all where no name is given.

    :raises LockError: when there is no lock of that name
    """
    wanted = list(names)
    if strangers := [name for name in wanted if name not in locks]:
        known = ", ".join(sorted(locks)) or "none"
        raise LockError(
            f"{asked_by}: there is no lock of {', '.join(strangers)}: the store does not know it, and the inventory"
            f" does not deploy it. There are: {known}.",
            services=strangers,
        )
    return {name: locks[name] for name in wanted} if wanted else locks


def with_deployed(
    locks: Locks, services: Iterable[Service], groups: Mapping[str, Iterable[str]]
) -> dict[str, Lock]:
    """Show locks as a request from this inventory finds them: with its budgets, its hosts, and all its services."""
    here = {service.name: locks.get(service.name, Lock(service.name)) for service in services}
    registered = {
        service.name: replace(
            here[service.name],
            max_unavailable=service.max_unavailable,
            failure_budget=service.failure_budget,
            members=here[service.name].members | frozenset(groups[service.group]),
        )
        for service in services
    }
    return {**locks, **registered}


def _lock(lock: Lock, state_of: StateOf) -> dict[str, Any]:
    return {
        "max_unavailable": lock.max_unavailable,
        "slots": lock.slots,
        "budget_left": max(0, lock.slots - len(lock.down)),
        "failure_budget": lock.failure_budget,
        "members": sorted(lock.members),
        "holders": [_holder(lock, lock.holders[host], state_of) for host in sorted(lock.holders)],
        "queue": [_waiter(one, place, state_of) for place, one in enumerate(lock.queue, 1)],
        "out_of_service": dict(lock.out_of_service),
        "frozen": dict(vars(lock.frozen)) if lock.frozen else None,
        "outcomes": [dict(vars(outcome)) for outcome in lock.outcomes],
    }


def _holder(lock: Lock, one: Holder, state_of: StateOf) -> dict[str, Any]:
    return {**Slot(lock.service, one).as_dict(), "run": str(state_of(one.run))}


def _waiter(one: Waiter, place: int, state_of: StateOf) -> dict[str, Any]:
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
        "run": str(state_of(one.run)),
    }


def _status(locks: Locks, host: str, state_of: StateOf) -> dict[str, str]:
    held = [lock.holders[host] for lock in locks.values() if host in lock.holders]
    queued = [one for lock in locks.values() for one in lock.queue if host in one.hosts]
    away = [lock.out_of_service[host] for lock in locks.values() if host in lock.out_of_service]
    if away:
        return _words(OUT_OF_SERVICE, f"Out of service: {away[0]}")
    if failed := [one for one in held if one.failed]:
        return _words(FAILED, f"Failed {failed[0].operation} operation")
    if held:
        return _executing(_newest(held), state_of)
    if queued:
        return _words(WAITING, f"Awaiting {min(queued, key=lambda one: one.turn).operation} operation")
    return _words(ACTIVE, "")


def _executing(one: Holder, state_of: StateOf) -> dict[str, str]:
    """Tell what a host does that holds a slot; only a run that lives still does something."""
    state = state_of(one.run)
    if state is RunState.OVER:
        return _words(
            FAILED, f"Failed {one.operation} operation: its run ended, and its slot is kept since {one.since}"
        )
    unsure = "" if state is RunState.LIVE else ", if its run still works, which cannot be seen here"
    return _words(MAINTENANCE, f"Executing {one.operation} operation{unsure}")


def _newest(held: list[Holder]) -> Holder:
    return max(held, key=lambda one: one.token)


def _words(status: str, message: str) -> dict[str, str]:
    return {"status": status, "message": message}
