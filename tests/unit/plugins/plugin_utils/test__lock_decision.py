from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock import (
    KEPT_OUTCOMES,
    LockError,
    force_release,
    release,
    withdraw,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock_decision import (
    Claim,
    Decision,
    Granted,
    Refused,
    Request,
    Waiting,
    Why,
)

from .lock_world import AT, WEB, World, run


@pytest.fixture
def world() -> World:
    return World()


def refused(decision: Decision) -> Refused:
    assert isinstance(decision, Refused), decision
    return decision


def gives(world: World, pid: int, hosts: str, roll: str = "") -> list[str]:
    changes, slots = release(world.locks, roll or f"roll{pid}", run(pid), hosts.split(), AT)
    world.apply(changes)
    return [slot.holder.host for slot in slots]


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
        gives(world, pid, "web1")
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


def test_hosts_out_of_service_are_not_in_the_base_of_a_percentage(world: World) -> None:
    world.asks(1, "web1", budget="50%")
    world.apply({"nginx": replace(world.lock(), out_of_service={"web3": "no power"})})
    assert world.lock().slots == 1


# --- Refusing: a host did not finish ---


def test_a_roll_stops_when_an_earlier_wave_still_holds_a_slot(world: World) -> None:
    world.asks(1, "web1", budget=3)
    refusal = refused(world.asks(1, "web2", budget=3))
    assert refusal.why is Why.FAILED_BEFORE
    assert "web1 holds a slot of nginx since 2026-01-31T03:12:45+00:00" in refusal.message
    assert "state=force_released, services=[nginx], hosts=[web1]" in refusal.message
    assert world.holders() == {"web1": 1}


def test_a_roll_stops_whatever_service_the_earlier_wave_was_about(world: World) -> None:
    world.asks(1, "web1", services="haproxy")
    assert refused(world.asks(1, "web2", services="nginx")).why is Why.FAILED_BEFORE


def test_a_roll_goes_on_when_the_host_that_failed_is_out_of_service(world: World) -> None:
    world.asks(1, "web1")
    world.apply({"nginx": replace(world.lock(), out_of_service={"web1": "no mainboard"})})
    assert isinstance(world.asks(1, "web2"), Granted)


def test_hosts_that_failed_in_other_rolls_spend_the_budget(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    refusal = refused(world.asks(2, "web2"))
    assert refusal.why is Why.BUDGET_SPENT
    assert [slot.holder.host for slot in refusal.slots] == ["web1"]
    assert "Bring them back and run again with them first" in refusal.message


def test_a_failed_host_leaves_the_rest_of_the_budget(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.ends(1)
    assert isinstance(world.asks(2, "web2", budget=2), Granted)
    assert isinstance(world.asks(3, "web3", budget=2), Waiting)


def test_a_run_never_waits_for_what_it_left_behind_itself(world: World) -> None:
    world.asks(1, "web1", roll="first play")
    assert refused(world.asks(1, "web2", roll="second play")).why is Why.BUDGET_SPENT


# --- Refusing: nobody can tell ---


def test_holders_that_cannot_be_asked_are_named_at_once(world: World) -> None:
    world.asks(1, "web1")
    world.is_lost_sight_of(1)
    refusal = refused(world.asks(2, "web2"))
    assert refusal.why is Why.HOLDER_UNKNOWN
    assert "Nobody here can tell" in refusal.message
    assert "force_released" in refusal.message


def test_holders_that_cannot_be_asked_do_no_harm_where_the_budget_suffices(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.is_lost_sight_of(1)
    assert isinstance(world.asks(2, "web2", budget=2), Granted)


def test_a_run_that_is_over_takes_nothing(world: World) -> None:
    world.ends(1)
    assert refused(world.asks(1, "web1")).why is Why.ABANDONED
    assert world.locks == {}


# --- The very host is held ---


def test_the_next_run_takes_over_what_a_run_that_is_over_holds_for_its_host(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    decision = world.asks(2, "web1")
    assert isinstance(decision, Granted)
    assert decision.tokens == {"web1": {"nginx": 2}}
    assert world.holders() == {"web1": 2}
    assert [(old.host, old.roll, old.outcome) for old in world.lock().outcomes] == [
        ("web1", "roll1", "taken_over")
    ]


def test_a_resumed_roll_takes_its_hosts_over_even_from_a_run_that_cannot_be_asked(world: World) -> None:
    world.asks(1, "web1", roll="campaign")
    world.is_lost_sight_of(1)
    assert isinstance(world.asks(2, "web1", roll="campaign"), Granted)


def test_the_host_of_another_roll_that_cannot_be_asked_is_named(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.is_lost_sight_of(1)
    assert refused(world.asks(2, "web1", budget=2)).why is Why.HOLDER_UNKNOWN


def test_the_host_of_a_living_run_is_waited_for(world: World) -> None:
    world.asks(1, "web1", budget=2)
    waiting = world.asks(2, "web1", budget=2)
    assert isinstance(waiting, Waiting)
    assert waiting.message.startswith("web1 holds a slot of nginx since")


def test_one_roll_does_not_go_on_in_two_runs(world: World) -> None:
    world.asks(1, "web1", roll="campaign", budget=2)
    for hosts in ("web1", "web2"):
        assert refused(world.asks(2, hosts, roll="campaign", budget=2)).why is Why.RUNS_ELSEWHERE


def test_a_run_does_not_take_its_own_host_for_another_roll(world: World) -> None:
    world.asks(1, "web1", roll="outer", budget=2)
    assert refused(world.asks(1, "web1", roll="inner", budget=2)).why is Why.HELD_BY_OWN_RUN


def test_taking_over_needs_no_free_slot_and_no_place_in_the_queue(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.ends(1)
    world.asks(2, "web2", budget=2)
    assert isinstance(world.asks(3, "web3", budget=2), Waiting)
    assert isinstance(world.asks(4, "web1", budget=2), Granted)


# --- What cannot work is refused, not waited for ---


def test_a_wave_larger_than_the_budget_is_refused(world: World) -> None:
    refusal = refused(world.asks(1, "web1 web2 web3", budget="50%"))
    assert refusal.why is Why.WAVE_TOO_LARGE
    assert "2 of its 4 members may be unavailable at a time (max_unavailable: 50%)" in refusal.message
    assert "serial: 2" in refusal.message


def test_waiting_while_holding_is_refused_so_that_two_runs_never_wait_for_each_other(world: World) -> None:
    world.asks(1, "web1", services="nginx")
    world.asks(2, "web1", services="haproxy")
    refusal = refused(world.asks(1, "web1", services="haproxy"))
    assert refusal.why is Why.HOLDS_AND_WAITS
    assert "Ask for all services of a wave in one acquire" in refusal.message


def test_claims_of_hosts_that_do_not_have_the_service_are_refused() -> None:
    with pytest.raises(LockError, match="web9: not among the hosts of nginx"):
        Claim("nginx", frozenset({"web9"}), WEB)


def test_a_request_claims_a_service_once() -> None:
    claim = Claim("nginx", frozenset({"web1"}), WEB)
    with pytest.raises(LockError, match="once"):
        Request("roll", run(1), "operation", (claim, claim))


# --- Members ---


def test_new_members_register_by_themselves(world: World) -> None:
    world.asks(1, "web1", members=frozenset({"web1"}))
    world.asks(1, "web1", members=WEB)
    assert world.lock().members == WEB


FEW = frozenset({"web1", "web2"})


def test_a_smaller_inventory_is_named_and_the_base_is_kept(world: World) -> None:
    world.asks(1, "web1")
    gives(world, 1, "web1")
    decision = world.asks(2, "web1", members=FEW)
    assert isinstance(decision, Granted)
    assert decision.unlisted == {"nginx": ("web3", "web4")}
    assert world.lock().members == WEB


def test_a_smaller_inventory_is_refused_where_it_changes_the_slots_until_confirmed(world: World) -> None:
    world.asks(1, "web1", budget="50%")
    gives(world, 1, "web1")
    refusal = refused(world.asks(2, "web1", members=FEW, budget="50%"))
    assert refusal.why is Why.MEMBERS_LEFT
    assert "lacks members of nginx: web3, web4. With them, 50% is 2 hosts, without them 1" in refusal.message
    assert "forget_members=[web3, web4]" in refusal.message
    assert isinstance(world.asks(2, "web1", members=FEW, budget="50%", forget="web3 web4"), Granted)
    assert world.lock().members == FEW


def test_a_forgotten_member_gives_up_the_slot_it_failed_with(world: World) -> None:
    world.asks(1, "web3")
    world.ends(1)
    assert isinstance(world.asks(2, "web1", members=FEW, forget="web3 web4"), Granted)
    assert world.holders() == {"web1": 2}
    assert [old.outcome for old in world.lock().outcomes] == ["forgotten"]


def test_waiting_forgets_nobody(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.asks(2, "web3", budget=2)
    world.ends(2)
    assert isinstance(world.asks(3, "web2", members=FEW, forget="web3 web4"), Waiting)
    assert world.holders() == {"web1": 1, "web3": 2}
    assert world.lock().members == WEB


def test_hosts_that_the_inventory_lists_are_not_forgotten(world: World) -> None:
    world.asks(1, "web1", forget="web2")
    assert world.lock().members == WEB


# --- Waiting in line ---


def test_first_come_first_served(world: World) -> None:
    world.asks(1, "web1")
    assert isinstance(world.asks(2, "web2"), Waiting)
    third = world.asks(3, "web3")
    assert isinstance(third, Waiting)
    assert third.positions == {"nginx": 2}
    gives(world, 1, "web1")
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
    gives(world, 1, "web1")
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


# --- Giving back ---


def test_a_release_gives_back_what_this_roll_and_run_hold_and_nothing_else(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy", budget=2)
    world.asks(2, "web2", budget=2)
    assert gives(world, 1, "web1 web2") == ["web1", "web1"]
    assert world.holders("nginx") == {"web2": 2}
    assert gives(world, 1, "web1 web2") == []


def test_a_release_of_another_run_of_the_roll_gives_nothing_back(world: World) -> None:
    world.asks(1, "web1", roll="campaign")
    assert gives(world, 2, "web1", roll="campaign") == []


def test_a_release_while_waiting_withdraws(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    gives(world, 2, "web2")
    assert world.queue() == []


def test_a_forced_release_takes_anybodys_slot_and_keeps_the_reason(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy")
    changes, slots = force_release(world.locks, ["web1"], ["nginx"], "checked by hand", AT)
    world.apply(changes)
    assert [slot.service for slot in slots] == ["nginx"]
    assert (world.holders("nginx"), world.holders("haproxy")) == ({}, {"web1": 1})
    assert [(old.outcome, old.reason) for old in world.lock().outcomes] == [
        ("force_released", "checked by hand")
    ]


def test_a_forced_release_of_a_service_that_has_no_lock_names_those_that_have(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy")
    with pytest.raises(LockError, match="no lock of ngnix; it has: haproxy, nginx"):
        force_release(world.locks, ["web1"], ["ngnix"], "checked by hand", AT)


def test_outcomes_are_kept_but_not_for_ever(world: World) -> None:
    for pid in range(KEPT_OUTCOMES + 3):
        world.asks(pid, "web1")
        gives(world, pid, "web1")
    assert len(world.lock().outcomes) == KEPT_OUTCOMES
    assert world.lock().outcomes[-1].roll == f"roll{KEPT_OUTCOMES + 2}"
