from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.plugins.module_utils._restart.members import (
    Member,
    describe_down,
    look_until_well,
    members,
    word_of,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeClock

WEB = "web.service"
IDLE = UnitState(WEB, (WEB,), type="notify", file_state="enabled", invocation_id="1")

WORDS = [
    (replace(IDLE, active="active"), "up"),
    (replace(IDLE, active="failed"), "down"),
    (replace(IDLE, active="activating", sub="auto-restart"), "down"),
    (replace(IDLE, active="activating", sub="start", type="oneshot"), "up"),
    (replace(IDLE, active="activating", sub="auto-restart", type="oneshot"), "down"),
    (replace(IDLE, active="failed", type="oneshot"), "down"),
    (replace(IDLE, type="oneshot"), "up"),
    (replace(IDLE, triggered_by=("web.socket",)), "up"),
    (IDLE, "stopped"),
    (replace(IDLE, file_state="static"), "stopped"),
    (replace(IDLE, file_state="disabled"), "off"),
    (replace(IDLE, is_passed_over=True), "off"),
    (replace(IDLE, is_passed_over=True, unfinished=True), "down"),
    (replace(IDLE, load="masked"), "masked"),
    (replace(IDLE, unfinished=True), "down"),
]


@pytest.mark.parametrize(("state", "word"), WORDS)
def test_each_state_of_a_unit_has_its_word(state: UnitState, word: str) -> None:
    assert word_of(state, ()) == word


def test_a_paused_unit_is_paused_whatever_systemd_says() -> None:
    assert word_of(replace(IDLE, active="failed"), {WEB}) == "paused"


def test_units_that_the_host_does_not_have_are_left_out() -> None:
    states = {WEB: IDLE, "no.service": UnitState("no.service", load="not-found")}
    assert [each.as_dict() for each in members(states, states, ())] == [
        {"unit": WEB, "word": "stopped", "says": "inactive (dead)", "refusal": "", "along": []}
    ]


def test_what_goes_along_is_told_of_units_that_run_over_all_levels() -> None:
    states = {
        WEB: replace(IDLE, active="active", takes_along=("mid.service", "idle.service")),
        "mid.service": UnitState("mid.service", active="active", takes_along=("far.service",)),
        "far.service": UnitState("far.service", active="active"),
        "idle.service": UnitState("idle.service"),
    }
    (found,) = members([WEB], states, ())
    assert found.along == ("mid.service", "far.service")


def test_a_unit_that_is_on_its_way_gets_some_time() -> None:
    clock = FakeClock()

    def look() -> list[Member]:
        return [Member(WEB, "up" if clock.now >= 3 else "down", "activating (start)")]

    assert look_until_well(look, clock, clock.sleep, 10)[0].word == "up"
    assert clock.now == 3


@pytest.mark.parametrize(
    ("kind", "since", "word"),
    [("simple", 99.5, "down"), ("exec", 97.9, "up"), ("notify", 99.5, "up"), ("", 99.5, "up")],
)
def test_who_cannot_tell_that_it_is_ready_has_to_stay_up_for_a_moment(
    kind: str, since: float, word: str
) -> None:
    states = {WEB: replace(IDLE, active="active", sub="running", type=kind, active_since=since)}
    (found,) = members(states, states, (), steady_since=98.0)
    assert found.word == word
    assert members(states, states, ())[0].word == "up"


def test_a_unit_that_starts_again_and_again_is_not_well() -> None:
    clock = FakeClock()

    def look() -> list[Member]:
        states = {WEB: replace(IDLE, active="active", sub="running", type="simple", active_since=clock() - 1)}
        return members(states, states, (), steady_since=clock() - 2)

    assert describe_down(look_until_well(look, clock, clock.sleep, 10), "web1") == (
        "web1 is not well: web.service is active (running) but does not stay so (it was started a moment ago), "
        "expected active. See journalctl -u web.service."
    )


def test_what_is_down_is_named_with_where_to_look() -> None:
    clock = FakeClock()
    failed = [Member(WEB, "down", "failed (failed)"), Member("x.service", "stopped", "inactive (dead)")]
    assert describe_down(look_until_well(lambda: failed, clock, clock.sleep, 10), "web1") == (
        "web1 is not well: web.service is failed (failed), expected active. See journalctl -u web.service."
    )
    assert clock.now == 10
