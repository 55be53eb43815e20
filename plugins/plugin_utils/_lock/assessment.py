"""A request beside all locks of the store: what it wants, what is in its way, and how each of that counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING

from .._run.run import RunState
from .lock import FORGOTTEN, PAUSE, Freeze, Holder, Lock, Locks, Slot, Waiter, held_slots

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Set

    from .._run.run import Run
    from .request import Claim, Request, StateOf


@dataclass(frozen=True)
class View:
    """One claim beside its lock: whose slots are in the way, and how each of them counts."""

    claim: Claim
    lock: Lock
    wanted: frozenset[str]
    owned: frozenset[str]
    inherited: frozenset[str]
    rivals: tuple[Slot, ...]
    others: Mapping[RunState, tuple[Slot, ...]]
    ahead: tuple[Waiter, ...] = ()  # who wait for it and come first, in turn

    @property
    def fresh(self) -> frozenset[str]:
        """Name the hosts that want a slot which this run does not hold already."""
        return self.wanted - self.owned

    @property
    def needs(self) -> frozenset[str]:
        """Name the hosts that cost a slot of the budget: nobody holds one for them, and they are up."""
        return self.fresh - self.inherited - self.claim.unhealthy

    @property
    def unhealthy(self) -> frozenset[str]:
        """Name the hosts outside the wave that were found down, and that nobody works on."""
        return self.claim.unhealthy - self.wanted - self.lock.holders.keys() - self.lock.out_of_service.keys()

    @property
    def unlisted(self) -> frozenset[str]:
        """Name the registered members that the inventory of this request does not list."""
        return self.lock.members - self.claim.members

    @property
    def domains(self) -> frozenset[str]:
        """Name the failure domains of the wave."""
        return self._domains_of(self.wanted)

    def overrun(self, *states: RunState) -> bool:
        """Tell whether hosts that are down, or slots of others in these states, leave no room for the wave."""
        apart = any(map(self.apart, states)) or self._are_apart(self._domains_of(self.unhealthy))
        return bool(self.needs) and (apart or self.exceeds(*states))

    def exceeds(self, *states: RunState) -> bool:
        """Tell whether the wave, hosts that are down, and slots of others in these states break the budget."""
        used = len(self.unhealthy) + sum(len(self.others[state]) for state in states)
        return used + len(self.wanted) > self.lock.slots

    def apart(self, state: RunState) -> tuple[Slot, ...]:
        """List the slots of others in a state in another failure domain: only one may be disrupted at a time."""
        return tuple(slot for slot in self.others[state] if self._are_apart({slot.holder.domain} - {""}))

    def in_the_way(self, state: RunState) -> tuple[Slot, ...]:
        """List the slots of others in a state that keep the wave from its own."""
        return self.others[state] if self.exceeds(*RunState) else self.apart(state)

    def _domains_of(self, hosts: frozenset[str]) -> frozenset[str]:
        return frozenset(domain for host in hosts if (domain := self.claim.domains.get(host)))

    def _are_apart(self, domains: Set[str]) -> bool:
        return bool(domains and self.domains) and domains != self.domains


@dataclass(frozen=True)
class Asked:
    """A request that this run made before, seen over all locks."""

    waiter: Waiter
    services: Mapping[str, frozenset[str]]  # host -> services

    def meets(self, wanted: Mapping[str, frozenset[str]]) -> bool:
        """Tell whether it is about one of these hosts and services."""
        return any(self.services.get(host, frozenset()) & services for host, services in wanted.items())

    def covers(self, wanted: Mapping[str, frozenset[str]]) -> bool:
        """Tell whether these are some of its hosts, each with the very services that were asked for."""
        return bool(wanted) and all(self.services.get(host) == services for host, services in wanted.items())


@dataclass(frozen=True)
class Case:
    """A request beside all locks of the store, ready to be judged."""

    request: Request
    tidy: Locks  # as they are, but for waiters that are gone
    locks: Locks  # and with what the request knows of members
    views: tuple[View, ...]
    state_of: StateOf
    out_of_service: Mapping[str, str]
    wanted: Mapping[str, frozenset[str]]  # host -> services
    asked: tuple[Asked, ...]
    served: Waiter | None

    @cached_property
    def counting(self) -> tuple[Slot, ...]:
        """List the slots of every lock, but for hosts whose absence an operator has acknowledged."""
        return tuple(
            slot for slot in held_slots(self.locks) if slot.holder.host in self.locks[slot.service].down
        )

    @cached_property
    def of_this_roll(self) -> tuple[Slot, ...]:
        """List the slots that the roll of the request holds already, in whichever lock."""
        return tuple(slot for slot in self.counting if slot.holder.roll == self.request.roll)

    def works_elsewhere(self, slot: Slot) -> bool:
        """Tell whether another run holds a slot, and works."""
        return slot.holder.run != self.request.run and self.state_of(slot.holder.run) is RunState.LIVE

    def is_at_work(self, slot: Slot) -> bool:
        """Tell whether the host of a slot may still give it back by itself."""
        return self.works_elsewhere(slot) or self.request.is_beside(slot.holder)

    @cached_property
    def rivals(self) -> tuple[Slot, ...]:
        """List the slots by which others hold the very hosts of the wave."""
        return tuple(slot for view in self.views for slot in view.rivals)

    @cached_property
    def waits_for(self) -> tuple[Slot, ...]:
        """List the slots of the living that are in the way."""
        spending = [
            slot for view in self.views if view.overrun(*RunState) for slot in view.in_the_way(RunState.LIVE)
        ]
        return (*self.rivals, *spending)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Tell the place in each queue where living requests come first."""
        return {service: len(ahead) + 1 for service, ahead in self.ahead.items()}

    @cached_property
    def ahead(self) -> Mapping[str, tuple[Waiter, ...]]:
        """Tell who comes first in each queue where that matters."""
        return {view.lock.service: view.ahead for view in self.views if view.needs and view.ahead}

    @cached_property
    def frozen(self) -> Mapping[str, Freeze]:
        """Tell which services nothing more is granted of; what is held already stays so.

        A recovery disrupts nobody anew, so that it takes over whom a run has left behind, and no other.
        """
        return {
            view.lock.service: view.lock.frozen
            for view in self.views
            if view.lock.frozen and (view.fresh - view.inherited if self.request.recovers else view.fresh)
        }

    @property
    def must_wait(self) -> bool:
        """Tell whether anything comes first."""
        return bool(self.waits_for or self.positions or self.frozen)

    @property
    def must_wait_for_others(self) -> bool:
        """Tell whether anything comes first that is not a host of this very run."""
        ahead = (one for waiters in self.ahead.values() for one in waiters)
        runs = {*(slot.holder.run for slot in self.waits_for), *(one.run for one in ahead)}
        return bool(self.frozen or runs - {self.request.run})

    @cached_property
    def asked_here(self) -> tuple[Waiter, ...]:
        """List what this run asked for on hosts and services of the wave."""
        return tuple(one.waiter for one in self.asked if one.meets(self.wanted))

    @cached_property
    def newest_like_this(self) -> Waiter | None:
        """Find the latest request that is the same as this one."""
        same = [
            one.waiter for one in self.asked if one.covers(self.wanted) and self.request.means(one.waiter)
        ]
        return max(same, key=lambda one: one.ticket, default=None)

    def before(self, waiters: Iterable[Waiter]) -> tuple[Waiter, ...]:
        """Keep those that were asked for before what is asked for now."""
        return tuple(one for one in waiters if self.served is None or one.turn < self.served.turn)

    @property
    def asked_first(self) -> tuple[Waiter, ...]:
        """List what this run must take, or withdraw, before it may take what it asks for now.

        What it asked for on the same hosts and services comes in that order. And whoever waits, waits for what it
        asked for first: others may be behind that.
        """
        if not self.must_wait:
            return self.before(self.asked_here)
        return self.before(one.waiter for one in self.asked if not self.request.is_beside(one.waiter))


def assess(locks: Locks, request: Request, state_of: StateOf, at: str) -> Case:
    """Lay a request beside all locks, after what has ended is put away and what the request knows is registered."""
    state_of = cache(state_of)
    blank = {
        one.service: Lock(one.service, one.max_unavailable, one.failure_budget, one.members)
        for one in request.claims
    }
    asked = _asked(locks, request, state_of)
    out_of_service = {
        host: reason
        for claim in request.claims
        for lock in [locks.get(claim.service, blank[claim.service])]
        for host, reason in lock.out_of_service.items()
        if host in request.hosts - _left(lock, claim, request)
    }
    wanted = {
        host: frozenset(claim.service for claim in request.claims if host in claim.hosts)
        for host in request.hosts - out_of_service.keys()
    }
    served = next((one.waiter for one in asked if _serves(one, wanted, request, state_of)), None)
    tidy = {
        service: _tidy(lock, request, served, state_of, at) for service, lock in {**blank, **locks}.items()
    }
    known = dict(tidy)
    for claim in request.claims:
        known[claim.service] = _registered(tidy[claim.service], claim, request, state_of, at)
    idle = _idle(known)
    turn = served.turn if served else (request.last, False, float("inf"))

    def comes_first(one: Waiter) -> bool:
        """Tell whether to wait for a request; who cannot be asked must not hold up the living."""
        earlier = one.turn < turn and one.identity not in idle
        of_others = one.run != request.run or request.is_beside(one)
        return earlier and of_others and state_of(one.run) is RunState.LIVE

    views = tuple(
        replace(
            _view(known[claim.service], claim, request, claim.hosts & wanted.keys(), state_of),
            ahead=tuple(filter(comes_first, known[claim.service].queue)),
        )
        for claim in request.claims
    )
    kept = tuple(one for one in asked if one.waiter.kept)
    return Case(request, tidy, known, views, state_of, out_of_service, wanted, kept, served)


def _asked(locks: Locks, request: Request, state_of: StateOf) -> tuple[Asked, ...]:
    """List what this run, and earlier runs of its roll, have asked for, each once and in turn."""
    waiters: dict[tuple[int, Run], Waiter] = {}
    services: dict[tuple[int, Run], dict[str, frozenset[str]]] = {}
    for service, lock in locks.items():
        for one in lock.queue:
            if one.run == request.run or request.goes_on_with(one, state_of(one.run)):
                waiters[one.identity] = one
                of_host = services.setdefault(one.identity, {})
                of_host |= {host: of_host.get(host, frozenset()) | {service} for host in one.hosts}
    asked = (
        Asked(replace(one, hosts=tuple(sorted(services[identity]))), services[identity])
        for identity, one in waiters.items()
    )
    return tuple(sorted(asked, key=lambda one: one.waiter.turn))


def _serves(one: Asked, wanted: Mapping[str, frozenset[str]], request: Request, state_of: StateOf) -> bool:
    ours = request.goes_on_with(one.waiter, state_of(one.waiter.run)) and request.means(one.waiter)
    return ours and one.covers(wanted)


def _tidy(lock: Lock, request: Request, served: Waiter | None, state_of: StateOf, at: str) -> Lock:
    """Drop waiters whose run is over, and what this run waited for before: it waits for one thing at a time."""
    stale = [
        one
        for one in lock.queue
        if not (served and one.identity == served.identity) and _is_stale(one, request, state_of)
    ]
    return lock.dismiss(stale, "abandoned", at) if stale else lock


def _is_stale(one: Waiter, request: Request, state_of: StateOf) -> bool:
    if one.run == request.run:
        return not one.kept and not request.is_beside(one)
    goes_on = one.kept and one.roll != one.run.id  # a roll with a name of its own may be resumed
    return not goes_on and state_of(one.run) is RunState.OVER


def _registered(lock: Lock, claim: Claim, request: Request, state_of: StateOf, at: str) -> Lock:
    """Register the hosts that the inventory lists, and forget those that are confirmed to have left."""
    gone = _left(lock, claim, request)
    over = {
        host for host in gone & lock.holders.keys() if state_of(lock.holders[host].run) is not RunState.LIVE
    }
    left = [
        one for one in lock.queue if gone.issuperset(one.hosts) and state_of(one.run) is not RunState.LIVE
    ]
    return replace(
        lock.end(over, FORGOTTEN, at).dismiss(left, FORGOTTEN, at),
        max_unavailable=claim.max_unavailable,
        failure_budget=claim.failure_budget,
        members=(lock.members | claim.members) - gone,
        out_of_service={host: why for host, why in lock.out_of_service.items() if host not in gone},
    )


def _left(lock: Lock, claim: Claim, request: Request) -> frozenset[str]:
    """Name the members that are confirmed to have left."""
    return (lock.members - claim.members) & request.forget_members


def _view(lock: Lock, claim: Claim, request: Request, wanted: frozenset[str], state_of: StateOf) -> View:
    mine = {host: lock.holders[host] for host in wanted & lock.holders.keys()}
    owned = frozenset(host for host, holder in mine.items() if request.owns(holder))
    inherited = frozenset(
        host for host, holder in mine.items() if request.inherits(holder, state_of(holder.run))
    )
    others: dict[RunState, tuple[Slot, ...]] = dict.fromkeys(RunState, ())
    for host in sorted(lock.down - wanted):
        holder = lock.holders[host]
        others[_counts_as(holder, request, state_of)] += (Slot(lock.service, holder),)
    return View(
        claim=claim,
        lock=lock,
        wanted=wanted,
        owned=owned,
        inherited=inherited,
        rivals=tuple(Slot(lock.service, mine[host]) for host in sorted(mine.keys() - owned - inherited)),
        others=others,
    )


def _counts_as(holder: Holder, request: Request, state_of: StateOf) -> RunState:
    """Tell whether a slot of others is worth waiting for: not if its host has failed, or was left behind."""
    if request.is_beside(holder) and not holder.failed:
        return RunState.LIVE
    # Else a run never waits for itself: what it still holds for another roll was left behind.
    if holder.failed or holder.run == request.run:
        return RunState.OVER
    state = state_of(holder.run)
    return RunState.OVER if holder.operation == PAUSE and state is RunState.UNKNOWN else state


def _idle(locks: Locks) -> frozenset[tuple[int, Run]]:
    """Name the requests that nothing can be granted to, as all their hosts are out of service."""
    if not any(lock.out_of_service for lock in locks.values()):
        return frozenset()
    hosts: dict[tuple[int, Run], set[str]] = {}
    away: dict[tuple[int, Run], set[str]] = {}
    for lock in locks.values():
        for one in lock.queue:
            hosts.setdefault(one.identity, set()).update(one.hosts)
            away.setdefault(one.identity, set()).update(lock.out_of_service.keys() & set(one.hosts))
    return frozenset(identity for identity, asked in hosts.items() if asked <= away[identity])
