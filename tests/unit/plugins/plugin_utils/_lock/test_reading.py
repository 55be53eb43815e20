"""What is read for a roll and a run, and what is found to be missing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.decision import decide
from ansible_collections.orderly.services.plugins.plugin_utils._lock.document import (
    LOCKS,
    read_locks,
    write_locks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.meeting import ALL, all_lists
from ansible_collections.orderly.services.plugins.plugin_utils._lock.reading import (
    ONE_BY_ONE,
    Reading,
    UnreadError,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Waiting
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Span, is_in, only

from ..lock_world import AT, World, request, run

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Request
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Documents

PLACE = "queue/nginx/00-{:012}"


@pytest.fixture
def world() -> World:
    """Let three runs wait for the nginx that a first one holds, and another hold the redis."""
    world = World()
    for pid in range(1, 5):
        world.asks(pid, f"web{pid}")
    world.asks(9, "web1", services="redis")
    return world


def documents_of(world: World) -> Documents:
    return {**write_locks(world.locks), **all_lists(world.locks, {})}


def reading_of(asked: Request) -> Reading:
    return Reading(asked.roll, asked.run, asked)


def read(world: World, reading: Reading) -> Documents:
    """Read what is in the world, as a store does."""
    return {key: each for key, each in documents_of(world).items() if is_in(key, reading.parts)}


def waits(world: World, pid: int) -> tuple[Reading, Waiting]:
    """Let a run look at its place in the queue of nginx."""
    asked = request(pid, f"web{pid}")
    reading = reading_of(asked)
    decision = decide(world.locks, asked, world.state_of, AT)
    assert isinstance(decision, Waiting)
    reading.wait(decision)
    return reading, decision


def test_who_comes_reads_the_whole_queue_of_what_it_claims_and_no_other_lock(world: World) -> None:
    reading = reading_of(request(5, "web1"))
    reading.check(read(world, reading))
    assert sorted(read(world, reading)) == [
        "lock/nginx", ALL, "members/nginx", PLACE.format(2), PLACE.format(3), PLACE.format(4)
    ]  # fmt: skip


def test_who_waits_reads_those_before_and_nobody_behind(world: World) -> None:
    reading, _waiting = waits(world, 3)
    reading.check(read(world, reading))
    assert [key for key in read(world, reading) if key.startswith("queue/")] == [
        PLACE.format(2),
        PLACE.format(3),
    ]


def test_who_forgets_members_reads_all_that_wait_for_them(world: World) -> None:
    asked = request(3, "web3", forget="web9")
    reading = reading_of(asked)
    decision = decide(world.locks, asked, world.state_of, AT)
    assert isinstance(decision, Waiting)
    reading.wait(decision)
    assert "queue/nginx/" in reading.parts


def test_whose_request_was_taken_away_reads_the_whole_queue_again(world: World) -> None:
    reading, _waiting = waits(world, 3)
    documents = read(world, reading)
    del documents[PLACE.format(3)]
    with pytest.raises(UnreadError) as error:
        reading.check(documents)
    assert error.value.parts == {"queue/nginx/"}


def test_what_a_roll_and_a_run_have_elsewhere_is_read_as_well(world: World) -> None:
    world.requests(9, "web2", services="nginx")
    reading = Reading("roll9", run(9))
    with pytest.raises(UnreadError) as error:
        reading.check(read(world, reading))
    assert error.value.parts == {only("lock/redis"), only("lock/nginx"), only(PLACE.format(6))}
    reading.add(error.value.parts)
    reading.check(read(world, reading))
    locks = read_locks(read(world, reading))
    assert [one.run.pid for one in locks["nginx"].queue] == [9]


def test_where_not_all_is_listed_all_locks_are_read(world: World) -> None:
    reading = Reading("roll9", run(9))
    with pytest.raises(UnreadError) as error:
        reading.check(write_locks(world.locks))
    assert error.value.parts == set(LOCKS)
    reading.add(error.value.parts)
    reading.check(write_locks(world.locks))


def test_a_request_with_hosts_out_of_service_is_looked_at_in_all_queues(world: World) -> None:
    reading = reading_of(request(5, "web1"))
    locks = read_locks(read(world, reading))
    reading.insist_on_idle(locks)
    away = {"nginx": replace(locks["nginx"], out_of_service={"web3": "repair"})}
    with pytest.raises(UnreadError) as error:
        reading.insist_on_idle(away)
    reading.add(error.value.parts)
    reading.insist_on_idle(away)


def test_a_run_that_this_machine_cannot_see_is_asked_for_in_the_store(world: World) -> None:
    reading = reading_of(
        replace(request(5, "web1"), run=replace(run(5), controller="elsewhere", machine="e"))
    )
    documents = read(world, reading)
    with pytest.raises(UnreadError) as error:
        reading.seen_by(documents)(run(1))
    assert error.value.parts == {only(f"run/{run(pid).id}") for pid in range(1, 5)}
    reading.add(error.value.parts)
    assert reading.seen_by(documents)(run(1)) is RunState.UNKNOWN


def test_a_crowd_of_runs_is_asked_for_at_once(world: World) -> None:
    for pid in range(10, 10 + ONE_BY_ONE):
        world.asks(pid, "web2")
    reading = reading_of(
        replace(request(5, "web1"), run=replace(run(5), controller="elsewhere", machine="e"))
    )
    with pytest.raises(UnreadError) as error:
        reading.seen_by(read(world, reading))(run(1))
    assert error.value.parts == {"run/"}


def test_who_waits_goes_on_to_read_of_those_runs_that_it_waits_for(world: World) -> None:
    asked = request(3, "web3")
    reading = reading_of(asked)
    decision = decide(world.locks, asked, world.state_of, AT)
    assert isinstance(decision, Waiting)
    with pytest.raises(UnreadError) as error:
        reading.insist_on_runs(decision)
    assert error.value.parts == {only(f"run/{run(2).id}")}
    reading.add([*error.value.parts, only(f"run/{run(1).id}"), "run/"])
    reading.insist_on_runs(decision)
    reading.wait(decision)
    assert only(f"run/{run(2).id}") in reading.parts
    assert not {only(f"run/{run(1).id}"), "run/"} & {*reading.parts}


WATCHED = [
    (2, {"lock/nginx"}),
    (3, {PLACE.format(2)}),
]


@pytest.mark.parametrize(("pid", "keys"), WATCHED)
def test_who_waits_watches_what_it_reads_of_the_one_before(world: World, pid: int, keys: set[str]) -> None:
    reading, waiting = waits(world, pid)
    assert reading.watched(waiting) == keys | {f"run/{run(pid).id}", f"run/{run(pid - 1).id}"}
    assert all(is_in(key, reading.parts) for key in reading.watched(waiting))


def test_a_span_has_its_ends() -> None:
    assert [key for key in "abcd" if is_in(key, [Span("b", "c")])] == ["b", "c"]
