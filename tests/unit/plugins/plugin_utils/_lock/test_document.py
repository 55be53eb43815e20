from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.changes import force_release
from ansible_collections.orderly.services.plugins.plugin_utils._lock.document import (
    BrokenLockError,
    read_locks,
    write_locks,
)

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
    for document in documents.values():
        for holder in document["holders"].values():
            del holder["domain"]
    assert read_locks(documents) == world.locks


def test_other_documents_are_not_locks() -> None:
    assert read_locks({"journal/1": {}}) == {}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("", {"members": None}, "None is not a list"),
    ("", {"members": ["web1", 2]}, "2 is not a string"),
    ("", {"max_unavailable": "many"}, "'many' is not a whole number"),
    ("", {"max_unavailable": True}, "True is not a whole number"),
    ("", {"sequence": 1}, "its sequence is behind its own tokens"),
    ("", {"holders": []}, "no attribute 'items'"),
    ("", {"out_of_service": {"web1": None}}, "None is not a string"),
    ("holders.web1", {"host": "web2"}, "under the name of another host"),
    ("holders.web1", {"token": "1"}, "'1' is not a whole number"),
    ("holders.web1", {"colour": "red"}, "a holder has the unknown keys colour"),
    ("holders.web1.run", {"pid": "1"}, "pid is '1'"),
    ("queue.0", {"hosts": "web1"}, "'web1' is not a list"),
]


@pytest.mark.parametrize(("where", "wrong", "message"), WRONG)
def test_a_broken_lock_is_refused_and_named(
    world: World, where: str, wrong: dict[str, Any], message: str
) -> None:
    documents = deepcopy(write_locks(world.locks))
    inside: Any = documents["lock/nginx"]
    for step in filter(None, where.split(".")):
        inside = inside[int(step)] if step.isdigit() else inside[step]
    inside.update(wrong)
    with pytest.raises(BrokenLockError, match=message) as error:
        read_locks(documents)
    assert 'The lock "lock/nginx" in the store is broken, and was left as it is' in str(error.value)
    assert error.value.details == {"lock": "lock/nginx"}


def test_what_a_newer_version_added_to_a_lock_is_kept(world: World) -> None:
    documents = write_locks(world.locks)
    documents["lock/nginx"]["colour"] = "red"
    assert write_locks(read_locks(documents), documents)["lock/nginx"]["colour"] == "red"


def test_a_lock_that_another_version_broke_is_no_case_for_a_backup(world: World) -> None:
    documents = write_locks(world.locks)
    documents["lock/nginx"] |= {"holders": [], "version": "0.9.0"}
    with pytest.raises(
        BrokenLockError, match=r"written by orderly.services 0.9.0: use that version"
    ) as error:
        read_locks(documents)
    assert "backup" not in str(error.value)


@pytest.mark.parametrize("key", ["members", "holders", "queue", "outcomes", "sequence"])
def test_a_lock_that_lacks_a_part_is_refused_and_named(world: World, key: str) -> None:
    documents = write_locks(world.locks)
    del documents["lock/nginx"][key]
    with pytest.raises(BrokenLockError, match=f"'{key}' is missing"):
        read_locks(documents)
