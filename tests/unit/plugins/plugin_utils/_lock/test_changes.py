from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import (
    forget,
    freeze,
    put_back,
    take_out,
    thaw,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Granted, Waiting

from ..lock_world import AT, WEB, World

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Locks

# --- Giving back ---


def test_a_release_gives_back_what_this_roll_and_run_hold_and_nothing_else(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy", budget=2)
    world.asks(2, "web2", budget=2)
    assert world.gives(1, "web1 web2") == ["web1", "web1"]
    assert world.holders("nginx") == {"web2": 2}
    assert world.gives(1, "web1 web2") == []


def test_a_release_of_another_run_of_the_roll_gives_nothing_back(world: World) -> None:
    world.asks(1, "web1", roll="campaign")
    assert world.gives(2, "web1", roll="campaign") == []


def test_a_release_while_waiting_withdraws(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2")
    world.gives(2, "web2")
    assert world.queue() == []


def test_a_release_withdraws_requests_for_those_hosts_only(world: World) -> None:
    world.requests(1, "web1 web2", "A", budget=2)
    world.requests(1, "web3", "A")
    world.gives(1, "web2 web3")
    assert [waiter.hosts for waiter in world.lock().queue] == [("web1",)]
    assert [(one.host, one.outcome) for one in world.lock().outcomes] == [
        ("web2", "withdrawn"),
        ("web3", "withdrawn"),
    ]


def test_a_later_run_of_a_roll_withdraws_what_the_roll_asked_for(world: World) -> None:
    world.requests(1, "web1", "A", roll="campaign")
    world.gives(2, "web1", roll="campaign")
    assert world.queue() == []


# --- Trying again ---


def test_a_held_retry_keeps_the_slots_and_counts(world: World) -> None:
    world.asks(1, "web1", services="nginx redis", retries=2)
    assert world.retries(1, "web1", hold=True).attempts == {"web1": 1}
    assert world.holders("nginx") == world.holders("redis") == {"web1": 1}
    assert {world.lock(service).holders["web1"].attempt for service in ("nginx", "redis")} == {1}


def test_a_released_retry_gives_the_slots_back_and_asks_anew_as_one(world: World) -> None:
    world.asks(1, "web1 web2", services="nginx redis", budget=2, callback="A", last=True, retries=5)
    world.retries(1, "web1 web2", hold=False)
    assert world.holders("nginx") == world.holders("redis") == {}
    (nginx,), (redis,) = world.lock("nginx").queue, world.lock("redis").queue
    assert nginx == redis
    assert (nginx.hosts, nginx.callback, nginx.attempt, nginx.retries, nginx.last, nginx.kept) == (
        ("web1", "web2"), "A", 1, 5, True, True,
    )  # fmt: skip
    decision = world.asks(1, "web1 web2", services="nginx redis", budget=2)
    assert isinstance(decision, Granted)
    assert world.lock().holders["web2"].attempt == 1


def test_a_released_retry_is_no_end_yet(world: World) -> None:
    world.asks(1, "web1")
    world.retries(1, "web1", hold=False)
    assert world.lock().outcomes == ()


LIMITS: list[tuple[int | None, int]] = [(0, 0), (1, 1), (3, 3), (None, 10)]


@pytest.mark.parametrize(("retries", "times"), LIMITS)
@pytest.mark.parametrize("hold", [True, False])
def test_an_operation_is_retried_as_often_as_was_asked(
    world: World, retries: int | None, times: int, *, hold: bool
) -> None:
    world.asks(1, "web1", retries=retries)
    for attempt in range(1, times + 1):
        assert world.retries(1, "web1", hold=hold).attempts == {"web1": attempt}
        world.asks(1, "web1")
    retried = world.retries(1, "web1", hold=hold)
    assert bool(retried.exhausted) == (retries is not None)


def test_an_exhausted_operation_has_failed_and_the_host_keeps_its_slot(world: World) -> None:
    world.asks(1, "web1", retries=1)
    world.retries(1, "web1", hold=True)
    retried = world.retries(1, "web1", hold=False, reason="port 80 is closed")
    assert retried.exhausted == {"web1": "tried 2 times, port 80 is closed"}
    assert world.holders() == {"web1": 1}
    assert world.queue() == []


def test_a_failed_host_keeps_its_slot_when_the_rest_is_given_back(world: World) -> None:
    world.asks(1, "web1 web2", budget=2, retries=0)
    world.retries(1, "web1", hold=True)
    assert world.gives(1, "web1 web2") == ["web2"]
    assert world.holders() == {"web1": 1}
    assert world.retries(1, "web1", hold=True).attempts == {}


def test_that_an_operation_failed_is_on_record_once_somebody_has_seen_to_it(world: World) -> None:
    world.asks(1, "web1", retries=0)
    world.retries(1, "web1", hold=True)
    world.forces("web1")
    (outcome,) = world.lock().outcomes
    assert (outcome.outcome, outcome.reason) == ("failed", "tried once; force_released: checked by hand")


def test_the_next_run_takes_a_failed_host_over_and_counts_anew(world: World) -> None:
    world.asks(1, "web1", retries=1, roll="roll1")
    world.retries(1, "web1", hold=True)
    world.retries(1, "web1", hold=True)
    assert world.lock().holders["web1"].failed
    world.ends(1)
    world.asks(2, "web1", retries=1, roll="roll1")
    assert (world.lock().holders["web1"].attempt, world.lock().holders["web1"].failed) == (0, "")
    assert [old.outcome for old in world.lock().outcomes] == ["failed"]


def test_a_resumed_roll_goes_on_counting(world: World) -> None:
    world.asks(1, "web1", retries=5)
    world.retries(1, "web1", hold=True)
    world.ends(1)
    world.asks(2, "web1", roll="roll1")
    assert world.lock().holders["web1"].attempt == 1


def test_only_what_a_run_holds_itself_is_retried(world: World) -> None:
    world.asks(1, "web1")
    assert world.retries(2, "web1", hold=False).attempts == {}
    assert world.holders() == {"web1": 1}


# --- Force ---


def test_a_forced_release_takes_anybodys_slot_and_keeps_the_reason(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy")
    assert world.forces("web1", "nginx") == ["nginx"]
    assert (world.holders("nginx"), world.holders("haproxy")) == ({}, {"web1": 1})
    assert [(old.outcome, old.reason) for old in world.lock().outcomes] == [
        ("force_released", "checked by hand")
    ]


def test_a_forced_release_drops_requests_that_were_left(world: World) -> None:
    world.requests(1, "web1 web2", "A", roll="campaign", budget=2)
    world.asks(2, "web3")
    world.forces("web1")
    assert [waiter.hosts for waiter in world.lock().queue] == [("web2",), ("web3",)]


def test_a_forced_release_of_a_service_that_has_no_lock_names_those_that_have(world: World) -> None:
    world.asks(1, "web1", services="nginx haproxy")
    with pytest.raises(LockError, match="no lock of ngnix; it has: haproxy, nginx"):
        world.forces("web1", "ngnix")


# --- Freezing ---


def test_a_freeze_keeps_its_first_reason(world: World) -> None:
    world.apply(freeze(world.locks, ["nginx"], "audit", "me", AT))
    assert freeze(world.locks, ["nginx"], "holidays", "you", AT) == {}
    assert thaw(world.locks, ["nginx"])["nginx"].frozen is None


def test_a_service_can_be_frozen_before_it_was_ever_rolled(world: World) -> None:
    world.apply(freeze(world.locks, ["nginx", "redis"], "audit", "me", AT))
    assert isinstance(world.asks(1, "web1", services="redis"), Waiting)


def test_thawing_what_is_not_frozen_changes_nothing(world: World) -> None:
    world.asks(1, "web1")
    assert thaw(world.locks, None) == {}


# --- Out of service ---


def test_a_host_goes_out_of_service_and_comes_back(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    world.apply(take_out(world.locks, {"web1": ["nginx"]}, "no mainboard"))
    assert isinstance(world.asks(2, "web2"), Granted)
    world.gives(2, "web2")
    world.apply(put_back(world.locks, ["web1"], None))
    assert world.lock().out_of_service == {}
    assert not isinstance(world.asks(2, "web2"), Granted), "its slot counts again"


def test_a_host_can_be_out_of_service_before_its_service_was_ever_rolled(world: World) -> None:
    world.apply(take_out(world.locks, {"web1": ["nginx", "redis"]}, "no mainboard"))
    decision = world.asks(1, "web1 web2", budget=2)
    assert isinstance(decision, Granted)
    assert decision.out_of_service == {"web1": "no mainboard"}


# --- Hosts that have left ---

HERE_STILL = {"nginx": WEB - {"web1"}, "redis": WEB}


def forgets(world: World, hosts: str) -> dict[str, tuple[str, ...]]:
    def gone(locks: Locks) -> tuple[Locks, Any]:
        return forget(locks, hosts.split(), HERE_STILL, world.state_of, "sold", AT)

    return dict(world.change(gone).services)


@pytest.mark.parametrize("loses", ["ends", "is_lost_sight_of"])
def test_a_host_that_has_left_is_forgotten_with_its_slot_where_it_is_not_deployed(
    world: World, loses: str
) -> None:
    world.asks(1, "web1", services="nginx redis")
    world.requests(1, "web1", "A")
    getattr(world, loses)(1)
    assert forgets(world, "web1") == {"web1": ("nginx",)}
    lock = world.lock()
    assert (lock.holders, lock.queue, lock.members) == ({}, (), WEB - {"web1"})
    assert ("web1", "forgotten", "sold") in [(one.host, one.outcome, one.reason) for one in lock.outcomes]
    assert world.holders("redis") == {"web1": 1}


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("web9", "No lock in the store knows a host web9"),
        ("web2", "web2 is still deployed with nginx"),
        ("web1", "A run works on it: web1 has held a slot of nginx"),
    ],
)
def test_a_host_is_not_forgotten_that_nobody_knows_that_is_there_or_that_a_run_works_on(
    world: World, host: str, words: str
) -> None:
    world.asks(1, "web1")
    with pytest.raises(LockError, match=words):
        forgets(world, host)
    assert world.holders() == {"web1": 1}
