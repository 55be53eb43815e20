"""Whatever runs, crashes, fleets and operators do, in whatever order: what the rolling lock promises holds."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.orderly.services.plugins.plugin_utils._lock import Lock, Locks
from ansible_collections.orderly.services.plugins.plugin_utils._lock_change import (
    force_release,
    release,
    withdraw,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock_request import (
    Claim,
    Decision,
    Granted,
    Refused,
    Request,
    Waiting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run import RunState
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .lock_world import AT, World, run

HOSTS = ("h1", "h2", "h3", "h4", "h5", "h6")
SERVICES = ("nginx", "redis")
PIDS = st.integers(1, 5)
ROLLS = st.sampled_from(("a", "b", "c"))
BUDGETS = st.sampled_from((1, 2, 3, "34%", "50%", "100%"))
SOME_HOSTS = st.frozensets(st.sampled_from(HOSTS), min_size=1, max_size=3)
SOME_SERVICES = st.frozensets(st.sampled_from(SERVICES), min_size=1)


def counted(lock: Lock) -> set[str]:
    return lock.holders.keys() - lock.out_of_service.keys()


class RollingLock(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.budgets: dict[str, int | str] = {"nginx": 1, "redis": "50%"}
        self.groups = {"nginx": set(HOSTS), "redis": {"h1", "h2", "h3"}}
        self.newest_token = 0

    def lock(self, service: str) -> Lock:
        return self.world.locks.get(service, Lock(service))

    # --- What may happen ---

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS, services=SOME_SERVICES, confirm=st.booleans())
    def acquire(
        self, pid: int, roll: str, hosts: frozenset[str], services: frozenset[str], *, confirm: bool
    ) -> None:
        claims = tuple(
            Claim(
                service, hosts & self.groups[service], frozenset(self.groups[service]), self.budgets[service]
            )
            for service in sorted(services)
            if hosts & self.groups[service]
        )
        forget = frozenset(HOSTS) if confirm else frozenset()
        request = Request(roll, run(pid), "operation", claims, forget)
        before = self.world.locks
        decision = self.world.decide(request)
        self.check(decision, request, before)
        again = self.world.decide(request)
        assert type(again) is type(decision)
        assert again.locks == {}, "asking again changes nothing"

    @rule(pid=PIDS, roll=ROLLS, hosts=SOME_HOSTS)
    def release(self, pid: int, roll: str, hosts: frozenset[str]) -> None:
        changes, slots = release(self.world.locks, roll, run(pid), hosts, AT)
        assert {(slot.holder.roll, slot.holder.run) for slot in slots} <= {(roll, run(pid))}
        self.world.apply(changes)
        assert release(self.world.locks, roll, run(pid), hosts, AT) == ({}, ())

    @rule(pid=PIDS, roll=ROLLS)
    def give_up(self, pid: int, roll: str) -> None:
        self.world.apply(withdraw(self.world.locks, roll, run(pid)))

    @rule(hosts=SOME_HOSTS, services=SOME_SERVICES)
    def force(self, hosts: frozenset[str], services: frozenset[str]) -> None:
        services &= self.world.locks.keys()
        changes, _slots = force_release(self.world.locks, hosts, services, "looked at it", AT)
        self.world.apply(changes)
        assert not any(hosts & self.lock(service).holders.keys() for service in services)

    @rule(pid=PIDS, state=st.sampled_from(RunState))
    def run_changes(self, pid: int, state: RunState) -> None:
        """A run crashes, is lost sight of, or a new one takes its number in this small world."""
        self.world.states[run(pid)] = state

    @rule(service=st.sampled_from(SERVICES), budget=BUDGETS)
    def change_budget(self, service: str, budget: int | str) -> None:
        self.budgets[service] = budget

    @rule(service=st.sampled_from(SERVICES), host=st.sampled_from(HOSTS))
    def change_members(self, service: str, host: str) -> None:
        self.groups[service] ^= {host}

    @precondition(lambda self: self.world.locks)
    @rule(data=st.data(), host=st.sampled_from(HOSTS))
    def out_of_service(self, data: st.DataObject, host: str) -> None:
        lock = self.lock(data.draw(st.sampled_from(sorted(self.world.locks))))
        away = dict(lock.out_of_service)
        away.pop(host) if host in away else away.update({host: "no power"})
        self.world.apply({lock.service: replace(lock, out_of_service=away)})

    # --- What must hold then ---

    def check(self, decision: Decision, request: Request, before: Locks) -> None:
        if isinstance(decision, Granted):
            self.check_grant(decision, request, before)
        else:
            assert {s: lock.holders for s, lock in before.items()} == {
                s: lock.holders for s, lock in self.world.locks.items() if s in before
            }, "without a grant no slot changes hands"
        if isinstance(decision, Waiting):
            assert decision.slots or decision.positions
            assert all(self.world.state_of(slot.holder.run) is RunState.LIVE for slot in decision.slots)
            holding = {lock.holders[host].run for lock in self.world.locks.values() for host in counted(lock)}
            assert request.run not in holding, "nobody waits while holding, nor for himself"
        if isinstance(decision, Refused):
            assert not any(request.owns(one) for lock in self.world.locks.values() for one in lock.queue)

    def check_grant(self, grant: Granted, request: Request, before: Locks) -> None:
        assert self.world.state_of(request.run) is not RunState.OVER
        assert grant.tokens.keys() == request.hosts - grant.out_of_service.keys()
        fresh: set[int] = set()
        for claim in request.claims:
            old = before.get(claim.service, Lock(claim.service))
            new = self.lock(claim.service)
            needs = claim.hosts - old.holders.keys() - grant.out_of_service.keys()
            if needs:
                assert len(counted(new)) <= new.slots, "no grant breaks a budget"
                self.check_order(old, request)
            for host in claim.hosts - grant.out_of_service.keys():
                assert request.owns(new.holders[host])
                self.check_hand_over(old, host, request)
                if old.holders.get(host) != new.holders[host]:
                    fresh.add(new.holders[host].token)
        assert all(token > self.newest_token for token in fresh), "tokens increase"
        self.newest_token = max({self.newest_token, *fresh})
        for lock in before.values():
            left = [one for host in counted(lock) if (one := lock.holders[host]).roll == request.roll]
            gone = request.forget_members - self.groups[lock.service]
            assert {one.host for one in left} <= request.hosts | gone, "a roll stops at its first failure"

    def check_order(self, old: Lock, request: Request) -> None:
        for waiter in old.queue:
            if request.owns(waiter):
                break
            alive = self.world.state_of(waiter.run) is RunState.LIVE and waiter.run != request.run
            assert not alive, "nobody overtakes the living"

    def check_hand_over(self, old: Lock, host: str, request: Request) -> None:
        holder = old.holders.get(host)
        if holder and not request.owns(holder):
            state = self.world.state_of(holder.run)
            assert holder.run != request.run
            assert state is RunState.OVER or (state is RunState.UNKNOWN and holder.roll == request.roll)

    @invariant()
    def queues_are_in_order_and_nobody_is_in_one_twice(self) -> None:
        for lock in self.world.locks.values():
            tickets = [waiter.ticket for waiter in lock.queue]
            assert tickets == sorted(set(tickets))
            waiting = [(waiter.roll, waiter.run) for waiter in lock.queue]
            assert len(waiting) == len(set(waiting))

    def teardown(self) -> None:
        """Nothing is stuck for ever: once hosts are forced and everybody has gone, the next one is served."""
        for pid in range(1, 6):
            self.world.ends(pid)
        changes, _slots = force_release(self.world.locks, HOSTS, None, "all was looked at", AT)
        self.world.apply(changes)
        claim = Claim("nginx", frozenset({"h1"}), frozenset(HOSTS), 1)
        decision = self.world.decide(Request("last", run(99), "operation", (claim,)))
        assert isinstance(decision, Granted)


RollingLock.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestRollingLock = RollingLock.TestCase
