from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import (
    take_out,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Claim,
    Granted,
    Request,
    Waiting,
    Why,
)

from ..lock_world import WEB, World, refused, run

# --- Members ---


def test_new_members_register_by_themselves(world: World) -> None:
    world.asks(1, "web1", members=frozenset({"web1"}))
    world.asks(1, "web1", members=WEB)
    assert world.lock().members == WEB


FEW = frozenset({"web1", "web2"})


def test_a_smaller_inventory_is_named_and_the_base_is_kept(world: World) -> None:
    world.asks(1, "web1")
    world.gives(1, "web1")
    decision = world.asks(2, "web1", members=FEW)
    assert isinstance(decision, Granted)
    assert decision.unlisted == {"nginx": ("web3", "web4")}
    assert world.lock().members == WEB


def test_a_smaller_inventory_is_refused_where_it_changes_the_slots_until_confirmed(world: World) -> None:
    world.asks(1, "web1", budget="50%")
    world.gives(1, "web1")
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


def test_a_host_that_left_one_service_is_not_skipped_in_another_for_having_been_out_of_it(
    world: World,
) -> None:
    world.asks(1, "web1", services="nginx redis")
    world.gives(1, "web1")
    world.apply(take_out(world.locks, {"web2": ["redis"]}, "no power"))
    asked = Request(
        "roll2", run(2), "operation", forget_members=frozenset({"web2"}),
        claims=(Claim("redis", frozenset({"web1"}), WEB - {"web2"}), Claim("nginx", frozenset({"web2"}), WEB)),
    )  # fmt: skip
    granted = world.decide(asked)
    assert isinstance(granted, Granted)
    assert granted.tokens.keys() == {"web1", "web2"}


def test_hosts_that_the_inventory_lists_are_not_forgotten(world: World) -> None:
    world.asks(1, "web1", forget="web2")
    assert world.lock().members == WEB


# --- Hosts that are down already ---


@pytest.fixture
def busy(world: World) -> World:
    """Let run 1 hold the only slot."""
    world.asks(1, "web1")
    return world


def test_a_host_that_was_found_unhealthy_counts_against_the_budget(world: World) -> None:
    refusal = refused(world.asks(1, "web1", unhealthy="web3"))
    assert refusal.why is Why.BUDGET_SPENT
    assert "spent by hosts that are unhealthy: web3. Roll them first" in refusal.message
    assert isinstance(world.asks(1, "web1", unhealthy="web3", budget=2), Granted)


def test_an_unhealthy_host_is_rolled_though_the_budget_is_spent_and_others_wait(busy: World) -> None:
    busy.asks(2, "web2")
    assert isinstance(busy.asks(3, "web3", unhealthy="web3"), Granted)
    assert busy.holders() == {"web1": 1, "web3": 3}
    assert busy.lock().holders["web3"].unhealthy


def test_while_it_is_rolled_it_still_counts_against_the_budget_of_others(busy: World) -> None:
    busy.asks(3, "web3", unhealthy="web3")
    busy.gives(1, "web1")
    assert isinstance(busy.asks(2, "web2"), Waiting)
    busy.gives(3, "web3")
    assert isinstance(busy.asks(2, "web2"), Granted)


def test_an_unhealthy_host_takes_no_healthy_one_along(busy: World) -> None:
    assert isinstance(busy.asks(3, "web3 web4", unhealthy="web3", budget=2), Waiting)


def test_an_unhealthy_host_that_somebody_works_on_is_waited_for(busy: World) -> None:
    assert isinstance(busy.asks(2, "web2", unhealthy="web1"), Waiting)
    assert isinstance(busy.asks(2, "web1", unhealthy="web1"), Waiting)


def test_an_unhealthy_host_out_of_service_does_not_count(world: World) -> None:
    world.apply(take_out(world.locks, {"web3": ["nginx"]}, "no power"))
    assert isinstance(world.asks(1, "web1", unhealthy="web3"), Granted)


def test_a_wave_of_unhealthy_hosts_is_no_larger_than_any_other(world: World) -> None:
    refusal = refused(world.asks(1, "web1 web2", unhealthy="web1 web2"))
    assert refusal.why is Why.WAVE_TOO_LARGE


# --- Failure domains ---


RACKS = "web1=a web2=a web3=b"


def test_hosts_of_one_failure_domain_are_disrupted_together(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    assert isinstance(world.asks(2, "web2", budget=3, domains=RACKS), Granted)


def test_a_living_run_in_another_failure_domain_is_waited_for_though_slots_are_free(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    waiting = world.asks(2, "web3", budget=3, domains=RACKS)
    assert isinstance(waiting, Waiting)
    assert "web1 in failure domain a has held a slot of nginx" in waiting.message
    world.gives(1, "web1")
    assert isinstance(world.asks(2, "web3", budget=3, domains=RACKS), Granted)


def test_a_host_left_behind_in_another_failure_domain_is_named(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    world.ends(1)
    refusal = refused(world.asks(2, "web3", budget=3, domains=RACKS))
    assert (
        "Only one failure domain of nginx may be disrupted at a time, and another one has" in refusal.message
    )
    assert "hosts that did not finish: web1 in failure domain a has held a slot" in refusal.message
    assert isinstance(world.asks(2, "web2", budget=3, domains=RACKS), Granted)


def test_a_host_in_another_failure_domain_that_nobody_can_ask_about_is_named(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    world.is_lost_sight_of(1)
    assert refused(world.asks(2, "web3", budget=3, domains=RACKS)).why is Why.HOLDER_UNKNOWN


def test_a_host_found_down_in_another_failure_domain_counts(world: World) -> None:
    refusal = refused(world.asks(1, "web1", budget=3, domains=RACKS, unhealthy="web3"))
    assert "another one has hosts that are unhealthy: web3" in refusal.message


def test_a_host_without_a_failure_domain_goes_with_any(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    assert isinstance(world.asks(2, "web4", budget=3, domains=RACKS), Granted)


def test_services_do_not_share_failure_domains(world: World) -> None:
    world.asks(1, "web1", domains=RACKS)
    assert isinstance(world.asks(2, "web3", services="redis", domains=RACKS), Granted)


def test_a_host_out_of_service_keeps_no_failure_domain_busy(world: World) -> None:
    world.asks(1, "web1", budget=3, domains=RACKS)
    world.apply(take_out(world.locks, {"web1": ["nginx"]}, "no power"))
    assert isinstance(world.asks(2, "web3", budget=3, domains=RACKS), Granted)
