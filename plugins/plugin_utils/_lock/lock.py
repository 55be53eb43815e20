"""The rolling lock: who holds a slot of a service, who waits, what ended how.

A lock belongs to a service and has as many slots as the service's disruption budget. A host that holds a
slot may be disrupted, and counts as down until the slot is given back; nothing expires. All here is values:
:mod:`.decision` decides who gets a slot, :mod:`.changes` says what else may happen to a lock,
:mod:`.document` writes locks down, and :mod:`.manager` does it in a store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .._common.errors import ControllerError
from .._common.names import in_brackets
from .._common.shell import extra, playbook
from .._service.budget import slots_of

if TYPE_CHECKING:
    from .._run.run import Run

KEPT_OUTCOMES = 16
NAMED_AT_MOST = 8
RELEASED = "released"
FAILED = "failed"
FORGOTTEN = "forgotten"
PAUSE = "pause"  # the operation of hosts that keep their slots on purpose


class LockError(ControllerError):
    """The lock says no: a sentence, and the same as fields in *details*."""


# --- What a lock knows ---


@dataclass(frozen=True)
class Holder:
    """A host that may be disrupted, and who said so.

    *attempt* counts the retries so far; more than *retries* of them, if there is such a limit, end the operation:
    *failed* says how, and the slot stays with the host. *unhealthy* tells that the host was down before, so that the
    slot is beyond those of the budget. *domain* names what fails as one with the host, if anything does.
    """

    host: str
    roll: str
    run: Run
    operation: str
    since: str
    token: int
    callback: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    retries: int | None = None
    attempt: int = 0
    last: bool = False
    failed: str = ""
    unhealthy: bool = False
    domain: str = ""


@dataclass(frozen=True)
class Waiter:
    """A request that waits its turn.

    One that is *kept* stays until it is served or withdrawn, whoever stops waiting for it. One that is *last* is
    served when nobody else waits, one that was tried before when no other waits for the first time.
    """

    ticket: int
    roll: str
    run: Run
    operation: str
    hosts: tuple[str, ...]
    since: str
    callback: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    retries: int | None = None
    attempt: int = 0
    last: bool = False
    kept: bool = False

    @property
    def turn(self) -> tuple[bool, bool, int]:
        """Order requests, the same way in every lock: so no two can wait for each other."""
        return self.last, self.attempt > 0, self.ticket

    @property
    def identity(self) -> tuple[int, Run]:
        """Tell a request from every other in all queues.

        Two runs that ask for services that have nothing in common may get the same ticket.
        """
        return self.ticket, self.run


@dataclass(frozen=True)
class Outcome:
    """How an operation of a host ended."""

    host: str
    roll: str
    operation: str
    token: int
    since: str
    ended: str
    outcome: str
    reason: str = ""


@dataclass(frozen=True)
class Freeze:
    """Nothing more is granted: why, since when, and who said so."""

    reason: str
    since: str
    by: str


@dataclass(frozen=True)
class Lock:
    """The rolling lock of one service."""

    service: str
    max_unavailable: int | str = 1
    failure_budget: int = 0
    members: frozenset[str] = frozenset()
    holders: Mapping[str, Holder] = field(default_factory=dict)
    queue: tuple[Waiter, ...] = ()
    out_of_service: Mapping[str, str] = field(default_factory=dict)
    frozen: Freeze | None = None
    outcomes: tuple[Outcome, ...] = ()
    sequence: int = 0

    @property
    def slots(self) -> int:
        """Count the hosts that may be unavailable; hosts out of service are nobody's to disrupt."""
        return slots_of(self.max_unavailable, len(self.members - self.out_of_service.keys()))

    @property
    def down(self) -> frozenset[str]:
        """Name the hosts that count against the budget."""
        return frozenset(self.holders.keys() - self.out_of_service.keys())

    def enqueue(self, waiter: Waiter) -> Lock:
        """Let a request wait where its turn is."""
        queue = sorted((*self.queue, waiter), key=lambda one: one.turn)
        return replace(self, queue=tuple(queue), sequence=max(self.sequence, waiter.ticket))

    def end(self, hosts: Iterable[str], outcome: str, at: str, reason: str = "") -> Lock:
        """Take the slots of *hosts* back, and remember how their operations ended."""
        ended = [self.holders[host] for host in sorted(hosts) if host in self.holders]
        gone = {holder.host for holder in ended}
        lock = replace(self, holders={host: one for host, one in self.holders.items() if host not in gone})
        return lock.remember(*(_outcome(holder, outcome, at, reason) for holder in ended))

    def dismiss(self, waiters: Iterable[Waiter], outcome: str, at: str, reason: str = "") -> Lock:
        """Take requests out of the queue, and remember those that were asked to stay."""
        gone = {waiter.ticket: waiter for waiter in waiters}
        lock = replace(self, queue=tuple(one for one in self.queue if one.ticket not in gone))
        return lock.remember(
            *(
                Outcome(host, one.roll, one.operation, one.ticket, one.since, at, outcome, reason)
                for one in gone.values()
                if one.kept
                for host in one.hosts
            )
        )

    def remember(self, *outcomes: Outcome) -> Lock:
        """Keep the latest outcomes, and the latest of those that were no success however many came after."""
        if not outcomes:
            return self
        known = (*self.outcomes, *outcomes)
        troubled = [one for one in known if one.outcome != RELEASED][-KEPT_OUTCOMES:]
        recent = known[-KEPT_OUTCOMES:]
        older = known[:-KEPT_OUTCOMES]
        return replace(self, outcomes=(*(one for one in older if one in troubled), *recent))


Locks = Mapping[str, Lock]


def _outcome(holder: Holder, outcome: str, at: str, reason: str) -> Outcome:
    if holder.failed:  # what ends the slot of a failed host is that somebody has seen to it
        outcome, reason = FAILED, f"{holder.failed}; {outcome}{reason and f': {reason}'}"
    return Outcome(
        holder.host, holder.roll, holder.operation, holder.token, holder.since, at, outcome, reason
    )


def changed(before: Locks, after: Locks) -> Locks:
    """Keep the locks of *after* that are not as they were *before*."""
    return {service: lock for service, lock in after.items() if lock != before.get(service)}


def next_number(locks: Locks) -> int:
    """Count on from these locks: of two grants of a service, a later one has the higher token.

    Two of services that have nothing in common may have the same.
    """
    return 1 + max((lock.sequence for lock in locks.values()), default=0)


# --- Slots, and the words for them ---


@dataclass(frozen=True)
class Slot:
    """A held slot: which service, which holder."""

    service: str
    holder: Holder

    def __str__(self) -> str:
        """Say who holds what since when."""
        holder = self.holder
        tried = f", failed: {holder.failed}" if holder.failed else ""
        if holder.operation == PAUSE:
            return f"{holder.host} has been paused since {holder.since} (a slot of {self.service}, {holder.run}{tried})"
        domain = f" in failure domain {holder.domain}" if holder.domain else ""
        return (
            f"{holder.host}{domain} has held a slot of {self.service} since {holder.since}"
            f' (operation "{holder.operation}", {holder.run}, roll {holder.roll}{tried})'
        )

    def as_dict(self) -> dict[str, Any]:
        """Give the slot as fields of a result."""
        holder = self.holder
        return {
            "service": self.service,
            "host": holder.host,
            "operation": holder.operation,
            "callback": holder.callback,
            "arguments": dict(holder.arguments),
            "attempt": holder.attempt,
            "failed": holder.failed,
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


def slot_names(slots: Iterable[Slot]) -> list[str]:
    """Name slots, and count those that would make a sentence endless."""
    names = [str(slot) for slot in slots]
    rest = len(names) - NAMED_AT_MOST
    return names if rest <= 0 else [*names[:NAMED_AT_MOST], f"and {rest} more"]


def how_to_force(slots: Iterable[Slot]) -> str:
    """Say which task gives slots back that nobody else will."""
    slots = tuple(slots)
    services = in_brackets(sorted({slot.service for slot in slots}))
    hosts = in_brackets(sorted({slot.holder.host for slot in slots}))
    return f"rolling_lock with state=force_released, services={services}, hosts={hosts} and a reason"


def how_to_forget(hosts: Iterable[str]) -> str:
    """Say how to confirm that hosts have left for good."""
    return playbook("recover", extra("recover_forget", ",".join(sorted(hosts))), "-e recover_reason=…")
