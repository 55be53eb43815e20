# This is a private utility of the orderly.services collection; it may change without notice.
"""The rolling lock: who holds a slot of a service, who waits, what ended how.

A lock belongs to a service and has as many slots as the service's disruption budget. A host that holds a
slot may be disrupted, and counts as down until the slot is given back; nothing expires. All here is values and
pure functions; :mod:`._lock_decision` decides who gets a slot, :mod:`._lock_document` writes locks down, and
:mod:`._rolling` does it in a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ._budget import slots_of

if TYPE_CHECKING:
    from ._run import Run

KEPT_OUTCOMES = 16
NAMED_AT_MOST = 8


class LockError(Exception):
    """The lock says no: a sentence, and the same as fields in *details*."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


# --- What a lock knows ---


@dataclass(frozen=True)
class Holder:
    """A host that may be disrupted, and who said so."""

    host: str
    roll: str
    run: Run
    operation: str
    since: str
    token: int


@dataclass(frozen=True)
class Waiter:
    """A request that waits its turn."""

    ticket: int
    roll: str
    run: Run
    operation: str
    hosts: tuple[str, ...]
    since: str


@dataclass(frozen=True)
class Outcome:
    """How a slot was given back."""

    host: str
    roll: str
    operation: str
    token: int
    since: str
    ended: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Lock:
    """The rolling lock of one service."""

    service: str
    max_unavailable: int | str = 1
    members: frozenset[str] = frozenset()
    holders: Mapping[str, Holder] = field(default_factory=dict)
    queue: tuple[Waiter, ...] = ()
    out_of_service: Mapping[str, str] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    sequence: int = 0

    @property
    def slots(self) -> int:
        """Count the hosts that may be unavailable; hosts out of service are nobody's to disrupt."""
        return slots_of(self.max_unavailable, len(self.members - self.out_of_service.keys()))

    def end(self, hosts: Iterable[str], outcome: str, at: str, reason: str = "") -> Lock:
        """Take the slots of *hosts* back, and remember how they ended."""
        ended = [self.holders[host] for host in sorted(hosts) if host in self.holders]
        gone = {holder.host for holder in ended}
        records = tuple(
            Outcome(old.host, old.roll, old.operation, old.token, old.since, at, outcome, reason)
            for old in ended
        )
        return replace(
            self,
            holders={host: holder for host, holder in self.holders.items() if host not in gone},
            outcomes=(*self.outcomes, *records)[-KEPT_OUTCOMES:],
        )


Locks = Mapping[str, Lock]


@dataclass(frozen=True)
class Slot:
    """A held slot: which service, which holder."""

    service: str
    holder: Holder

    def __str__(self) -> str:
        """Say who holds what since when."""
        holder = self.holder
        return (
            f"{holder.host} holds a slot of {self.service} since {holder.since}"
            f' (operation "{holder.operation}", {holder.run}, roll {holder.roll})'
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the slot as fields of a result."""
        holder = self.holder
        return {
            "service": self.service,
            "host": holder.host,
            "operation": holder.operation,
            "since": holder.since,
            "roll": holder.roll,
            "controller": holder.run.controller,
            "pid": holder.run.pid,
            "token": holder.token,
        }


def held_slots(locks: Locks) -> tuple[Slot, ...]:
    """List every slot held, by service and host."""
    return tuple(
        Slot(service, lock.holders[host])
        for service, lock in sorted(locks.items())
        for host in sorted(lock.holders)
    )


def listed(slots: Iterable[Slot]) -> list[str]:
    """Name slots, and count those that would make a sentence endless."""
    names = [str(slot) for slot in slots]
    rest = len(names) - NAMED_AT_MOST
    return names if rest <= 0 else [*names[:NAMED_AT_MOST], f"and {rest} more"]


def how_to_force(slots: Iterable[Slot]) -> str:
    """Say which task gives slots back that nobody else will."""
    slots = tuple(slots)
    services = ", ".join(sorted({slot.service for slot in slots}))
    hosts = ", ".join(sorted({slot.holder.host for slot in slots}))
    return f"rolling_lock with state=force_released, services=[{services}], hosts=[{hosts}] and a reason"


def withdraw(locks: Locks, roll: str, run: Run) -> Locks:
    """Take a roll's request of this run out of every queue; answers with the locks that change."""
    return changed(locks, {service: _without(lock, roll, run) for service, lock in locks.items()})


def release(
    locks: Locks, roll: str, run: Run, hosts: Iterable[str], at: str
) -> tuple[Locks, tuple[Slot, ...]]:
    """Give back what this roll and run hold for *hosts*, and withdraw what they wait for.

    Answers with the locks that change, and the slots given back.
    """
    hosts = frozenset(hosts)
    slots = tuple(
        slot
        for slot in held_slots(locks)
        if slot.holder.host in hosts and (slot.holder.roll, slot.holder.run) == (roll, run)
    )
    ended = _ended({**locks, **withdraw(locks, roll, run)}, slots, "released", at)
    return changed(locks, ended), slots


def force_release(
    locks: Locks, hosts: Iterable[str], services: Iterable[str] | None, reason: str, at: str
) -> tuple[Locks, tuple[Slot, ...]]:
    """Give back the slots of *hosts*, whoever holds them, in some *services* or in all.

    Answers with the locks that change, and the slots given back.
    """
    hosts = frozenset(hosts)
    chosen = locks.keys() if services is None else frozenset(services)
    if strangers := sorted(chosen - locks.keys()):
        known = ", ".join(sorted(locks)) or "none"
        raise LockError(
            f"The store has no lock of {', '.join(strangers)}; it has: {known}.", services=strangers
        )
    slots = tuple(slot for slot in held_slots(locks) if slot.holder.host in hosts and slot.service in chosen)
    return changed(locks, _ended(locks, slots, "force_released", at, reason)), slots


def _without(lock: Lock, roll: str, run: Run) -> Lock:
    return replace(lock, queue=tuple(one for one in lock.queue if (one.roll, one.run) != (roll, run)))


def _ended(locks: Locks, slots: Iterable[Slot], outcome: str, at: str, reason: str = "") -> Locks:
    hosts: dict[str, set[str]] = {}
    for slot in slots:
        hosts.setdefault(slot.service, set()).add(slot.holder.host)
    ended = {service: locks[service].end(names, outcome, at, reason) for service, names in hosts.items()}
    return {**locks, **ended}


def changed(before: Locks, after: Locks) -> Locks:
    """Keep the locks of *after* that are not as they were *before*."""
    return {service: lock for service, lock in after.items() if lock != before.get(service)}
