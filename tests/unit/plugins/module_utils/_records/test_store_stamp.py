"""A host is disrupted in one store: the first one, until it is moved on purpose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._records.store_stamp import (
    Stamp,
    plan_stamp,
    read_stamp,
    stamp_of,
)

if TYPE_CHECKING:
    from pathlib import Path

OURS = Stamp("6b3c2f0e-5d7a", "etcd://etcd1:2379/orderly", 1769829165)
THEIRS = Stamp("0f9e8d7c-1111", "sqlite:///home/eve/store.db on laptop", 1769829999)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orderly/store-stamp.json"


def test_the_first_store_is_written_down_and_stays(path: Path) -> None:
    plan_stamp(read_stamp(path), OURS).carry_out(path)
    later = Stamp(OURS.id, OURS.name, OURS.since + 99)
    again = plan_stamp(read_stamp(path), later)
    assert (again.changes, again.after) == (False, OURS)
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_another_store_is_refused_by_name_with_what_to_do(path: Path) -> None:
    plan_stamp(None, OURS).carry_out(path)
    with pytest.raises(HostError) as refused:
        plan_stamp(read_stamp(path), THEIRS)
    said = str(refused.value)
    assert (
        "locks of this host have been in the store etcd://etcd1:2379/orderly (id 6b3c2f0e) since 2026-"
        in said
    )
    assert "takes its slots in sqlite:///home/eve/store.db on laptop" in said
    assert "Nothing was touched" in said
    assert "orderly.services.move_store" in said
    assert read_stamp(path) == OURS


def test_a_store_that_was_made_anew_under_the_old_name_is_told_as_that() -> None:
    with pytest.raises(
        HostError, match=r"There is now another store of that name \(id 22222222\), which does not know"
    ):
        plan_stamp(OURS, Stamp("22222222-2222", OURS.name, OURS.since))


def test_a_host_is_moved_on_purpose(path: Path) -> None:
    plan_stamp(None, OURS).carry_out(path)
    change = plan_stamp(read_stamp(path), THEIRS, move=True)
    assert change.diff() == {
        "before": "etcd://etcd1:2379/orderly (id 6b3c2f0e)\n",
        "after": "sqlite:///home/eve/store.db on laptop (id 0f9e8d7c)\n",
    }
    change.carry_out(path)
    assert read_stamp(path) == THEIRS


def test_slots_that_were_taken_away_meanwhile_are_refused_by_their_tokens(path: Path) -> None:
    mine = replace(OURS, tokens={"nginx": 41, "redis": 41})
    plan_stamp(read_stamp(path), mine).carry_out(path)
    others = plan_stamp(read_stamp(path), replace(OURS, tokens={"nginx": 44}))
    others.carry_out(path)
    assert not others.changes
    with pytest.raises(HostError) as refused:
        plan_stamp(read_stamp(path), mine)
    assert (
        "were taken from it, and others have worked here since: nginx (token 41, but the host knows 44)."
        in str(refused.value)
    )
    assert "Nothing was touched here. Run it again" in str(refused.value)
    assert refused.value.details["overtaken"] == ["nginx"]


def test_a_slot_may_be_used_again_by_whoever_has_it_still(path: Path) -> None:
    mine = replace(OURS, tokens={"nginx": 41})
    for _attempt in range(2):
        plan_stamp(read_stamp(path), mine).carry_out(path)
    assert read_stamp(path) == mine


def test_a_store_from_a_backup_begins_where_it_was_then_once_its_hosts_were_moved_to_it(path: Path) -> None:
    plan_stamp(None, replace(OURS, tokens={"nginx": 44})).carry_out(path)
    plan_stamp(read_stamp(path), OURS, move=True).carry_out(path)
    plan_stamp(read_stamp(path), replace(OURS, tokens={"nginx": 12})).carry_out(path)
    assert read_stamp(path) == replace(OURS, tokens={"nginx": 12})


def test_what_is_no_token_is_refused_by_name() -> None:
    with pytest.raises(
        HostError, match="tokens must be what rolling_lock returns as tokens for this host, not "
    ):
        stamp_of({"id": "1", "name": "one"}, {"web1": {"nginx": 41}})


def test_of_two_stores_that_come_first_at_once_one_is_refused(path: Path) -> None:
    ours, theirs = plan_stamp(read_stamp(path), OURS), plan_stamp(read_stamp(path), THEIRS)
    theirs.carry_out(path)
    with pytest.raises(HostError, match="on laptop"):
        ours.carry_out(path)
    assert read_stamp(path) == THEIRS
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_store_that_is_not_there_yet_is_not_written_down(path: Path) -> None:
    nothing = plan_stamp(read_stamp(path), Stamp("", OURS.name, 0))
    nothing.carry_out(path)
    assert (nothing.changes, path.exists()) == (False, False)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": 1, "name": "x", "since": 2}', '{"id": "a"}'])
def test_a_stamp_that_tells_nothing_stops_everybody(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(HostError, match="does not say in which store the locks of this host are"):
        read_stamp(path)


@pytest.mark.parametrize("wrong", [{}, {"id": "x"}, {"id": 5, "name": "x"}])
def test_what_names_no_store_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(HostError, match="store must be what rolling_lock returns as store"):
        stamp_of(wrong)
