"""An answer of a host fits the shape that its reader relies on, or the misfit is named."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.answers import (
    MOST_ENTRIES,
    misfit,
    without_root,
)
from hypothesis import given
from hypothesis import strategies as st

SHAPE = {"pending": [{"unit": str, "count": int}], "in_force": bool, "not_checked": {str: str}}
GOOD: dict[str, Any] = {
    "pending": [{"unit": "web.service", "count": 2}],
    "in_force": True,
    "not_checked": {"a": "b"},
}


def test_what_fits() -> None:
    assert misfit({**GOOD, "more": object()}, SHAPE) == ""


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (None, "the answer is not a mapping"),
        ({**GOOD, "pending": None}, "the answer.pending is not a list"),
        ({**GOOD, "pending": [{"unit": None, "count": 1}]}, "the answer.pending[0].unit is not text"),
        ({**GOOD, "pending": [{"unit": "a", "count": True}]}, "the answer.pending[0].count is not a number"),
        ({**GOOD, "pending": [{"unit": "a"}]}, "the answer.pending[0] has no count"),
        ({**GOOD, "in_force": 1}, "the answer.in_force is not true or false"),
        ({**GOOD, "not_checked": {1: "b"}}, "the answer.not_checked has a key that is not text"),
        ({**GOOD, "not_checked": {"\x1b[2J": 1}}, r"the answer.not_checked.\x1b[2J is not text"),
        (
            {**GOOD, "pending": [{}] * (MOST_ENTRIES + 1)},
            "the answer.pending has 10001 entries, more than 10000",
        ),
    ],
)
def test_what_does_not_fit_is_named(odd: Any, why: str) -> None:
    assert misfit(odd, SHAPE) == why


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON)
def test_nothing_that_json_can_say_is_more_than_a_misfit(value: Any) -> None:
    assert misfit(value, SHAPE)
    assert misfit({**GOOD, "pending": value}, SHAPE).isprintable()


@pytest.mark.parametrize(
    ("said", "becomes", "is_named"),
    [
        ("Missing sudo password", "sudo", True),
        ("/bin/sh: 1: sudo: not found", "sudo", True),
        ("sudo: a password is required\n", "sudo", True),
        ("Timeout (12s) waiting for privilege escalation prompt: ", "su", True),
        ("/usr/bin/python3: not found", "sudo", False),
        ("sudo: a password is required", "", False),
    ],
)
def test_a_module_that_did_not_run_names_become_where_that_is_the_likely_cause(
    said: str, becomes: str, is_named: bool
) -> None:
    words = without_root(said, becomes)
    assert words.startswith("The module did not run on this host: ")
    assert said.split(":", maxsplit=1)[0].strip() in words
    assert (f"become root with {becomes}:" in words and "--ask-become-pass" in words) is is_named
