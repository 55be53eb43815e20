"""Names of any kind through the whole planner; ``tests/fuzz/names.py`` plays many more of them."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.tests.hostile.fleets import FLEETS, Fleet, check
from hypothesis import example, given, settings


@settings(max_examples=40)
@given(FLEETS)
@example(Fleet(["w1", "a{{ lookup('pipe', 'id') }}"], ["d1"]))
@example(Fleet(["w1", "w2"], ["d1"], web_group="../x"))
@example(Fleet(["w1", "db"], ["d1"]))
@example(Fleet(["w1", "w2"], ["x.y"], web_group="x.y"))
def test_names_are_names_wherever_a_plan_has_them_or_refused(fleet: Fleet) -> None:
    check(fleet)


@pytest.mark.parametrize(
    "name", ["::1", "fe80::1%eth0", "localhost", "web 1", "o'brien", 'x" or "y', "wéb", "a\\b", "</script>"]
)
def test_what_is_odd_and_yet_a_name_is_planned(name: str) -> None:
    assert check(Fleet([name, "w2"], [name, "d1", "d2"])) == "planned"
    assert check(Fleet([name], ["d1"])) == "planned"
