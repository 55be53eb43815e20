from __future__ import annotations

from dataclasses import replace

from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Granted,
    Waiting,
    Why,
)

from ..lock_world import World, refused, request

# --- Refusing: a host did not finish ---


def test_a_roll_stops_when_an_earlier_wave_still_holds_a_slot(world: World) -> None:
    world.asks(1, "web1", budget=3)
    refusal = refused(world.asks(1, "web2", budget=3))
    assert refusal.why is Why.FAILED_BEFORE
    assert "web1 has held a slot of nginx since 2026-01-31T03:12:45+00:00" in refusal.message
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
    assert "It is unknown here" in refusal.message
    assert "force_released" in refusal.message


def test_holders_that_cannot_be_asked_do_no_harm_where_the_budget_suffices(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.is_lost_sight_of(1)
    assert isinstance(world.asks(2, "web2", budget=2), Granted)


def test_a_run_that_is_over_takes_nothing(world: World) -> None:
    world.ends(1)
    assert refused(world.asks(1, "web1")).why is Why.ABANDONED
    assert world.locks == {}


def test_one_roll_does_not_go_on_in_two_runs(world: World) -> None:
    world.asks(1, "web1", roll="campaign", budget=2)
    for hosts in ("web1", "web2"):
        assert refused(world.asks(2, hosts, roll="campaign", budget=2)).why is Why.RUNS_ELSEWHERE


def test_a_run_does_not_take_its_own_host_for_another_roll(world: World) -> None:
    world.asks(1, "web1", roll="outer", budget=2)
    assert refused(world.asks(1, "web1", roll="inner", budget=2)).why is Why.HELD_BY_OWN_RUN


# --- What cannot work is refused, not waited for ---


def test_a_wave_larger_than_the_budget_is_refused(world: World) -> None:
    refusal = refused(world.asks(1, "web1 web2 web3", budget="50%"))
    assert refusal.why is Why.WAVE_TOO_LARGE
    assert "2 of its 4 members may be unavailable at a time (max_unavailable: 50%)" in refusal.message
    assert "serial: 2" in refusal.message


def test_a_wave_that_is_too_large_because_of_hosts_out_of_service_is_refused_with_their_names(
    world: World,
) -> None:
    world.asks(1, "web1", budget="50%")
    world.apply({"nginx": replace(world.lock(), out_of_service={"web4": "no power"})})
    refusal = refused(world.asks(2, "web2 web3", budget="50%"))
    assert refusal.why is Why.WAVE_TOO_LARGE
    assert (
        "1 of its 4 members may be unavailable at a time (max_unavailable: 50% of those in service, without web4)"
        in refusal.message
    )
    assert "--limit to 1 of them, then the others" in refusal.message


def test_waiting_while_holding_is_refused_so_that_two_runs_never_wait_for_each_other(world: World) -> None:
    world.asks(1, "web1", services="nginx")
    world.asks(2, "web1", services="haproxy")
    refusal = refused(world.asks(1, "web1", services="haproxy"))
    assert refusal.why is Why.HOLDS_AND_WAITS
    assert "Ask for all services of a wave in one acquire" in refusal.message


RACKS = "web1=a web2=a web3=b"


def test_a_wave_is_of_one_failure_domain(world: World) -> None:
    refusal = refused(world.asks(1, "web1 web3", budget=3, domains=RACKS))
    assert refusal.why is Why.DOMAINS_MIXED
    assert "several failure domains: web1 in a, web3 in b." in refusal.message


# --- A roll that may lose hosts ---


def test_a_roll_goes_on_until_its_failure_budget_is_spent(world: World) -> None:
    asked = {"budget": 3, "may_fail": 1}
    world.asks(1, "web1", **asked)
    assert isinstance(world.asks(1, "web2", **asked), Granted)
    refusal = refused(world.asks(1, "web3", **asked))
    assert refusal.why is Why.FAILED_BEFORE
    assert "Its failure budget is 1 in nginx." in refusal.message


def test_hosts_that_may_fail_still_spend_the_disruption_budget(world: World) -> None:
    world.asks(1, "web1", may_fail=2)
    assert refused(world.asks(1, "web2", may_fail=2)).why is Why.BUDGET_SPENT


def test_the_failure_budget_of_one_service_is_not_that_of_another(world: World) -> None:
    world.asks(1, "web1", services="redis", budget=2)
    assert refused(world.asks(1, "web2", budget=3, may_fail=2)).why is Why.FAILED_BEFORE


def test_a_roll_does_not_go_on_with_a_host_whose_operation_has_failed(world: World) -> None:
    world.asks(1, "web1", retries=0)
    world.retries(1, "web1", hold=True, reason="nginx does not answer")
    refusal = refused(world.asks(1, "web1"))
    assert refusal.why is Why.FAILED_BEFORE
    assert "failed: tried once, nginx does not answer" in refusal.message


def test_nobody_waits_for_a_host_that_has_failed_though_its_run_is_alive(world: World) -> None:
    world.asks(1, "web1", retries=0)
    world.retries(1, "web1", hold=True)
    assert refused(world.asks(2, "web2")).why is Why.BUDGET_SPENT


def test_a_roll_that_may_lose_hosts_still_waits_for_others(world: World) -> None:
    asked = {"budget": 2, "may_fail": 1}
    world.asks(1, "web1", retries=0, **asked)
    world.retries(1, "web1", hold=True)
    world.asks(2, "web2", **asked)
    assert isinstance(world.asks(1, "web3", **asked), Waiting)


# --- Paused hosts ---


def test_a_paused_host_is_named_as_that(world: World) -> None:
    world.decide(replace(request(1, "web1"), operation="pause"))
    world.ends(1)
    refusal = refused(world.asks(2, "web2"))
    assert refusal.why is Why.BUDGET_SPENT
    assert "spent by hosts that are paused: web1 has been paused since" in refusal.message
    assert "did not finish" not in refusal.message
    assert "playbook resume_services" in refusal.message


def test_all_who_spend_a_budget_are_named_each_with_what_to_do(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.ends(1)
    world.decide(replace(request(3, "web3", budget=2), operation="pause"))
    world.ends(3)
    message = refused(world.asks(2, "web2", unhealthy="web4")).message
    assert message.startswith(
        "The disruption budget of nginx is spent by hosts that did not finish: web1 has held"
    )
    assert "Others are paused: web3 has been paused" in message
    assert "Others are unhealthy: web4. Roll them first" in message


def test_a_host_that_a_controller_out_of_sight_has_paused_is_known_to_be_down(world: World) -> None:
    world.decide(replace(request(1, "web1"), operation="pause"))
    world.is_lost_sight_of(1)
    assert refused(world.asks(2, "web2")).why is Why.BUDGET_SPENT
