"""A run whose plan is done already: nothing is repeated, unless somebody says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import (
    CampaignError,
    list_campaigns,
    note,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run

from ..lock_world import MemoryStore, process
from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan

PLAN = plan_of(deployment("db", "d1", "0 3"))


def again(
    store: Any, pid: int, said: list[str], plan: Plan = PLAN, answer: str | None = None, **parts: Any
) -> dict[str, Any]:
    run = UpgradeRun(
        plan,
        store,
        this_run(pid),
        Selection(),
        rehearsal=False,
        say=said.append,
        ask=lambda _question: answer,
    )
    return replace(run, **parts).open()


def all_done(pid: int, plan: Plan = PLAN, **parts: Any) -> Any:
    """Give a store in which everything in the plan was done."""
    store: Any = MemoryStore()
    run = UpgradeRun(
        plan, store, this_run(pid), Selection(), rehearsal=False, say=lambda _line: None, **parts
    )  # fmt: skip
    run.open()
    for play in plan.plays:
        run.enter(play.id, ["d1"], wait=0)
        run.finish(play.id, ["d1"])
    assert states(store) == ["ended"]
    return store


def states(store: Any) -> list[str]:
    return [each.document["state"] for each in list_campaigns(store)]


@pytest.mark.parametrize("answer", [None, "", "yes"])
def test_what_is_done_is_not_begun_anew_unless_somebody_says_so(answer: str | None) -> None:
    with process() as pid:
        store = all_done(pid)
        with pytest.raises(CampaignError) as caught:
            again(store, pid, [], answer=answer)
        assert states(store) == ["ended"]
    said = str(caught.value)
    assert said.startswith(f"Everything in plan {PLAN.id[:16]} is done since ")
    assert "Nothing was touched, and nobody looked whether there are newer packages" in said
    assert said.endswith("-e upgrade_campaign=NAME")


def test_somebody_at_a_terminal_may_begin_anew_and_a_new_name_does_so_too() -> None:
    said: list[str] = []
    with process() as pid:
        store = all_done(pid)
        assert "done" not in again(store, pid, said, answer="anew")
        assert said[-1].startswith(f"Campaign {PLAN.id[:16]}-2 begins: ")
        store = all_done(pid)
        assert again(store, pid, said, campaign="friday")["campaign"] == "friday-1"
        assert states(store) == ["open", "ended"]


def test_a_campaign_that_was_asked_for_by_its_name_is_done_and_stays_so() -> None:
    said: list[str] = []
    with process() as pid:
        store = all_done(pid, campaign="friday")
        for name in ("friday", "friday-1"):
            opened = again(store, pid, said, campaign=name)
            assert (opened["campaign"], opened["done"]) == ("friday-1", True)
            assert opened["left"] == {play.id: "!all" for play in PLAN.plays}
        assert states(store) == ["ended"]
    assert "(campaign friday-1); nothing is repeated. To begin anew, name a new campaign: " in said[-1]


def test_versions_that_the_plan_names_are_as_they_shall_be_until_they_are_surveyed_anew() -> None:
    surveyed = replace(PLAN, surveyed="2026-03-01T10:00:00+01:00")
    said: list[str] = []
    with process() as pid:
        store = all_done(pid, surveyed)
        assert again(store, pid, said, surveyed)["done"]
        assert states(store) == ["ended"]
        later = replace(PLAN, surveyed="2026-04-01T10:00:00+01:00")
        assert "done" not in again(store, pid, said, later)


def test_a_check_of_what_is_done_shows_what_a_new_campaign_would_do() -> None:
    said: list[str] = []
    with process() as pid:
        store = all_done(pid)
        assert "done" not in again(store, pid, said, rehearsal=True)
        assert states(store) == ["ended"]
    assert "this check goes through it as a new campaign would" in said[0]


def test_a_run_that_skips_the_opening_repeats_nothing_either() -> None:
    with process() as pid:
        store = all_done(pid)
        run = UpgradeRun(PLAN, store, this_run(pid), Selection(), rehearsal=False, say=print)
        with pytest.raises(CampaignError, match="Nothing was touched"):
            run.enter("wave-1", ["d1"], wait=0)


def test_what_was_abandoned_begins_anew() -> None:
    with process() as pid:
        store = all_done(pid)
        note(store, list_campaigns(store)[0].id, state="abandoned")
        assert "done" not in again(store, pid, [])
