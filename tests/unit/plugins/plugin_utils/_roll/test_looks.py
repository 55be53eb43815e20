from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll import looks
from ansible_collections.orderly.services.plugins.plugin_utils._roll.looks import (
    GRANT,
    LOOKS,
    RELEASED,
    down_before,
    due,
    plan_looks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._roll.roll import Fleet, plan_roll
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import Unit
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._roll.looks import Registered
    from ansible_collections.orderly.services.plugins.plugin_utils._roll.roll import Roll

WEB = Service("web", "web", Path("/roles/web"), "web", units=("web.service",))
LOG = Service("log", "log", Path("/roles/log"), "log", units=("log.service",))
HOSTS = ("h1", "h2", "h3")
UNIT = "web.service"


def roll_of(
    *services: Service,
    groups: dict[str, tuple[str, ...]] | None = None,
    only: tuple[str, ...] = (),
    **known: Any,
) -> Roll:
    groups = groups or {"web": HOSTS}
    hosts = {host: None for members in groups.values() for host in members}
    up = {
        host: {
            unit: Unit(unit, "up", "active (running)")
            for service in services
            if host in groups[service.group]
            for unit in service.units
        }
        for host in hosts
    }
    fleet = Fleet(services, groups, dict.fromkeys(hosts, ()), units=known.pop("units", up), **known)
    return plan_roll(fleet, only=only, deferred_only=False)


def test_each_wave_looks_at_all_but_those_that_it_has_just_visited() -> None:
    web = {"web": [UNIT]}
    assert plan_looks(roll_of(WEB)) == {"h1": {"h2": web, "h3": web}, "h2": {"h3": web, "h1": web}}


def test_hosts_of_a_wave_share_the_members() -> None:
    pair = replace(WEB, max_unavailable=2)
    hosts = tuple(f"h{number}" for number in range(1, 7))
    made = plan_looks(roll_of(pair, groups={"web": hosts}))
    assert {host: sorted(look) for host, look in made.items()} == {
        "h1": ["h3", "h5"], "h2": ["h4", "h6"], "h3": ["h1", "h5"], "h4": ["h2", "h6"],
    }  # fmt: skip


def test_a_service_that_may_be_down_as_a_whole_relies_on_nobody() -> None:
    both = roll_of(WEB, replace(LOG, max_unavailable="100%"), groups={"web": HOSTS, "log": HOSTS})
    assert {
        name for look in plan_looks(both).values() for services in look.values() for name in services
    } == {"web"}


def test_nobody_looks_for_a_service_that_the_next_wave_leaves_alone() -> None:
    assert plan_looks(roll_of(WEB, LOG, groups={"web": HOSTS, "log": ("l1", "l2")}, only=("log",))) == {
        "l1": {"l2": {"log": ["log.service"]}}
    }


def test_a_host_that_is_out_of_service_or_was_not_asked_is_not_looked_at() -> None:
    away = {"web": {"h3": "disk"}}
    assert plan_looks(roll_of(WEB, out_of_service=away)) == {"h1": {"h2": {"web": [UNIT]}}}
    assert plan_looks(roll_of(WEB, units={})) == {}


def test_a_host_looks_at_so_many_members_and_the_next_wave_at_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "AT_MOST", 2)
    hosts = tuple(f"h{number}" for number in range(1, 7))
    made = plan_looks(roll_of(WEB, groups={"web": hosts}))
    assert [list(look) for look in made.values()] == [
        ["h2", "h3"], ["h3", "h4"], ["h5", "h6"], ["h1", "h2"], ["h3", "h4"],
    ]  # fmt: skip


# --- What comes of it ---


def answer(*, at: float = 1.0, visited: str = "", **words: str) -> dict[str, Any]:
    """Give what the task registers that looks at members, some of which were visited before."""
    return {
        "results": [
            {
                "item": {
                    "key": host,
                    "value": {"web": [UNIT]},
                    "at": at,
                    "visited": host in visited.split(),
                },
                "machine": host,
                "members": [{"unit": UNIT, "word": word, "says": word, "refusal": "", "along": []}],
            }
            for host, word in words.items()
        ]
    }


def registered(done: str = "", at_work: str = "", **looks: dict[str, Any]) -> Registered:
    """Give what hosts have registered: how far they are, and what they saw."""
    known: dict[tuple[str, str], Any] = {(host, LOOKS): look for host, look in looks.items()}
    for host in [*done.split(), *at_work.split()]:
        known[host, GRANT] = {"slots": {host: ["web"]}}
    for host in done.split():
        known[host, RELEASED] = {"changed": True}
    return lambda host, name: known.get((host, name))


def result(made: Roll) -> dict[str, Any]:
    return {**made.as_result(), "looks": plan_looks(made)}


@pytest.fixture
def roll() -> dict[str, Any]:
    return result(roll_of(WEB))


def test_a_host_looks_at_nobody_who_is_being_visited_and_notes_who_was() -> None:
    units = {"web": [UNIT]}
    look = {"h1": units, "h2": units, "h3": units}
    assert due(look, registered(done="h1", at_work="h2"), 7.0) == [
        {"key": "h1", "value": units, "at": 7.0, "visited": True},
        {"key": "h3", "value": units, "at": 7.0, "visited": False},
    ]


def test_who_failed_to_give_its_slots_back_is_still_being_visited() -> None:
    known = {GRANT: {"slots": {"h1": ["web"]}}, RELEASED: {"failed": True}}
    assert due({"h1": {"web": [UNIT]}}, lambda _host, name: known.get(name), 7.0) == []


def test_before_the_first_wave_it_is_as_the_survey_said() -> None:
    down = {"h3": {UNIT: Unit(UNIT, "down", "failed")}}
    made = result(roll_of(WEB, units=down))
    assert down_before(made, 0, registered()) == {"h3": ["web"]}
    assert down_before(made, 1, registered()) == {}  # it was visited first


@pytest.mark.parametrize(
    ("word", "found"), [("up", {}), ("down", {"h3": ["web"]}), ("stopped", {"h3": ["web"]})]
)
def test_what_a_host_saw_when_it_was_done_counts_for_the_next(
    roll: dict[str, Any], word: str, found: dict[str, list[str]]
) -> None:
    assert down_before(roll, 1, registered(done="h1", h1=answer(h2="up", h3=word))) == found


@pytest.mark.parametrize(
    "silence",
    [{"unreachable": True}, {"failed": True, "msg": "no python"}, {"members": "none"}],
    ids=["unreachable", "failed", "odd"],
)
def test_who_gives_no_answer_counts_as_down(roll: dict[str, Any], silence: dict[str, Any]) -> None:
    item = {"key": "h3", "value": {"web": [UNIT]}}
    seen = registered(done="h1", h1={"results": [{"item": item, **silence}]})
    assert down_before(roll, 1, seen) == {"h3": ["web"]}


def test_an_answer_about_a_host_that_nobody_was_to_look_at_is_not_read(roll: dict[str, Any]) -> None:
    assert down_before(roll, 1, registered(done="h1", h1=answer(h9="down", h1="down", visited="h1"))) == {}


def test_the_last_look_decides_whoever_made_it(roll: dict[str, Any]) -> None:
    first, then = answer(at=1, h3="down"), answer(at=2, h3="up")
    assert down_before(roll, -1, registered(done="h1 h2", h1=first, h2=then)) == {}
    assert down_before(roll, -1, registered(done="h1 h2", h1={**then}, h2={**first})) == {}
    assert down_before(roll, -1, registered(done="h1 h2", h1=first)) == {"h3": ["web"]}


def test_a_visit_that_has_begun_since_tells_more_than_a_look_before_it(roll: dict[str, Any]) -> None:
    look = answer(h3="down")
    assert down_before(roll, -1, registered(done="h1", at_work="h3", h1=look)) == {}
    assert down_before(roll, -1, registered(done="h1 h3", h1=look)) == {}
    again = answer(h1="down", visited="h1")
    assert down_before(roll, -1, registered(done="h1 h2", h2=again)) == {"h1": ["web"]}


def test_a_host_is_free_of_cost_only_where_the_wave_before_has_seen_it_down(roll: dict[str, Any]) -> None:
    look = answer(h3="down")
    assert down_before(roll, 2, registered(done="h1 h2", h1=look)) == {}
    assert down_before(roll, 2, registered(done="h1 h2", h2=look)) == {"h3": ["web"]}
