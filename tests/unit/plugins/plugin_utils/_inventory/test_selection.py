from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

STAGES = {"web": "front", "db": "data"}

NAMES: list[tuple[Any, frozenset[str] | None]] = [
    (None, None),
    ("", None),
    ([], None),
    ("web", frozenset({"web"})),
    ("web db", frozenset({"web", "db"})),
    ("web, db", frozenset({"web", "db"})),
    (["web"], frozenset({"web"})),
]


@pytest.mark.parametrize(("value", "only"), NAMES)
def test_upgrade_only_is_a_list_or_words(value: Any, only: frozenset[str] | None) -> None:
    assert Selection.from_variables({"upgrade_only": value}).only == only


def test_a_run_is_about_everything_unless_it_is_said() -> None:
    assert Selection().has_service("web", "front")
    assert Selection().has_host("h1")
    assert not Selection(stage="data").has_service("web", "front")
    assert not Selection(only=frozenset({"db"})).has_service("web", "front")
    assert not Selection.from_variables({}, ["h2"]).has_host("h1")


UNKNOWN = [
    ({"upgrade_stage": "back"}, 'upgrade_stage: unknown stage "back"; this inventory has: data, front.'),
    ({"upgrade_only": "wbe"}, 'upgrade_only: unknown service "wbe"; this inventory has: db, web.'),
]


@pytest.mark.parametrize(("variables", "message"), UNKNOWN)
def test_an_unknown_name_is_refused_with_those_that_are_known(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(CatalogueError) as caught:
        Selection.from_variables(variables).check(STAGES)
    assert str(caught.value) == message


def test_where_no_service_has_a_stage_that_is_said() -> None:
    with pytest.raises(
        CatalogueError, match=r"has: default\. No service has a stage of its own: leave it out"
    ):
        Selection(stage="back").check({"web": "default"})


@pytest.mark.parametrize(
    ("only", "refused"), [("api", True), ("db,api", True), ("api,sched", False), ("db", False)]
)
def test_services_that_change_together_are_all_named_or_none(only: str, *, refused: bool) -> None:
    selection = Selection.from_variables({"upgrade_only": only})
    stages = dict.fromkeys(("api", "sched", "db"), "default")
    if not refused:
        selection.check(stages, [("api", "sched")])
        return
    everything = "api,db,sched" if "db" in only else "api,sched"
    with pytest.raises(CatalogueError, match=f"names api and not sched, .*-e upgrade_only={everything}"):
        selection.check(stages, [("api", "sched")])
