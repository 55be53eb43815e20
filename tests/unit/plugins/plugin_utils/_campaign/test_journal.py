"""The journal on a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import (
    open_journal,
    read_journal,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import (
    DONE,
    STARTED,
    Entry,
    Journal,
    Took,
    read_seconds,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError, open_store

from ..lock_world import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

AT, LATER = "2026-01-31T03:12:45+00:00", "2026-01-31T04:00:00+00:00"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    store = open_store(f"sqlite://{file}")
    yield store
    store.close()


def opened(store: Store, pid: int = 1, plan: str = "plan", other: RunState = RunState.OVER) -> Journal:
    return open_journal(store, plan, run(pid), lambda _run: other, AT)


def test_what_is_recorded_is_read_by_the_next_run(store: Store) -> None:
    opened(store).record(STARTED, "wave-1", {"web/change": ["w1", "w2"]}, AT)
    opened(store).record(DONE, "wave-1", {"web/change": ["w1"]}, LATER)
    progress = opened(store, pid=2).progress()
    assert progress.is_done("web/change", "w1")
    assert not progress.is_done("web/change", "w2")
    assert progress.entry("web/change", "w2") == Entry(STARTED, "wave-1", AT, run(1).id)
    assert progress.entry("web/change", "w3") is None
    assert not progress.is_done("db/change", "w1")


def test_two_services_are_recorded_together_and_kept_apart(store: Store) -> None:
    journal = opened(store)
    journal.record(DONE, "wave-1", {"web/change": ["h1"], "db/change": ["h2"]}, AT)
    assert set(journal.progress().entries) == {"web/change", "db/change"}
    assert not journal.progress().is_done("web/change", "h2")


def test_reading_a_journal_that_does_not_exist_creates_nothing(store: Store, file: Path) -> None:
    assert not read_journal(store, "plan", run(1)).progress().entries
    assert not file.exists()


def test_hosts_of_which_the_same_is_known_share_an_entry(store: Store) -> None:
    journal = opened(store)
    journal.record(DONE, "wave-1", {"web/change": [f"w{number}" for number in range(1000)]}, AT)
    (document,) = store.read("journal/").values()
    assert len(document["entries"]) == 1
    assert len(journal.progress().done_on("web/change")) == 1000


def test_a_host_has_the_last_entry_alone(store: Store) -> None:
    journal = opened(store)
    journal.record(STARTED, "wave-1", {"web/change": ["w1", "w2"]}, AT)
    journal.record(STARTED, "wave-2", {"web/change": ["w3"]}, AT)
    journal.record(DONE, "wave-1", {"web/change": ["w2"]}, LATER)
    journal.record(DONE, "wave-1", {"web/change": ["w1"]}, LATER)
    (document,) = store.read("journal/").values()
    assert [(each["play"], each["state"], each["hosts"]) for each in document["entries"]] == [
        ("wave-2", STARTED, ["w3"]),
        ("wave-1", DONE, ["w1", "w2"]),
    ]


def test_some_parts_can_be_read_alone(store: Store) -> None:
    journal = opened(store)
    journal.record(DONE, "wave-1", {"web/change": ["h1"], "db/change": ["h2"], "web/prepare": ["h1"]}, AT)
    assert set(journal.progress("web/change").entries) == {"web/change"}


def test_how_long_a_part_took_is_kept_for_the_campaigns_that_follow(store: Store) -> None:
    journal = opened(store)
    journal.record(STARTED, "wave-1", {"web/change": ["w1"]}, AT, 1000.0)
    assert journal.progress().entries["web/change"]["w1"].clock == 1000.0
    assert read_seconds(store) == {}
    took = {"web/change": Took(65.04, {"step2": 5.0, "step3": 58.5})}
    journal.record(DONE, "wave-1", {"web/change": ["w1"]}, LATER, 1065.04, took)
    assert read_seconds(store) == {"web/change": 65.0, "web/step2": 5.0, "web/step3": 58.5}


def test_a_rehearsal_reads_the_open_campaign(store: Store) -> None:
    opened(store).record(DONE, "wave-1", {"web/change": ["w1"]}, AT)
    rehearsed: Run = run(9)
    assert read_journal(store, "plan", rehearsed).progress().is_done("web/change", "w1")


def test_a_broken_entry_is_named_and_nothing_is_guessed(store: Store) -> None:
    journal = opened(store)
    store.transact(
        ("journal/",),
        lambda _documents: ({"journal/plan-1/web/change": {"entries": [{"hosts": ["w1"]}]}}, None),
    )
    with pytest.raises(
        StoreError,
        match=r'^The document "journal/plan-1/web/change" in the store is broken, and was left as it is: ',
    ):
        journal.progress()
