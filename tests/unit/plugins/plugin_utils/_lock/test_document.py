from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import force_release
from ansible_collections.orderly.services.plugins.plugin_utils._lock.document import (
    BrokenLockError,
    read_locks,
    write_locks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError

from ..lock_world import AT, World


@pytest.fixture
def world() -> World:
    """Fill every part of a lock."""
    world = World()
    world.asks(1, "web1", budget="50%")
    world.asks(2, "web2", budget="50%")
    changes, _slots = force_release(world.locks, ["web2"], None, "looked at it", AT)
    world.apply(changes)
    world.asks(3, "web3 web4", budget="50%")
    return world


def test_a_lock_goes_to_a_document_and_back(world: World) -> None:
    assert world.lock().holders
    assert world.lock().queue
    assert world.lock().outcomes
    assert read_locks(json.loads(json.dumps(write_locks(world.locks)))) == world.locks


def test_a_holder_of_an_earlier_release_is_in_no_failure_domain(world: World) -> None:
    documents = json.loads(json.dumps(write_locks(world.locks)))
    for holder in documents["lock/nginx"]["holders"].values():
        del holder["domain"]
    assert read_locks(documents) == world.locks


def test_other_documents_are_not_locks() -> None:
    assert read_locks({"journal/1": {}}) == {}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("members/nginx", {"members": ["web1", 2]}, "2 is not a string"),
    ("lock/nginx", {"max_unavailable": "many"}, "'many' is not a whole number"),
    ("lock/nginx", {"max_unavailable": True}, "True is not a whole number"),
    ("lock/nginx", {"sequence": 1}, "its sequence is behind its own tokens"),
    ("lock/nginx", {"holders": []}, "no attribute 'items'"),
    ("lock/nginx", {"out_of_service": {"web1": None}}, "None is not a string"),
    ("lock/nginx holders web1", {"host": "web2"}, "under the name of another host"),
    ("lock/nginx holders web1", {"token": "1"}, "'1' is not a whole number"),
    ("lock/nginx holders web1", {"colour": "red"}, "a holder has the unknown keys colour"),
    ("lock/nginx holders web1 run", {"pid": "1"}, "pid is '1'"),
    ("queue/nginx/00-000000000003", {"hosts": "web1"}, "'web1' is not a list"),
]


@pytest.mark.parametrize(("where", "wrong", "message"), WRONG)
def test_a_broken_lock_is_refused_and_named(
    world: World, where: str, wrong: dict[str, Any], message: str
) -> None:
    documents: Any = deepcopy(write_locks(world.locks))
    reduce(getitem, where.split(), documents).update(wrong)
    with pytest.raises(BrokenLockError, match=message) as error:
        read_locks(documents)
    key = where.split(maxsplit=1)[0].replace("members/", "lock/")
    assert f'The lock "{key}" in the store is broken, and was left as it is' in str(error.value)
    assert error.value.details == {"lock": key}


def test_members_that_are_no_list_are_refused_and_named(world: World) -> None:
    documents = write_locks(world.locks)
    documents["members/nginx"] |= {"members": None}
    with pytest.raises(
        StoreError, match=r'"members/nginx" in the store is broken.*its members cannot be read'
    ):
        read_locks(documents)


def test_a_queue_without_a_lock_is_refused_and_named(world: World) -> None:
    documents = write_locks(world.locks)
    del documents["lock/nginx"]
    with pytest.raises(StoreError, match='"lock/nginx" in the store is broken'):
        read_locks(documents)


def test_what_a_newer_version_added_to_a_lock_is_kept(world: World) -> None:
    documents = write_locks(world.locks)
    for document in documents.values():
        document["colour"] = "red"
    assert write_locks(read_locks(documents), documents) == {}
    locks = {"nginx": replace(world.lock(), frozen=None, sequence=9, members=frozenset({"web1"}))}
    assert {key: each["colour"] for key, each in write_locks(locks, documents).items()} == {
        "lock/nginx": "red",
        "members/nginx": "red",
    }


def test_a_lock_that_another_version_broke_is_no_case_for_a_backup(world: World) -> None:
    documents = write_locks(world.locks)
    documents["lock/nginx"] |= {"holders": [], "version": "0.9.0"}
    with pytest.raises(
        BrokenLockError, match=r"written by orderly.services 0.9.0: use that version"
    ) as error:
        read_locks(documents)
    assert "backup" not in str(error.value)


@pytest.mark.parametrize("key", ["holders", "outcomes", "sequence"])
def test_a_lock_that_lacks_a_part_is_refused_and_named(world: World, key: str) -> None:
    documents = write_locks(world.locks)
    del documents["lock/nginx"][key]
    with pytest.raises(BrokenLockError, match=f"'{key}' is missing"):
        read_locks(documents)


def test_only_what_changes_is_written_and_what_waits_no_more_goes(world: World) -> None:
    documents = write_locks(world.locks)
    assert sorted(documents) == ["lock/nginx", "members/nginx", "queue/nginx/00-000000000003"]
    after = {"nginx": replace(world.lock(), queue=())}
    assert write_locks(after, documents) == {"queue/nginx/00-000000000003": None}
    assert write_locks({"nginx": replace(world.lock(), sequence=4)}, documents).keys() == {"lock/nginx"}


def test_members_that_were_not_read_are_not_written(world: World) -> None:
    documents = {
        key: each for key, each in write_locks(world.locks).items() if not key.startswith("members/")
    }
    assert not read_locks(documents)["nginx"].members
    assert write_locks(read_locks(documents), documents) == {}


def as_one_document(world: World) -> dict[str, Any]:
    """Write a lock as earlier versions did."""
    documents = write_locks(world.locks)
    members, waiter = documents["members/nginx"], documents["queue/nginx/00-000000000003"]
    queue = [{key: value for key, value in waiter.items() if key not in ("format", "version")}]
    return {
        "lock/nginx": {**documents["lock/nginx"], "members": members["members"], "queue": queue, "format": 1}
    }


def test_a_lock_of_an_earlier_version_is_read_and_divided_when_it_is_written(world: World) -> None:
    old = as_one_document(world)
    assert read_locks(old) == world.locks
    assert old | write_locks(read_locks(old), old) == write_locks(world.locks)
