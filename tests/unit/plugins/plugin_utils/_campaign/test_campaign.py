"""Campaigns on a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import (
    Campaign,
    CampaignError,
    abandon,
    end_campaign,
    list_campaigns,
    note,
    note_ranks,
    note_run,
    open_journal,
    others_open,
    read_journal,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError, open_store

from ..lock_world import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import Journal
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

AT, LATER = "2026-01-31T03:12:45+00:00", "2026-01-31T04:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite://{tmp_path}/store.db")
    yield store
    store.close()


def opened(
    store: Store,
    pid: int = 1,
    plan: str = "plan",
    other: RunState = RunState.OVER,
    name: str | None = None,
    at: str = AT,
) -> Journal:
    return open_journal(store, plan, run(pid), lambda _run: other, at, name)


def refusal(store: Store, **known: str) -> str:
    with pytest.raises(CampaignError) as caught:
        opened(store, **known)  # type: ignore[arg-type]
    return str(caught.value)


def give_up(store: Store, campaign: str, reason: str = "wrong plan", other: RunState = RunState.OVER) -> str:
    return str(abandon(store, campaign, reason, lambda _run: other, LATER))


def test_a_campaign_is_resumed_until_it_ends_and_the_next_one_begins_empty(store: Store) -> None:
    first = opened(store)
    first.record(DONE, "wave-1", {"web/change": ["w1"]}, AT)
    assert opened(store, pid=2).campaign == first.campaign == "plan-1"
    end_campaign(store, first.campaign, LATER)
    second = opened(store, pid=3)
    assert second.campaign == "plan-2"
    assert not second.progress().entries
    assert [(each.id, each.is_open) for each in list_campaigns(store)] == [
        ("plan-2", True),
        ("plan-1", False),
    ]


def test_campaigns_of_two_plans_do_not_meet(store: Store) -> None:
    one, other = opened(store, plan="one"), opened(store, plan="other")
    one.record(DONE, "wave-1", {"web/change": ["w1"]}, AT)
    assert not other.progress().entries
    assert [each.id for each in others_open(list_campaigns(store), "other")] == ["one-1"]


WORK = {"db": "hash-1", "web": "hash-2"}
OTHER_PLANS = [
    ("a host has left", WORK, "one-1"),
    ("the last host of db has left", {"web": "hash-2"}, "one-1"),
    ("a role has changed", {"db": "hash-1", "web": "hash-3"}, "other-1"),
    ("a service has come", {**WORK, "cache": "hash-4"}, "other-1"),
    ("not known what it does", {}, "other-1"),
]


@pytest.mark.parametrize(
    ("work", "campaign"), [case[1:] for case in OTHER_PLANS], ids=[case[0] for case in OTHER_PLANS]
)
def test_a_plan_that_does_the_same_on_each_host_goes_on_with_what_is_done(
    store: Store, work: dict[str, str], campaign: str
) -> None:
    def opened_by(plan: str, work: dict[str, str]) -> Journal:
        return open_journal(store, plan, run(1), lambda _run: RunState.OVER, AT, work=work)

    opened_by("one", WORK).record(DONE, "wave-1", {"web/change": ["w1"]}, AT)
    foreseen = read_journal(store, "other", run(1), work=work)
    assert foreseen.campaign == (campaign if campaign == "one-1" else "none")
    journal = opened_by("other", work)
    assert journal.campaign == campaign
    assert journal.progress().is_done("web/change", "w1") is (campaign == "one-1")
    assert opened_by("other", work).campaign == campaign


def test_a_run_is_refused_while_another_of_its_campaign_is_alive(store: Store) -> None:
    opened(store, pid=41)
    with pytest.raises(CampaignError) as caught:
        opened(store, pid=42, other=RunState.LIVE)
    assert str(caught.value) == (
        "Another run is working on campaign plan-1, on the same services and hosts: PID 41 on ctl. Wait until it ends, "
        "or take other hosts (--limit) or services (-e upgrade_only=SERVICE) of the same plan: runs that share nothing "
        "may work side by side."
    )


def beside(store: Store, pid: int, host: str, plan: str = "plan", other: RunState = RunState.LIVE) -> Journal:
    """Open the campaign for one host, beside runs that are about others."""
    about = Selection(hosts=frozenset({host}))
    return open_journal(
        store,
        plan,
        run(pid),
        lambda _run: other,
        AT,
        work={"web": "work"},
        about=about,
        meets=lambda theirs: theirs.has_host(host),
    )


@pytest.mark.parametrize("other", [RunState.LIVE, RunState.UNKNOWN])
def test_runs_that_share_no_host_work_side_by_side(store: Store, other: RunState) -> None:
    assert beside(store, 41, "w1").campaign == beside(store, 42, "w2", other=other).campaign
    (campaign,) = list_campaigns(store)
    assert [str(each) for each in campaign.runs] == ["PID 41 on ctl (hosts w1)", "PID 42 on ctl (hosts w2)"]
    with pytest.raises(CampaignError, match=r"PID 41 on ctl \(hosts w1\)"):
        beside(store, 43, "w1", other=other)
    with pytest.raises(CampaignError, match="PID 41"):
        beside(store, 43, "w3", plan="drifted", other=other)


def test_a_run_that_is_over_makes_room_and_is_forgotten(store: Store) -> None:
    beside(store, 41, "w1")
    beside(store, 42, "w2")
    beside(store, 43, "w1", other=RunState.OVER)
    (campaign,) = list_campaigns(store)
    assert [each.run.pid for each in campaign.runs] == [43]


def test_a_run_keeps_what_it_noted_and_one_that_is_gone_notes_nothing(store: Store) -> None:
    journal = beside(store, 41, "w1")
    note_run(store, journal.campaign, run(41), at={"play": "wave-1"})
    beside(store, 41, "w1")
    note_run(store, journal.campaign, run(99), at={"play": "wave-9"})
    (campaign,) = list_campaigns(store)
    assert [each.noted["at"] for each in campaign.runs] == [{"play": "wave-1"}]


def test_a_campaign_is_not_given_up_under_any_run_that_works_on_it(store: Store) -> None:
    beside(store, 41, "w1")
    beside(store, 42, "w2")
    with pytest.raises(
        CampaignError, match=r"A run is working on campaign plan-1: PID 41 on ctl \(hosts w1\)"
    ):
        give_up(store, "plan-1", other=RunState.LIVE)


def test_a_campaign_is_not_taken_from_a_run_of_which_nobody_can_tell_whether_it_works(store: Store) -> None:
    opened(store, pid=41)
    with pytest.raises(CampaignError) as caught:
        opened(store, pid=42, other=RunState.UNKNOWN)
    assert str(caught.value) == (
        "Nobody here can tell whether a run of the campaign plan-1 still works: PID 41 on ctl. Look there. If "
        "it is over, say so, and run this again: ansible-playbook orderly.services.recover "
        f"-e recover_ended_run={run(41).id} -e recover_reason=… (with what you know it by)"
    )
    assert [each.run for each in list_campaigns(store)] == [run(41)]


@pytest.mark.parametrize("is_there_another", [True, False])
def test_a_run_holds_on_to_the_campaign_that_it_has_begun(store: Store, is_there_another: bool) -> None:
    opened(store)
    give_up(store, "plan-1")
    if is_there_another:
        opened(store)
    with pytest.raises(CampaignError, match=r"works on the campaign plan-1, which is not open any more"):
        open_journal(store, "plan", run(1), lambda _run: RunState.OVER, AT, begun="plan-1")
    assert len(list_campaigns(store)) == 1 + is_there_another


def test_a_run_whose_campaign_another_one_has_ended_finds_everything_done(store: Store) -> None:
    opened(store)
    end_campaign(store, "plan-1", LATER)
    opened(store)
    journal = open_journal(store, "plan", run(1), lambda _run: RunState.OVER, AT, begun="plan-1")
    assert journal.campaign == "plan-1"


def test_a_run_may_open_its_own_campaign_again(store: Store) -> None:
    assert opened(store, other=RunState.LIVE).campaign == opened(store, other=RunState.LIVE).campaign


# --- Names ---


def test_a_campaign_has_the_name_it_is_given_and_is_resumed_by_it_or_by_its_plan(store: Store) -> None:
    assert opened(store, name="friday").campaign == "friday-1"
    assert opened(store, name="friday").campaign == "friday-1"
    assert opened(store, name="friday-1").campaign == "friday-1"
    assert opened(store).campaign == "friday-1"
    end_campaign(store, "friday-1", LATER)
    assert opened(store, name="friday").campaign == "friday-2"


def test_a_name_stands_for_one_plan_while_its_campaign_is_open(store: Store) -> None:
    opened(store, name="friday")
    assert refusal(store, name="friday", plan="drifted") == (
        "Campaign friday-1 belongs to plan plan, but inventory and roles give drifted now. Run its plan from the "
        "folder that was kept, or abandon it: ansible-playbook orderly.services.abandon_campaign -e"
        " abandon_campaign=friday-1 "
        "-e abandon_reason=…"
    )


def test_a_plan_has_one_open_campaign(store: Store) -> None:
    opened(store)
    assert 'This plan has the open campaign plan-1, so "friday" would repeat what it has done.' in refusal(
        store, name="friday"
    )


@pytest.mark.parametrize("name", ["", "a b", "-x", "a/b", "x" * 65])
def test_a_name_that_cannot_be_one_is_refused(store: Store, name: str) -> None:
    assert f'upgrade_campaign: "{name}" is not a name' in refusal(store, name=name)


def test_an_open_campaign_tells_what_was_left_of_it(store: Store) -> None:
    opened(store, name="friday")
    note(store, "friday-1", plays_left=3, finalizers=["db", "web"])
    assert str(list_campaigns(store)[0]) == (
        f"Campaign friday-1 of plan plan: started {AT}, open: 3 plays are left, finalizers of db, web wait; last "
        "run PID 1 on ctl"
    )


@pytest.mark.parametrize("seats", [{"h1": "h2"}, {"h1": "h2", "h2": "h2"}, ["h1"], {"h1": ["h2"]}])
def test_places_that_do_not_fit_each_other_are_a_broken_document(store: Store, seats: object) -> None:
    opened(store, name="friday")
    note(store, "friday-1", seats=seats)
    with pytest.raises(StoreError, match="the places of its hosts, cannot be read"):
        list_campaigns(store)


# --- Giving up ---


def test_a_campaign_is_abandoned_with_a_reason_and_the_next_one_begins_empty(store: Store) -> None:
    opened(store, name="friday").record(DONE, "wave-1", {"web/change": ["w1"]}, AT)
    assert give_up(store, "friday") == (
        f"Campaign friday-1 of plan plan: started {AT}, abandoned {LATER} (wrong plan)"
    )
    assert not opened(store, name="friday").progress().entries


ABANDONED_NOT = [
    ({"campaign": "monday"}, 'There is no open campaign "monday"; open: plan-1. The playbook'),
    ({"campaign": "plan-1", "reason": " "}, "Say why the campaign is abandoned"),
    (
        {"campaign": "plan-1", "other": RunState.LIVE},
        "A run is working on campaign plan-1: PID 1 on ctl. Stop it first.",
    ),
]


@pytest.mark.parametrize(("asked", "message"), ABANDONED_NOT)
def test_a_campaign_is_not_abandoned_by_mistake(store: Store, asked: dict[str, str], message: str) -> None:
    opened(store)
    with pytest.raises(CampaignError, match="^" + message.replace("(", r"\(")):
        give_up(store, **asked)  # type: ignore[arg-type]
    assert list_campaigns(store)[0].is_open


@pytest.mark.parametrize(
    ("state", "is_open"),
    [("open", True), ("ended", False), ("abandoned", False), ("of a later release", True)],
)
def test_a_state_that_is_not_known_is_none_of_an_end(state: str, is_open: bool) -> None:
    assert Campaign("friday-1", {"state": state}).is_open is is_open


def test_seats_stay_for_the_campaign_and_ranks_for_the_run_that_found_them(store: Store) -> None:
    """Ranks of an earlier run are old: who leads may be another one by now."""
    known = []

    def swapped(seats: dict[str, str], ranks: dict[str, dict[str, int]]) -> dict[str, str]:
        known.append((dict(seats), ranks))
        return {"h1": "h2", "h2": "h1"}

    first, later = run(1), run(2)
    campaign = opened(store, 1).campaign
    note_ranks(store, campaign, first, "db", {"h1": 1}, swapped)
    note_ranks(store, campaign, first, "web", {"h1": 2}, swapped)
    opened(store, 2)
    note_ranks(store, campaign, later, "web", {"h1": 3}, swapped)
    seats = {"h1": "h2", "h2": "h1"}
    assert known == [
        ({}, {"db": {"h1": 1}}),
        (seats, {"db": {"h1": 1}, "web": {"h1": 2}}),
        (seats, {"web": {"h1": 3}}),
    ]
    assert list_campaigns(store)[0].seats == seats
