from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import (
    Plan,
    hash_of,
    holding,
    read_plan,
)
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey, Versions
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan

from ..plan_world import deployment, plan_of

CHANGED: list[tuple[str, dict[str, Any]]] = [
    ("a host more", {"hosts": "w1 w2 w3"}),
    ("another budget", {"max_unavailable": 2}),
    ("another step", {"steps": "3 5"}),
    ("another part", {"parts": "drain"}),
]


@pytest.mark.parametrize(
    "change", [change for _words, change in CHANGED], ids=[words for words, _change in CHANGED]
)
def test_the_id_changes_with_what_the_plan_says(change: dict[str, Any]) -> None:
    before = {"name": "web", "hosts": "w1 w2", "steps": "3", "parts": ""}
    assert plan_of(deployment(**before)).id != plan_of(deployment(**{**before, **change})).id


def test_the_id_changes_with_the_files_of_a_role_and_not_with_the_version_that_compiled_it() -> None:
    web = deployment("web", "w1")
    assert plan_of(web).id != plan_of(replace(web, files={"tasks/drain.yml": "new"})).id
    newer = compile_plan([web], {"orderly.services": "2.0.0"})
    assert plan_of(web).id == newer.id
    assert plan_of(web).hash != newer.hash


SURVEY = Survey({"web": (Versions("nginx", "1", "2", ("w1",)),)})
PLAN = plan_of(deployment("web", "w1 w2", "0 3 6", "verify undo", after=("db",)), deployment("db", "d1"))
SURVEYED = replace(PLAN, survey=SURVEY, surveyed="today")


@pytest.mark.parametrize("plan", [PLAN, SURVEYED])
def test_a_plan_is_read_as_it_was_written_with_the_hash_that_its_content_has(
    plan: Plan, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text(plan.as_json())
    assert read_plan(tmp_path) == plan
    assert hash_of(json.loads(plan.as_json())) == plan.hash


def test_what_was_surveyed_is_approved_and_when_is_not() -> None:
    assert SURVEYED.id == PLAN.id
    assert SURVEYED.hash != PLAN.hash
    assert replace(SURVEYED, surveyed="tomorrow").hash == SURVEYED.hash


BROKEN = ["", "[]", "3", "{}", '{"hash": 1}']


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_plan_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(CatalogueError, match="approve its hash") as caught:
        read_plan(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/plan.json ")


def test_an_edited_plan_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(SURVEYED.as_json().replace('"2"', '"3"'))
    with pytest.raises(CatalogueError, match=r"plan.json was edited after it was made"):
        read_plan(tmp_path)


OUTAGES = [
    (deployment("web", "w1 w2"), "keeps"),
    (deployment("web", "w1"), "down"),
    (deployment("web", "w1 w2", max_unavailable="100%"), "down"),
    (deployment("web", "w1 w2", full_stop=True), "down"),
    (deployment("web", "w1 w2", "0 1 6", "verify"), "none"),
    (deployment("web", "w1 w2", "0", "finalize"), "keeps"),
]


@pytest.mark.parametrize(("web", "outage"), OUTAGES)
def test_what_users_notice_follows_from_budget_and_steps(web: Deployment, outage: str) -> None:
    assert plan_of(web).services["web"].outage == outage


def test_an_order_counts_unless_its_condition_is_known_not_to_hold_or_not_known() -> None:
    when = {"service": "mq", "when": {"package": "mq", "installed": "<< 2"}}
    entries = ["db", {"service": "dns", "step": 3}, when, {**when, "holds": False}, {**when, "holds": True}]
    assert holding(entries) == ["db", "dns", "mq"]
