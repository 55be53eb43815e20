"""Whatever runs, crashes, fleets and operators do to the rolling lock, in whatever order and on whatever store.

:func:`machine` makes a state machine for Hypothesis over the stores that a factory opens. What the lock promises is
checked after every step.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import (
    freeze,
    put_back,
    take_out,
    thaw,
    withdraw,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Lock, Locks, Waiter
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Claim,
    Decision,
    Granted,
    Refused,
    Request,
    Waiting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store, StoreError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .lock_world import AT, World, run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Part

Result = TypeVar("Result")
HOSTS = ("h1", "h2", "h3", "h4", "h5", "h6")
SERVICES = ("nginx", "redis")
ALL_PIDS = range(1, 6)
PIDS = st.sampled_from(ALL_PIDS)
ROLLS = st.sampled_from(("a", "b", ""))
CALLBACKS = st.sampled_from(("resize", "restart"))
BUDGETS = st.sampled_from((1, 2, 3, "34%", "50%", "100%"))
SOME_HOSTS = st.frozensets(st.sampled_from(HOSTS), min_size=1, max_size=3)
FEW_HOSTS = st.frozensets(st.sampled_from(HOSTS), max_size=2)
SOME_SERVICES = st.frozensets(st.sampled_from(SERVICES), min_size=1)
SERVICE = st.sampled_from(SERVICES)
PARTS = st.fixed_dictionaries(
    {}, optional={"last": st.booleans(), "retries": st.integers(0, 2), "callback": CALLBACKS}
)
RACKS = {"h1": "a", "h2": "a", "h3": "b", "h4": "b"}
KNOWN = st.fixed_dictionaries(
    {}, optional={"unhealthy": FEW_HOSTS, "confirm": st.booleans(), "racks": st.booleans()}
)
Number = tuple[str, int, str]
"""A request or a slot on one host: service, ticket or token, host."""


class Unreliable:
    """A store that at times does not answer: it was not reached, or what it did is not known."""

    def __init__(self, store: Store) -> None:
        self.url, self.name, self.shared = store.url, store.name, store.shared
        self.store_id, self.read = store.store_id, store.read
        self.wait_for_change, self.close = store.wait_for_change, store.close
        self._store = store
        self.fault = ""

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Any], tuple[Any, Result]],
        *,
        upon: Collection[str] | None = None,
    ) -> Result:
        if self.fault == "not reached":
            raise StoreError("down")
        result = self._store.transact(parts, decide, upon=upon)
        if self.fault == "no answer":
            raise StoreError("down")
        return result


class RollingLock(RuleBasedStateMachine):
    """What may happen, and what must hold then."""

    open_store: Callable[[], Store]
    on_step: Callable[[], object]

    def __init__(self) -> None:
        super().__init__()
        self.store = Unreliable(type(self).open_store())
        self.world = World(self.store)
        self.budgets: dict[str, int | str] = {"nginx": 1, "redis": "50%"}
        self.groups = {"nginx": set(HOSTS), "redis": {"h1", "h2", "h3"}}
        self.newest_token = 0
        self.ended: set[Number] = set()

    def lock(self, service: str) -> Lock:
        return self.world.locks.get(service, Lock(service))

    @contextmanager
    def step(self) -> Iterator[Locks]:
        """Do something that the store may not answer, and check what became of every slot and request."""
        before = self.world.locks
        try:
            yield before
        except StoreError:
            if self.store.fault == "not reached":
                assert self.world.locks == before
        self.check_ends(before, self.world.locks)

    def request(  # noqa: PLR0913 - as many as a request has parts
        self,
        pid: int,
        roll: str,
        hosts: frozenset[str],
        services: frozenset[str],
        *,
        unhealthy: frozenset[str] = frozenset(),
        confirm: bool = False,
        racks: bool = False,
        **parts: Any,
    ) -> Request:
        claims = tuple(
            Claim(
                service,
                here,
                frozenset(members),
                self.budgets[service],
                unhealthy=unhealthy & frozenset(members),
                domains=RACKS if racks else {},
            )
            for service, members in self.groups.items()
            if service in services and (here := hosts & frozenset(members))
        )
        forget = frozenset(HOSTS) if confirm else frozenset()
        return Request(roll or run(pid).id, run(pid), "operation", claims, forget, **parts)

    # --- What may happen ---

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS, services=SOME_SERVICES, known=KNOWN, parts=PARTS)
    def acquire(
        self,
        pid: int,
        roll: str,
        hosts: frozenset[str],
        services: frozenset[str],
        known: dict[str, Any],
        parts: dict[str, Any],
    ) -> None:
        request = self.request(pid, roll, hosts, services, **known, **parts)
        with self.step() as before:
            decision = self.world.decide(request)
            self.check(decision, request, before)
            again = self.world.decide(request)
            assert type(again) is type(decision)
            assert again.locks == {}, "asking again changes nothing"

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS, services=SOME_SERVICES, parts=PARTS)
    def ask_for_later(
        self, pid: int, roll: str, hosts: frozenset[str], services: frozenset[str], parts: dict[str, Any]
    ) -> None:
        request = self.request(pid, roll, hosts, services, **parts)
        with self.step():
            self.world.enqueue(request)
            assert self.world.enqueue(request).locks == {}, "asking the same again changes nothing"

    @rule(pid=PIDS, hosts=SOME_HOSTS, roll=ROLLS)
    def take_what_was_asked_for(self, pid: int, hosts: frozenset[str], roll: str) -> None:
        self.acquire(pid, roll, hosts, frozenset(SERVICES), {}, {})

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS)
    def release(self, pid: int, roll: str, hosts: frozenset[str]) -> None:
        with self.step():
            self.world.gives(pid, " ".join(hosts), roll or run(pid).id)
            assert self.world.gives(pid, " ".join(hosts), roll or run(pid).id) == []

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS, hold=st.booleans())
    def retry(self, pid: int, roll: str, hosts: frozenset[str], *, hold: bool) -> None:
        with self.step() as before:
            retried = self.world.retries(pid, " ".join(hosts), hold=hold, roll=roll or run(pid).id)
            for service in before:
                for host in retried.exhausted.keys() & before[service].holders.keys():
                    if before[service].holders[host].run == run(pid):
                        assert host in self.lock(service).holders, "whoever failed keeps its slot"

    @rule(pid=PIDS, roll=ROLLS)
    def give_up_waiting(self, pid: int, roll: str) -> None:
        with self.step():
            self.world.change(lambda locks: (withdraw(locks, roll or run(pid).id, run(pid)), None))

    @rule(hosts=SOME_HOSTS, services=SOME_SERVICES)
    def force(self, hosts: frozenset[str], services: frozenset[str]) -> None:
        services &= self.world.locks.keys()
        with self.step():
            self.world.forces(" ".join(hosts), " ".join(services))
            assert not any(hosts & self.lock(service).holders.keys() for service in services)

    @rule(services=SOME_SERVICES)
    def freeze(self, services: frozenset[str]) -> None:
        with self.step():
            self.world.change(lambda locks: (freeze(locks, services, "audit", "an operator", AT), None))

    @rule()
    def thaw(self) -> None:
        with self.step():
            self.world.change(lambda locks: (thaw(locks, None), None))

    @rule(pid=PIDS, state=st.sampled_from(RunState))
    def run_changes(self, pid: int, state: RunState) -> None:
        """A run crashes, is lost sight of, or a new one takes its number in this small world."""
        self.world.states[run(pid)] = state

    @rule(service=SERVICE, budget=BUDGETS)
    def change_budget(self, service: str, budget: int | str) -> None:
        self.budgets[service] = budget

    @rule(service=SERVICE, host=st.sampled_from(HOSTS))
    def change_members(self, service: str, host: str) -> None:
        self.groups[service] ^= {host}

    @rule(service=SERVICE, host=st.sampled_from(HOSTS))
    def take_out_of_service(self, service: str, host: str) -> None:
        with self.step():
            self.world.change(lambda locks: (take_out(locks, {host: [service]}, "no power"), None))

    @rule(hosts=SOME_HOSTS)
    def put_back_in_service(self, hosts: frozenset[str]) -> None:
        with self.step():
            self.world.change(lambda locks: (put_back(locks, hosts, None), None))

    @rule(fault=st.sampled_from(("not reached", "no answer", "", "")))
    def store_fails_or_comes_back(self, fault: str) -> None:
        self.store.fault = fault

    # --- What must hold then ---

    def check(self, decision: Decision, request: Request, before: Locks) -> None:
        if isinstance(decision, Granted):
            self.check_grant(decision, request, before)
        else:
            assert {s: lock.holders for s, lock in before.items()} == {
                s: lock.holders for s, lock in self.world.locks.items() if s in before
            }, "without a grant no slot changes hands"
        if isinstance(decision, Waiting):
            assert decision.slots or decision.positions or decision.frozen
            assert all(self.world.state_of(slot.holder.run) is RunState.LIVE for slot in decision.slots)
            held = [lock.holders[host] for lock in self.world.locks.values() for host in lock.down]
            holding = {holder.run for holder in held if not holder.failed}
            assert request.run not in holding, "nobody waits while holding, nor for himself"
        if isinstance(decision, Refused):
            queues = (lock.queue for lock in self.world.locks.values())
            assert not any(request.owns(one) and not one.kept for queue in queues for one in queue)

    def check_grant(self, grant: Granted, request: Request, before: Locks) -> None:
        assert self.world.state_of(request.run) is not RunState.OVER
        assert grant.tokens.keys() == request.hosts - grant.out_of_service.keys()
        fresh: set[int] = set()
        for claim in request.claims:
            old = before.get(claim.service, Lock(claim.service))
            new = self.lock(claim.service)
            wanted = claim.hosts - grant.out_of_service.keys()
            if wanted - old.holders.keys() - claim.unhealthy:
                down = new.down | (claim.unhealthy - new.out_of_service.keys())
                assert len(down) <= new.slots, "no grant breaks a budget"
                self.check_racks(claim, new, wanted)
                self.check_order(claim.service, before, request)
            if wanted - {host for host, holder in old.holders.items() if request.owns(holder)}:
                assert not old.frozen, "nothing more is granted of what is frozen"
            for host in wanted:
                assert request.owns(new.holders[host])
                self.check_hand_over(old, host, request)
                if old.holders.get(host) != new.holders[host]:
                    fresh.add(new.holders[host].token)
        assert all(token > self.newest_token for token in fresh), "tokens increase"
        self.newest_token = max({self.newest_token, *fresh})
        for lock in before.values():
            left = [one for host in lock.down if (one := lock.holders[host]).roll == request.roll]
            gone = request.forget_members - self.groups[lock.service]
            assert {one.host for one in left} <= request.hosts | gone, "a roll stops at its first failure"

    def check_racks(self, claim: Claim, new: Lock, wanted: frozenset[str]) -> None:
        here = {new.holders[host].domain for host in wanted} - {""}
        others = {new.holders[host].domain for host in new.down - wanted} - {""}
        lame = {claim.domains.get(host, "") for host in claim.unhealthy - new.out_of_service.keys()} - {""}
        assert not here or others | lame <= here, "no grant disrupts a second failure domain"

    def check_order(self, service: str, before: Locks, request: Request) -> None:
        queue = before[service].queue if service in before else ()
        own = [one for one in queue if one.run == request.run or one.roll == request.roll]
        turn = min((one.turn for one in own), default=(request.last, False, 1 << 62))
        for waiter in queue:
            alive = self.world.state_of(waiter.run) is RunState.LIVE and waiter.run != request.run
            if alive and waiter.turn < turn:
                places = [
                    (lock, one)
                    for lock in before.values()
                    for one in lock.queue
                    if one.ticket == waiter.ticket
                ]
                hosts = {host for _lock, one in places for host in one.hosts}
                away = {host for lock, one in places for host in one.hosts if host in lock.out_of_service}
                assert hosts <= away, "nobody overtakes the living"

    def check_hand_over(self, old: Lock, host: str, request: Request) -> None:
        holder = old.holders.get(host)
        if holder and not request.owns(holder):
            state = self.world.state_of(holder.run)
            assert holder.run != request.run
            assert state is RunState.OVER

    def check_ends(self, before: Locks, after: Locks) -> None:
        """Whatever is no longer there has gone on as something else, or has ended in one way that is on record."""
        for service, old in before.items():
            new = after[service]
            told = [one for one in new.outcomes if one not in old.outcomes]
            ends = [(service, one.token, one.host) for one in told]
            assert len(ends) == len(set(ends)), "everything ends once"
            assert self.ended.isdisjoint(ends), "what has ended does not end again"
            gone = _slots(old) - _slots(new)
            retried = {(one.roll, one.callback, host) for one in new.queue for host in one.hosts}
            for number in gone - set(ends):
                holder = old.holders[number[2]]
                assert (holder.roll, holder.callback, holder.host) in retried, "no slot vanishes"
            for number in _requests(old) - _requests(new) - set(ends):
                assert number[2] in new.holders, "no request vanishes"
            open_now = _slots(new) | _requests(new)
            assert open_now.isdisjoint(ends), "what has ended is not there any more"
            self.ended.update(ends)

    @invariant()
    def a_step_was_taken(self) -> None:
        type(self).on_step()

    @invariant()
    def queues_are_in_order_and_nobody_is_in_one_twice(self) -> None:
        for lock in self.world.locks.values():
            turns = [waiter.turn for waiter in lock.queue]
            assert turns == sorted(turns)
            assert len({waiter.ticket for waiter in lock.queue}) == len(lock.queue)
            assert all(waiter.hosts for waiter in lock.queue)

    @invariant()
    def no_operation_is_tried_more_often_than_was_asked(self) -> None:
        for lock in self.world.locks.values():
            for holder in lock.holders.values():
                if holder.retries is not None and holder.attempt > holder.retries:
                    assert holder.failed

    def teardown(self) -> None:
        """Nothing is stuck forever: once hosts are seen to, those who wait are served one after the other."""
        self.store.fault = ""
        self.world.change(lambda locks: (thaw(locks, None), None))
        self.world.change(lambda locks: (put_back(locks, HOSTS, None), None))
        self.world.forces_slots(HOSTS)
        while waiting := self.living():
            places = self.places()
            served = [one for one in waiting if isinstance(self.world.decide(one), Granted)]
            assert served, "those who wait do not wait for each other"
            assert self.places() < places, "whoever is served waits no more"
            self.world.forces_slots(HOSTS)
        for pid in ALL_PIDS:
            self.world.ends(pid)
        claim = Claim("nginx", frozenset({"h1"}), frozenset(HOSTS), 1)
        assert isinstance(self.world.decide(Request("last", run(99), "operation", (claim,))), Granted)
        self.store.close()

    def places(self) -> int:
        return sum(len(one.hosts) for lock in self.world.locks.values() for one in lock.queue)

    def living(self) -> list[Request]:
        """Say what the living wait for as they would ask for it; one host of a request at a time."""
        asked: dict[tuple[int, str], list[Claim]] = {}
        waiters: dict[tuple[int, str], Waiter] = {}
        for service, lock in self.world.locks.items():
            for one in lock.queue:
                if self.world.state_of(self.heir(one)) is RunState.LIVE:
                    key = one.ticket, one.hosts[0]
                    waiters[key] = one
                    claim = Claim(service, frozenset(one.hosts[:1]), lock.members | {one.hosts[0]}, 1)
                    asked.setdefault(key, []).append(claim)
        return [
            replace(
                Request(one.roll, self.heir(one), one.operation, tuple(asked[key])),
                callback=one.callback,
                arguments=one.arguments,
            )
            for key, one in waiters.items()
        ]

    def heir(self, waiter: Waiter) -> Run:
        """Name the run that goes on with a request: its own, or one of its roll that lives when that is over."""
        if self.world.state_of(waiter.run) is RunState.OVER and waiter.kept:
            queues = (lock.queue for lock in self.world.locks.values())
            for one in (one for queue in queues for one in queue):
                if one.roll == waiter.roll and self.world.state_of(one.run) is RunState.LIVE:
                    return one.run
        return waiter.run


def _slots(lock: Lock) -> set[Number]:
    return {(lock.service, holder.token, host) for host, holder in lock.holders.items()}


def _requests(lock: Lock) -> set[Number]:
    return {(lock.service, one.ticket, host) for one in lock.queue if one.kept for host in one.hosts}


def machine(opener: Callable[[], Store], on_step: Callable[[], object] = int) -> type[RollingLock]:
    """Make the state machine over the stores that *opener* opens, each of them empty; *on_step* hears every step."""
    return type(
        "RollingLock",
        (RollingLock,),
        {"open_store": staticmethod(opener), "on_step": staticmethod(on_step)},
    )
