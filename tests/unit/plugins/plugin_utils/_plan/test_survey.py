from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey, drift_of_versions


def answer(service: str = "web", **packages: str) -> dict[str, Any]:
    """Give what a host answers: ``nginx="1 2"`` is installed in version 1, and apt would install 2."""
    keys = ("installed", "candidate")
    versions = {name: dict(zip(keys, said.split(), strict=True)) for name, said in packages.items()}
    return {"services": {service: versions}}


AWAY = {"unreachable": True, "msg": "w3 is away."}
SURVEY = Survey.of(
    {"w1": answer(nginx="1 2"), "w2": answer(nginx="1 2"), "w10": answer(nginx="2 2"), "w3": AWAY},
    {"web": ["w10", "w3", "w2", "w1"]},
)


def test_hosts_with_the_same_versions_are_told_together() -> None:
    assert [(str(each), each.hosts) for each in SURVEY.services["web"]] == [
        ("nginx 1 → 2", ("w1", "w2")),
        ("nginx 2", ("w10",)),
    ]
    assert SURVEY.missing == ("w3",)
    assert Survey.from_data(SURVEY.as_data()) == SURVEY


def test_the_order_of_hosts_and_of_their_answers_changes_nothing() -> None:
    again = Survey.of(
        {"w3": AWAY, "w10": answer(nginx="2 2"), "w2": answer(nginx="1 2"), "w1": answer(nginx="1 2")},
        {"web": ["w1", "w2", "w3", "w10"]},
    )
    assert again == SURVEY


def test_only_what_apt_would_install_counts_as_drift() -> None:
    assert drift_of_versions(SURVEY, {"w1": answer(nginx="2 2"), "w10": answer(nginx="2 2")}) == ()


def test_drift_tells_what_was_and_what_is_with_its_hosts() -> None:
    now = {
        "w1": answer(nginx="1 3"),
        "w2": answer(nginx="1 3"),
        "w10": answer(nginx="2 2", zlib="1 2"),
        "w3": answer(nginx="1 2"),
    }
    assert drift_of_versions(SURVEY, now) == (
        "nginx of web: 2 was approved, but apt would now install 3 (w1 w2)",
        "everything of web: was not surveyed when the plan was made (w3)",
        "zlib of web: nothing was approved, but apt would now install 2 (w10)",
    )


NOT_RECORDED = [
    ("1 1", True),  # an upgrade has changed which packages a unit is of
    ("1 2", False),
]


@pytest.mark.parametrize(("versions", "is_none"), NOT_RECORDED)
def test_what_was_not_recorded_and_stays_as_it_is_is_no_drift(versions: str, is_none: bool) -> None:
    assert (drift_of_versions(SURVEY, {"w1": answer(nginx="2 2", dash=versions)}) == ()) is is_none


def test_what_was_recorded_of_other_hosts_only_and_is_not_here_is_no_drift() -> None:
    survey = Survey.of({"w1": answer(nginx="1 2"), "w2": answer(caddy="1 2")}, {"web": ["w1", "w2"]})
    assert survey.packages_of("web") == ["caddy", "nginx"]
    absent = {"installed": "", "candidate": "2"}
    now = answer(nginx="1 2")
    now["services"]["web"]["caddy"] = absent
    assert drift_of_versions(survey, {"w1": now}) == ()
    now["services"]["web"]["zlib"] = absent
    assert len(drift_of_versions(survey, {"w1": now})) == 1


def test_what_was_recorded_is_drift_in_another_version_also_where_that_is_installed() -> None:
    assert drift_of_versions(SURVEY, {"w1": answer(nginx="3 3")}) != ()
    assert drift_of_versions(SURVEY, {"w1": answer(zlib="1 1")}) != ()


def test_a_host_that_does_not_answer_is_drift_and_says_why() -> None:
    assert drift_of_versions(SURVEY, {"w1": AWAY, "w2": {}}) == (
        "w1 could not be queried: w3 is away",
        "w2 could not be queried: no answer",
    )
