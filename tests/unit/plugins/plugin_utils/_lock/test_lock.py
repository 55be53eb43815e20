from __future__ import annotations

from dataclasses import replace

from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import (
    KEPT_OUTCOMES,
    NAMED_AT_MOST,
    Holder,
    Slot,
    changed,
    how_to_force,
    next_number,
    slot_names,
)

from ..lock_world import World, run


def test_hosts_out_of_service_are_not_in_the_base_of_a_percentage(world: World) -> None:
    world.asks(1, "web1", budget="50%")
    world.apply({"nginx": replace(world.lock(), out_of_service={"web3": "no power"})})
    assert world.lock().slots == 1


# --- What is remembered ---


def test_outcomes_are_kept_but_not_for_ever(world: World) -> None:
    for pid in range(KEPT_OUTCOMES + 3):
        world.asks(pid, "web1")
        world.gives(pid, "web1")
    assert len(world.lock().outcomes) == KEPT_OUTCOMES
    assert world.lock().outcomes[-1].roll == f"roll{KEPT_OUTCOMES + 2}"


def test_what_was_no_success_is_remembered_beside_many_that_were(world: World) -> None:
    world.asks(1, "web1")
    world.forces("web1")
    for pid in range(2, 100):
        world.asks(pid, "web1")
        world.gives(pid, "web1")
    assert world.lock().outcomes[0].outcome == "force_released"
    assert len(world.lock().outcomes) == KEPT_OUTCOMES + 1


def test_numbers_count_on_from_every_lock_and_only_locks_that_changed_are_written(world: World) -> None:
    world.asks(1, "web1")
    before = world.locks
    world.asks(2, "web1", services="redis")
    assert next_number(world.locks) == 3
    assert changed(before, world.locks).keys() == {"redis"}


# --- Words ---

HOLDER = Holder("web1", "friday", run(7), "restart", "10:04", 1, domain="a", failed="tried once")


def test_a_slot_says_who_holds_what_since_when() -> None:
    assert str(Slot("nginx", HOLDER)) == (
        "web1 in failure domain a has held a slot of nginx since 10:04"
        ' (operation "restart", PID 7 on ctl, roll friday, failed: tried once)'
    )
    paused = Slot("nginx", replace(HOLDER, operation="pause", failed=""))
    assert str(paused) == "web1 has been paused since 10:04 (a slot of nginx, PID 7 on ctl)"


def test_many_slots_are_counted_and_all_are_forced_by_one_task() -> None:
    slots = [Slot("nginx", replace(HOLDER, host=f"web{n}")) for n in range(NAMED_AT_MOST + 2)]
    assert slot_names(slots[:-2]) == [str(slot) for slot in slots[:-2]]
    assert slot_names(slots)[NAMED_AT_MOST:] == ["and 2 more"]
    assert how_to_force([Slot("redis", HOLDER), *slots[:2], slots[0]]) == (
        "rolling_lock with state=force_released, services=[nginx, redis], hosts=[web0, web1] and a reason"
    )
