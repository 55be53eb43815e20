"""How those who wait pace themselves, by a clock that only moves when told."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock import waiting
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Waiting
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState

from ..lock_world import run


class FakeWatch:
    """Waits for something that changes at some second, or never; time only passes meanwhile."""

    def __init__(self, changes_at: float) -> None:
        self.now = 0.0
        self.changes_at = changes_at

    def clock(self) -> float:
        return self.now

    def changed(self, timeout: float) -> bool:
        self.now = min(self.now + timeout, self.changes_at)
        return self.now == self.changes_at


@pytest.mark.parametrize(
    ("changes_at", "over_at", "seconds", "every", "until"),
    [
        (1e9, 1e9, 7.5, 1, 7.5),
        (3.2, 1e9, 60, 1, 3.2),
        (1e9, 3.2, 60, 1, 4),
        (1e9, 3.2, 60, 6, 6),
        (3.2, 1.5, 60, 1, 2),
        (1e9, 1e9, 0, 1, 0),
    ],
)
def test_who_waits_looks_again_when_something_has_changed_or_a_run_has_ended(
    changes_at: float, over_at: float, seconds: float, every: float, until: float
) -> None:
    watch = FakeWatch(changes_at)
    waiting.wait_for_turn(watch.changed, seconds, every, lambda: watch.now >= over_at, watch.clock)
    assert watch.now == until


@pytest.mark.parametrize(("place", "seconds"), [(1, 1.0), (6, 1.5), (1000, 30.0)])
def test_those_in_front_look_oftener_whether_a_run_has_ended(place: int, seconds: float) -> None:
    assert waiting.look_seconds(Waiting({}, (), {"web": place})) == seconds


@pytest.mark.parametrize(("place", "seconds"), [(1, 8), (24, 8), (25, 16), (1000, 328)])
def test_the_longer_the_queue_the_rarer_is_it_read_as_a_whole(place: int, seconds: float) -> None:
    assert waiting.report_seconds(Waiting({}, (), {"web": place, "db": 1})) == seconds
    assert waiting.report_seconds(Waiting({}, (), {})) == 8


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
