"""The versions before and after a campaign, on a real store."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.versions import (
    AFTER,
    BEFORE,
    VersionRecord,
    say_installed,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def answer(version: str) -> dict[str, Any]:
    return {"services": {"web": {"nginx": {"installed": version, "candidate": "9"}}}}


@pytest.fixture
def record(tmp_path: Path) -> Iterator[VersionRecord]:
    with closing(open_store(f"sqlite://{tmp_path}/store.db")) as store:
        yield VersionRecord(store, "friday-1")


def test_the_first_word_about_before_and_the_last_about_after_count(record: VersionRecord) -> None:
    for moment in (BEFORE, AFTER):
        record.keep(moment, {"w1": answer("1"), "w2": answer("1")})
        record.keep(moment, {"w1": answer("2"), "w3": answer("")})
    old, new, none = {"nginx": "1"}, {"nginx": "2"}, {"nginx": ""}
    assert record.read(BEFORE) == {"web": {"w1": old, "w2": old, "w3": none}}
    assert record.read(AFTER) == {"web": {"w1": new, "w2": old, "w3": none}}


def test_hosts_that_did_not_answer_and_services_without_packages_leave_nothing(record: VersionRecord) -> None:
    record.keep(BEFORE, {"w1": {"failed": True, "msg": "away"}, "w2": {"services": {"web": {}}}})
    assert record.read(BEFORE) == {}


def test_campaigns_are_apart_and_a_broken_record_is_named(record: VersionRecord) -> None:
    record.keep(BEFORE, {"w1": answer("1")})
    assert VersionRecord(record.store, "friday-2").read(BEFORE) == {}
    record.store.transact(
        ("versions/",), lambda _documents: ({"versions/friday-1/before/web": {"entries": 3}}, None)
    )
    with pytest.raises(StoreError, match='"versions/friday-1/before/web" in the store is broken'):
        record.read(BEFORE)


def test_versions_are_said_by_service_and_counted_where_hosts_differ(record: VersionRecord) -> None:
    record.keep(BEFORE, {"w1": answer("1"), "w2": answer("1"), "w3": answer("2")})
    assert say_installed(record.read(BEFORE)) == ["web: nginx 1 (2 of 3 hosts), nginx 2 (1 of 3 hosts)"]
    assert say_installed({"web": {"w1": {"nginx": ""}}}) == ["web: not installed"]
