# This is a private utility of the orderly.services collection; it may change without notice.
"""Who gets slots of rolling locks: decided without a clock, a file or a network.

:func:`decide` answers a request for slots of several locks at once: all of it is granted, or nothing. What
keeps that safe:

* A host that failed still holds its slot, so nobody has to report a failure. Waves of one roll come one after
  the other, so a slot that an earlier wave of the roll still holds stops the roll.
* Only runs that are provably alive are worth waiting for. Slots of a run that is over, or that cannot be
  asked, stop the request at once where they spend the budget.
* Nobody waits while holding: all slots come in one request, or the request is refused. So no two runs can
  wait for each other, and first come is first served by the locks' own sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, cached_property

from ._budget import slots_of
from ._lock import (
    NAMED_AT_MOST,
    Holder,
    Lock,
    LockError,
    Locks,
    Slot,
    Waiter,
    changed,
    held_slots,
    how_to_force,
    listed,
    withdraw,
)
from ._run import Run, RunState

# --- What is asked, and the answers ---


@dataclass(frozen=True)
class Claim:
    """What a request wants of one lock, and what it knows about the service."""

    service: str
    hosts: frozenset[str]
    members: frozenset[str]
    max_unavailable: int | str = 1

    def __post_init__(self) -> None:
        """Refuse hosts that the service is not deployed on: they would not be in the base of a percentage."""
        if strangers := sorted(self.hosts - self.members):
            raise LockError(
                f"{', '.join(strangers)}: not among the hosts of {self.service}.", hosts=strangers
            )


@dataclass(frozen=True)
class Request:
    """One wave: all its hosts, in all the services that are disrupted there."""

    roll: str
    run: Run
    operation: str
    claims: tuple[Claim, ...]
    forget_members: frozenset[str] = frozenset()

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Name every host of the wave."""
        return frozenset().union(*(claim.hosts for claim in self.claims))

    def __post_init__(self) -> None:
        """Refuse two claims on one lock: each alone might fit the budget that both together break."""
        if len({claim.service for claim in self.claims}) < len(self.claims):
            raise LockError("A request claims each service once.")

    def owns(self, one: Holder | Waiter) -> bool:
        """Tell whether this very run took the slot, or the place in the queue, for this roll."""
        return (one.roll, one.run) == (self.roll, self.run)

    def inherits(self, holder: Holder, state: RunState) -> bool:
        """Tell whether a slot that is not this run's own passes to it with its host."""
        if holder.run == self.run:
            return False
        return holder.roll == self.roll or state is RunState.OVER


@dataclass(frozen=True)
class Granted:
    """Every host of the wave may be disrupted, but for those out of service."""

    locks: Locks
    tokens: Mapping[str, Mapping[str, int]]
    changed: bool
    out_of_service: Mapping[str, str]
    unlisted: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Waiting:
    """Somebody who is alive comes first."""

    locks: Locks
    slots: tuple[Slot, ...]
    positions: Mapping[str, int]

    @property
    def message(self) -> str:
        """Say who is waited for, and how many are in front."""
        behind = [f"place {place} in the queue of {service}" for service, place in self.positions.items()]
        return "; ".join([*listed(self.slots), *behind])


class Why(StrEnum):
    """Why a request is refused, for programs."""

    ABANDONED = "abandoned"
    RUNS_ELSEWHERE = "runs_elsewhere"
    FAILED_BEFORE = "failed_before"
    MEMBERS_LEFT = "members_left"
    WAVE_TOO_LARGE = "wave_too_large"
    HELD_BY_OWN_RUN = "held_by_own_run"
    HOLDER_UNKNOWN = "holder_unknown"
    BUDGET_SPENT = "budget_spent"
    HOLDS_AND_WAITS = "holds_and_waits"


@dataclass(frozen=True)
class Refused:
    """Waiting would not help: why, in a word and in a sentence, and the slots that stand in the way."""

    why: Why
    message: str
    slots: tuple[Slot, ...] = ()
    locks: Locks = field(default_factory=dict)


Decision = Granted | Waiting | Refused
StateOf = Callable[[Run], RunState]


# --- A request beside the locks ---


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
    ahead: int

    @property
    def needs(self) -> frozenset[str]:
        """Name the hosts that want a slot which is not theirs already."""
        return self.wanted - self.owned - self.inherited

    @property
    def unlisted(self) -> frozenset[str]:
        """Name the registered members that the inventory of this request does not list."""
        return self.lock.members - self.claim.members

    def overrun(self, *states: RunState) -> bool:
        """Tell whether the wave and the slots of others in these states are more than the budget."""
        used = sum(len(self.others[state]) for state in states)
        return bool(self.needs) and used + len(self.wanted) > self.lock.slots


@dataclass(frozen=True)
class Case:
    """A request beside all locks of the store, ready to be judged."""

    request: Request
    locks: Locks
    views: tuple[View, ...]
    state_of: StateOf
    out_of_service: Mapping[str, str]

    @cached_property
    def counting(self) -> tuple[Slot, ...]:
        """List the slots of every lock, but for hosts whose absence an operator has acknowledged."""
        return tuple(
            slot
            for slot in held_slots(self.locks)
            if slot.holder.host not in self.locks[slot.service].out_of_service
        )

    @cached_property
    def of_this_roll(self) -> tuple[Slot, ...]:
        """List the slots that the roll of the request holds already, in whichever lock."""
        return tuple(slot for slot in self.counting if slot.holder.roll == self.request.roll)

    @cached_property
    def rivals(self) -> tuple[Slot, ...]:
        """List the slots by which others hold the very hosts of the wave."""
        return tuple(slot for view in self.views for slot in view.rivals)

    @cached_property
    def waits_for(self) -> tuple[Slot, ...]:
        """List the slots of the living that are in the way."""
        spending = [
            slot for view in self.views if view.overrun(*RunState) for slot in view.others[RunState.LIVE]
        ]
        return (*self.rivals, *spending)

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Tell the place in each queue where living requests came first."""
        return {view.lock.service: view.ahead + 1 for view in self.views if view.needs and view.ahead}


def _case(locks: Locks, request: Request, state_of: StateOf, at: str) -> Case:
    state_of = cache(state_of)
    blank = {claim.service: Lock(claim.service) for claim in request.claims}
    tidy = {service: _tidy(lock, request, state_of) for service, lock in {**blank, **locks}.items()}
    for claim in request.claims:
        tidy[claim.service] = _registered(tidy[claim.service], claim, request, state_of, at)
    out_of_service = {
        host: reason
        for claim in request.claims
        for host, reason in tidy[claim.service].out_of_service.items()
        if host in request.hosts
    }
    views = tuple(
        _view(claim, tidy[claim.service], request, claim.hosts - out_of_service.keys(), state_of)
        for claim in request.claims
    )
    return Case(request, tidy, views, state_of, out_of_service)


def _tidy(lock: Lock, request: Request, state_of: StateOf) -> Lock:
    """Drop waiters whose run is over, and what this run waited for before: it waits for one thing at a time."""

    def waits(waiter: Waiter) -> bool:
        if waiter.run == request.run:
            return request.owns(waiter)
        return state_of(waiter.run) is not RunState.OVER

    return replace(lock, queue=tuple(filter(waits, lock.queue)))


def _registered(lock: Lock, claim: Claim, request: Request, state_of: StateOf, at: str) -> Lock:
    """Register the hosts that the inventory lists, and forget those that are confirmed to have left."""
    gone = (lock.members - claim.members) & request.forget_members
    over = {
        host for host in gone & lock.holders.keys() if state_of(lock.holders[host].run) is not RunState.LIVE
    }
    return replace(
        lock.end(over, "forgotten", at),
        max_unavailable=claim.max_unavailable,
        members=(lock.members | claim.members) - gone,
        out_of_service={host: why for host, why in lock.out_of_service.items() if host not in gone},
    )


def _view(claim: Claim, lock: Lock, request: Request, wanted: frozenset[str], state_of: StateOf) -> View:
    mine = {host: lock.holders[host] for host in wanted & lock.holders.keys()}
    owned = frozenset(host for host, holder in mine.items() if request.owns(holder))
    inherited = frozenset(
        host for host, holder in mine.items() if request.inherits(holder, state_of(holder.run))
    )
    others: dict[RunState, tuple[Slot, ...]] = dict.fromkeys(RunState, ())
    for host in sorted(lock.holders.keys() - wanted - lock.out_of_service.keys()):
        holder = lock.holders[host]
        # A run never waits for itself: what it still holds for another roll was left behind.
        state = RunState.OVER if holder.run == request.run else state_of(holder.run)
        others[state] += (Slot(lock.service, holder),)
    return View(
        claim=claim,
        lock=lock,
        wanted=wanted,
        owned=owned,
        inherited=inherited,
        rivals=tuple(Slot(lock.service, mine[host]) for host in sorted(mine.keys() - owned - inherited)),
        others=others,
        ahead=_ahead(lock.queue, request, state_of),
    )


def _ahead(queue: tuple[Waiter, ...], request: Request, state_of: StateOf) -> int:
    """Count the living that came before this request; who cannot be asked must not hold up the living."""
    earlier = 0
    for waiter in queue:
        if request.owns(waiter):
            break
        earlier += state_of(waiter.run) is RunState.LIVE
    return earlier


# --- Refusals: the first that has something to say decides ---


def _abandoned(case: Case) -> Iterator[Refused]:
    if case.state_of(case.request.run) is RunState.OVER:
        yield Refused(
            Why.ABANDONED, f"The run that asks, {case.request.run}, is over: nothing is taken for it."
        )


def _runs_elsewhere(case: Case) -> Iterator[Refused]:
    request = case.request
    slots = tuple(
        slot
        for slot in case.of_this_roll
        if slot.holder.run != request.run and case.state_of(slot.holder.run) is RunState.LIVE
    )
    if slots:
        yield Refused(
            Why.RUNS_ELSEWHERE,
            f"Another run of roll {request.roll} goes on: {_sentence(slots)}"
            " Wait until it has ended, or stop it.",
            slots,
        )


def _failed_before(case: Case) -> Iterator[Refused]:
    request = case.request
    slots = tuple(slot for slot in case.of_this_roll if slot.holder.host not in request.hosts)
    if slots:
        yield Refused(
            Why.FAILED_BEFORE,
            f"Roll {request.roll} stops here, as a host of an earlier wave did not finish: {_sentence(slots)}"
            " Bring it back and run again with it, or, once it is healthy, give its slot back:"
            f" {how_to_force(slots)}.",
            slots,
        )


def _members_left(case: Case) -> Iterator[Refused]:
    for view in case.views:
        lock = view.lock
        here = slots_of(lock.max_unavailable, len(view.claim.members - lock.out_of_service.keys()))
        if here != lock.slots:
            gone = sorted(view.unlisted)
            yield Refused(
                Why.MEMBERS_LEFT,
                f"This inventory lacks members of {lock.service}: {_names(gone)}. With them,"
                f" {lock.max_unavailable} is {lock.slots} hosts, without them {here}. Use the whole inventory,"
                f" or, if they have left for good, confirm it with forget_members=[{', '.join(gone)}].",
            )


def _wave_too_large(case: Case) -> Iterator[Refused]:
    for view in case.views:
        lock, slots, wave = view.lock, view.lock.slots, sorted(view.wanted)
        if len(wave) > slots and view.wanted != view.owned:
            yield Refused(
                Why.WAVE_TOO_LARGE,
                f"A wave of {len(wave)} hosts of {lock.service} ({_names(wave)}) is more than its budget:"
                f" {slots} of its {len(lock.members)} members may be unavailable at a time (max_unavailable:"
                f" {lock.max_unavailable}). Take smaller waves (serial: {slots}), or raise"
                f" {lock.service}_max_unavailable.",
            )


def _held_by_own_run(case: Case) -> Iterator[Refused]:
    slots = tuple(slot for slot in case.rivals if slot.holder.run == case.request.run)
    if slots:
        yield Refused(
            Why.HELD_BY_OWN_RUN,
            f"This run holds the host for another roll: {_sentence(slots)}"
            " Release it first, or use one roll for both.",
            slots,
        )


def _holder_unknown(case: Case) -> Iterator[Refused]:
    unknown = RunState.UNKNOWN
    slots = tuple(slot for slot in case.rivals if case.state_of(slot.holder.run) is unknown)
    for view in case.views:
        if view.overrun(RunState.OVER, unknown) and not view.overrun(RunState.OVER):
            slots += view.others[unknown]
    if slots:
        yield Refused(
            Why.HOLDER_UNKNOWN,
            f"Nobody here can tell whether the holder still works: {_sentence(slots)} Look there. If its run is"
            f" over and the host is healthy, give the slot back: {how_to_force(slots)}.",
            slots,
        )


def _budget_spent(case: Case) -> Iterator[Refused]:
    spent = [view for view in case.views if view.overrun(RunState.OVER)]
    slots = tuple(slot for view in spent for slot in view.others[RunState.OVER])
    if slots:
        yield Refused(
            Why.BUDGET_SPENT,
            f"The disruption budget of {', '.join(view.lock.service for view in spent)} is spent by hosts that"
            f" did not finish: {_sentence(slots)} Bring them back and run again with them first, or, once they"
            f" are healthy, give the slots back: {how_to_force(slots)}.",
            slots,
        )


def _holds_and_waits(case: Case) -> Iterator[Refused]:
    mine = tuple(slot for slot in case.counting if slot.holder.run == case.request.run)
    if mine and (case.waits_for or case.positions):
        yield Refused(
            Why.HOLDS_AND_WAITS,
            f"This run would wait while it holds slots, and two that do wait for ever: {_sentence(mine)}"
            f" It would wait for: {Waiting({}, case.waits_for, case.positions).message}."
            " Ask for all services of a wave in one acquire.",
            case.waits_for,
        )


REFUSALS: tuple[Callable[[Case], Iterator[Refused]], ...] = (
    _abandoned,
    _runs_elsewhere,
    _failed_before,
    _members_left,
    _wave_too_large,
    _held_by_own_run,
    _holder_unknown,
    _budget_spent,
    _holds_and_waits,
)


def _sentence(slots: Iterable[Slot]) -> str:
    return "; ".join(listed(slots)) + "."


def _names(hosts: Sequence[str]) -> str:
    rest = len(hosts) - NAMED_AT_MOST
    return ", ".join(hosts[:NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")


# --- Deciding ---


def decide(locks: Locks, request: Request, state_of: StateOf, at: str) -> Decision:
    """Judge *request* against all *locks* of the store; *at* is the time that people will read.

    The answer carries the locks that it changes.
    """
    case = _case(locks, request, state_of, at)
    refusal = next((refusal for rule in REFUSALS for refusal in rule(case)), None)
    if refusal:
        return replace(refusal, locks=withdraw(locks, request.roll, request.run))
    if case.waits_for or case.positions:
        return Waiting(changed(locks, _queued(locks, case, at)), case.waits_for, case.positions)
    return _grant(locks, case, at)


def _grant(locks: Locks, case: Case, at: str) -> Granted:
    request = case.request
    token = _next(case.locks)
    granted = dict(case.locks)
    for view in case.views:
        fresh = view.wanted - view.owned
        lock = view.lock.end(view.inherited, "taken_over", at)
        holders = {
            host: Holder(host, request.roll, request.run, request.operation, at, token)
            for host in sorted(fresh)
        }
        granted[lock.service] = replace(
            lock, holders={**lock.holders, **holders}, sequence=token if fresh else lock.sequence
        )
    granted |= withdraw(granted, request.roll, request.run)
    return Granted(
        locks=changed(locks, granted),
        tokens={
            host: {
                view.lock.service: granted[view.lock.service].holders[host].token
                for view in case.views
                if host in view.wanted
            }
            for host in sorted(request.hosts - case.out_of_service.keys())
        },
        changed=any(view.wanted != view.owned for view in case.views),
        out_of_service=case.out_of_service,
        unlisted={view.lock.service: tuple(sorted(view.unlisted)) for view in case.views if view.unlisted},
    )


def _queued(locks: Locks, case: Case, at: str) -> Locks:
    """Put the request at the end of each queue that it has to go through and is not in; waiting changes no more."""
    request = case.request
    ticket = _next(case.locks)
    queued = {service: replace(lock, queue=case.locks[service].queue) for service, lock in locks.items()}
    for view in case.views:
        if view.needs and not any(map(request.owns, view.lock.queue)):
            service = view.lock.service
            hosts = tuple(sorted(view.wanted))
            waiter = Waiter(ticket, request.roll, request.run, request.operation, hosts, at)
            lock = queued.get(service, Lock(service))
            queued[service] = replace(lock, queue=(*lock.queue, waiter), sequence=ticket)
    return queued


def _next(locks: Locks) -> int:
    """Count on from every lock of the store, so that the order of any two grants shows in their tokens."""
    return 1 + max((lock.sequence for lock in locks.values()), default=0)
