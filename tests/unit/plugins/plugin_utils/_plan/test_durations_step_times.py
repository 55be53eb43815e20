from __future__ import annotations

from ansible_collections.orderly.services.plugins.plugin_utils._plan.durations import step_seconds


def test_a_step_takes_until_the_next_one_begins_on_the_slowest_host() -> None:
    quick = {"step2": 100.0, "step3": 101.0, "end": 111.04}
    slow = {"step2": 100.0, "step3": 104.5, "end": 106.0}
    assert step_seconds([quick, slow]) == {"step2": 4.5, "step3": 10.0}


def test_a_host_that_never_came_to_the_end_tells_of_the_steps_before() -> None:
    assert step_seconds([{"step2": 100.0, "step3": 101.0}]) == {"step2": 1.0}


def test_hosts_that_noted_nothing_tell_nothing() -> None:
    assert step_seconds([{}, {}]) == {}
    assert step_seconds([]) == {}
