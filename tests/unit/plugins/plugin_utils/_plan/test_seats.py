"""Hosts that are alike change places, and all that the plan promises stays true."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.placement import Placement
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Play
from ansible_collections.orderly.services.plugins.plugin_utils._plan.seats import (
    arrange,
    fitting,
    free_to_move,
    ranked_services,
    seat_lines,
    taking_places,
)
from hypothesis import given
from hypothesis import strategies as st

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan

NOWHERE = Placement()
DB = plan_of(deployment("db", "h1 h2 h3", "3", "rank"))


def waves(plan: Plan, name: str = "db") -> list[str]:
    """Give the hosts of a service, wave by wave."""
    return [" ".join(play.services[name]) for play in plan.plays if name in play.services]


def moved(plan: Plan, ranks: dict[str, int], placement: Placement = NOWHERE, *begun: str) -> list[str]:
    """Give the waves of db when its hosts have changed places by rank."""
    free = free_to_move(plan, ranks, begun)
    return waves(plan.seated(arrange(plan, {}, {"db": ranks}, free, placement)))


@pytest.mark.parametrize(
    ("leader", "order"), [("h1", ["h2", "h3", "h1"]), ("h2", ["h1", "h3", "h2"]), ("h3", ["h1", "h2", "h3"])]
)
def test_the_leader_goes_last_and_the_others_keep_their_order(leader: str, order: list[str]) -> None:
    ranks = {host: int(host == leader) for host in ("h1", "h2", "h3")}
    assert moved(DB, ranks) == order


def test_who_has_begun_keeps_its_place() -> None:
    assert moved(DB, {"h1": 1, "h2": 0, "h3": 0}, NOWHERE, "h2") == ["h3", "h2", "h1"]


def test_who_migrates_for_all_keeps_its_place() -> None:
    plan = plan_of(deployment("db", "h1 h2 h3", "3 4", "rank", migrates_once=True))
    assert plan.services["db"].run_once_host == "h1"
    assert moved(plan, {"h1": 1, "h2": 1, "h3": 0}) == ["h1", "h3", "h2"]


def test_hosts_with_other_services_do_not_take_part() -> None:
    plan = plan_of(deployment("db", "h1 h2 h3", "3", "rank"), deployment("web", "h2"))
    assert [wave for wave in moved(plan, {"h1": 1, "h2": 0, "h3": 0}) if wave != "h2"] == ["h3", "h1"]


def test_hosts_that_the_inventory_puts_last_stay_last() -> None:
    plan = DB
    assert moved(plan, {"h1": 0, "h2": 1, "h3": 0}, Placement(last=frozenset({"h3"}))) == ["h1", "h2", "h3"]


def test_failure_domains_are_kept_apart_where_several_hosts_go_at_once() -> None:
    plan = plan_of(deployment("db", "h1 h2 h3 h4", "3", "rank", max_unavailable=2))
    in_racks = Placement({"h1": "a", "h2": "a", "h3": "b", "h4": "b"})
    assert moved(plan, {"h1": 1, "h2": 0, "h3": 0, "h4": 0}, in_racks) == ["h1 h2", "h3 h4"]
    assert moved(plan, {"h1": 1, "h2": 0, "h3": 0, "h4": 0}) == ["h2 h3", "h1 h4"]


def test_one_host_at_a_time_changes_places_across_failure_domains() -> None:
    in_racks = Placement({"h1": "a", "h2": "b", "h3": "c"})
    assert moved(DB, {"h1": 1, "h2": 0, "h3": 0}, in_racks) == ["h2", "h3", "h1"]


def test_where_services_disagree_the_one_that_others_come_after_decides() -> None:
    plan = plan_of(
        deployment("web", "h1 h2", "3", "rank", after=("db",)), deployment("db", "h1 h2", "3", "rank")
    )
    assert ranked_services(plan) == ["db", "web"]
    ranks = {"db": {"h1": 1, "h2": 0}, "web": {"h1": 0, "h2": 1}}
    seated = plan.seated(arrange(plan, {}, ranks, {"h1", "h2"}, NOWHERE))
    assert waves(seated) == ["h2", "h1"]


def test_where_all_stop_together_nobody_is_last() -> None:
    assert ranked_services(plan_of(deployment("db", "h1 h2", "3", "rank", full_stop=True))) == []


def test_a_plan_with_hosts_in_other_places_is_the_same_plan() -> None:
    seated = DB.seated({"h1": "h3", "h3": "h1"})
    assert (seated.id, seated.hash) == (DB.id, DB.hash)
    assert seated.play("wave-1").hosts == ("h3",)
    assert DB.seated({}) is DB


def test_plays_of_all_hosts_stay_as_they_are_and_a_wave_of_two_services_does_not() -> None:
    plan = plan_of(deployment("db", "h1 h2", "0 3", "rank"), deployment("web", "h1 h2", "3", "rank"))
    seated = plan.seated({"h1": "h2", "h2": "h1"})
    assert seated.play("validate-db") is plan.play("validate-db")
    wave = Play("wave-1", "change", "Wave 1", ("h1", "h2"), {"db": ("h1",), "web": ("h2",)})
    assert wave.seated({"h1": "h2", "h2": "h1"}).services == {"db": ("h2",), "web": ("h1",)}


def test_the_needs_of_plays_stay_true() -> None:
    plan = plan_of(
        deployment("db", "h1 h2 h3", "3 4", "rank", migrates_once=True),
        deployment("web", "w1", after=("db",)),
    )
    seated = plan.seated(arrange(plan, {}, {"db": {"h2": 1, "h3": 0}}, {"h2", "h3"}, NOWHERE))
    assert [play.needs for play in seated.plays] == [play.needs for play in plan.plays]


def test_who_had_the_place_of_a_host_that_has_gone_takes_the_one_that_this_had() -> None:
    assert fitting(DB, {"h1": "h3", "h3": "h4", "h4": "h1"}) == {"h1": "h3", "h3": "h1"}
    assert fitting(DB, {"h1": "h4", "h4": "h1"}) == {}
    assert fitting(DB, {"h1": "h2", "h2": "h1", "x": "y", "y": "x"}) == {"h1": "h2", "h2": "h1"}


def test_seats_of_hosts_that_are_not_alike_any_more_are_forgotten() -> None:
    plan = plan_of(deployment("db", "h1 h2 h3", "3", "rank"), deployment("web", "h2"))
    assert fitting(plan, {"h1": "h2", "h2": "h1"}) == {}


def test_who_migrates_for_all_by_now_is_in_its_own_place_again() -> None:
    """Else all others would wait for a host whose wave comes after theirs."""
    plan = plan_of(deployment("db", "h1 h2 h3", "3 4", "rank", migrates_once=True))
    seats = {"h1": "h3", "h2": "h1", "h3": "h2"}
    assert waves(plan.seated(fitting(plan, seats))) == ["h1", "h3", "h2"]


def test_who_goes_last_by_the_inventory_by_now_leaves_the_place_that_it_had_found() -> None:
    placement = Placement(last=frozenset({"h3"}))
    seats = {"h1": "h3", "h3": "h1"}
    new = arrange(DB, seats, {"db": {"h1": 1, "h2": 0, "h3": 0}}, {"h1", "h2", "h3"}, placement)
    assert waves(DB.seated(new)) == ["h2", "h1", "h3"]


def test_hosts_that_have_changed_another_service_change_places_among_themselves() -> None:
    plan = plan_of(deployment("db", "h1 h2 h3", "3", "rank"), deployment("web", "h1 h2 h3", "3", "rank"))
    ranks = {"web": {"h1": 1, "h2": 0, "h3": 0}}
    everybody = arrange(plan, {}, ranks, {"h1", "h2", "h3"}, NOWHERE, {"db": {"h1", "h2", "h3"}})
    assert waves(plan.seated(everybody), "web") == ["h2", "h3", "h1"]
    two = arrange(plan, {}, ranks, {"h1", "h2", "h3"}, NOWHERE, {"db": {"h1", "h2"}})
    assert waves(plan.seated(two), "web") == ["h2", "h1", "h3"]


def test_only_hosts_with_the_same_services_take_places_of_each_other() -> None:
    plan = plan_of(
        deployment("db", "h1 h2 h3", "3", "rank"), deployment("web", "h3 w1 w2"), deployment("log", "w1 w2")
    )
    assert taking_places(plan, {"h1"}.__contains__) == {"h1", "h2"}
    assert taking_places(plan, {"h3"}.__contains__) == {"h3"}
    assert taking_places(plan, {"w1"}.__contains__) == set()


def test_it_is_said_who_goes_last() -> None:
    seated = DB.seated({"h1": "h3", "h2": "h1", "h3": "h2"})
    assert list(seat_lines(seated, "db", {"h1": 1, "h2": 0, "h3": 0})) == [
        "Last of db, as its rank.yml found out: h1."
    ]


def test_it_is_said_who_cannot_go_last() -> None:
    assert list(seat_lines(DB, "db", {"h1": 1, "h2": 0, "h3": 0})) == [
        "h1 would go last of db, by its rank.yml, and keeps its place before others: hosts change places only where "
        "they have the same services and failure domain, none of them migrates for all, and no other run is about "
        "them; where services rank them against each other, one decides."
    ]


def test_nothing_is_said_where_all_rank_alike() -> None:
    assert list(seat_lines(DB, "db", {"h1": 0, "h2": 0})) == []


HOSTS = [f"h{number}" for number in range(1, 7)]
RANKS = st.dictionaries(st.sampled_from(HOSTS), st.integers(-2, 2))


@given(
    RANKS,
    RANKS,
    st.sets(st.sampled_from(HOSTS)),
    st.integers(1, 3),
    st.dictionaries(st.sampled_from(HOSTS), st.sampled_from("ab")),
)
def test_waves_stay_as_large_and_services_as_whole_whoever_changes_places(
    db: dict[str, int], web: dict[str, int], begun: set[str], budget: int, domains: dict[str, str]
) -> None:
    plan = plan_of(
        deployment("db", " ".join(HOSTS), "0 3 6", "rank finalize", max_unavailable=budget),
        deployment("web", " ".join(HOSTS[:4]), "3", "rank", after=("db",), max_unavailable=budget),
    )
    placement = Placement(domains)
    seats: dict[str, str] = {}
    for ranks in ({"db": db}, {"db": db, "web": web}):
        free = free_to_move(plan, HOSTS, begun)
        seats = arrange(plan, seats, ranks, free, placement)
        seated = plan.seated(fitting(plan, seats))
        assert sorted(seats) == sorted(seats.values())
        assert begun.isdisjoint(seats)
        for before, after in zip(plan.plays, seated.plays, strict=True):
            assert {name: len(hosts) for name, hosts in before.services.items()} == {
                name: len(hosts) for name, hosts in after.services.items()
            }
            assert set(after.hosts) == set().union(*map(set, after.services.values()))
        for kind in ("validate", "change", "post-upgrade", "finalize"):
            done = Counter(
                (name, host)
                for play in seated.plays
                if play.kind == kind
                for name, hosts in play.services.items()
                for host in hosts
            )
            assert set(done.values()) <= {1}
