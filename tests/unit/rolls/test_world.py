from __future__ import annotations

import json

import pytest
from ansible_collections.orderly.services.tests.rolls import judge, stage, world
from ansible_collections.orderly.services.tests.rolls.judge import Event
from ansible_collections.orderly.services.tests.rolls.world import Service, make

WORLDS = [make(1, number) for number in range(1, 201)]


def test_a_number_gives_the_same_world_again_and_a_seed_gives_others() -> None:
    assert make(1, 7) == make(1, 7)
    assert make(1, 7) != make(2, 7)


def test_two_hundred_worlds_have_something_of_everything() -> None:
    places = [place for each in WORLDS for place in each.places.values()]
    assert {place.kind for place in places} == {*world.KINDS}
    assert {place.condition for place in places} == {world.WELL, *stage.CONDITIONS, world.REFUSES}
    assert {place.kind for place in places if place.is_flagged} == {*world.FLAGGED}
    assert {each.playbook for each in WORLDS} == {world.RESTART, world.ALL, world.UPGRADE}
    assert {each.fault.what for each in WORLDS if each.fault} == {
        world.KILL_HOST, world.POWEROFF, world.KILL_UNIT, world.KILL_RUN,
    }  # fmt: skip
    drags = {line.partition("=")[0] for place in places for line in place.lines}
    assert drags == {"PartOf", "BindsTo", "Requires", "After"}
    assert {each.budget for one in WORLDS for each in one.services} == {*world.BUDGETS}
    assert {len(each.services) for each in WORLDS} == {1, 2, 3}


@pytest.mark.parametrize(("budget", "slots"), [(1, 1), (3, 3), ("25%", 1), ("34%", 1), ("50%", 2)])
def test_a_percentage_is_of_all_hosts_rounded_down_and_at_least_one(budget: int | str, slots: int) -> None:
    assert Service("web", ("h1", "h2", "h3", "h4", "h5"), ("web.service",), budget).slots == slots


def test_a_journal_is_read_by_what_messages_mean_at_the_time_at_which_they_were_said() -> None:
    stopping, started = list(stage.MESSAGES)[2], list(stage.MESSAGES)[1]
    entries = [
        {"MESSAGE_ID": stopping, "UNIT": "web.service", "_SOURCE_REALTIME_TIMESTAMP": "2500000"},
        {"MESSAGE_ID": started, "UNIT": "web.service", "__REALTIME_TIMESTAMP": "3500000"},
        {"MESSAGE_ID": "b07a249cd024414a82dd00cd181378ff", "__REALTIME_TIMESTAMP": "4000000"},
        {"__REALTIME_TIMESTAMP": "5000000"},
    ]  # fmt: skip
    assert list(stage.read_journal("h1", "\n".join(map(json.dumps, entries)))) == [
        Event(2.5, "h1", judge.STOPPING, "web.service"),
        Event(3.5, "h1", judge.STARTED, "web.service"),
    ]
