"""What can be asked of rolling locks, and the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from .._run.run import Run, RunState
from .lock import Freeze, Holder, LockError, Locks, Slot, Waiter, slot_names

# --- What is asked ---


@dataclass(frozen=True)
class Claim:
    """What a request wants of one lock, and what it knows about the service.

    *unhealthy* names hosts of the service that were found down: they count against the budget, but cost none of it
    when they are claimed themselves. *domains* gives the failure domain of those of all these hosts that have one.

    :raises LockError: when a host is not among *members*
    """

    service: str
    hosts: frozenset[str]
    members: frozenset[str]
    max_unavailable: int | str = 1
    failure_budget: int = 0
    unhealthy: frozenset[str] = frozenset()
    domains: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse hosts that the service is not deployed on: they would not be in the base of a percentage."""
        if strangers := sorted((self.hosts | self.unhealthy) - self.members):
            raise LockError(
                f"{', '.join(strangers)}: not among the hosts of {self.service}.", hosts=strangers
            )


@dataclass(frozen=True)
class Request:
    """One wave: all its hosts, in all the services that are disrupted there.

    A *callback* of ``None`` asks for whatever this run has asked for first. One that *recovers* puts hosts back that
    were left behind.

    :raises LockError: when two claims are on one lock, or *retries* is negative
    """

    roll: str
    run: Run
    operation: str
    claims: tuple[Claim, ...]
    forget_members: frozenset[str] = frozenset()
    callback: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    retries: int | None = None
    last: bool = False
    recovers: bool = False
    side_by_side: bool = False  # other runs of its roll may be at work, each on hosts of its own
    beside: frozenset[str] = frozenset()  # hosts of its roll and run, each of which asks and works by itself

    def __post_init__(self) -> None:
        """Refuse two claims on one lock: each alone might fit the budget that both together break."""
        if len({claim.service for claim in self.claims}) < len(self.claims):
            raise LockError("A request claims each service once.")
        if self.retries is not None and self.retries < 0:
            raise LockError(f"retries must be a number of retries, 0 for none, not {self.retries}.")

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Name every host of the wave."""
        return frozenset().union(*(claim.hosts for claim in self.claims))

    def owns(self, one: Holder | Waiter) -> bool:
        """Tell whether this very run took the slot, or the place in the queue, for this roll."""
        return (one.roll, one.run) == (self.roll, self.run)

    def is_beside(self, one: Holder | Waiter) -> bool:
        """Tell whether this very run took the slot, or the place, for a host that goes its own way beside this one."""
        hosts = {one.host} if isinstance(one, Holder) else {*one.hosts}
        return self.owns(one) and bool(hosts) and hosts <= self.beside

    def inherits(self, holder: Holder, state: RunState) -> bool:
        """Tell whether a slot that is not this run's own passes to it with its host: who held it is provably over."""
        return holder.run != self.run and state is RunState.OVER

    def goes_on_with(self, waiter: Waiter, state: RunState) -> bool:
        """Tell whether a request is this run's own, or one that its roll left when an earlier run ended."""
        return self.owns(waiter) or (waiter.roll == self.roll and waiter.kept and state is RunState.OVER)

    def means(self, one: Holder | Waiter) -> bool:
        """Tell whether the same is to be done, however often it may be retried and whenever it was asked."""
        return self.callback is None or (self.callback, self.arguments) == (one.callback, one.arguments)


# --- The answers ---


@dataclass(frozen=True)
class Granted:
    """Every host of the wave may be disrupted, but for those out of service.

    *callback* and *arguments* are what was asked for, be it by an earlier request.
    """

    locks: Locks
    tokens: Mapping[str, Mapping[str, int]]  # host -> service -> token
    changed: bool
    taken_over: frozenset[str]
    out_of_service: Mapping[str, str]  # host -> reason
    unlisted: Mapping[str, tuple[str, ...]]  # service -> registered members that the inventory lacks
    operation: str
    callback: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Requested:
    """The request waits in the queues; *changed* is false where the same was asked last."""

    locks: Locks
    changed: bool
    positions: Mapping[str, int]


HOW_TO_THAW = "rolling_lock with state=thawed ends that"


def frozen_words(service: str, freeze: Freeze) -> str:
    """Say of a service that nothing of it is granted, why, and what ends that."""
    return f"{service} is frozen since {freeze.since} by {freeze.by}: {freeze.reason} ({HOW_TO_THAW})"


@dataclass(frozen=True)
class Waiting:
    """Somebody who is alive comes first, or nothing is granted for now."""

    locks: Locks
    slots: tuple[Slot, ...]
    positions: Mapping[str, int]
    frozen: Mapping[str, Freeze] = field(default_factory=dict)
    nearest: Mapping[str, Waiter] = field(default_factory=dict)  # service -> who is served right before
    places: Mapping[str, Waiter] = field(default_factory=dict)  # service -> as which the request waits there

    @property
    def runs(self) -> frozenset[Run]:
        """Name the runs whose end, or whose next step, may be what lets the request go on."""
        if self.nearest:
            return frozenset(one.run for one in self.nearest.values())
        return frozenset(slot.holder.run for slot in self.slots)

    def is_for_others(self, run: Run) -> bool:
        """Tell whether anything but hosts of this very run is in the way."""
        return bool(self.frozen) or any(other != run for other in self.runs)

    @property
    def message(self) -> str:
        """Say who or what is waited for, and how many are in front."""
        ice = [frozen_words(service, freeze) for service, freeze in self.frozen.items()]
        behind = [f"place {place} in the queue of {service}" for service, place in self.positions.items()]
        return "; ".join([*ice, *slot_names(self.slots), *behind])


class Why(StrEnum):
    """Why a request is refused, for programs."""

    ABANDONED = "abandoned"
    RUNS_ELSEWHERE = "runs_elsewhere"
    FAILED_BEFORE = "failed_before"
    MEMBERS_LEFT = "members_left"
    WAVE_TOO_LARGE = "wave_too_large"
    DOMAINS_MIXED = "domains_mixed"
    HELD_BY_OWN_RUN = "held_by_own_run"
    OUT_OF_TURN = "out_of_turn"
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
