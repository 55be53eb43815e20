"""What the runs of a campaign share, and who of them does what is missing."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import Missing
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.runs import (
    CampaignRun,
    document_of,
    hosts_about,
    overlap,
    who_does,
)
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection

from ..lock_world import run
from ..plan_world import deployment, plan_of

PLAN = plan_of(deployment("db", "a1 a2", stage="control"), deployment("web", "a1 w1", stage="data"))
DB, WEB = Selection(only=frozenset({"db"})), Selection(only=frozenset({"web"}))


def hosts(*names: str) -> Selection:
    return Selection(hosts=frozenset(names))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (Selection(), hosts("w1"), True),
        (hosts("a1"), hosts("a2", "w1"), False),
        (hosts("a1"), hosts("a1"), True),
        (DB, WEB, False),
        (DB, Selection(stage="data"), False),
        (DB, Selection(stage="control"), True),
        (WEB, hosts("a2"), False),
        (WEB, hosts("a1"), True),
    ],
)
def test_runs_meet_where_they_are_about_one_service_on_one_host(
    one: Selection, other: Selection, meet: bool
) -> None:
    assert overlap(PLAN, one, other) is overlap(PLAN, other, one) is meet


@pytest.mark.parametrize(
    ("about", "found"),
    [(Selection(), {"a1", "a2", "w1"}), (WEB, {"a1", "w1"}), (hosts("a1", "x1"), {"a1"})],
)
def test_the_hosts_that_a_run_is_about_have_some_of_its_services(about: Selection, found: set[str]) -> None:
    assert hosts_about(PLAN, about) == found


@pytest.mark.parametrize("about", [Selection(), DB, hosts("a1", "a2"), Selection(stage="data")])
def test_what_a_run_is_about_is_kept(about: Selection) -> None:
    read = CampaignRun.from_document(document_of(run(1), about))
    assert (read.run, read.about) == (run(1), about)


def runs(*about: Selection) -> list[CampaignRun]:
    return [CampaignRun.from_document(document_of(run(pid), each)) for pid, each in enumerate(about, 1)]


def missing(*pairs: str) -> list[Missing]:
    return [Missing(*pair.split("@"), words="") for pair in pairs]


def doers(about: list[Selection], *pairs: str) -> list[int]:
    return [each.run.pid for each in who_does(PLAN, missing(*pairs), runs(*about))]


def test_each_run_does_its_part() -> None:
    parts = [hosts("a1"), hosts("a2", "w1")]
    assert doers(parts, "db/change@a1") == [1]
    assert doers(parts, "db/change@a2", "web/change@a1") == [2, 1]
    assert doers([DB, WEB], "web/change@a1") == [2]
    assert doers(parts, "versions@a1") == [1]


def test_what_is_nobodys_makes_all_of_it_not_worth_to_wait_for() -> None:
    assert doers([hosts("a1")], "db/change@a1", "db/change@a2") == []
    assert doers([], "db/change@a1") == []


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (Selection(), "PID 1 on ctl"),
        (hosts("w2", "w10"), "PID 1 on ctl (hosts w2, w10)"),
        (Selection("data", frozenset({"web"})), "PID 1 on ctl (stage data; services web)"),
    ],
)
def test_people_are_told_which_process_it_is_and_what_it_is_about(about: Selection, words: str) -> None:
    (each,) = runs(about)
    assert str(each) == words
