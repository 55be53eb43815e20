from __future__ import annotations

from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import LockError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import (
    RefusedError,
    TimedOutError,
    acquire,
    claims_of,
    enqueue,
    force_release,
    held_slots,
    locks_of,
    out_of_service,
    preview,
    release,
    retry,
    take_out,
    take_turn,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import (
    Claim,
    Granted,
    Request,
    Waiting,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError

from ..lock_world import WEB, MemoryStore, run

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Documents, Part


class FakeStore(MemoryStore):
    """A store in memory whose time only passes while it is waited for; ``events`` happen at their second."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.events: dict[float, Callable[[], object]] = {}

    def clock(self) -> float:
        return self.now

    def wait_for_change(self, timeout: float, keys: Collection[str] = ()) -> bool:
        before = [self.documents.get(key) for key in keys]
        self.now += timeout
        for at in [at for at in self.events if at <= self.now]:
            self.events.pop(at)()
        return before != [self.documents.get(key) for key in keys]


class Fleet:
    """Runs that ask for hosts of nginx, one slot in all."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.over: set[Run] = set()
        self.told: list[tuple[float, str]] = []

    def state_of(self, one: Run) -> RunState:
        return RunState.OVER if one in self.over else RunState.LIVE

    def request(self, pid: int, host: str) -> Request:
        return Request(f"roll{pid}", run(pid), "restart", (Claim("nginx", frozenset({host}), WEB, 1),))

    def acquire(self, pid: int, host: str, wait: float = 3600) -> Any:
        def tell(waiting: Waiting, waited: float) -> None:
            self.told.append((waited, waiting.message))

        return acquire(
            self.store,
            self.request(pid, host),
            wait=wait,
            progress=tell,
            state_of=self.state_of,
            clock=self.store.clock,
        )

    def release(self, pid: int, host: str) -> list[str]:
        return [slot.holder.host for slot in release(self.store, f"roll{pid}", run(pid), [host])]

    @property
    def queue(self) -> list[Any]:
        return list(self.store.read("queue/nginx/"))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


def test_a_free_lock_is_taken_at_once(fleet: Fleet) -> None:
    grant = fleet.acquire(1, "web1")
    assert (grant.granted.changed, grant.slots, grant.waited) == (True, {"web1": ["nginx"]}, 0)
    assert fleet.told == []


def test_a_busy_lock_is_taken_as_soon_as_it_is_given_back(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    fleet.store.events[25] = lambda: fleet.release(1, "web1")
    assert fleet.acquire(2, "web2").waited == 25
    assert fleet.queue == []


def test_whoever_waits_is_told_for_whom_at_once_and_at_least_every_ten_seconds(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    with pytest.raises(TimedOutError):
        fleet.acquire(2, "web2", wait=60)
    times = [0.0, *(waited for waited, _message in fleet.told), 60.0]
    assert fleet.told[0][0] == 0
    assert fleet.told[0][1].startswith("web1 has held a slot of nginx since")
    assert all(later - earlier <= 10 for earlier, later in pairwise(times))


def test_waiting_ends_with_who_was_in_the_way_and_leaves_the_queue(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    with pytest.raises(TimedOutError, match="not free for 60 s: web1 has held a slot of nginx") as error:
        fleet.acquire(2, "web2", wait=60)
    assert error.value.details["why"] == "timed_out"
    assert [holder["host"] for holder in error.value.details["holders"]] == ["web1"]
    assert fleet.queue == []


def test_a_holder_that_dies_meanwhile_ends_the_waiting(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    fleet.store.events[5] = lambda: fleet.over.add(run(1))
    with pytest.raises(RefusedError) as error:
        fleet.acquire(2, "web2")
    assert error.value.why == "budget_spent"
    assert fleet.store.now <= 6
    assert fleet.queue == []


def test_a_task_whose_playbook_dies_meanwhile_takes_nothing(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    fleet.store.events[5] = lambda: (fleet.over.add(run(2)), fleet.release(1, "web1"))
    with pytest.raises(RefusedError) as error:
        fleet.acquire(2, "web2")
    assert error.value.why == "abandoned"
    assert held_slots(fleet.store) == ()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreError("The disk is full.")])
def test_whatever_ends_the_waiting_no_request_stays_in_the_queue(fleet: Fleet, error: BaseException) -> None:
    def fail() -> None:
        raise error

    fleet.acquire(1, "web1")
    fleet.store.events[5] = fail
    with pytest.raises(type(error)):
        fleet.acquire(2, "web2")
    assert fleet.queue == []


def test_a_preview_tells_and_takes_nothing(fleet: Fleet) -> None:
    free = preview(fleet.store, fleet.request(1, "web1"), state_of=fleet.state_of)
    assert isinstance(free, Granted)
    assert fleet.store.documents == {}
    fleet.acquire(1, "web1")
    before = dict(fleet.store.documents)
    assert isinstance(preview(fleet.store, fleet.request(2, "web2"), state_of=fleet.state_of), Waiting)
    assert fleet.store.documents == before


def test_a_release_tells_what_it_gave_back(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    assert fleet.release(2, "web1") == []
    assert fleet.release(1, "web1") == ["web1"]
    assert fleet.release(1, "web1") == []


def test_a_wave_claims_each_service_for_its_own_hosts_with_the_budget_of_the_catalogue() -> None:
    services = [
        Service("nginx", "nginx", Path(), "web", max_unavailable="50%"),
        Service("redis", "redis", Path(), "cache", max_unavailable=2),
        Service("haproxy", "haproxy", Path(), "lb"),
    ]
    groups = {"web": ["a", "b", "c"], "cache": ["c"], "lb": ["d"]}
    assert claims_of(services, groups, {"a": ["nginx"], "c": ["redis", "nginx"], "d": []}) == (
        Claim("nginx", frozenset("ac"), frozenset("abc"), "50%"),
        Claim("redis", frozenset("c"), frozenset("c"), 2),
    )


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_forced_release_needs_a_reason(fleet: Fleet, reason: str) -> None:
    fleet.acquire(1, "web1")
    with pytest.raises(LockError, match="needs a reason"):
        force_release(fleet.store, ["web1"], reason=reason)
    assert len(held_slots(fleet.store)) == 1
    assert force_release(fleet.store, ["web1"], reason="checked by hand")
    assert held_slots(fleet.store) == ()


def test_those_at_the_back_look_less_often_and_still_tell_whom_they_wait_for(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    for pid in range(2, 22):
        enqueue(fleet.store, fleet.request(pid, "web2"), state_of=fleet.state_of)
    looks: list[float] = []
    read = fleet.store.read

    def counted(*parts: Part) -> Any:
        looks.append(fleet.store.now)
        return read(*parts)

    fleet.store.read = counted  # type: ignore[method-assign] # counts what is read
    with pytest.raises(TimedOutError):
        fleet.acquire(30, "web3", wait=60)
    assert len(looks) < 16
    told = [at for at, _message in fleet.told[-6:]]
    assert max(after - before for before, after in pairwise(told)) <= 10


def test_who_waits_reads_none_of_those_who_come_later(fleet: Fleet) -> None:
    def others_come() -> None:
        for pid in range(3, 23):
            enqueue(fleet.store, fleet.request(pid, "web3"), state_of=fleet.state_of)

    looks: list[int] = []
    read = fleet.store.read

    def counted(*parts: Part) -> Documents:
        documents = read(*parts)
        looks.append(sum(key.startswith("queue/") for key in documents))
        return documents

    fleet.acquire(1, "web1")
    fleet.store.events[5] = others_come
    fleet.store.events[25] = lambda: fleet.release(1, "web1")
    fleet.store.read = counted  # type: ignore[method-assign] # counts what is read
    assert fleet.acquire(2, "web2").waited >= 25
    assert looks[-1] == 1
    assert len(fleet.queue) == 20


def test_whose_request_is_taken_away_waits_behind_those_who_came_meanwhile(fleet: Fleet) -> None:
    def is_taken_away() -> None:
        enqueue(fleet.store, fleet.request(3, "web3"), state_of=fleet.state_of)
        place = fleet.queue[0]
        fleet.store.transact((place,), lambda _documents: ({place: None}, None))

    fleet.acquire(1, "web1")
    fleet.store.events[5] = is_taken_away
    fleet.store.events[25] = lambda: fleet.release(1, "web1")
    with pytest.raises(TimedOutError) as error:
        fleet.acquire(2, "web2", wait=60)
    assert error.value.details["positions"] == {"nginx": 2}


def test_who_holds_and_who_is_out_of_service_is_told_without_members_and_queues(fleet: Fleet) -> None:
    fleet.acquire(1, "web1")
    enqueue(fleet.store, fleet.request(2, "web2"), state_of=fleet.state_of)
    take_out(fleet.store, {"web4": ["nginx"]}, reason="repair")
    sizes: list[int] = []
    read = fleet.store.read

    def counted(*parts: Part) -> Documents:
        documents = read(*parts)
        sizes.append(len(documents))
        return documents

    fleet.store.read = counted  # type: ignore[method-assign] # counts what is read
    assert out_of_service(fleet.store) == {"nginx": {"web4": "repair"}}
    assert [slot.holder.host for slot in held_slots(fleet.store)] == ["web1"]
    assert sizes == [1, 1]


def test_slots_that_are_given_back_to_be_asked_for_anew_wait_behind_all_others(tmp_path: Path) -> None:
    def asks(pid: int, host: str) -> Request:
        return Request("roll", run(pid), "x", (Claim("nginx", frozenset({host}), WEB, 1),), retries=2)

    with closing(SqliteStore(tmp_path / "store.db")) as store:  # which insists that what is written was read
        acquire(store, asks(1, "web1"), state_of=lambda _run: RunState.LIVE)
        enqueue(store, asks(2, "web2"), state_of=lambda _run: RunState.LIVE)
        assert retry(store, "roll", run(1), ["web1"], hold=False).attempts == {"web1": 1}
        assert held_slots(store) == ()
        queue = locks_of(store)["nginx"].queue
    assert [sorted(one.hosts) for one in queue] == [["web2"], ["web1"]]


# --- Hosts that ask each for itself ---


class Turns(Fleet):
    """One run whose hosts ask each for itself."""

    def takes(self, host: str, **how: Any) -> Any:
        request = Request(
            "roll1", run(1), "restart", (Claim("nginx", frozenset({host}), WEB, 1),), beside=WEB - {host}
        )
        return take_turn(
            self.store, request, **{"seconds": 10, **how}, state_of=self.state_of, clock=self.store.clock
        )


@pytest.fixture
def turns() -> Turns:
    return Turns()


def test_who_has_no_turn_yet_keeps_its_place_and_comes_back_after_a_pause(turns: Turns) -> None:
    assert isinstance(turns.takes("web1"), Granted)
    assert isinstance(turns.takes("web2"), Waiting)
    assert turns.store.now == 10
    assert len(turns.queue) == 1
    turns.release(1, "web1")
    assert isinstance(turns.takes("web2"), Granted)
    assert turns.queue == []


def test_nothing_is_granted_to_a_question_that_has_waited(turns: Turns) -> None:
    turns.takes("web1")
    turns.store.events[1] = lambda: turns.release(1, "web1")
    assert isinstance(turns.takes("web2"), Waiting)
    assert turns.store.now < 10  # it comes back as soon as that has changed
    assert list(turns.store.read("queue/nginx/")) != []


def test_those_who_wait_hear_when_to_stop_waiting(turns: Turns) -> None:
    turns.takes("web1")
    assert isinstance(turns.takes("web2", is_over=lambda: turns.store.now >= 3), Waiting)
    assert turns.store.now < 5


def test_others_may_ask_as_soon_as_the_place_is_taken(turns: Turns) -> None:
    turns.takes("web1")
    asked: list[tuple[float, int]] = []
    turns.takes("web2", asked=lambda _waiting: asked.append((turns.store.now, len(turns.queue))))
    assert asked == [(0.0, 1)]


def test_only_other_runs_are_not_waited_for_without_end(turns: Turns) -> None:
    turns.takes("web1")
    assert isinstance(turns.takes("web2", waited=100, wait=60), Waiting)
    turns.release(1, "web1")
    turns.takes("web2")
    turns.release(1, "web2")
    turns.acquire(2, "web4")
    with pytest.raises(TimedOutError, match="not free for 100 s: web4 has held"):
        turns.takes("web3", waited=100, wait=60)
    assert turns.queue == []
