from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import (
    freeze,
    thaw,
    withdraw,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.decision import enqueue
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Decision,
    Granted,
    Requested,
    Waiting,
    Why,
)

from ..lock_world import WEB, World, refused, request, run

# --- Granting ---


def test_a_wave_gets_a_slot_for_every_host_in_every_service(world: World) -> None:
    decision = world.asks(1, "web1 web2", services="nginx haproxy", budget=2)
    assert isinstance(decision, Granted)
    assert decision.changed
    assert decision.tokens == {host: {"haproxy": 1, "nginx": 1} for host in ("web1", "web2")}
    assert world.holders("nginx") == world.holders("haproxy") == {"web1": 1, "web2": 1}


def test_all_or_none_where_one_of_the_services_is_busy(world: World) -> None:
    world.asks(1, "web1", services="haproxy")
    assert isinstance(world.asks(2, "web2", services="nginx haproxy"), Waiting)
    assert world.holders("nginx") == {}


def test_asking_again_changes_nothing_for_the_holder(world: World) -> None:
    first = world.asks(1, "web1")
    before = world.locks
    again = world.asks(1, "web1")
    assert isinstance(first, Granted)
    assert isinstance(again, Granted)
    assert (again.changed, again.tokens, again.locks) == (False, first.tokens, {})
    assert world.locks == before


def test_tokens_increase_over_all_locks(world: World) -> None:
    tokens = []
    for pid, service in enumerate(("nginx", "haproxy", "nginx"), start=1):
        decision = world.asks(pid, "web1", services=service)
        assert isinstance(decision, Granted)
        tokens.append(decision.tokens["web1"][service])
        world.gives(pid, "web1")
    assert tokens == [1, 2, 3]


BUDGETS = [(1, 4, 1), (3, 4, 3), ("50%", 4, 2), ("50%", 3, 1), ("10%", 4, 1), ("100%", 4, 4), ("67%", 3, 2)]


@pytest.mark.parametrize(("budget", "members", "slots"), BUDGETS)
def test_the_budget_is_of_the_registered_members(
    world: World, budget: int | str, members: int, slots: int
) -> None:
    hosts = [f"web{n}" for n in range(1, members + 1)]
    asked = {"budget": budget, "members": frozenset(hosts)}
    for pid, host in enumerate(hosts[:slots]):
        assert isinstance(world.asks(pid, host, **asked), Granted)
    if slots < members:
        assert isinstance(world.asks(9, hosts[slots], **asked), Waiting)


def test_a_budget_that_shrank_takes_no_slot_away_and_gives_no_new_one(world: World) -> None:
    world.asks(1, "web1 web2", budget=2)
    assert isinstance(world.asks(1, "web1 web2", budget=1), Granted)
    assert isinstance(world.asks(2, "web3", budget=1), Waiting)
    assert world.holders() == {"web1": 1, "web2": 1}


def test_hosts_out_of_service_get_no_slot_and_cost_none(world: World) -> None:
    world.asks(1, "web1")
    world.apply({"nginx": replace(world.lock(), out_of_service={"web1": "no mainboard", "web4": "no power"})})
    decision = world.asks(2, "web2 web4")
    assert isinstance(decision, Granted)
    assert decision.out_of_service == {"web4": "no power"}
    assert decision.tokens.keys() == {"web2"}


# --- The very host is held ---


def test_the_next_run_takes_over_what_a_run_that_is_over_holds_for_its_host(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    decision = world.asks(2, "web1")
    assert isinstance(decision, Granted)
    assert decision.tokens == {"web1": {"nginx": 2}}
    assert decision.taken_over == {"web1"}
    assert world.holders() == {"web1": 2}
    assert [(old.host, old.roll, old.outcome) for old in world.lock().outcomes] == [
        ("web1", "roll1", "taken_over")
    ]


def test_a_resumed_roll_takes_nothing_over_from_a_run_that_cannot_be_asked(world: World) -> None:
    world.asks(1, "web1", roll="campaign")
    world.is_lost_sight_of(1)
    refusal = refused(world.asks(2, "web1", roll="campaign"))
    assert refusal.why is Why.HOLDER_UNKNOWN
    assert "force_released" in refusal.message
    assert world.holders() == {"web1": 1}
    world.ends(1)
    assert isinstance(world.asks(2, "web1", roll="campaign"), Granted)


def test_the_host_of_another_roll_that_cannot_be_asked_is_named(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.is_lost_sight_of(1)
    assert refused(world.asks(2, "web1", budget=2)).why is Why.HOLDER_UNKNOWN


def test_the_host_of_a_living_run_is_waited_for(world: World) -> None:
    world.asks(1, "web1", budget=2)
    waiting = world.asks(2, "web1", budget=2)
    assert isinstance(waiting, Waiting)
    assert waiting.message.startswith("web1 has held a slot of nginx since")


def test_taking_over_needs_no_free_slot_and_no_place_in_the_queue(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.ends(1)
    world.asks(2, "web2", budget=2)
    assert isinstance(world.asks(3, "web3", budget=2), Waiting)
    assert isinstance(world.asks(4, "web1", budget=2), Granted)


# --- Waiting in line ---


def test_first_come_first_served(world: World) -> None:
    world.asks(1, "web1")
    assert isinstance(world.asks(2, "web2"), Waiting)
    third = world.asks(3, "web3")
    assert isinstance(third, Waiting)
    assert third.positions == {"nginx": 2}
    world.gives(1, "web1")
    assert isinstance(world.asks(3, "web3"), Waiting)
    assert isinstance(world.asks(2, "web2"), Granted)
    assert world.queue() == [3]


def test_a_request_that_would_overtake_waits_though_a_slot_is_free(world: World) -> None:
    world.asks(1, "web1", services="haproxy")
    world.asks(2, "web2", services="nginx haproxy")
    later = world.asks(3, "web3", services="nginx")
    assert isinstance(later, Waiting)
    assert later.message == "place 2 in the queue of nginx"


@pytest.mark.parametrize("left", [World.ends, World.is_lost_sight_of])
def test_nobody_waits_behind_those_who_are_not_alive(world: World, left: object) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    left(world, 2)  # type: ignore[operator]
    world.gives(1, "web1")
    assert isinstance(world.asks(3, "web3"), Granted)


def test_waiters_whose_run_is_over_are_dropped(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    world.ends(2)
    world.asks(3, "web3")
    assert world.queue() == [3]


def test_asking_again_keeps_the_place_and_writes_nothing(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    again = world.asks(2, "web2")
    assert isinstance(again, Waiting)
    assert again.locks == {}


def test_whoever_is_refused_leaves_the_queue(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    world.ends(1)
    refused(world.asks(2, "web2"))
    assert world.queue() == []


def test_withdrawing_leaves_the_queue(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    world.apply(withdraw(world.locks, "roll2", run(2)))
    assert world.queue() == []


# --- Turns ---


def served(world: World, pids: str) -> str:
    """Let one after the other finish and whoever can go on do so; names the order of those who got the slot."""
    order: list[str] = []
    while waiting := [pid for pid in pids.split() if pid not in order]:
        for pid in waiting:
            if isinstance(world.asks(int(pid), f"web{pid}", callback=None), Granted):
                order.append(pid)
                world.gives(int(pid), f"web{pid}")
                break
        else:
            return " ".join([*order, "stuck"])
    return " ".join(order)


@pytest.fixture
def busy(world: World) -> World:
    """Let run 1 hold the only slot."""
    world.asks(1, "web1")
    return world


def test_the_order_is_that_of_asking_not_of_polling(busy: World) -> None:
    for pid in (4, 2, 3):
        busy.asks(pid, f"web{pid}")
    busy.gives(1, "web1")
    assert served(busy, "2 3 4") == "4 2 3"


def test_the_last_is_served_when_nobody_else_waits(busy: World) -> None:
    busy.asks(2, "web2", last=True)
    busy.asks(3, "web3")
    busy.gives(1, "web1")
    busy.requests(4, "web4")
    assert served(busy, "2 3 4") == "3 4 2"


def test_the_last_of_one_lock_does_not_wait_for_other_locks(world: World) -> None:
    world.asks(1, "web1", services="redis")
    world.asks(2, "web2", services="redis")
    assert isinstance(world.asks(3, "web3", last=True), Granted)


def test_first_requests_come_before_released_retries_and_those_in_their_own_order(busy: World) -> None:
    busy.asks(2, "web2")
    busy.retries(1, "web1", hold=False)
    assert isinstance(busy.asks(2, "web2"), Granted)
    busy.requests(3, "web3")
    busy.retries(2, "web2", hold=False)
    assert busy.queue() == [3, 1, 2]
    assert served(busy, "1 2 3") == "3 1 2"


def test_a_held_retry_goes_on_though_others_wait(busy: World) -> None:
    busy.asks(2, "web2")
    for attempt in (1, 2, 3):
        assert busy.retries(1, "web1", hold=True).attempts == {"web1": attempt}
        assert isinstance(busy.asks(1, "web1"), Granted)
        assert isinstance(busy.asks(2, "web2"), Waiting)
    busy.gives(1, "web1")
    assert isinstance(busy.asks(2, "web2"), Granted)


def test_released_retries_take_turns(busy: World) -> None:
    busy.asks(2, "web2")
    order = []
    for _turn in range(3):
        for pid in (1, 2):
            assert isinstance(busy.asks(pid, f"web{pid}"), Granted)
            assert isinstance(busy.asks(3 - pid, f"web{3 - pid}"), Waiting)
            busy.retries(pid, f"web{pid}", hold=False)
            order.append(pid)
    assert order == [1, 2] * 3


def test_whoever_comes_later_may_have_a_slot_that_nobody_before_wants(busy: World) -> None:
    busy.asks(2, "web2")
    assert isinstance(busy.asks(3, "web3", services="redis"), Granted)


# --- Asking for later ---


def test_a_request_for_later_takes_its_place_and_no_slot(world: World) -> None:
    answer = world.requests(1, "web1", "restart", services="nginx redis")
    assert isinstance(answer, Requested)
    assert (answer.changed, answer.positions) == (True, {"nginx": 1, "redis": 1})
    assert world.holders() == {}
    later = world.asks(2, "web2")
    assert isinstance(later, Waiting)
    assert later.positions == {"nginx": 2}


def test_a_lock_that_only_a_request_has_made_knows_the_budget_and_the_members(world: World) -> None:
    world.requests(1, "web1", budget="50%", may_fail=2)
    lock = world.lock()
    assert (lock.slots, lock.failure_budget, lock.members) == (2, 2, WEB)


def test_what_was_asked_for_is_told_with_the_slot(world: World) -> None:
    world.requests(1, "web1", "restart", arguments={"unit": "nginx.service"}, retries=2)
    decision = world.asks(1, "web1")
    assert isinstance(decision, Granted)
    assert (decision.callback, decision.arguments) == ("restart", {"unit": "nginx.service"})
    holder = world.lock().holders["web1"]
    assert (holder.callback, holder.arguments, holder.retries) == (
        "restart",
        {"unit": "nginx.service"},
        2,
    )
    assert world.queue() == []


ASKED = [("A", 1), ("A A", 1), ("A B", 2), ("A B A", 3), ("A A B B A A", 3)]


@pytest.mark.parametrize(("asked", "kept"), ASKED)
def test_only_what_was_asked_last_is_not_asked_again(world: World, asked: str, kept: int) -> None:
    answers = [world.requests(1, "web1", callback) for callback in asked.split()]
    assert sum(answer.changed for answer in answers if isinstance(answer, Requested)) == kept
    assert len(world.queue()) == kept


def test_the_same_callback_with_other_arguments_is_another_operation(world: World) -> None:
    for size in (1, 2, 2):
        world.requests(1, "web1", "resize", arguments={"size": size}, retries=size)
    assert len(world.queue()) == 2


def test_the_operations_of_a_host_are_served_in_the_order_of_asking(world: World) -> None:
    for callback in "ABA":
        world.requests(1, "web1", callback)
    done = []
    for _turn in range(3):
        decision = world.asks(1, "web1")
        assert isinstance(decision, Granted)
        done.append(decision.callback)
        changes = world.lock().end(["web1"], "released", "now")
        world.apply({"nginx": changes})
    assert done == ["A", "B", "A"]


def test_what_was_asked_for_later_is_not_taken_before(world: World) -> None:
    world.requests(1, "web1", "A")
    world.requests(1, "web1", "B")
    refusal = refused(world.asks(1, "web1", callback="B"))
    assert refusal.why is Why.OUT_OF_TURN
    assert 'This run asked for "A" on web1 first' in refusal.message
    assert len(world.queue()) == 2


def test_a_run_does_not_wait_behind_those_who_wait_for_what_it_asked_before(world: World) -> None:
    world.asks(9, "web4", services="redis")
    world.requests(1, "web1", "A")
    world.asks(2, "web2", services="nginx redis")
    assert refused(world.asks(1, "web3", callback="B", services="redis")).why is Why.OUT_OF_TURN


def test_asking_again_for_another_operation_while_the_first_goes_on_is_refused(world: World) -> None:
    world.asks(1, "web1", callback="A")
    world.requests(1, "web1", "B")
    assert refused(world.asks(1, "web1", callback="B")).why is Why.HELD_BY_OWN_RUN
    assert isinstance(world.asks(1, "web1"), Granted)
    assert len(world.queue()) == 1


def test_what_is_asked_while_it_goes_on_is_done_once_more(world: World) -> None:
    world.asks(1, "web1", callback="A")
    answer = world.requests(1, "web1", "A")
    assert isinstance(answer, Requested)
    assert answer.changed


def test_a_request_is_served_host_by_host_and_keeps_its_place(world: World) -> None:
    world.requests(1, "web1 web2", "A", budget=2)
    world.asks(2, "web3")
    assert isinstance(world.asks(1, "web1"), Granted)
    assert [waiter.hosts for waiter in world.lock().queue] == [("web2",), ("web3",)]
    changes = world.lock().end(["web1"], "released", "now")
    world.apply({"nginx": changes})
    assert isinstance(world.asks(2, "web3"), Waiting)
    assert isinstance(world.asks(1, "web2"), Granted)


def test_a_request_stays_when_nobody_waits_for_it_any_more(busy: World) -> None:
    busy.requests(2, "web2", "A")
    busy.asks(2, "web2")
    busy.apply(withdraw(busy.locks, "roll2", run(2)))
    assert busy.queue() == [2]


def test_a_request_of_a_run_that_is_over_is_on_record_as_abandoned(busy: World) -> None:
    changes = enqueue(busy.locks, request(2, "web2", roll=run(2).id), busy.state_of, "now").locks
    busy.apply(changes)
    busy.ends(2)
    busy.asks(3, "web3")
    assert busy.queue() == [3]
    assert [(one.host, one.outcome) for one in busy.lock().outcomes] == [("web2", "abandoned")]


def test_the_next_run_of_a_roll_goes_on_with_its_requests(busy: World) -> None:
    busy.requests(2, "web2", "A", roll="campaign")
    busy.asks(3, "web3")
    busy.ends(2)
    busy.gives(1, "web1")
    decision = busy.asks(4, "web2", roll="campaign")
    assert isinstance(decision, Granted)
    assert decision.callback == "A"
    assert busy.queue() == [3]


def test_requests_of_runs_that_are_over_hold_nobody_up(busy: World) -> None:
    busy.requests(2, "web2", "A", roll="campaign")
    busy.ends(2)
    busy.gives(1, "web1")
    assert isinstance(busy.asks(3, "web3"), Granted)
    assert busy.queue() == [2]


def test_a_request_for_later_that_can_never_be_granted_is_refused_at_once(world: World) -> None:
    assert refused(world.requests(1, "web1 web2")).why is Why.WAVE_TOO_LARGE
    assert world.locks == {}


def test_only_those_who_asked_take_part(world: World) -> None:
    world.asks(1, "web1")
    world.requests(2, "web2")
    assert world.holders() == {"web1": 1}
    assert world.queue() == [2]


# --- Frozen ---


def test_while_a_service_is_frozen_nothing_more_is_granted(world: World) -> None:
    world.apply(freeze(world.locks, ["nginx"], "audit", "PID 7 on ctl", "10:04"))
    waiting = world.asks(1, "web1")
    assert isinstance(waiting, Waiting)
    assert (
        waiting.message
        == "nginx is frozen since 10:04 by PID 7 on ctl: audit (rolling_lock with state=thawed ends that)"
    )
    assert isinstance(world.asks(1, "web1", services="redis"), Granted)
    world.apply(thaw(world.locks, ["nginx"]))
    assert isinstance(world.asks(2, "web2"), Granted)


def test_who_holds_a_slot_of_a_frozen_service_keeps_it_and_gives_it_back(world: World) -> None:
    world.asks(1, "web1")
    world.apply(freeze(world.locks, ["nginx"], "audit", "me", "10:04"))
    again = world.asks(1, "web1")
    assert isinstance(again, Granted)
    assert not again.changed
    assert world.gives(1, "web1") == ["web1"]
    assert isinstance(world.asks(1, "web2"), Waiting)


def test_slots_of_a_frozen_service_are_not_taken_over(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    world.apply(freeze(world.locks, ["nginx"], "audit", "me", "10:04"))
    assert isinstance(world.asks(2, "web1"), Waiting)
    assert isinstance(world.asks(3, "web1", unhealthy="web1"), Waiting)


def test_a_recovery_takes_over_while_frozen_whom_a_run_has_left_behind_and_no_other(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.ends(1)
    world.apply(freeze(world.locks, ["nginx"], "audit", "me", "10:04"))
    waiting = world.asks(2, "web2", budget=2, recovers=True)
    assert isinstance(waiting, Waiting)
    assert waiting.frozen
    taken = world.asks(2, "web1", budget=2, recovers=True)
    assert isinstance(taken, Granted)
    assert taken.taken_over == {"web1"}
    world.gives(2, "web1")
    assert world.lock().frozen


def test_those_who_wait_while_frozen_are_in_line(world: World) -> None:
    world.apply(freeze(world.locks, ["nginx"], "audit", "me", "10:04"))
    world.asks(2, "web2")
    world.asks(1, "web1")
    world.apply(thaw(world.locks, None))
    assert isinstance(world.asks(1, "web1"), Waiting)
    assert isinstance(world.asks(2, "web2"), Granted)


# --- Hosts that ask each for itself ---


def each(world: World, host: str, **asked: Any) -> Decision:
    """Let a host of run 1 ask beside all others of it."""
    beside = asked.pop("beside", WEB - {host})
    return world.asks(1, host, beside=beside, **asked)


def test_hosts_of_a_run_take_their_slots_one_after_the_other_as_they_asked(world: World) -> None:
    assert isinstance(each(world, "web1"), Granted)
    assert isinstance(each(world, "web2"), Waiting)
    third = each(world, "web3")
    assert isinstance(third, Waiting)
    assert third.positions == {"nginx": 2}
    assert not third.is_for_others(run(1))
    world.gives(1, "web1")
    assert isinstance(each(world, "web3"), Waiting)  # web2 has asked before
    assert isinstance(each(world, "web2"), Granted)
    assert set(world.holders()) == {"web2"}


def test_a_slot_that_is_free_is_taken_while_other_hosts_work_on(world: World) -> None:
    for host in ("web1", "web2"):
        assert isinstance(each(world, host, budget=2), Granted)
    assert isinstance(each(world, "web3", budget=2), Waiting)
    world.gives(1, "web2")
    assert isinstance(each(world, "web3", budget=2), Granted)
    assert set(world.holders()) == {"web1", "web3"}


def test_once_a_host_has_failed_nothing_more_is_granted_and_the_others_work_on(world: World) -> None:
    each(world, "web1", budget=3)
    each(world, "web2", budget=3)
    alive = frozenset({"web2", "web4"})  # web1 is not among the hosts of the play any more
    why = refused(each(world, "web3", budget=3, beside=alive))
    assert (why.why, [slot.holder.host for slot in why.slots]) == (Why.FAILED_BEFORE, ["web1"])
    assert world.gives(1, "web2") == ["web2"]


def test_within_its_failure_budget_a_roll_goes_on_with_what_failed_counted(world: World) -> None:
    each(world, "web1", budget=2, may_fail=1)
    alive = frozenset({"web2", "web4"})
    assert isinstance(each(world, "web3", budget=2, may_fail=1, beside=alive), Granted)
    later = each(world, "web2", budget=2, may_fail=1, beside=alive | {"web3"})
    assert isinstance(later, Waiting)
    assert [slot.holder.host for slot in later.slots] == ["web3"]


def test_a_host_that_has_used_up_its_retries_stops_those_beside_it(world: World) -> None:
    each(world, "web1", budget=2, retries=0)
    world.retries(1, "web1", hold=True)
    assert refused(each(world, "web2", budget=2)).why is Why.FAILED_BEFORE


def test_a_host_that_is_refused_leaves_the_places_of_the_others_alone(world: World) -> None:
    each(world, "web1")
    each(world, "web2")
    each(world, "web3")
    refused(each(world, "web3", beside=frozenset({"web2"})))
    assert [waiter.hosts for waiter in world.locks["nginx"].queue] == [("web2",)]


def test_one_that_gives_back_withdraws_nobody_else(world: World) -> None:
    each(world, "web1")
    each(world, "web2")
    world.gives(1, "web1")
    assert [waiter.hosts for waiter in world.locks["nginx"].queue] == [("web2",)]


def test_the_place_of_a_host_that_left_the_play_while_it_waited_is_no_place(world: World) -> None:
    each(world, "web1")
    each(world, "web2")
    world.gives(1, "web1")
    assert isinstance(each(world, "web3", beside=frozenset({"web1"})), Granted)
    assert world.locks["nginx"].queue == ()


def test_other_runs_have_their_turn_between_the_hosts_of_one(world: World) -> None:
    each(world, "web1")
    assert isinstance(world.asks(2, "web4"), Waiting)
    waiting = each(world, "web2")
    assert isinstance(waiting, Waiting)
    assert waiting.is_for_others(run(1))
    world.gives(1, "web1")
    assert isinstance(each(world, "web2"), Waiting)
    assert isinstance(world.asks(2, "web4"), Granted)


def test_a_host_of_another_failure_domain_waits_for_those_at_work(world: World) -> None:
    each(world, "web1", budget=2, domains="web1=a")
    assert isinstance(each(world, "web2", budget=2, domains="web2=b"), Waiting)
    world.gives(1, "web1")
    assert isinstance(each(world, "web2", budget=2, domains="web2=b"), Granted)


def test_hosts_that_went_back_to_the_queue_to_be_tried_again_hold_nobody_up(world: World) -> None:
    each(world, "web1")
    world.retries(1, "web1", hold=False)
    assert isinstance(each(world, "web2"), Granted)
    assert isinstance(each(world, "web3"), Waiting)
    world.gives(1, "web2")
    assert isinstance(each(world, "web3"), Granted)
