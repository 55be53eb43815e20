from __future__ import annotations

from dataclasses import replace

from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan, Play
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey
from ansible_collections.orderly.services.plugins.plugin_utils._render.versions import (
    VERSIONS,
    VERSIONS_INFO,
    after_change,
    before_change,
    check_before_all,
    check_before_finalizers,
    packages_of,
)

from ..plan_world import deployment, plan_of

WEB = deployment("web", "w1 w2", packages=("nginx",))
BARE = deployment("bare", "b1")
PLAN = plan_of(WEB, BARE)
FINALIZED = plan_of(deployment("web", "w1", parts="finalize", packages=("nginx",)))


def play_of(plan: Plan, service: str) -> Play:
    return next(play for play in plan.plays if service in play.services and play.kind == "change")


def states(tasks: list[dict[str, object]]) -> list[object]:
    """Give what the action is told in each task, nothing where it is not asked."""
    return [task[VERSIONS]["state"] if VERSIONS in task else "" for task in tasks]  # type: ignore[index]


def test_only_services_that_may_have_packages_are_asked_about() -> None:
    plan = plan_of(WEB, BARE, deployment("db", "d1", units=("db.service",)))
    assert [each["name"] for each in packages_of(plan, ["bare", "db", "web"])] == ["db", "web"]


def test_hosts_are_asked_for_what_was_recorded_besides_what_their_units_are_of() -> None:
    database = deployment("db", "d1 d2", units=("db.service",))
    versions = {"installed": "1", "candidate": "2"}
    answers = {"d1": {"services": {"db": {"db-core": versions}, "web": {"nginx": versions}}}}
    survey = Survey.of(answers, {"db": ["d1"], "web": ["d1"]})
    plan = replace(plan_of(WEB, database), survey=survey)
    assert [each.get("recorded") for each in packages_of(plan, ["db", "web"])] == [["db-core"], None]
    assert "recorded" not in packages_of(plan_of(database), ["db"])[0]


def test_around_a_change_versions_are_kept_and_afterwards_only_for_finalizers() -> None:
    web, bare = play_of(PLAN, "web"), Play("x", "change", "", ("b1",), {"bare": ("b1",)})
    assert states(before_change(PLAN, web)) == ["", "before"]
    assert after_change(PLAN, bare) == before_change(PLAN, bare) == []
    assert states(after_change(PLAN, web)) == [""]
    assert states(after_change(FINALIZED, play_of(FINALIZED, "web"))) == ["", "after"]


def test_a_change_is_not_done_before_dpkg_has_finished() -> None:
    for plan in (PLAN, FINALIZED):
        asked = after_change(plan, play_of(plan, "web"))[0][VERSIONS_INFO]
        assert asked["finished"] == "{{ not ansible_check_mode }}"
    assert "finished" not in before_change(PLAN, play_of(PLAN, "web"))[0][VERSIONS_INFO]


def test_before_anything_each_host_that_is_to_do_is_asked_whatever_tags_are_chosen() -> None:
    look = check_before_all(PLAN, iter(["web", "bare"]))
    assert look["hosts"] == "web,bare"
    assert states(look["tasks"]) == ["wanted", "", "checked"]
    assert all(task["tags"] == ["always"] for task in look["tasks"])
    assert look["tasks"][1]["when"] == "inventory_hostname in orderly_wanted.hosts"


def test_before_finalizers_what_a_wave_has_left_is_not_looked_at_again() -> None:
    (look,) = check_before_finalizers(FINALIZED)
    _asked, read, heard = look["tasks"]
    assert (read["register"], heard[VERSIONS]["variable"]) == ("orderly_seen", "orderly_seen")
    assert read["failed_when"] is False
    assert read["ignore_unreachable"] is True
    assert check_before_finalizers(plan_of(BARE)) == []
