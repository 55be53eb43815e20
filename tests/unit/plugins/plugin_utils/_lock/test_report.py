"""What people are told of rolling locks, and the one status of each host."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import freeze, take_out
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.report import (
    chosen,
    report,
    statuses,
    with_deployed,
)
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

from ..lock_world import AT, World


def status(world: World, host: str) -> tuple[str, str]:
    found = statuses(world.locks, [host], world.state_of)[host]
    return found["status"], found["message"]


def test_holders_are_told_with_since_when_who_and_whether_that_run_goes_on(world: World) -> None:
    world.asks(1, "web1", budget=2)
    world.asks(2, "web2", budget=2)
    world.ends(2)
    told = report(world.locks, world.state_of)["nginx"]
    assert [(one["host"], one["pid"], one["since"], one["run"]) for one in told["holders"]] == [
        ("web1", 1, AT, "live"),
        ("web2", 2, AT, "over"),
    ]
    assert (told["slots"], told["budget_left"]) == (2, 0)


def test_the_queue_is_told_in_turn_with_positions(world: World) -> None:
    world.asks(1, "web1")
    world.asks(2, "web2", last=True)
    world.requests(3, "web3", "resize", arguments={"workers": 8})
    queue = report(world.locks, world.state_of)["nginx"]["queue"]
    assert [(one["position"], one["pid"], one["hosts"], one["callback"]) for one in queue] == [
        (1, 3, ["web3"], "resize"),
        (2, 2, ["web2"], ""),
    ]
    assert queue[0]["arguments"] == {"workers": 8}


def test_outcomes_freezes_and_hosts_out_of_service_are_told(world: World) -> None:
    world.asks(1, "web1")
    world.forces("web1", reason="disk replaced")
    world.apply(freeze(world.locks, ["nginx"], "audit", "eve", AT))
    world.apply(take_out(world.locks, {"web3": ["nginx"]}, "no power"))
    told = report(world.locks, world.state_of)["nginx"]
    assert [(one["host"], one["outcome"], one["reason"]) for one in told["outcomes"]] == [
        ("web1", "force_released", "disk replaced")
    ]
    assert told["frozen"] == {"reason": "audit", "since": AT, "by": "eve"}
    assert told["out_of_service"] == {"web3": "no power"}


def test_a_budget_that_shrank_below_what_is_held_has_nothing_left(world: World) -> None:
    world.asks(1, "web1 web2", budget=2)
    world.requests(2, "web3", budget=1)
    world.asks(2, "web3", budget=1)
    assert report(world.locks, world.state_of)["nginx"]["budget_left"] == 0


# --- Services ---


def deployed(name: str, budget: int | str) -> Service:
    return Service(name, name, Path(name), name, max_unavailable=budget)


def test_a_service_that_was_never_rolled_is_told_as_it_will_be(world: World) -> None:
    world.asks(1, "web1")
    known = with_deployed(world.locks, [deployed("redis", "50%")], {"redis": ["c1", "c2", "c3", "c4"]})
    told = report(known, world.state_of)
    assert list(told) == ["nginx", "redis"]
    assert (told["redis"]["slots"], told["redis"]["budget_left"]) == (2, 2)


def test_a_lock_is_told_with_the_budget_of_this_inventory_and_every_member_there_ever_was(
    world: World,
) -> None:
    world.asks(1, "web1", budget=1)
    known = with_deployed(world.locks, [deployed("nginx", "50%")], {"nginx": ["web5", "web6"]})
    told = report(known, world.state_of)["nginx"]
    assert told["members"] == ["web1", "web2", "web3", "web4", "web5", "web6"]
    assert (told["slots"], told["budget_left"]) == (3, 2)


def test_a_service_that_nobody_knows_is_named_with_those_that_there_are(world: World) -> None:
    world.asks(1, "web1")
    with pytest.raises(
        LockError, match=r"rolling_lock_info: there is no lock of ngnix: .* There are: nginx\."
    ):
        chosen(world.locks, ["ngnix"], "rolling_lock_info")


# --- The status of a host ---


def test_a_host_awaits_then_executes_and_then_is_active(world: World) -> None:
    assert status(world, "web1") == ("active", "")
    world.requests(1, "web1")
    assert status(world, "web1") == ("waiting", "Awaiting operation1 operation")
    world.asks(1, "web1")
    assert status(world, "web1") == ("maintenance", "Executing operation1 operation")
    world.gives(1, "web1")
    assert status(world, "web1") == ("active", "")


def test_a_host_whose_operation_failed_says_so_until_somebody_has_seen_to_it(world: World) -> None:
    world.asks(1, "web1", retries=0)
    world.retries(1, "web1", hold=True)
    assert status(world, "web1") == ("failed", "Failed operation1 operation")
    world.forces("web1")
    assert status(world, "web1") == ("active", "")


def test_a_host_whose_run_ended_without_giving_its_slot_back_failed(world: World) -> None:
    world.asks(1, "web1")
    world.ends(1)
    said = f"Failed operation1 operation: its run ended, and its slot is kept since {AT}"
    assert status(world, "web1") == ("failed", said)


def test_a_host_out_of_service_is_that_whatever_else(world: World) -> None:
    world.asks(1, "web1")
    world.apply(take_out(world.locks, {"web1": ["nginx"]}, "no power"))
    assert status(world, "web1") == ("out_of_service", "Out of service: no power")


def test_what_a_host_executes_in_one_service_says_more_than_what_it_awaits_in_another(world: World) -> None:
    world.asks(1, "web1", services="nginx redis", budget=2)
    world.requests(2, "web1", services="redis", budget=2)
    assert status(world, "web1") == ("maintenance", "Executing operation1 operation")
