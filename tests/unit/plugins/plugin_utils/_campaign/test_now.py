"""What somebody at another terminal hears of an open campaign, from the store alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import (
    list_campaigns,
    note,
    note_run,
    open_journal,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE, STARTED, Journal
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.now import (
    At,
    CampaignNow,
    outlook,
    read_open,
)
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import freeze
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState

from ..lock_world import AT, MemoryStore, World, run

LATER = "2026-01-31T04:00:00+00:00"
IN_WAVE = At("wave-3", "Wave 3 of 7", LATER)


@pytest.fixture
def world() -> World:
    return World(MemoryStore())


def journal_of(world: World, at: At | None = IN_WAVE, pid: int = 1, **beside: Any) -> Journal:
    journal = open_journal(
        world.store, "plan", run(pid), world.state_of, AT, "friday", work={"nginx": "hash"}, **beside
    )
    if at:
        note_run(world.store, journal.campaign, run(pid), at=at.as_document())
    return journal


def begin(journal: Journal, *hosts: str, play: str = "wave-3") -> None:
    journal.record(STARTED, play, {"nginx/change": hosts}, LATER)


def now(world: World) -> CampaignNow:
    (campaign,) = list_campaigns(world.store)
    journal = Journal(world.store, campaign.id, run(1))
    return CampaignNow(campaign, journal.progress(), world.locks, world.state_of)


def lines(world: World) -> list[str]:
    return list(now(world).as_lines())


def test_a_run_that_works_is_told_with_its_wave_its_hosts_and_how_long_it_takes(world: World) -> None:
    journal = journal_of(world)
    journal.record(DONE, "wave-2", {"nginx/change": ["web9"]}, AT)
    begin(journal, "web1", "web2")
    note_run(world.store, journal.campaign, run(1), **outlook("about 12 minutes, going by last time"))
    first, last = lines(world)
    assert first == f"Its run works; in Wave 3 of 7 since {LATER}: nginx on web1, web2."
    assert last.endswith(" to the end: about 12 minutes, going by last time.")


def test_what_is_not_known_is_said_to_be_so(world: World) -> None:
    journal_of(world, None)
    assert lines(world) == [
        "Its run works; where in the plan it is was not noted.",
        "How long it takes to the end is not known, as none of that was done before.",
    ]


def test_a_run_that_came_to_no_play_yet(world: World) -> None:
    journal_of(world, At(since=LATER))
    assert lines(world)[0] == f"Its run works; before its first play since {LATER}."


def test_a_run_that_is_over_is_told_with_what_it_left_and_how_to_go_on(world: World) -> None:
    begin(journal_of(world), "web1")
    world.ends(1)
    first, left, way = lines(world)
    assert first == f"Its run is over; the last play that it came to: Wave 3 of 7, {LATER}."
    assert left == "Begun and not done: nginx on web1."
    assert way.startswith(
        "To go on, run the same command again (its plan: not noted); to put back what was left behind: "
    )
    assert "orderly.services.recover; to give it up: " in way
    assert "-e abandon_campaign=friday-1" in way


def test_a_run_that_ended_and_left_nothing_behind_is_told_with_how_to_go_on(world: World) -> None:
    journal_of(world, At(since=LATER))
    world.ends(1)
    first, way = lines(world)
    assert first == "Its run is over; it came to no play."
    assert "recover" not in way


def test_a_run_that_cannot_be_seen_is_neither_alive_nor_over(world: World) -> None:
    begin(journal_of(world), "web1")
    world.states[run(1)] = RunState.UNKNOWN
    first, way = lines(world)
    assert first.startswith("Whether its run still works cannot be seen from here; in Wave 3 of 7 since ")
    assert f"-e recover_ended_run={run(1).id}" in way


def test_what_an_earlier_run_left_is_told_apart_from_what_is_worked_on(world: World) -> None:
    begin(journal_of(world), "web1", play="wave-1")
    begin(journal_of(world), "web2")
    assert now(world).runs[0].works_on == {"nginx": ["web2"]}
    assert now(world).left_behind == {"nginx": ["web1"]}


def test_who_is_in_the_way_is_told_in_the_words_that_the_run_hears(world: World) -> None:
    journal_of(world)
    world.asks(2, "web3", roll="monday-1")
    heard: Any = world.asks(1, "web1", roll="friday-1")
    assert f"It waits for this: {heard.message}." in lines(world)
    assert "web3 has held a slot of nginx since" in heard.message


def test_a_freeze_is_told_whether_the_run_waits_for_it_or_not(world: World) -> None:
    journal_of(world)
    world.asks(2, "web3", roll="monday-1")
    world.apply(freeze(world.locks, ["nginx"], "lunch, ticket 5", "ann on c1", AT))
    words = f"is frozen since {AT} by ann on c1: lunch, ticket 5 (rolling_lock with state=thawed ends that)"
    assert f"nginx {words}." in lines(world)
    world.asks(1, "web1", roll="friday-1")
    assert [line for line in lines(world) if words in line] == [
        line for line in lines(world) if line.startswith(f"It waits for this: nginx {words}")
    ]


def test_a_person_who_must_confirm_is_waited_for(world: World) -> None:
    journal_of(world, At("wave-3", "Wave 3 of 7", LATER, "somebody who confirms"))
    assert "It waits for this: somebody who confirms." in lines(world)
    world.ends(1)
    assert not now(world).waits


def test_runs_side_by_side_are_told_one_after_the_other(world: World) -> None:
    halves = [Selection(hosts=frozenset({host})) for host in ("web1", "web2")]
    for pid, half in enumerate(halves, 1):
        begin(journal_of(world, pid=pid, about=half, meets=lambda _other: False), f"web{pid}")
    assert [line for line in lines(world) if line.startswith(("PID", "Its"))] == [
        "PID 1 on ctl (hosts web1):",
        f"Its run works; in Wave 3 of 7 since {LATER}: nginx on web1.",
        "PID 2 on ctl (hosts web2):",
        f"Its run works; in Wave 3 of 7 since {LATER}: nginx on web2.",
    ]
    world.ends(2)
    assert [line for line in lines(world) if "web" in line] == [
        f"Its run works; in Wave 3 of 7 since {LATER}: nginx on web1.",
        "Begun and not done: nginx on web2.",
    ]
    assert [each["name"] for each in now(world).as_dict()["runs"]] == ["PID 1 on ctl (hosts web1)"]


def test_all_of_it_is_data_too_and_campaigns_that_have_ended_have_none(world: World) -> None:
    begin(journal_of(world), "web1")
    (seen,) = read_open(world.store, list_campaigns(world.store), run(1)).values()
    plain = json.loads(json.dumps(seen.as_dict()))
    assert plain["play"] == "wave-3"
    assert plain["title"] == "Wave 3 of 7"
    assert plain["run"] == "over"
    assert plain["left_behind"] == {"nginx": ["web1"]}
    note(world.store, "friday-1", state="ended")
    assert not read_open(world.store, list_campaigns(world.store), run(1))
