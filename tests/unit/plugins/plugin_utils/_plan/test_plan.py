from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
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


def test_the_id_changes_with_the_files_of_a_role_and_the_version_that_compiled_it() -> None:
    web = deployment("web", "w1")
    ids = {
        plan_of(web).id,
        plan_of(replace(web, files={"tasks/drain.yml": "new"})).id,
        compile_plan([web], {"orderly.services": "2.0.0"}).id,
    }
    assert len(ids) == 3
