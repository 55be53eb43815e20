"""Campaigns that have ended are forgotten, by number and by age; open ones never are."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign import campaign
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.forget import Keep, forget
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.versions import BEFORE, VersionRecord
from ansible_collections.orderly.services.plugins.plugin_utils._common.errors import ControllerError
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import runs_in
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = "2026-06-15T12:00:00+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        yield store


def upgrade(store: SqliteStore, day: int, *, ended: bool = True, name: str = "web") -> str:
    """Upgrade in the morning of a day of June, by a run of its own; gives the campaign."""
    run = Run("here", "m", "b", "n", day, day)
    at = f"2026-06-{day:02}T08:00:00+00:00"
    journal = campaign.open_journal(store, f"{name}{day}", run, lambda _run: RunState.OVER, at, name)
    journal.record(DONE, "p", {"web/change": ["w1"]}, at)
    answer = {"w1": {"services": {"web": {"nginx": {"installed": "1.0"}}}}}
    VersionRecord(store, journal.campaign).keep(BEFORE, answer)
    if ended:
        campaign.end_campaign(store, journal.campaign, at)
    return journal.campaign


def test_the_latest_are_kept_and_the_rest_is_forgotten_with_all_that_is_kept_of_it(
    store: SqliteStore,
) -> None:
    for day in range(1, 13):
        upgrade(store, day)
    assert forget(store, Keep(number=3), NOW) == tuple(f"web-{number}" for number in range(9, 0, -1))
    kept = {"web-10", "web-11", "web-12"}
    assert {key.split("/")[1] for key in store.read("campaign/", "journal/", "versions/", "verify/")} == kept
    assert len(store.read("journal/", "versions/")) == 6
    assert forget(store, Keep(number=3), NOW) == ()


def test_what_ended_long_ago_is_forgotten_though_it_is_little(store: SqliteStore) -> None:
    for day in (1, 9, 14):
        upgrade(store, day)
    assert set(forget(store, Keep(days=5), NOW)) == {"web-1", "web-2"}
    assert {each.id for each in campaign.list_campaigns(store)} == {"web-3"}


def test_open_campaigns_stay_and_a_number_is_not_given_twice(store: SqliteStore) -> None:
    upgrade(store, 1, ended=False, name="db")
    upgrade(store, 2)
    upgrade(store, 3)
    forget(store, Keep(number=1), NOW)
    assert {each.id for each in campaign.list_campaigns(store)} == {"db-1", "web-2"}
    assert upgrade(store, 4) == "web-3"
    forget(store, Keep(number=0), NOW)
    assert {each.id for each in campaign.list_campaigns(store)} == {"db-1"}


def test_an_end_that_is_no_time_is_not_judged(store: SqliteStore) -> None:
    campaign.note(store, upgrade(store, 1), ended="some day")
    assert forget(store, Keep(number=0, days=0), NOW) == ()


def test_the_run_of_a_campaign_that_ended_needs_no_word_that_it_is_over(store: SqliteStore) -> None:
    upgrade(store, 1)
    upgrade(store, 2, ended=False, name="db")
    assert {run.pid for run in runs_in(store.read("campaign/"))} == {2}


@pytest.mark.parametrize("wrong", ["many", -1, "1.5", [1]])
def test_a_number_that_is_none_is_refused(wrong: object) -> None:
    with pytest.raises(ControllerError, match=r"orderly_campaigns_kept is .*; expected a whole number"):
        Keep.of(wrong, None)
    assert Keep.of(None, "") == Keep()
