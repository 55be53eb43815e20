from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.probe import Outages, say
from hypothesis import given
from hypothesis import strategies as st


def heard(*answers: str) -> Outages:
    """Ask each second; an empty answer is a good one."""
    outages = Outages("web")
    for second, complaint in enumerate(answers):
        outages.hear(complaint, float(second))
    return outages


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((), "web was never probed: the run was too short."),
        (("", ""), "web was available throughout (2 answers)."),
        (("", "503", "", ""), "web was unavailable for 1.0 s, once (503)."),
        (
            ("503", "", "late", "late", ""),
            "web was unavailable for 3.0 s, 2 times, the longest for 2.0 s (late).",
        ),
        (("", "503", "503"), "web was unavailable for 3.0 s, once, and still is (503)."),
    ],
)
def test_an_outage_goes_from_the_first_bad_answer_to_the_next_good_one(
    answers: tuple[str, ...], expected: str
) -> None:
    assert say(heard(*answers).told(now=4.0)) == expected


@given(st.lists(st.sampled_from(["", "503"])))
def test_every_second_belongs_to_an_outage_or_does_not(answers: list[str]) -> None:
    told = heard(*answers).told(now=float(len(answers)))
    assert told["seconds_unavailable"] == answers.count("503")
    assert told["outages"] == len("".join(each or " " for each in answers).split())
    assert told["asked"] == len(answers)
