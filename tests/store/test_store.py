"""What every store must do; a new one is one more parameter here."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import (
    RefusedError,
    TimedOutError,
    acquire,
    enqueue,
    locks_of,
    preview,
    release,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.reading import Reading
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Claim,
    Granted,
    Request,
    Waiting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState, this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    BACKENDS,
    Rehearsal,
    Store,
    StoreError,
    default_url,
    open_store,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import PREFIX as RUNS
from ansible_collections.orderly.services.tests.unit.plugins.plugin_utils.lock_world import World

from .conftest import STORES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.queues import Queue
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Document, Documents


FORK = multiprocessing.get_context("fork")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as opened:
        yield opened


def put(store: Store, key: str, value: object) -> None:
    store.transact((key,), lambda _documents: ({key: {"value": value}}, None))


def increment(store: Store, key: str) -> int:
    def decide(documents: dict[str, dict[str, int]]) -> tuple[dict[str, dict[str, int]], int]:
        value = documents.get(key, {"value": 0})["value"] + 1
        return {key: {"value": value}}, value

    return store.transact((key,), decide)


def test_every_backend_is_in_this_suite() -> None:
    assert {name.partition(",")[0] for name in STORES} == BACKENDS.keys()


def test_a_store_has_one_id_for_ever(store: Store, url: str) -> None:
    first = store.store_id()
    assert first
    with closing(open_store(url)) as again:
        assert again.store_id() == first


def test_an_id_that_is_only_looked_for_makes_no_store(store: Store) -> None:
    assert store.store_id(create=False) == ""
    assert Rehearsal(store).store_id() == ""
    put(store, "a", 1)
    assert store.store_id(create=False) == store.store_id() != ""


def test_released_retries_take_turns(store: Store) -> None:
    world = World(store)
    world.asks(1, "web1")
    world.asks(2, "web2")
    served = []
    for _turn in range(3):
        for pid, other in ((1, 2), (2, 1)):
            assert isinstance(world.asks(pid, f"web{pid}"), Granted)
            assert isinstance(world.asks(other, f"web{other}"), Waiting)
            world.retries(pid, f"web{pid}", hold=False)
            served.append(pid)
    assert served == [1, 2] * 3


def test_reading_gives_what_is_under_the_prefixes_and_nothing_else(store: Store) -> None:
    for key in ("lock/a", "lock/b", "lockless", "journal/1/x", "journal/2/x"):
        put(store, key, key)
    assert sorted(store.read("lock/", "journal/1/")) == ["journal/1/x", "lock/a", "lock/b"]
    assert store.read("lock/a") == {"lock/a": {"value": "lock/a"}}
    assert store.read() == {}


def test_documents_come_back_as_they_went(store: Store) -> None:
    put(store, "x", {"Umlaut": "ü \u201cquoted\u201d\n\0", "list": [1, None, True, 1.5], "empty": {}})
    assert store.read("x")["x"]["value"] == {
        "Umlaut": "ü \u201cquoted\u201d\n\0",
        "list": [1, None, True, 1.5],
        "empty": {},
    }


def test_a_transaction_sees_and_changes_only_what_it_names(store: Store) -> None:
    put(store, "a/1", 1)
    put(store, "b/1", 1)
    seen = store.transact(("a/",), lambda documents: ({"a/1": None, "a/2": {"value": 2}}, sorted(documents)))
    assert seen == ["a/1"]
    assert store.read("a/", "b/") == {"a/2": {"value": 2}, "b/1": {"value": 1}}
    with pytest.raises(ValueError, match="b/1 was written but not read"):
        store.transact(("a/",), lambda _documents: ({"a/2": None, "b/1": None}, None))
    assert store.read("a/", "b/") == {"a/2": {"value": 2}, "b/1": {"value": 1}}


@pytest.mark.parametrize("upon", [None, (), ("sum", "a/new", "a/old", "a/gone")])
@pytest.mark.parametrize("other", [{"a/new": {"value": 5}}, {"a/old": {"value": 5}}, {"a/gone": None}])
def test_a_decision_that_was_overtaken_is_made_again_where_it_rests_on_what_changed(
    store: Store, url: str, upon: tuple[str, ...] | None, other: dict[str, Any]
) -> None:
    store.transact(("a/",), lambda _documents: ({"a/old": {"value": 1}, "a/gone": {"value": 2}}, None))
    made = []

    def decide(documents: dict[str, dict[str, int]]) -> tuple[dict[str, Any], int]:
        if not made:
            with closing(open_store(url)) as overtaking:
                overtaking.transact(("a/",), lambda _documents: (other, None))
        made.append(sum(each["value"] for each in documents.values()))
        return {"sum": {"value": made[-1]}}, made[-1]

    total = store.transact(("a/", "sum"), decide, upon=upon)
    now = sum(each["value"] for each in store.read("a/").values())
    assert store.read("sum") == {"sum": {"value": total}}
    assert upon == () or total == now


def test_no_writer_overwrites_what_it_has_not_seen_though_its_decision_rests_on_nothing(
    store: Store, url: str
) -> None:
    def decide(documents: dict[str, dict[str, int]]) -> tuple[dict[str, Any], None]:
        if not documents:
            with closing(open_store(url)) as overtaking:
                increment(overtaking, "n")
        return {"n": {"value": documents.get("n", {"value": 0})["value"] + 1}}, None

    store.transact(("n",), decide, upon=())
    assert store.read("n") == {"n": {"value": 2}}


def test_an_error_in_a_decision_changes_nothing_and_the_store_goes_on(store: Store) -> None:
    put(store, "a", 1)

    def decide(_documents: object) -> tuple[dict[str, None], None]:
        raise LockError("no")

    with pytest.raises(LockError, match="no"):
        store.transact(("a",), decide)
    put(store, "b", 2)
    assert store.read("a", "b") == {"a": {"value": 1}, "b": {"value": 2}}


def test_a_rehearsal_decides_as_ever_and_writes_nothing(store: Store) -> None:
    increment(store, "n")
    assert increment(Rehearsal(store), "n") == 2
    assert store.read("n") == {"n": {"value": 1}}


# --- Waiting ---


def test_waiting_ends_with_the_time_when_nothing_changes(store: Store) -> None:
    put(store, "a", 1)
    store.read("a")
    start = time.monotonic()
    assert not store.wait_for_change(0.2)
    assert time.monotonic() - start >= 0.2


def test_a_change_between_reading_and_waiting_is_not_missed(store: Store, url: str) -> None:
    store.store_id()
    store.read("a")
    with closing(open_store(url)) as other:
        put(other, "a", 1)
    assert store.wait_for_change(10)
    store.read("a")
    assert not store.wait_for_change(0)


def test_a_change_while_waiting_ends_it(store: Store, url: str) -> None:
    put(store, "a", 1)
    store.read("a")

    def write_later() -> None:
        time.sleep(0.3)
        put(open_store(url), "a", 2)

    writer = FORK.Process(target=write_later)
    writer.start()
    start = time.monotonic()
    assert store.wait_for_change(10)
    assert time.monotonic() - start < 5
    writer.join()


def test_who_waits_for_some_documents_is_not_woken_by_others(store: Store, url: str) -> None:
    put(store, "a/1", 1)
    store.read("a/")
    with closing(open_store(url)) as other:
        put(other, "a/2", 1)
        assert not store.wait_for_change(0.2, {"a/1", "a/3"})
        put(other, "a/1", 2)
    assert store.wait_for_change(10, {"a/1", "a/3"})


@pytest.mark.parametrize("change", [{"a/1": {"value": 2}}, {"a/1": None}, {"a/3": {"value": 1}}])
@pytest.mark.parametrize("pause", [0, 0.3])
def test_who_waits_for_some_documents_misses_nothing_that_happens_to_them(
    store: Store, url: str, change: dict[str, Any], pause: float
) -> None:
    store.transact(("a/",), lambda _documents: ({"a/1": {"value": 0}}, None))
    store.read("a/")
    put(store, "a/1", 1)  # what it writes itself is no news
    assert not store.wait_for_change(0, {"a/1", "a/3"})

    def write() -> None:
        time.sleep(pause)
        open_store(url).transact(("a/",), lambda _documents: (change, None))

    writer = FORK.Process(target=write)
    writer.start()
    if not pause:
        writer.join()
    start = time.monotonic()
    assert store.wait_for_change(10, {"a/1", "a/3"})
    assert time.monotonic() - start < 5
    writer.join()


# --- Many processes ---


def test_many_processes_lose_no_update(url: str) -> None:
    def work() -> None:
        with closing(open_store(url)) as store:
            for _time in range(25):
                increment(store, "n")

    workers = [FORK.Process(target=work) for _time in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    assert open_store(url).read("n") == {"n": {"value": 200}}


def test_many_processes_that_open_a_new_store_at_once_share_one(url: str) -> None:
    ids: Queue[str] = FORK.Queue()
    workers = [FORK.Process(target=lambda: ids.put(open_store(url).store_id())) for _time in range(8)]
    for worker in workers:
        worker.start()
    found = {ids.get(timeout=30) for _time in workers}
    for worker in workers:
        worker.join()
    assert len(found) == 1


def test_writers_that_are_killed_leave_a_whole_store(url: str) -> None:
    def both(documents: dict[str, dict[str, int]]) -> tuple[dict[str, dict[str, int]], None]:
        n = documents.get("pair/a", {"n": 0})["n"] + 1
        return {"pair/a": {"n": n}, "pair/b": {"n": n}}, None

    def write_for_ever() -> None:
        with closing(open_store(url)) as store:
            while True:
                store.transact(("pair/",), both)

    for round_ in range(12):
        writer = FORK.Process(target=write_for_ever)
        writer.start()
        time.sleep(0.02 + round_ * 0.005)
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        with closing(open_store(url)) as store:
            documents = store.read("pair/")
            assert documents.get("pair/a") == documents.get("pair/b")
            put(store, "alive", round_)


HOSTS = frozenset(f"h{n}" for n in range(8))


def wave(host: str, budget: int) -> Request:
    return Request(f"roll {host}", this_run(), "restart", (Claim("web", frozenset({host}), HOSTS, budget),))


def test_many_runs_contend_and_never_more_hosts_are_down_than_the_budget(url: str, tmp_path: Path) -> None:
    down = tmp_path / "down"
    down.mkdir()
    most: Queue[int] = FORK.Queue()

    def roll(host: str) -> None:
        with closing(open_store(url)) as store:
            for _time in range(3):
                request = wave(host, budget=2)
                acquire(store, request, wait=60)
                (down / host).touch()
                time.sleep(0.05)
                most.put(len(list(down.iterdir())))
                (down / host).unlink()
                release(store, request.roll, request.run, [host])

    workers = [FORK.Process(target=roll, args=(host,)) for host in HOSTS]
    for worker in workers:
        worker.start()
    seen = [most.get(timeout=60) for _time in range(3 * len(HOSTS))]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(HOSTS)
    assert max(seen) <= 2


def test_a_holder_that_is_killed_is_named_to_those_who_wait_for_it(url: str) -> None:
    def hold() -> None:
        acquire(open_store(url), wave("h1", budget=1))
        time.sleep(60)

    holder = FORK.Process(target=hold)
    holder.start()
    while not open_store(url).read("lock/web"):
        time.sleep(0.01)

    def kill(*_anything: object) -> None:
        os.kill(holder.pid or 0, signal.SIGKILL)
        holder.join()

    with closing(open_store(url)) as store, pytest.raises(RefusedError) as refused:
        acquire(store, wave("h2", budget=1), progress=kill)
    assert refused.value.why == "budget_spent"
    assert refused.value.details["holders"][0]["host"] == "h1"
    assert refused.value.details["holders"][0]["pid"] == holder.pid


def test_a_holder_that_stands_still_for_long_keeps_its_slot_and_goes_on(url: str) -> None:
    def hold() -> None:
        with closing(open_store(url)) as store:
            request = wave("h1", budget=1)
            acquire(store, request)
            os.kill(os.getpid(), signal.SIGSTOP)
            assert release(store, request.roll, request.run, ["h1"])

    holder = FORK.Process(target=hold)
    holder.start()
    os.waitpid(holder.pid or 0, os.WUNTRACED)
    with closing(open_store(url)) as store:
        with pytest.raises(TimedOutError, match="h1 has held a slot of web since"):
            acquire(store, wave("h2", budget=1), wait=1)
        os.kill(holder.pid or 0, signal.SIGCONT)
        assert acquire(store, wave("h2", budget=1), wait=60).slots == {"h2": ["web"]}
    holder.join()
    assert holder.exitcode == 0


# --- Long queues, large fleets, earlier versions ---


def live(_run: Run) -> RunState:
    return RunState.LIVE


def queued(store: Store, runs: int) -> None:
    """Let the first run hold the slot of web, and all others wait for it."""
    acquire(store, asks(0), state_of=live)
    for pid in range(1, runs):
        enqueue(store, asks(pid), state_of=live)


def asks(pid: int) -> Request:
    host = f"h{pid}"
    members = frozenset({host, *HOSTS})
    return Request(
        f"r{pid}", replace(this_run(), pid=pid), "x", (Claim("web", frozenset({host}), members, 1),)
    )


def test_who_waits_is_only_woken_by_the_one_right_before(url: str) -> None:
    with closing(open_store(url)) as store, closing(open_store(url)) as other:
        queued(world_of(store), 4)
        waiting = preview(store, asks(3), state_of=live)
        assert isinstance(waiting, Waiting)
        keys = Reading(asks(3).roll, asks(3).run, asks(3)).watched(waiting)
        store.read("")
        release(other, "r0", asks(0).run, ["h0"])
        release(other, "r1", asks(1).run, ["h1"])
        assert not store.wait_for_change(0.2, keys)
        release(other, "r2", asks(2).run, ["h2"])
        assert store.wait_for_change(10, keys)


def test_what_is_read_does_not_grow_with_who_waits_elsewhere(url: str) -> None:
    elsewhere = replace(asks(30), claims=(replace(asks(30).claims[0], service="db"),))
    sizes = []

    def most_read(store: Store) -> int:
        transact = store.transact

        def counted(parts: Any, decide: Any, **options: Any) -> Any:
            return transact(parts, lambda read: (sizes.append(len(read)), decide(read))[1], **options)

        store.transact = counted  # type: ignore[method-assign] # counts what is read
        acquire(store, elsewhere, wait=5, state_of=live)
        release(store, elsewhere.roll, elsewhere.run, elsewhere.hosts)
        return max(sizes)

    with closing(open_store(url)) as store, closing(open_store(url)) as few, closing(open_store(url)) as many:
        queued(world_of(store), 4)
        acquire(store, elsewhere, state_of=live)
        release(store, elsewhere.roll, elsewhere.run, elsewhere.hosts)
        before = most_read(few)
        for pid in range(4, 30):
            enqueue(store, asks(pid), state_of=live)
        assert most_read(many) == before


def test_no_document_of_a_lock_grows_with_its_members_or_its_queue_but_the_list_of_members(url: str) -> None:
    members = frozenset(f"host{n}.example.org" for n in range(10_000))
    with closing(open_store(url)) as store:
        claim = Claim("web", frozenset({"host1.example.org"}), members, 1)
        acquire(world_of(store), Request("r", this_run(), "x", (claim,)))
        sizes = {key: len(json.dumps(each)) for key, each in store.read("").items()}
        assert sizes.pop("members/web") > 100_000
        assert max(sizes.values()) < 2_000
        assert len(locks_of(store)["web"].members) == 10_000
        assert release(store, "r", this_run(), ["host1.example.org"])
        assert len(locks_of(store)["web"].members) == 10_000


def test_a_store_of_an_earlier_version_is_divided_before_its_locks_are_changed(url: str) -> None:
    with closing(open_store(url)) as store:
        queued(world_of(store), 3)
        before = locks_of(store)
        documents = store.read("lock/", "members/", "queue/")
        one = {
            **documents.pop("lock/web"),
            "members": documents.pop("members/web")["members"],
            "queue": [
                {name: value for name, value in each.items() if name not in ("format", "version")}
                for each in documents.values()
            ],
            "format": 1,
        }
        store.transact(("",), lambda old: ({**_none_of_locks(old), "lock/web": one}, None))
        assert locks_of(store) == before
        release(Rehearsal(store), "r0", asks(0).run, ["h0"])
        assert locks_of(store) == before
        assert release(store, "r0", asks(0).run, ["h0"])
        after = locks_of(store)["web"]
        assert (after.members, after.queue, after.holders) == (before["web"].members, before["web"].queue, {})
        assert sorted(store.read("lock/", "members/", "queue/")) == [
            "lock/web",
            "members/web",
            "queue/web/00-000000000002",
            "queue/web/00-000000000003",
        ]


def _none_of_locks(documents: Documents) -> dict[str, Document | None]:
    return dict.fromkeys(key for key in documents if key.startswith(("lock/", "members/", "queue/", "meet/")))


def world_of(store: Store) -> Store:
    """Let all runs of these tests be seen by others, where a store has others."""
    for pid in (this_run().pid, *range(31)):
        key = f"{RUNS}{replace(this_run(), pid=pid).id}"
        document = document_of(replace(this_run(), pid=pid), RunState.LIVE)
        store.transact((key,), lambda _documents, key=key, document=document: ({key: document}, None))
    return store


# --- Names of stores ---

WRONG = ["", "/var/lib/store.db", "nfs://x/y", "sqlite:/x", "sqlite://relative/store.db", "sqlite:///folder/"]


@pytest.mark.parametrize("wrong", WRONG)
def test_what_names_no_store_is_refused(wrong: str) -> None:
    with pytest.raises(StoreError, match="is not a store address"):
        open_store(wrong)


DEFAULTS = [
    (True, {}, "sqlite:///var/lib/orderly/store.db"),
    (False, {"XDG_STATE_HOME": "/s", "HOME": "/h"}, "sqlite:///s/orderly/store.db"),
    (False, {"HOME": "/h"}, "sqlite:///h/.local/state/orderly/store.db"),
]


@pytest.mark.parametrize(("root", "environ", "expected"), DEFAULTS)
def test_the_default_store_is_the_users_own(root: bool, environ: dict[str, str], expected: str) -> None:
    assert default_url(environ, root=root) == expected
