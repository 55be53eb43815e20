"""Whether hosts have what the journal says that their upgrade brought."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._campaign.finalizers import (
    Expected,
    disagreements,
    expected_versions,
    finalizers_are_due,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey, Versions

from ..plan_world import deployment, plan_of, progress

AFTER = {"web": {"w1": {"nginx": "1.2", "doc": ""}, "w2": {"nginx": "1.2"}}}
PLAN = plan_of(deployment("web", "w1 w2"))
EXPECTED = expected_versions(PLAN, AFTER)


def seen(version: str) -> dict[str, Any]:
    return {"services": {"web": {"nginx": {"installed": version, "candidate": "9"}}}}


def test_what_was_there_after_the_change_is_expected_or_what_the_plan_promised_if_that_is_newer() -> None:
    assert [(each.host, each.version) for each in EXPECTED] == [("w1", "1.2"), ("w2", "1.2")]
    versions = tuple(
        Versions("nginx", "1.0", candidate, (host,)) for host, candidate in (("w1", "1.10"), ("w2", "1.1"))
    )
    plan = replace(PLAN, survey=Survey({"web": versions}))
    by_plan, by_journal = expected_versions(plan, AFTER)
    assert (by_plan.version, by_plan.by) == ("1.10", "as the plan says")
    assert (by_journal.version, by_journal.by) == ("1.2", "as it was after its change")


def test_nothing_is_expected_of_hosts_and_services_that_have_left_the_inventory() -> None:
    assert list(expected_versions(plan_of(deployment("web", "w2")), {**AFTER, "db": AFTER["web"]})) == [
        Expected("w2", "web", "nginx", "1.2", "as it was after its change")
    ]


def test_the_same_version_or_a_newer_one_agrees() -> None:
    assert list(disagreements(EXPECTED, {"w1": seen("1.2"), "w2": seen("1.10")})) == []


def test_an_older_version_a_missing_package_and_a_silent_host_are_named() -> None:
    silent = Expected("w10", "web", "nginx", "1.2", "as the plan says")
    answers = {"w1": seen("1.2~rc1"), "w2": {"services": {"web": {}}}, "w10": {"msg": "No route to host."}}
    assert list(disagreements((silent, silent, *EXPECTED), answers)) == [
        "nginx of web on w1 is 1.2~rc1, expected 1.2 or newer, as it was after its change",
        "nginx of web on w2 is not installed, expected 1.2 or newer, as it was after its change",
        "w10 could not be queried: No route to host",
    ]


def test_hosts_are_asked_only_once_the_journal_has_all_that_finalizers_wait_for() -> None:
    plan = plan_of(deployment("web", "w1 w2", "3", "finalize"), deployment("db", "d1", "3"))
    changed = "web/change@w1 web/change@w2 db/change@d1"
    assert finalizers_are_due(plan, progress(changed))
    assert not finalizers_are_due(plan, progress("web/change@w1 web/change@w2"))
    assert not finalizers_are_due(plan, progress(f"{changed} web/finalize@w1 web/finalize@w2"))
