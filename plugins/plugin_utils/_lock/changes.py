"""What may happen to locks without asking for a slot: give back, try again, force, freeze, take out of service.

Pure; every function answers with the locks that change. :mod:`.decision` is for those who ask.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._run.run import RunState
from .lock import (
    FORGOTTEN,
    RELEASED,
    Freeze,
    Holder,
    Lock,
    LockError,
    Locks,
    Slot,
    Waiter,
    changed,
    held_slots,
    next_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .._run.run import Run

FORCED = "force_released"
WITHDRAWN = "withdrawn"


# --- Those who hold, or wait ---


def withdraw(locks: Locks, roll: str, run: Run, spare: frozenset[str] = frozenset()) -> Locks:
    """Take out of every queue what this roll and run wait for, but for requests that are kept.

    Hosts to *spare* ask for themselves.
    """

    def stays(one: Waiter) -> bool:
        return one.kept or (one.roll, one.run) != (roll, run) or spare.issuperset(one.hosts)

    return {
        service: replace(lock, queue=stay)
        for service, lock in locks.items()
        for stay in [tuple(filter(stays, lock.queue))]
        if stay != lock.queue
    }


def release(
    locks: Locks, roll: str, run: Run, hosts: Iterable[str], at: str
) -> tuple[Locks, tuple[Slot, ...]]:
    """Give back what this roll and run hold for *hosts*, and withdraw what they ask for them.

    Answers with the locks that change, and the slots given back. A host whose operation has failed keeps its slots.
    """
    hosts = frozenset(hosts)
    slots = tuple(slot for slot in _own(locks, roll, run, hosts) if not slot.holder.failed)
    after = {service: _leave_queue(lock, roll, run, hosts, at) for service, lock in locks.items()}
    return changed(locks, _ended(after, slots, RELEASED, at)), slots


@dataclass(frozen=True)
class Retried:
    """What comes of operations that did not succeed: hosts that may try again, and those that may not."""

    attempts: Mapping[str, int]  # host -> number of the retry
    exhausted: Mapping[str, str]  # host -> what is kept about it


def retry(  # noqa: PLR0913 - who, where, how, when and why
    locks: Locks, roll: str, run: Run, hosts: Iterable[str], *, hold: bool, at: str, reason: str = ""
) -> tuple[Locks, Retried]:
    """Let this roll and run try the operations of *hosts* again: holding the slots, or giving them back to ask anew.

    Where the limit of retries is reached the operation has failed, and the host keeps its slots.
    """
    hosts = frozenset(hosts)
    slots = [slot for slot in _own(locks, roll, run, hosts) if not slot.holder.failed]
    attempts = {slot.holder.host: slot.holder.attempt + 1 for slot in slots}
    exhausted = {
        slot.holder.host: _exhausted(slot.holder, reason)
        for slot in slots
        if slot.holder.retries is not None and slot.holder.attempt >= slot.holder.retries
    }
    after = dict(locks)
    for slot in slots:
        host = slot.holder.host
        again = replace(slot.holder, attempt=attempts[host], failed=exhausted.get(host, ""))
        lock = after[slot.service]
        after[slot.service] = replace(lock, holders={**lock.holders, host: again})
    trying = {host: attempt for host, attempt in attempts.items() if host not in exhausted}
    if not hold:
        after = _requeued(after, [slot for slot in slots if slot.holder.host in trying], at)
    return changed(locks, after), Retried(trying, exhausted)


def _exhausted(holder: Holder, reason: str) -> str:
    times = "once" if not holder.retries else f"{holder.retries + 1} times"
    return f"tried {times}{reason and f', {reason}'}"


def _requeued(locks: Locks, slots: Iterable[Slot], at: str) -> dict[str, Lock]:
    """Give slots back and ask for them anew: what was granted together asks together."""
    after = dict(locks)
    together: dict[tuple[int, int], list[Slot]] = {}
    for slot in slots:
        together.setdefault((slot.holder.token, slot.holder.attempt), []).append(slot)
    for group in together.values():
        ticket = next_number(after)
        for service in sorted({slot.service for slot in group}):
            lock = after[service]
            hosts = tuple(sorted(slot.holder.host for slot in group if slot.service == service))
            held = lock.holders[hosts[0]]
            waiter = Waiter(
                ticket, held.roll, held.run, held.operation, hosts, at,
                held.callback, held.arguments, held.retries, held.attempt, last=held.last, kept=True,
            )  # fmt: skip
            left = {host: one for host, one in lock.holders.items() if host not in hosts}
            after[service] = replace(lock, holders=left).enqueue(waiter)
    return after


def _own(locks: Locks, roll: str, run: Run, hosts: frozenset[str]) -> tuple[Slot, ...]:
    return tuple(
        slot
        for slot in held_slots(locks)
        if slot.holder.host in hosts and (slot.holder.roll, slot.holder.run) == (roll, run)
    )


def _leave_queue(lock: Lock, roll: str, run: Run, hosts: frozenset[str], at: str) -> Lock:
    # What a roll with a name of its own has asked for is withdrawn by whichever run goes on with it.
    own = [one for one in lock.queue if one.roll == roll and (one.kept or one.run == run)]
    return _without_hosts(lock, own, hosts, WITHDRAWN, at)


def _without_hosts(
    lock: Lock, waiters: Iterable[Waiter], hosts: frozenset[str], outcome: str, at: str, reason: str = ""
) -> Lock:
    """Take hosts out of requests, and requests that have no host left out of the queue."""
    for one in waiters:
        stay = tuple(host for host in one.hosts if host not in hosts)
        if stay != one.hosts:
            gone = tuple(host for host in one.hosts if host in hosts)
            lock = lock.dismiss([replace(one, hosts=gone)], outcome, at, reason)
            lock = lock.enqueue(replace(one, hosts=stay)) if stay else lock
    return lock


# --- Operators ---


def force_release(
    locks: Locks, hosts: Iterable[str], services: Iterable[str] | None, reason: str, at: str
) -> tuple[Locks, tuple[Slot, ...]]:
    """Give back the slots of *hosts*, whoever holds them, in some *services* or in all, and drop their kept requests.

    Answers with the locks that change, and the slots given back.
    """
    hosts = frozenset(hosts)
    chosen = _chosen(locks, services)
    slots = tuple(slot for slot in held_slots(locks) if slot.holder.host in hosts and slot.service in chosen)
    after = _ended(locks, slots, FORCED, at, reason)
    for service in chosen:
        kept = [one for one in after[service].queue if one.kept]
        after[service] = _without_hosts(after[service], kept, hosts, FORCED, at, reason)
    return changed(locks, after), slots


@dataclass(frozen=True)
class Forgotten:
    """What was kept of hosts that have left: the services that knew each, and the slots that ended."""

    services: Mapping[str, tuple[str, ...]]  # host -> services
    slots: tuple[Slot, ...]


def forget(
    locks: Locks,
    hosts: Iterable[str],
    deployed: Mapping[str, Iterable[str]],
    state_of: Callable[[Run], RunState],
    reason: str,
    at: str,
) -> tuple[Locks, Forgotten]:
    """Drop all that is kept of *hosts* in services that are not *deployed* there any more, by service and host.

    Raises :class:`LockError` where such a host is nowhere, is deployed all the same, or is being worked on.
    """
    after, services = dict(locks), {}
    for host in sorted(set(hosts)):
        knows = [name for name, lock in sorted(locks.items()) if host in _known(lock)]
        left = tuple(name for name in knows if host not in deployed.get(name, ()))
        if knows and not left:
            raise LockError(
                f"{host} is still deployed with {', '.join(knows)} in this inventory, so it is not forgotten. Take it"
                " out there first.",
                hosts=[host],
            )
        if not left:
            raise LockError(
                f"No lock in the store knows a host {host}, so there is nothing to forget.", hosts=[host]
            )
        services[host] = left
    slots = tuple(slot for slot in held_slots(locks) if slot.service in services.get(slot.holder.host, ()))
    if alive := [slot for slot in slots if state_of(slot.holder.run) is RunState.LIVE]:
        raise LockError(f"A run works on it: {alive[0]}. Wait until that has ended, or stop it.")
    for host, names in services.items():
        for name in names:
            lock = after[name].end({host}, FORGOTTEN, at, reason)
            kept = [one for one in lock.queue if one.kept]
            lock = _without_hosts(lock, kept, frozenset({host}), FORGOTTEN, at, reason)
            away = {other: why for other, why in lock.out_of_service.items() if other != host}
            after[name] = replace(lock, members=lock.members - {host}, out_of_service=away)
    return changed(locks, after), Forgotten(services, slots)


def _known(lock: Lock) -> frozenset[str]:
    queued = (host for one in lock.queue if one.kept for host in one.hosts)
    return lock.members.union(lock.holders, lock.out_of_service, queued)


def freeze(locks: Locks, services: Iterable[str], reason: str, by: str, at: str) -> Locks:
    """Let nothing more be granted in *services*; what is frozen already keeps its reason."""
    stopped = Freeze(reason, at, by)
    found = {service: locks.get(service, Lock(service)) for service in services}
    return {service: replace(lock, frozen=stopped) for service, lock in found.items() if not lock.frozen}


def thaw(locks: Locks, services: Iterable[str] | None) -> Locks:
    """Let slots of *services* be granted again, or of all."""
    chosen = _chosen(locks, services)
    return {service: replace(locks[service], frozen=None) for service in chosen if locks[service].frozen}


def take_out(locks: Locks, hosts: Mapping[str, Iterable[str]], reason: str) -> Locks:
    """Acknowledge that *hosts*, given with their services, are down: they count no more until they are put back."""
    after = dict(locks)
    for host, services in hosts.items():
        for service in services:
            lock = after.get(service, Lock(service))
            away = {**lock.out_of_service, host: reason}
            after[service] = replace(lock, members=lock.members | {host}, out_of_service=away)
    return changed(locks, after)


def put_back(locks: Locks, hosts: Iterable[str], services: Iterable[str] | None) -> Locks:
    """Let *hosts* take part again, in some *services* or in all."""
    hosts = frozenset(hosts)
    after = {}
    for service in _chosen(locks, services):
        lock = locks[service]
        left = {host: why for host, why in lock.out_of_service.items() if host not in hosts}
        after[service] = replace(lock, out_of_service=left)
    return changed(locks, after)


def _chosen(locks: Locks, services: Iterable[str] | None) -> frozenset[str]:
    chosen = frozenset(locks if services is None else services)
    if strangers := sorted(chosen - locks.keys()):
        known = ", ".join(sorted(locks)) or "none"
        raise LockError(
            f"The store has no lock of {', '.join(strangers)}; it has: {known}.", services=strangers
        )
    return chosen


def _ended(locks: Locks, slots: Iterable[Slot], outcome: str, at: str, reason: str = "") -> dict[str, Lock]:
    hosts: dict[str, set[str]] = {}
    for slot in slots:
        hosts.setdefault(slot.service, set()).add(slot.holder.host)
    ended = {service: locks[service].end(names, outcome, at, reason) for service, names in hosts.items()}
    return {**locks, **ended}
