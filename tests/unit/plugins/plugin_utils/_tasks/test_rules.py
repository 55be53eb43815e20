from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import (
    read_part,
)

if TYPE_CHECKING:
    from ..roles_world import Role


def test_a_file_that_includes_itself_is_read_once(role: Role) -> None:
    role.write("- command: x\n- include_tasks: again.yml\n", "tasks/again.yml")
    assert list(role.split("- include_tasks: again.yml\n  tags: step3\n")) == [3]


@pytest.mark.parametrize("step", [0, 1, 6])
def test_run_once_stays_in_steps_of_all_hosts(role: Role, step: int) -> None:
    role.write("- command: x\n  run_once: true\n", "tasks/one.yml")
    text = (
        f"- command: x\n  run_once: true\n  tags: step{step}\n- include_tasks: one.yml\n  tags: step{step}\n"
    )
    assert role.split(text) == {step: f"---\n{text.replace('- include', chr(10) + '- include')}"}


def test_a_finalizer_may_run_tasks_once(role: Role) -> None:
    text = read_part(role.write("- command: x\n- command: y\n  run_once: true\n", "tasks/finalize.yml"))
    assert [task.get("when") for task in yaml.safe_load(text)] == [
        None,
        "inventory_hostname == orderly_run_once_host",
    ]


def test_another_role_may_end_itself(role: Role) -> None:
    role.write("- meta: end_role\n", "../other/tasks/main.yml")
    assert list(role.split("- include_role: {name: other}\n  tags: step3\n")) == [3]
    assert role.part("- import_role: {name: other}\n")


# --- What is wrong ---


HERE = "tasks/upgrade_tasks.yml"
LEFT = "would leave a half-done host green; let the task fail, or use a condition."
FINDINGS = [
    *(
        (
            f"- name: X\n  command: x\n  run_once: true\n  tags: step{step}\n",
            [
                f'{HERE}:1: [run-once] "X" is run_once in step{step}, which runs wave by wave; only step4 may run '
                "once, and what only looks, delegated to localhost. Or do it in step1 or step6, which run on all "
                "hosts together."
            ],
        )
        for step in (2, 3, 5)
    ),
    *(
        (f"- {action}: {meta}\n  tags: step3\n", [f"{HERE}:1: [meta] meta: {meta} {LEFT}"])
        for action in ("meta", "ansible.builtin.meta")
        for meta in ("end_host", "end_play", "end_batch", "clear_host_errors", "end_role")
    ),
    (
        "- include_tasks: included.yml\n  tags: step3\n",
        [
            f"tasks/included.yml:2: [meta] meta: end_host {LEFT}",
            'tasks/included.yml:4: [included-step] "Y" has the tag step5, but its file belongs to no step, or to the '
            "step of its include; remove the tag.",
            'tasks/included.yml:7: [run-once] "Z" is run_once in a file that every wave runs: it would run in each '
            "one. Only what looks, delegated to localhost, may.",
        ],
    ),
]


INCLUDED = """\
- block:
    - meta: end_host

    - name: Y
      command: y
      tags: step5
- name: Z
  command: z
  run_once: true
"""


@pytest.mark.parametrize(("text", "findings"), FINDINGS, ids=[text for text, _findings in FINDINGS])
def test_what_no_task_may_do_is_found_wherever_it_stands(role: Role, text: str, findings: list[str]) -> None:
    role.write(INCLUDED, "tasks/included.yml")
    assert role.findings(text) == findings


@pytest.mark.parametrize("part", ["drain", "undrain", "verify", "finalize"])
def test_a_part_may_have_no_step_and_leave_no_host_green(role: Role, part: str) -> None:
    assert role.findings("- meta: end_host\n- command: x\n  tags: step3\n", f"tasks/{part}.yml") == [
        f"tasks/{part}.yml:1: [meta] meta: end_host {LEFT}",
        f"tasks/{part}.yml:2: [included-step] the task at line 2 has the tag step3, but its file belongs to no step, "
        "or to the step of its include; remove the tag.",
    ]


def test_a_handler_may_not_leave_a_host_green(role: Role) -> None:
    assert role.findings("- name: A\n  meta: end_play\n", "handlers/main.yml") == [
        f"handlers/main.yml:1: [meta] meta: end_play {LEFT}"
    ]
