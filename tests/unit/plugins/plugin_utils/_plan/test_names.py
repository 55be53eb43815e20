from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.names import (
    place_as_written,
    task_as_written,
)

if TYPE_CHECKING:
    from pathlib import Path

STEP = """\
---
# roles/web/tasks/upgrade_tasks.yml:12
- name: upgrade_tasks | Install
"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("orderly_plan_web : verify | It answers", "web : verify | It answers"),
        ("orderly_plan_a-b.c : x", "a-b.c : x"),
        ("web : verify | orderly_plan_web : x", "web : verify | orderly_plan_web : x"),
        ("orderly_plan_web", "orderly_plan_web"),
    ],
)
def test_a_task_is_named_with_its_authors_role(name: str, shown: str) -> None:
    assert task_as_written(name) == shown


def test_a_task_of_a_plan_is_where_its_author_wrote_it(tmp_path: Path) -> None:
    tasks = tmp_path / "roles/orderly_plan_web/tasks"
    tasks.mkdir(parents=True)
    (tasks / "upgrade_tasks.step3.yml").write_text(STEP)
    (tasks / "drain.yml").write_text(STEP.replace("# roles/web/tasks/upgrade_tasks.yml:12", ""))
    assert place_as_written(f"{tasks}/upgrade_tasks.step3.yml:3") == "roles/web/tasks/upgrade_tasks.yml:12"
    assert place_as_written(f"{tasks}/drain.yml:3") == "web/tasks/drain.yml:3"
    assert place_as_written(f"{tasks}/gone.yml:3") == "web/tasks/gone.yml:3"


@pytest.mark.parametrize("path", ["", "/srv/roles/web/tasks/verify.yml:3", "orderly_plan_web"])
def test_a_task_of_no_plan_has_its_own_place(path: str) -> None:
    assert place_as_written(path) == ""
