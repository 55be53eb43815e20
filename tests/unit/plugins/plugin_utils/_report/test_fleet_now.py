"""Beside what is pending, the status tells what is down now, and what locks keep from going on."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import take_out
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Freeze, Lock
from ansible_collections.orderly.services.plugins.plugin_utils._report.fleet_now import LocksNow, UnitsNow

from ..lock_world import AT, World


def answer(**words: str) -> dict[str, Any]:
    units = [
        {"unit": f"{unit}.service", "word": word, "says": f"{word}!", "refusal": "", "along": []}
        for unit, word in words.items()
    ]
    return {"members": units, "machine": "m"}


def test_units_that_should_run_and_do_not_are_named() -> None:
    units = UnitsNow.of(
        {"h2": answer(web="down", db="up"), "h1": answer(web="stopped", db="masked"), "h3": answer()}
    )
    assert units.silent_lines() == []
    assert units.down_lines() == ["Down on h1: web.service is stopped!.", "Down on h2: web.service is down!."]
    assert units.as_dict()["down"] == {"h1": {"web.service": "stopped!"}, "h2": {"web.service": "down!"}}


def test_a_host_that_tells_nothing_is_not_taken_for_well() -> None:
    failed = {"failed": False, "failed_when_result": False, "msg": "no systemctl"}
    units = UnitsNow.of({"h1": failed, "h2": failed, "h3": {}, "h4": {}}, unasked=["h4"])
    assert units.down_lines() == []
    assert units.silent_lines() == [
        "Whether services run: not checked on h1, h2, which could not be queried (no systemctl).",
        "Whether services run: not checked on h3, which could not be queried (it failed).",
    ]
    assert sorted(units.as_dict()["units_not_checked"]) == ["h1", "h2", "h3"]


def test_slots_are_told_with_whether_their_run_works_and_the_way_to_give_them_back() -> None:
    world = World()
    world.asks(1, "web1", budget=2)
    assert LocksNow(world.locks, world.state_of).as_lines()[0].endswith("; its run works.")
    assert len(LocksNow(world.locks, world.state_of).as_lines()) == 1
    world.ends(1)
    slot, way = LocksNow(world.locks, world.state_of).as_lines()
    assert slot.startswith(f"Slot: web1 has held a slot of nginx since {AT} ")
    assert slot.endswith("; its run is over.")
    assert way.endswith("ansible-playbook orderly.services.recover")


def test_queue_freeze_and_hosts_out_of_service_are_told() -> None:
    world = World()
    world.asks(1, "web1")
    world.requests(2, "web2")
    world.apply(take_out(world.locks, {"web3": ["nginx"]}, "no power"))
    frozen = Lock("db", frozen=Freeze("audit", AT, "ann on c1"))
    now = LocksNow({**world.locks, "db": frozen}, world.state_of)
    lines = now.as_lines()
    assert f"Frozen: db since {AT} by ann on c1, so that no slot is granted: audit." in lines
    assert "Out of service: web3 (nginx): no power." in lines
    assert any(line.startswith(f"Waiting for nginx: web2 since {AT} ") for line in lines)
    assert json.loads(json.dumps(now.as_dict()))["locks"]["db"]["frozen"]["reason"] == "audit"


def test_nothing_is_said_of_locks_that_hold_up_nobody() -> None:
    assert LocksNow({"db": Lock("db")}, World().state_of).as_lines() == []
