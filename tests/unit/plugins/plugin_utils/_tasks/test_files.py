from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.files import (
    INCLUDE_TASKS,
    TaskFile,
    file_name,
    is_point_of_no_return,
    label,
    named_file,
    strings,
    value_of,
)

if TYPE_CHECKING:
    from ..roles_world import Role


@pytest.mark.parametrize("text", ["", "---\n", "# not yet\n", "[]\n"])
def test_a_file_without_tasks_has_no_steps(role: Role, text: str) -> None:
    assert role.split(text) == {}


def test_a_file_that_is_not_yaml_is_a_finding(role: Role) -> None:
    (finding,) = role.findings("- command: x\n  tags: [step3\n- command: y\n")
    assert finding.startswith("tasks/upgrade_tasks.yml:3: [yaml] not YAML: ")


@pytest.mark.parametrize("text", ["name: X\n", "- just words\n", "just words\n", "- command: x\n-\n"])
def test_what_is_no_list_of_tasks_is_a_finding(role: Role, text: str) -> None:
    line = text.count("\n")
    assert role.findings(text) == [
        f"tasks/upgrade_tasks.yml:{line}: [task-list] expected a list of tasks and blocks."
    ]


TASK = """\
- name: Outer
  vars: {point_of_no_return: "no"}
  block:
    - {name: Inner, command: x, tags: "a, b"}
  rescue:
    - include_tasks: {file: more.yml}
      vars: {point_of_no_return: true}
  always:
    - [no, task]
"""


def test_tasks_are_found_at_any_depth_with_what_they_say() -> None:
    outer, inner, include = TaskFile(Path("x.yml"), TASK).walk()
    assert [label(task) for task in (outer, inner, include)] == ['"Outer"', '"Inner"', "the task at line 6"]
    assert strings(value_of(inner, "tags")) == ["a", "b"]
    assert [is_point_of_no_return(task) for task in (outer, inner, include)] == [False, False, True]
    names = [file_name(task, *INCLUDE_TASKS) for task in (outer, inner, include)]
    assert [name and name.value for name in names] == [None, None, "more.yml"]


def test_a_file_is_looked_for_beside_the_one_that_names_it_and_then_in_the_role(role: Role) -> None:
    near, far = role.write("[]", "tasks/sub/x.yml"), role.write("[]", "tasks/x.yml")
    beside = TaskFile(role.folder / "tasks/sub/y.yml", "- include_tasks: x.yml")
    (task,) = beside.walk()
    name = file_name(task, *INCLUDE_TASKS)
    assert name
    assert named_file(role.folder / "tasks", beside, name) == near
    near.unlink()
    assert named_file(role.folder / "tasks", beside, name) == far
    far.unlink()
    assert named_file(role.folder / "tasks", beside, name) is None
