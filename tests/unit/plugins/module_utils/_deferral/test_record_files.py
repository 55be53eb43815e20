from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import Event, Record
from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT, record_text

if TYPE_CHECKING:
    from pathlib import Path


WEBTEAM = Requestor("ansible", "webteam")


@pytest.fixture
def store(tmp_path: Path) -> DeferredStore:
    (tmp_path / "run").mkdir()
    store = DeferredStore(tmp_path)
    store.folders[0].mkdir(parents=True)
    (store.folders[0] / "a.deferred").write_text(record_text("alpha.service"))
    (store.folders[0] / "b.deferred").write_text(record_text("beta.service"))
    return store


def test_settled_records_are_removed_and_others_kept(store: DeferredStore) -> None:
    assert store.settle(lambda record: record.unit == "alpha.service") == [
        str(store.folders[0] / "a.deferred")
    ]
    assert [record.unit for record in store.read()[0]] == ["beta.service"]


def test_only_named_records_are_settled_where_some_are_named(store: DeferredStore) -> None:
    one, gone = (str(store.folders[0] / name) for name in ("b.deferred", "gone.deferred"))
    assert store.settle(lambda _record: True, [one, gone]) == [one]
    assert [record.unit for record in store.read()[0]] == ["alpha.service"]


def test_records_are_looked_at_again_before_they_are_removed(store: DeferredStore) -> None:
    seen, _trouble = store.read()
    (store.folders[0] / "a.deferred").write_text(record_text("alpha.service", count="2"))
    store.settle(lambda record: record in seen)
    assert [record.unit for record in store.read()[0]] == ["alpha.service"]


def test_records_in_run_are_read_and_trouble(store: DeferredStore) -> None:
    store.folders[1].mkdir(parents=True)
    (store.folders[1] / "c.deferred").write_text(record_text("gamma.service"))
    records, trouble = store.read()
    assert [record.unit for record in records] == ["alpha.service", "beta.service", "gamma.service"]
    assert len(trouble) == 1
    assert "could not be written" in trouble[0]


@pytest.mark.parametrize("text", ["", "service: [\n", "service: '../x'\n", "x" * (1 << 20) + "x"])
def test_what_is_no_record_is_named_and_hides_no_other(store: DeferredStore, text: str) -> None:
    (store.folders[0] / "0.deferred").write_text(text)
    records, trouble = store.read()
    assert len(records) == 2
    assert trouble[0].startswith(f"{store.folders[0]}/0.deferred is not a record of a deferred restart")


def test_a_record_that_is_a_link_is_not_followed(store: DeferredStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(record_text("gamma.service"))
    (store.folders[0] / "0.deferred").symlink_to(tmp_path / "elsewhere")
    records, trouble = store.read()
    assert len(records) == 2
    assert "not a regular file" in trouble[0]


def test_a_host_without_folders_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert DeferredStore(tmp_path).read() == ([], [])
    assert DeferredStore(tmp_path).settle(lambda _: True) == []


# --- Writing records ---


EVENT = Event("delta.service", "restart", "File(s) changed: /etc/delta", WEBTEAM)


STATE = UnitState("delta.service", ("delta.service",), active="active", invocation_id="delta-1")


def test_events_of_one_unit_and_requestor_are_one_record(store: DeferredStore) -> None:
    for now in (1000, 2000, 3000):
        record = store.record(EVENT, STATE, BOOT, now)
    assert record.path == str(store.folders[0] / "ansible-webteam-delta.service.deferred")
    assert (record.count, record.since, record.last) == (3, 1000, 3000)
    assert [found for found in store.read()[0] if found.unit == "delta.service"] == [record]


def dismiss(store: DeferredStore, record: Record) -> Record:
    told = replace(record, dismissed="replaced", dismissed_by="ada", dismissed_at=2000)
    (dismissed,) = store.exchange([(record, told)])
    return dismissed


def test_a_dismissed_restart_is_kept_with_its_reason(store: DeferredStore) -> None:
    dismissed = dismiss(store, store.record(EVENT, STATE, BOOT, 1000))
    assert not list(store.folders[0].glob("*delta*.deferred"))
    assert dismissed in store.read()[0]
    assert (dismissed.dismissed, dismissed.dismissed_by, dismissed.dismissed_at) == ("replaced", "ada", 2000)


def test_what_was_dismissed_can_be_pending_again(store: DeferredStore) -> None:
    record = store.record(EVENT, STATE, BOOT, 1000)
    dismissed = dismiss(store, record)
    assert store.exchange([(dismissed, record)]) == [record]
    assert not list(store.folders[0].glob("*.dismissed"))


def test_what_came_after_it_was_looked_at_is_not_dismissed(store: DeferredStore) -> None:
    seen = store.record(EVENT, STATE, BOOT, 1000)
    again = store.record(EVENT, STATE, BOOT, 1500)
    assert store.exchange([(seen, replace(seen, dismissed="replaced"))]) == []
    assert again in store.read()[0]


def test_a_dismissal_ends_with_the_next_event(store: DeferredStore) -> None:
    dismiss(store, store.record(EVENT, STATE, BOOT, 1000))
    again = store.record(EVENT, STATE, BOOT, 3000)
    assert (again.count, again.dismissed) == (1, "")
    assert [found for found in store.read()[0] if found.unit == "delta.service"] == [again]


NEWER = "format: 2\nversion: 9.0.0\nservice: delta.service\n"


@pytest.mark.parametrize("suffix", ["deferred", "dismissed"])
def test_a_record_of_a_newer_version_is_told_and_never_touched(store: DeferredStore, suffix: str) -> None:
    path = store.folders[0] / f"ansible-webteam-delta.service.{suffix}"
    path.write_text(NEWER)
    _records, trouble = store.read()
    told = f"{path} is not a record of a deferred restart that can be read; find out why it is there"
    assert trouble[0].startswith(told)
    assert "it has format 2, which orderly.services 9.0.0 wrote" in trouble[0]
    again = [store.record(EVENT, STATE, BOOT, now) for now in (1000, 2000)][1]
    assert again.count == 2
    assert again in store.read()[0]
    store.settle(lambda _record: True)
    assert [each.read_text() for each in store.folders[0].iterdir()] == [NEWER]
