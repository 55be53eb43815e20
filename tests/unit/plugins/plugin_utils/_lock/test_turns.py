from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.turns import Marks, Patience

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "turns")


class Clock:
    """A clock that moves only while somebody sleeps; *then* happens at that second."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_whoever_comes_after_others_asks_when_all_of_these_have_asked(marks: Marks, tmp_path: Path) -> None:
    clock = Clock()
    others = Marks(tmp_path / "turns")  # of other processes

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        others.has_asked("web1" if clock.now < 1 else "a b/\n'c")

    marks.wait_for(["web1", "a b/\n'c"], clock.time, sleep)
    assert 1 <= clock.now < 2
    marks.wait_for(["web1"], clock.time, lambda _seconds: pytest.fail("it has asked"))


def test_nobody_waits_for_long_for_a_host_that_skips_its_task(marks: Marks) -> None:
    clock = Clock()
    marks.wait_for(["web1"], clock.time, clock.sleep)
    assert 5 <= clock.now < 6


def test_the_first_refusal_is_the_one_that_is_told(marks: Marks, tmp_path: Path) -> None:
    assert marks.refused() == ""
    marks.was_refused("web2")
    Marks(tmp_path / "turns").was_refused("web3")
    assert marks.refused() == "web2"


def test_only_what_was_waited_for_other_runs_counts_and_a_pause_without_an_event_makes_the_next_longer() -> (
    None
):
    one = Patience().spent(1.0, for_others=True)
    assert (one.waited, one.pause) == (1.0, 1.25)
    own = one.spent(1.25, for_others=False)
    assert (own.waited, own.pause) == (1.0, 1.5625)
    assert own.spent(0.1, for_others=True) == Patience(1.1, 1.5625)


def test_patience_goes_on_where_the_answer_before_has_left_off() -> None:
    spent = Patience(12.0, 3.0)
    assert Patience.after({"waits": True, **spent.as_result()}) == spent
    assert Patience.after({"granted": True, "waited": 12.0}) == Patience.after({}) == Patience()


def test_whoever_waits_for_hours_asks_some_dozens_of_times() -> None:
    patience, seconds, asked = Patience(), 0.0, 0
    while seconds < 10 * 3600:
        seconds += patience.pause
        patience = patience.spent(patience.pause, for_others=False)
        asked += 1
    assert asked < 60
