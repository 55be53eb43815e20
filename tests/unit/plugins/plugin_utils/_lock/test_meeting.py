"""Where changes for one roll or one run meet; that they do, in a store that others use, is for tests/store."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.meeting import (
    ALL,
    PLACES,
    all_lists,
    is_all_listed,
    listed,
    lists,
    meeting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError

from ..lock_world import World, run


@pytest.fixture
def world() -> World:
    """Let a run hold slots of two locks, and others wait: one as long as it lives, one for later."""
    world = World()
    world.asks(1, "web1", services="nginx redis")
    world.asks(2, "web2", services="nginx")
    world.requests(3, "web3", services="redis")
    return world


def test_changes_for_one_roll_or_one_run_have_a_document_in_common_and_others_have_none() -> None:
    one = meeting("roll", run(1))
    assert one & meeting("roll", run(2))
    assert one & meeting("other", run(1))
    assert not one & meeting("other", run(2))


def test_a_roll_that_is_named_by_its_run_has_one_document() -> None:
    assert len(meeting(run(1).id, run(1))) == 1


def test_there_are_no_more_documents_than_places_and_no_key_begins_with_another() -> None:
    keys = {key for n in range(3 * PLACES) for key in meeting(f"roll{n}", run(1))}
    assert len(keys) <= PLACES
    assert len({len(key) for key in keys}) == 1


HAS = [
    (1, {"lock/nginx", "lock/redis"}),
    (2, {"queue/nginx/00-000000000002"}),
    (3, {"queue/redis/00-000000000003"}),
    (4, set()),
]


@pytest.mark.parametrize(("pid", "keys"), HAS)
def test_what_a_roll_and_a_run_have_is_listed_where_they_meet(world: World, pid: int, keys: set[str]) -> None:
    places = meeting(f"roll{pid}", run(pid))
    assert listed(lists(world.locks, places, {}), places) == keys
    assert listed(all_lists(world.locks, {}), places) == keys


def test_only_what_stays_when_its_run_ends_is_listed_for_the_whole_roll(world: World) -> None:
    assert not listed(all_lists(world.locks, {}), meeting("roll2", run(9)))
    assert listed(all_lists(world.locks, {}), meeting("roll3", run(9)))


def test_a_store_says_when_all_is_listed(world: World) -> None:
    assert is_all_listed(all_lists(world.locks, {}))
    assert not is_all_listed(lists(world.locks, meeting("roll1", run(1)), {}))


def test_a_list_that_cannot_be_read_is_refused_and_named(world: World) -> None:
    places = meeting("roll1", run(1))
    documents = {key: {**each, "keys": None} for key, each in lists(world.locks, places, {}).items()}
    with pytest.raises(StoreError, match=r'"meet/.*" in the store is broken.*its keys cannot be read'):
        listed(documents, places)
    with pytest.raises(StoreError, match=f'"{ALL}" in the store is broken'):
        is_all_listed({ALL: {}})


def test_what_a_newer_version_added_to_a_list_is_kept(world: World) -> None:
    places = meeting("roll1", run(1))
    assert all(
        each["colour"] == "red"
        for each in lists(world.locks, places, {place: {"colour": "red"} for place in places}).values()
    )
