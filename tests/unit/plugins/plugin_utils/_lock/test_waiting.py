"""How those who wait pace themselves, by a clock that only moves when told."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock import waiting
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState

from ..lock_world import MemoryStore, run


class FakeStore(MemoryStore):
    """A store in which nothing changes, and whose time only passes while it is waited for."""

    now = 0.0

    def clock(self) -> float:
        return self.now

    def wait_for_change(self, timeout: float) -> bool:
        self.now += timeout
        return False


def test_whoever_is_at_the_back_sleeps_while_most_of_those_in_front_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FakeStore()
    slept: list[float] = []
    monkeypatch.setattr(waiting.time, "sleep", slept.append)
    pace = waiting.Pace(store.clock)
    waits: list[list[float]] = []
    for now, in_front in ((0, 52), (12, 52), (24, 42), (24.1, 32), (24.2, 2), (36, 1), (48, 3), (60, 0)):
        store.now = now
        pace.wait(store, in_front, seconds=0.75)
        waits.append(slept.copy())
        slept.clear()
    unknown, unmoved, slow, fast, next_but_one, next_one, put_back, first = waits
    assert (
        unknown == unmoved == next_but_one == next_one == put_back == first == []
    )  # they wait for the next change
    assert slow == [0.75]  # one in a second, so the others are far away; but no longer than it was asked for
    assert fast == pytest.approx([0.8 * 30 * 0.01])


def test_those_in_front_look_oftener_and_nobody_longer_than_it_was_asked_for() -> None:
    store = FakeStore()
    pace = waiting.Pace(store.clock)
    looks = []
    for in_front, seconds in ((0, 60), (5, 60), (500, 60), (500, 3)):
        store.now, pace._in_front = 0.0, in_front  # nothing moved
        pace.wait(store, in_front, seconds)
        looks.append(store.now)
    assert looks == [1.0, 1.5, 8.0, 3]


def test_who_is_alive_is_not_asked_again_for_a_moment_but_who_asks_always_is() -> None:
    now, asked = [0.0], []

    def state_of(one: Run) -> RunState:
        asked.append(one.pid)
        return RunState.LIVE if one.pid < 3 else RunState.UNKNOWN

    own, other, unknown = run(1), run(2), run(3)
    state = waiting.Alive(lambda: now[0], own)
    for now[0] in (0.0, 0.9, 1.0):
        seen = state.remembered(state_of)
        assert [seen(one) for one in (own, other, unknown)] == [
            RunState.LIVE,
            RunState.LIVE,
            RunState.UNKNOWN,
        ]
    assert asked == [1, 2, 3, 1, 3, 1, 2, 3]
