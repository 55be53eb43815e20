from __future__ import annotations

import pytest
from ansible_collections.orderly.services.tests.rolls.judge import (
    Event,
    Member,
    Run,
    Scene,
    forgotten,
    most_down,
    over_budget,
    twice,
)

RUNS = [Run(0, 50), Run(50, 100)]
MEMBERS = tuple(Member("web", host, ("web.service", "helper.service")) for host in ("h1", "h2", "h3"))


def scene(*, budget: int = 1, **units: frozenset[tuple[str, str]]) -> Scene:
    return Scene(MEMBERS, {"web": budget}, **units)


def events(*lines: str) -> list[Event]:
    """Read lines such as ``10 h1 stopping``: of web.service, if they do not name another unit."""
    read = []
    for line in lines:
        at, host, *rest = line.split()
        what = " ".join(word for word in rest if "." not in word)
        read.append(Event(float(at), host, what, next((word for word in rest if "." in word), "web.service")))
    return read


ONE_BY_ONE = ["10 h1 stopping", "11 h1 started", "12 h2 stopping", "13 h2 started"]
WITHIN_BUDGET = {
    "one after the other": ONE_BY_ONE,
    "two units of one host": ["10 h1 stopping", "10 h1 stopping helper.service", "12 h1 started helper.service"],
    "one that has failed is restarted": [
        "10 h1 stopping", "11 h1 gone", "30 h1 starting", "31 h1 started", "32 h2 stopping",
    ],
    "systemd stops what is bound to a unit that is gone": [
        "10 h1 stopping", "20 h2 gone", "20.1 h2 stopping helper.service",
    ],
    "the next unit of the one that is visited, while another is down": [
        "10 h1 gone", "50 h1 gone helper.service", "60 h2 gone", "70 h2 started", "72 h2 stopping helper.service",
    ],
    "a host goes down in an orderly manner while another is down": [
        "10 h1 stopping", "20 h2 power off", "20.5 h2 stopping",
    ],
    "a host is back before the next one is taken": [
        "10 h1 power off", "20 h1 booted", "22 h1 started", "23 h1 started helper.service", "30 h2 stopping",
    ],
    "somebody stops members while no run goes on": ["110 h1 stopping", "111 h2 stopping"],
}  # fmt: skip
OVER_BUDGET = {
    "two at once": ["10 h1 stopping", "11 h2 stopping", "12 h1 started", "13 h2 started"],
    "a moment too early": ["10 h1 stopping", "11.999 h2 stopping", "12 h1 started"],
    "one that did not come back": ["10 h1 stopping", "11 h1 gone", "60 h2 stopping"],
    "one that did not survive its restart": ["10 h1 stopping", "11 h1 started", "12 h1 gone", "14 h2 stopping"],
    "one that failed by itself before the run": ["40 h1 gone", "60 h2 stopping"],
    "a host that died before the run": ["40 h1 power off", "60 h2 stopping"],
    "a host that booted, and has not started its unit": [
        "10 h1 power off", "20 h1 booted", "22 h1 started", "60 h2 stopping",
    ],
    "another unit is dragged along": ["10 h1 stopping", "11 h2 stopping helper.service"],
}  # fmt: skip


@pytest.mark.parametrize("lines", WITHIN_BUDGET.values(), ids=WITHIN_BUDGET)
def test_what_a_budget_of_one_allows(lines: list[str]) -> None:
    assert list(over_budget(scene(), events(*lines), RUNS)) == []


@pytest.mark.parametrize("lines", OVER_BUDGET.values(), ids=OVER_BUDGET)
def test_a_member_that_is_taken_though_the_budget_is_used_up_is_named(lines: list[str]) -> None:
    (broken,) = over_budget(scene(), events(*lines), RUNS)
    assert broken.startswith("budget: web allows 1 down; down were h1 since ")
    assert "h2 stopping" in broken
    assert list(over_budget(scene(budget=2), events(*lines), RUNS)) == []


@pytest.mark.parametrize("lines", [["10 h1 gone", "20 h2 stopping"], ["10 h1 power off", "20 h2 stopping"]])
def test_what_goes_down_by_itself_after_a_run_has_looked_is_told_apart(lines: list[str]) -> None:
    (told,) = over_budget(scene(), events(*lines), RUNS)
    assert told.startswith("unseen: web allows 1 down; down were h1 since 10.000; then 20.000 h2 stopping")


VISIT = [
    "10 h2 stopping db.service",
    "10.5 h1 gone",
    "11 h1 looked at",
    "11.5 h2 looked at",
    "12 h2 stopping",
]


def test_a_look_counts_only_for_hosts_that_are_visited_after_it() -> None:
    two = Scene((*MEMBERS, Member("db", "h2", ("db.service",))), {"web": 1, "db": 1})
    (told,) = over_budget(two, events(*(line for line in VISIT if "h2 looked" not in line)), RUNS)
    assert told.startswith("unseen: web allows 1 down")
    (broken,) = over_budget(two, events(*VISIT), RUNS)
    assert broken.startswith("budget: web allows 1 down")


@pytest.mark.parametrize(
    "lines",
    [
        ["10 h1 gone", "15 h1 looked at", "20 h2 stopping"],
        ["1 h1 power off", "22 h3 looked at", "25 h2 stopping"],
    ],
)
def test_what_somebody_has_looked_at_since_it_is_down_counts(lines: list[str]) -> None:
    (told,) = over_budget(scene(), events(*lines), RUNS)
    assert told.startswith("budget: web allows 1 down")


def test_what_nobody_looks_at_for_long_counts_too() -> None:
    (told,) = over_budget(scene(), events("10 h1 gone", "80 h2 stopping"), [Run(0, 100)])
    assert told.startswith("budget: web allows 1 down")


def test_a_member_that_was_down_before_counts_unless_somebody_switched_it_off() -> None:
    down = frozenset({("h3", "web.service")})
    taken = events("20 h1 stopping")
    assert len(list(over_budget(scene(down=down), taken, RUNS))) == 1
    assert list(over_budget(scene(down=down, uncounted=down), taken, RUNS)) == []


def test_the_most_that_were_down_are_counted_whatever_the_reason() -> None:
    assert most_down(scene(), events(*ONE_BY_ONE)) == {"web": 1}
    assert most_down(scene(), events(*OVER_BUDGET["two at once"])) == {"web": 2}
    assert most_down(scene(), events("1 h1 power off", "2 h2 gone", "3 h3 stopping")) == {"web": 3}


AGAIN = {
    "by one run": ["10 h1 stopping", "11 h1 started", "20 h1 stopping"],
    "by one run, as it did not come back": ["10 h1 stopping", "11 h1 gone", "20 h1 stopping"],
    "by the next run, though it came back": ["10 h1 stopping", "11 h1 started", "60 h1 stopping"],
}
NOT_AGAIN = {
    "once": ["10 h1 stopping", "11 h1 started"],
    "by the next run, as it did not come back": ["10 h1 stopping", "11 h1 gone", "60 h1 stopping"],
    "as it was asked for again": ["10 h1 stopping", "11 h1 started", "40 h1 asked", "60 h1 stopping"],
    "as its host went down": ["10 h1 stopping", "11 h1 started", "20 h1 power off", "20.5 h1 stopping"],
}


@pytest.mark.parametrize("lines", AGAIN.values(), ids=AGAIN)
def test_a_unit_that_is_restarted_twice_is_named(lines: list[str]) -> None:
    (broken,) = twice(events(*lines), RUNS, once_for_all=True)
    assert broken.startswith("twice: 10.000 h1 stopping web.service; then ")


@pytest.mark.parametrize("lines", NOT_AGAIN.values(), ids=NOT_AGAIN)
def test_what_is_no_second_restart(lines: list[str]) -> None:
    assert list(twice(events(*lines), RUNS, once_for_all=True)) == []


def test_what_a_killed_run_has_begun_may_go_on_in_the_next_one() -> None:
    runs = [Run(0, 50), Run(50, 100, follows_killed=True)]
    by_both = ["51 h1 stopping", "52 h1 started", "60 h1 stopping", "61 h1 started"]
    assert list(twice(events(*by_both), runs, once_for_all=False)) == []
    assert len(list(twice(events(*by_both, "70 h1 stopping"), runs, once_for_all=False))) == 1


def test_a_playbook_that_restarts_everything_may_be_run_twice() -> None:
    lines = AGAIN["by the next run, though it came back"]
    assert list(twice(events(*lines), RUNS, once_for_all=False)) == []


def test_what_was_asked_for_and_never_started_is_forgotten() -> None:
    asked = events("5 h1 asked", "6 h2 asked", "7 h3 asked", "10 h1 stopping", "11 h1 started")
    where = {("h3", "web.service")}
    assert list(forgotten(asked, where)) == [
        "forgotten: 6.000 h2 asked web.service, and it was not started after that"
    ]
