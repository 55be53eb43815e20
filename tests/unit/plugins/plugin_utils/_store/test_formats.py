"""Every document says its format, whoever writes it: what a newer version wrote is refused, and nothing is changed."""

from __future__ import annotations

from contextlib import closing
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign import campaign, reverify
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import (
    DONE,
    Journal,
    Took,
    read_seconds,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.versions import BEFORE, VersionRecord
from ansible_collections.orderly.services.plugins.plugin_utils._common.version import collection_version
from ansible_collections.orderly.services.plugins.plugin_utils._lock import manager
from ansible_collections.orderly.services.plugins.plugin_utils._lock.meeting import ALL, meeting
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of, seen_by
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Document, Documents

RUN = Run("here", "m", "b", "n", 1, 2)
ELSEWHERE = Run("there", "m", "b", "n", 3, 4)
NAME = "web-1"
REQUEST = Request("r", RUN, "x", (Claim("web", frozenset({"w1"}), frozenset({"w1"})),))
MET = sorted(meeting("r", RUN))
ANSWERS: dict[str, Any] = {"w1": {"services": {"web": {"nginx": {"installed": "1.0"}}}}}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        open_it(store)
        record(store)
        VersionRecord(store, NAME).keep(BEFORE, ANSWERS)
        reverify.begin(store, NAME, RUN, {"web": ["w1"]})
        manager.enqueue(store, REQUEST, state_of=lambda _run: RunState.LIVE)
        manager.freeze(store, ["web"], reason="x", by="me")
        put(store, {f"run/{ELSEWHERE.id}": document_of(ELSEWHERE, RunState.OVER)})
        yield store


def open_it(store: SqliteStore) -> None:
    campaign.open_journal(store, "web", RUN, lambda _run: RunState.OVER, "2026-01-01T00:00:00+00:00")


def record(store: SqliteStore) -> None:
    Journal(store, NAME, RUN).record(DONE, "p", {"web/change": ["w1"]}, "now", took={"web/change": Took(1.0)})


def put(store: SqliteStore, documents: Documents) -> None:
    store.transact(tuple(documents), lambda _before: (documents, None))


def look(store: SqliteStore) -> None:
    seen_by(store.read("run/"), RUN)(ELSEWHERE)


def release(store: SqliteStore) -> None:
    manager.release(store, REQUEST.roll, RUN, ["w1"])


USES: dict[str, list[Callable[[SqliteStore], object]]] = {
    f"campaign/{NAME}": [
        open_it,
        campaign.list_campaigns,
        lambda store: campaign.note(store, NAME, folder="x"),
        lambda store: campaign.confirmed_in(store, NAME),
    ],
    f"journal/{NAME}/web/change": [record, lambda store: Journal(store, NAME, RUN).progress()],
    "seconds/web/change": [read_seconds],
    f"versions/{NAME}/before/web": [
        lambda store: VersionRecord(store, NAME).keep(BEFORE, ANSWERS),
        lambda store: VersionRecord(store, NAME).read(BEFORE),
    ],
    f"verify/{NAME}": [
        lambda store: reverify.record(store, NAME, RUN, "web", ["w1"]),
        lambda store: reverify.check("x", store, NAME, RUN, dict),
    ],
    "lock/web": [manager.locks_of, lambda store: manager.thaw(store, ["web"])],
    "queue/web/00-000000000001": [manager.locks_of, lambda store: manager.thaw(store, ["web"])],
    "members/web": [manager.locks_of, lambda store: manager.thaw(store, ["web"])],
    ALL: [lambda store: manager.thaw(store, ["web"]), release],
    **{key: [release] for key in MET},
    f"run/{ELSEWHERE.id}": [look],
}
FORMATS = {"lock/web": 2}
CASES = [(key, use) for key, uses in USES.items() for use in uses]


def test_every_document_says_its_format_and_who_wrote_it(store: SqliteStore) -> None:
    documents = store.read("")
    assert documents.keys() == USES.keys()
    for key, document in documents.items():
        assert (document["format"], document["version"]) == (FORMATS.get(key, 1), collection_version())


@pytest.mark.parametrize(("key", "use"), CASES)
def test_a_newer_format_is_refused_and_nothing_is_changed(
    store: SqliteStore, key: str, use: Callable[[SqliteStore], object]
) -> None:
    known = FORMATS.get(key, 1)
    newer: Document = {**store.read(key)[key], "format": known + 1, "version": "9.1.0"}
    put(store, {key: newer})
    before = store.read("")
    with pytest.raises(StoreError) as caught:
        use(store)
    assert str(caught.value) == (
        f'The document "{key}" in the store has format {known + 1}, and orderly.services {collection_version()} knows '
        f"{known}. It was written by orderly.services 9.1.0; nothing was changed. Use that version or a newer one here "
        "too."
    )
    assert store.read("") == before


WRONG: list[Callable[[Document], object]] = [
    lambda document: document.pop("format"),
    lambda document: document.update(format="1"),
    lambda document: document.update(format=True),
    lambda document: [document.pop(key) for key in [*document] if key not in ("format", "version")],
    lambda document: document.update(dict.fromkeys(document.keys() - {"format", "version"})),
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("key", "use"), CASES)
def test_a_document_that_is_none_ends_in_a_sentence_without_advice_to_restore_what_another_version_wrote(
    store: SqliteStore, key: str, use: Callable[[SqliteStore], object], wrong: Callable[[Document], object]
) -> None:
    document = deepcopy(store.read(key)[key])
    wrong(document)
    put(store, {key: {**document, "version": "9.1.0"}})
    with pytest.raises(Exception, match=f'"{key}".* is broken, and was left as it is: ') as caught:
        use(store)
    assert str(caught.value).endswith(
        "It was written by orderly.services 9.1.0: use that version, or a newer one."
    )


def test_what_a_newer_version_added_stays_when_a_document_is_written_again(store: SqliteStore) -> None:
    added = {key: {**document, "colour": "red"} for key, document in store.read("").items()}
    put(store, added)
    open_it(store)
    campaign.note(store, NAME, folder="x")
    record(store)
    VersionRecord(store, NAME).keep(BEFORE, ANSWERS)
    reverify.record(store, NAME, RUN, "web", ["w1"])
    manager.thaw(store, ["web"])
    assert all(document["colour"] == "red" for document in store.read("").values())
