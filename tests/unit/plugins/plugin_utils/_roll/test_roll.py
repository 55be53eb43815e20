from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.placement import Placement
from ansible_collections.orderly.services.plugins.plugin_utils._roll.roll import (
    Fleet,
    Roll,
    RollError,
    plan_roll,
    read_sizes,
)
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import Unit
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Dependency, Service

WEB = Service("web", "web", Path("/roles/web"), "web", units=("web.service",))
DB = Service("db", "db", Path("/roles/db"), "db", units=("db.service", "db-log.service"))
GROUPS = {"web": ["h1", "h2", "h3"], "db": ["h1", "d1"]}


def roll(pending: dict[str, str], held: dict[str, str] | None = None, **options: Any) -> Roll:
    names = {field.name for field in fields(Fleet)} & options.keys()
    known = {"services": (DB, WEB), "groups": GROUPS} | {name: options.pop(name) for name in names}
    fleet = Fleet(
        pending={host: units.split() for host, units in pending.items()},
        held={host: names.split() for host, names in (held or {}).items()},
        **known,
    )
    return plan_roll(fleet, **{"deferred_only": True, **options})


def visits(made: Roll) -> dict[str, list[str]]:
    return {host: made.names(host) for host in made.order}


NOBODY = {"h1": "", "h2": "", "h3": "", "d1": ""}


def test_with_deferred_only_just_what_is_pending_is_restarted() -> None:
    made = roll({**NOBODY, "h1": "web.service", "d1": "db-log.service"})
    assert visits(made) == {"d1": ["db"], "h1": ["web"]}
    assert made.waves == (("d1", "h1"),)


def test_without_deferred_only_every_service_of_every_host_is_restarted() -> None:
    assert visits(roll(NOBODY, deferred_only=False)) == {
        "d1": ["db"], "h2": ["web"], "h1": ["db", "web"], "h3": ["web"],
    }  # fmt: skip


def test_only_named_services_are_restarted() -> None:
    made = roll({**NOBODY, "h1": "web.service db.service", "d1": "db.service"}, only=["web"])
    assert visits(made) == {"h1": ["web"]}


def test_hosts_that_slots_alone_keep_apart_are_one_batch_unless_waves_go_together_or_have_sizes() -> None:
    made = roll(NOBODY, deferred_only=False)
    assert [len(wave) for wave in made.waves] == [1, 2, 1]
    assert made.as_result()["batches"] == [4]
    assert made.as_result(together=True)["batches"] == [1, 2, 1]
    sized = roll(NOBODY, deferred_only=False, sizes=(1,))
    assert sized.as_result()["batches"] == [1, 1, 1, 1]


def test_hosts_that_were_left_behind_are_a_batch_before_all_others() -> None:
    made = roll(NOBODY, {"h2": "web"}, deferred_only=False)
    assert made.waves[0] == ("d1", "h2")
    assert made.as_result()["batches"] == [2, 2]


def test_nothing_pending_is_nothing_to_do() -> None:
    made = roll(NOBODY)
    assert made.waves == ()
    assert made.as_result() == {
        "order": [], "batches": [], "waves": [], "visits": {}, "outages": [],
        "units_without_service": {}, "out_of_service": {}, "unhealthy": [{}], "wave_of": {}, "pending": {},
    }  # fmt: skip


UP = {"web.service": Unit("web.service", "up", "active (running)")}


def test_one_machine_under_two_names_is_refused_with_both() -> None:
    known = {"units": dict.fromkeys(("h1", "h2", "h3"), UP), "machines": {"h1": "a", "h2": "b", "h3": "a"}}
    with pytest.raises(RollError) as caught:
        roll(NOBODY, **known)
    assert str(caught.value) == (
        "Nothing was started: h1 and h3 are two names of one machine, as the same boot of the same system answered for "
        "both, and web would count it as two hosts. Leave one of the names out of the group web."
    )


def test_a_machine_may_have_a_name_for_each_service_and_hosts_without_units_may_be_anywhere() -> None:
    db = {"db.service": Unit("db.service", "up", "active (running)")}
    roll(NOBODY, units={"h2": UP, "d1": db}, machines={"h2": "a", "d1": "a"})
    roll(NOBODY, machines=dict.fromkeys(NOBODY, "a"))


def test_a_host_left_behind_is_visited_again_first_for_what_it_still_holds() -> None:
    made = roll({**NOBODY, "h2": "web.service"}, {"h3": "web"})
    assert made.waves == (("h3",), ("h2",))
    assert visits(made) == {"h3": ["web"], "h2": ["web"]}


def test_what_was_left_behind_for_other_services_is_named_and_not_visited() -> None:
    made = roll({**NOBODY, "h2": "web.service"}, {"h1": "db web", "d1": "db"}, only=["web"])
    assert visits(made) == {"h1": ["web"], "h2": ["web"]}
    assert made.held_besides == {"d1": ("db",), "h1": ("db",)}


# --- What is down by itself ---


def units(**hosts: str) -> dict[str, dict[str, Unit]]:
    """Give how web.service is on hosts, in a word."""
    return {host: {"web.service": Unit("web.service", word, f"{word} (x)")} for host, word in hosts.items()}


def test_a_member_that_is_down_goes_first_and_counts_until_then() -> None:
    made = roll(NOBODY, only=["web"], deferred_only=False, units=units(h1="up", h2="up", h3="down"))
    assert made.waves == (("h3",), ("h1",), ("h2",))
    assert made.unhealthy == [{"h3": ["web"]}, {}, {}, {}]


def test_a_member_that_is_down_and_not_visited_counts_in_every_wave() -> None:
    made = roll({**NOBODY, "h1": "web.service"}, units=units(h1="up", h3="down"))
    assert (made.waves, made.unhealthy) == ((("h1",),), [{"h3": ["web"]}, {"h3": ["web"]}])


def test_what_somebody_stopped_counts_although_it_is_visited() -> None:
    made = roll(NOBODY, only=["web"], deferred_only=False, units=units(h1="stopped"))
    assert made.unhealthy == [{"h1": ["web"]}] * 4


@pytest.mark.parametrize("word", ["up", "off", "masked", "paused"])
def test_what_is_not_to_run_does_not_count(word: str) -> None:
    assert roll({**NOBODY, "h1": "web.service"}, units=units(h3=word)).unhealthy == [{}, {}]


def test_who_is_out_of_service_does_not_count_as_down_besides() -> None:
    away = {"web": {"h3": "disk"}}
    assert roll(NOBODY, units=units(h3="down"), out_of_service=away).unhealthy == [{}]


def test_waves_leave_room_for_those_that_stay_down() -> None:
    wide = replace(WEB, max_unavailable=2)
    made = roll(
        {"h1": "web.service", "h2": "web.service", "h3": ""}, services=(DB, wide), units=units(h3="down")
    )
    assert made.waves == (("h1",), ("h2",))


def test_a_unit_that_refuses_is_left_pending_and_its_host_is_not_visited_for_it() -> None:
    stubborn = Unit("web.service", "up", "active (running)", "it refuses")
    made = roll({**NOBODY, "h2": "web.service", "h3": "web.service"}, units={"h2": {"web.service": stubborn}})
    assert (made.waves, made.refusing) == ((("h3",),), {"h2": (stubborn,)})


def test_members_outside_of_the_play_are_named() -> None:
    assert roll({"h1": "web.service", "h2": ""}).not_asked == {"h3": ("web",)}
    assert roll({"h1": "", "h2": ""}).not_asked == {}


def test_units_of_no_service_are_told_not_restarted() -> None:
    made = roll({**NOBODY, "h2": "ssh.service cron.service"})
    assert made.waves == ()
    assert made.units_without_service == {"h2": ("cron.service", "ssh.service")}


ALONG = {"h1": {"contd.service": ["db.service", "web.service", "x.service"], "cron.service": ["x.service"]}}
CARRIED = [
    ({}, {"h1": ["db", "web"]}, {}),
    ({"only": ["web"]}, {}, {"h1": {"contd.service": ("db", "web")}}),
    ({"out_of_service": {"db": {"h1": "disk"}}}, {}, {"h1": {"contd.service": ("db", "web")}}),
]


@pytest.mark.parametrize(("options", "visited", "left"), CARRIED)
def test_a_unit_of_no_service_is_restarted_with_the_services_that_it_drags(
    options: dict[str, Any], visited: dict[str, list[str]], left: dict[str, Any]
) -> None:
    made = roll({**NOBODY, "h1": "contd.service cron.service"}, along=ALONG, **options)
    assert (visits(made), made.left_dragging) == (visited, left)
    assert made.units_without_service == {"h1": ("cron.service",)}
    units = [unit for service in made.visits.get("h1", ()) for unit in service.units]
    assert units == (["contd.service", *DB.units, *WEB.units] if visited else [])


DRAGS = {"h1": {"db.service": Unit("db.service", "up", "active", "", ("x.service", "web.service"))}}


@pytest.mark.parametrize("options", [{}, {"only": ["db"]}, {"only": ["db"], "deferred_only": False}])
def test_a_host_is_visited_for_the_services_that_units_of_others_drag_too(options: dict[str, Any]) -> None:
    made = roll({**NOBODY, "h1": "db.service"}, units=DRAGS, **options)
    assert made.names("h1") == ["db", "web"]
    assert made.dragged == {"h1": {"db.service": ("web",)}}


def test_of_a_service_that_is_dragged_along_nothing_else_is_restarted() -> None:
    two = replace(WEB, units=("web.service", "web-log.service"))
    made = roll(NOBODY, units=DRAGS, services=(DB, two), only=["db"], deferred_only=False)
    assert [service.units for service in made.visits["h1"]] == [DB.units, ("web.service",)]
    assert [service.units for service in made.visits["d1"]] == [DB.units]


def test_what_is_dragged_takes_slots_of_its_own_budget() -> None:
    drags = {
        host: {"db.service": Unit("db.service", "up", "active", "", ("web.service",))}
        for host in ("h1", "h2")
    }
    many = replace(DB, max_unavailable=2)
    options: dict[str, Any] = {"services": (many, WEB), "groups": {"web": ["h1", "h2"], "db": ["h1", "h2"]}}
    pending = {"h1": "db.service", "h2": "db.service"}
    assert roll(pending, **options).waves == (("h1", "h2"),)
    assert roll(pending, units=drags, **options).waves == (("h1",), ("h2",))


NOT_DRAGGED: list[dict[str, Any]] = [
    {"out_of_service": {"web": {"h1": "disk"}}},
    {"restarts": False, "deferred_only": False, "only": ["db"]},
]


@pytest.mark.parametrize("options", NOT_DRAGGED)
def test_who_is_out_of_service_is_not_visited_and_nobody_is_where_nothing_is_restarted(
    options: dict[str, Any],
) -> None:
    made = roll({**NOBODY, "h1": "db.service"}, units=DRAGS, **options)
    assert (made.names("h1"), made.dragged) == (["db"], {})


BUDGETS: list[tuple[int | str, tuple[tuple[str, ...], ...]]] = [
    (1, (("h1",), ("h2",), ("h3",))),
    (2, (("h1", "h2"), ("h3",))),
    ("34%", (("h1",), ("h2",), ("h3",))),
    ("67%", (("h1", "h2"), ("h3",))),
]


@pytest.mark.parametrize(("budget", "waves"), BUDGETS)
def test_the_budget_is_of_the_whole_group(budget: int | str, waves: tuple[tuple[str, ...], ...]) -> None:
    web = Service("web", "web", Path("/roles/web"), "web", units=("web.service",), max_unavailable=budget)
    pending = dict.fromkeys(["h1", "h2", "h3"], "web.service")
    assert roll({**NOBODY, **pending}, services=(web,)).waves == waves


def test_a_service_is_restarted_after_what_it_comes_after() -> None:
    web = Service("web", "web", Path("/roles/web"), "web", units=("web.service",), after=(Dependency("db"),))
    made = roll({**NOBODY, "h2": "web.service", "d1": "db.service"}, services=(DB, web))
    assert made.waves == (("d1",), ("h2",))


# --- Who is not there ---

BROKEN = {"h2": "disk", "d1": "power"}


def test_hosts_out_of_service_are_skipped_with_the_reason() -> None:
    made = roll(NOBODY, deferred_only=False, out_of_service={"web": BROKEN, "db": {"h1": "split brain"}})
    assert visits(made) == {"h1": ["web"], "d1": ["db"], "h3": ["web"]}
    assert made.skipped == {"h1": {"db": "split brain"}, "h2": {"web": "disk"}}


def test_a_host_that_is_silent_stops_the_roll_before_it_begins() -> None:
    with pytest.raises(RollError, match=r"h2 did not answer\. .*--limit '!h2'"):
        roll({**NOBODY, "h3": "web.service"}, silent={"h2": "did not answer"})


def test_waves_are_as_large_as_the_lock_allows_where_hosts_are_out_of_service() -> None:
    half = replace(WEB, max_unavailable="50%")
    groups = {"web": ["h1", "h2", "h3", "h4"]}
    pending = dict.fromkeys(groups["web"], "")
    made = roll(pending, deferred_only=False, services=(half,), groups=groups)
    assert [len(wave) for wave in made.waves] == [2, 2]
    made = roll(
        pending, deferred_only=False, services=(half,), groups=groups, out_of_service={"web": {"h4": "disk"}}
    )
    assert [len(wave) for wave in made.waves] == [1, 1, 1]


def test_a_host_that_is_silent_is_skipped_where_it_is_out_of_service_as_a_whole() -> None:
    made = roll(
        {**NOBODY, "h3": "web.service"}, silent={"h2": "did not answer"}, out_of_service={"web": BROKEN}
    )
    assert visits(made) == {"h3": ["web"]}
    assert made.skipped == {"h2": {"web": "disk"}}
    with pytest.raises(RollError, match="h1 did not answer"):
        roll(NOBODY, silent={"h1": "did not answer"}, out_of_service={"web": {"h1": "disk"}})


OUTAGES = [
    ("of two hosts one is left", "d1 h2", {}, {}),
    ("the other one is out of service", "d1 h2", {"db": {"h1": "disk"}}, {"db": (1,)}),
    ("all at once", "h1 h2 h3", {}, {"web": (1,)}),
]


@pytest.mark.parametrize(
    ("hosts", "out", "down"), [case[1:] for case in OUTAGES], ids=[case[0] for case in OUTAGES]
)
def test_services_that_nobody_serves_during_a_wave_are_outages(
    hosts: str, out: dict[str, dict[str, str]], down: dict[str, tuple[int, ...]]
) -> None:
    web = replace(WEB, max_unavailable=3)
    made = roll(dict.fromkeys(hosts.split(), ""), deferred_only=False, services=(DB, web), out_of_service=out)
    assert made.outages == down


# --- Where hosts are ---


def test_failure_domains_and_primaries_are_those_of_the_hosts() -> None:
    web = replace(WEB, max_unavailable=3)
    every = dict.fromkeys(["h1", "h2", "h3"], "web.service")
    racks = Placement(domains={"h1": "b", "h2": "a", "h3": "b"})
    assert roll(every, services=(web,), placement=racks).waves == (("h1", "h3"), ("h2",))
    assert roll(every, services=(WEB,), placement=Placement(last=frozenset({"h1"}))).order == [
        "h2",
        "h3",
        "h1",
    ]


# --- Sizes by hand ---


@pytest.mark.parametrize(
    ("waves", "serial", "sizes"),
    [
        (None, None, ()),
        ([1, "10%", "100%"], None, (1, "10%", "100%")),
        ('[1, "10%", "100%"]', None, (1, "10%", "100%")),
        ("1, 10% 100%", None, (1, "10%", "100%")),
        (3, None, (3,)),
        (None, 1, (1,)),
        (None, "1", (1,)),
        (None, "25%", ("25%",)),
    ],
)
def test_sizes_are_read_however_they_are_given(waves: Any, serial: Any, sizes: tuple[int | str, ...]) -> None:
    assert read_sizes(waves, serial) == sizes


@pytest.mark.parametrize(
    ("waves", "serial", "message"),
    [
        (
            [1, "ten"],
            None,
            "rolling_op_waves has 'ten'; expected sizes of waves, each a number of hosts \\(1 or more\\) or a ",
        ),
        ("[1, ", None, r"rolling_op_waves has '\[1, '; expected sizes"),
        ("0", None, "rolling_op_waves has 0; expected"),
        ({"a": 1}, None, "rolling_op_waves has {'a': 1}; expected"),
        (None, "0", "rolling_op_serial has 0; expected one number"),
        (None, [1, 2], r"rolling_op_serial has \[1, 2\]; expected one number"),
        ([1], 1, "rolling_op_waves and rolling_op_serial both set the sizes of waves; give only one of them"),
    ],
)
def test_sizes_that_mean_nothing_are_refused(waves: Any, serial: Any, message: str) -> None:
    with pytest.raises(RollError, match=message):
        read_sizes(waves, serial)


def test_a_canary_goes_first() -> None:
    web = replace(WEB, max_unavailable=2)
    every = dict.fromkeys(["h1", "h2", "h3"], "web.service")
    assert roll(every, services=(web,), sizes=(1, "100%")).waves == (("h1",), ("h2", "h3"))
