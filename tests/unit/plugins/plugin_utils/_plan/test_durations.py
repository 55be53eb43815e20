from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.durations import estimate, step_seconds
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Play

LAST = "going by last time"
WAVES = [
    Play("wave-1", "change", "Wave 1", ("d1", "w1"), {"db": ("d1",), "web": ("w1",)}),
    Play("wave-2", "change", "Wave 2", ("w2",), {"web": ("w2",)}),
]
CASES = [
    ("nothing is known", {}, ""),
    ("services of a wave work side by side", {"db/change": 600, "web/change": 60}, f"about 11 minutes, {LAST}"),
    ("a part that is new", {"web/change": 20}, f"about 1 minute, {LAST}, plus 1 never done before"),
    ("other parts do not count", {"web/validate": 600}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("seconds", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_plays_take_as_long_as_the_last_time(seconds: dict[str, float], words: str) -> None:
    assert estimate(WAVES, seconds) == words


# --- Steps ---


def test_a_step_takes_until_the_next_one_begins_on_the_slowest_host() -> None:
    quick = {"step2": 100.0, "step3": 101.0, "end": 111.04}
    slow = {"step2": 100.0, "step3": 104.5, "end": 106.0}
    assert step_seconds([quick, slow]) == {"step2": 4.5, "step3": 10.0}


def test_a_host_that_never_came_to_the_end_tells_of_the_steps_before() -> None:
    assert step_seconds([{"step2": 100.0, "step3": 101.0}]) == {"step2": 1.0}


def test_hosts_that_noted_nothing_tell_nothing() -> None:
    assert step_seconds([{}, {}]) == {}
    assert step_seconds([]) == {}


def test_the_turns_of_others_between_two_steps_count_for_neither() -> None:
    noted = {"step2": 100.0, "end2": 101.0, "step3": 160.0, "end3": 164.0}
    assert step_seconds([noted]) == {"step2": 1.0, "step3": 4.0}
