from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import (
    read_handlers,
    split_by_step,
)

if TYPE_CHECKING:
    from ..roles_world import Role

# --- Splitting ---


TAGGED = [
    ("a list", "- command: x\n  tags: [web, step3]\n"),
    ("words with commas", "- command: x\n  tags: web, step3\n"),
    ("a block", "- tags: step3\n  block:\n    - command: x\n    - command: y\n"),
    ("a block in a block", "- block:\n    - block:\n        - command: x\n      tags: step3\n"),
    (
        "the tasks of a block",
        "- block:\n    - {command: x, tags: step3}\n  rescue:\n    - {command: y, tags: step3}\n",
    ),
    ("a dynamic include", "- include_tasks: any.yml\n  tags: step3\n"),
    ("never besides", "- command: x\n  tags: [step3, never]\n"),
]


@pytest.mark.parametrize("text", [text for _words, text in TAGGED], ids=[words for words, _text in TAGGED])
def test_the_effective_tag_tells_the_step(role: Role, text: str) -> None:
    assert list(role.split(text)) == [3]


def test_an_import_hands_its_tags_down_and_is_split_too(role: Role) -> None:
    role.write("- {command: a, tags: step2}\n- {command: b, tags: step5}\n", "tasks/sub/both.yml")
    role.write("- command: c\n", "tasks/one.yml")
    split = split_by_step(
        role.write("- import_tasks: sub/both.yml\n- import_tasks: {file: one.yml}\n  tags: step3\n")
    )
    assert split.imported == {
        "sub/both.step2.yml": "---\n- {command: a, tags: step2}\n",
        "sub/both.step5.yml": "---\n- {command: b, tags: step5}\n",
        "one.step3.yml": "---\n- command: c\n",
    }
    assert split.steps == {
        2: '---\n- import_tasks: "sub/both.step2.yml"\n',
        5: '---\n- import_tasks: "sub/both.step5.yml"\n',
        3: '---\n- import_tasks: {file: "one.step3.yml"}\n  tags: step3\n',
    }


def test_above_each_task_stands_where_its_author_wrote_it(role: Role) -> None:
    role.write("- {command: a, tags: step3}\n", "tasks/more.yml")
    path = role.write(
        "- import_tasks: more.yml\n\n# Why.\n- name: Block\n  tags: step3\n  block:\n    - command: b\n\n"
        "    - &c\n      command: c-d\n- block: [{command: e}]\n  tags: step3\n"
    )
    split = split_by_step(path, role="roles/web")
    assert split.imported == {
        "more.step3.yml": "---\n# roles/web/tasks/more.yml:1\n- {command: a, tags: step3}\n"
    }
    assert split.steps[3] == (
        '---\n# roles/web/tasks/upgrade_tasks.yml:1\n- import_tasks: "more.step3.yml"\n\n'
        "# Why.\n# roles/web/tasks/upgrade_tasks.yml:4\n- name: Block\n  tags: step3\n  block:\n"
        "    # roles/web/tasks/upgrade_tasks.yml:7\n    - command: b\n\n"
        "    # roles/web/tasks/upgrade_tasks.yml:9\n    - &c\n      command: c-d\n\n"
        "# roles/web/tasks/upgrade_tasks.yml:11\n- block: [{command: e}]\n  tags: step3\n"
    )


def test_two_imported_files_of_one_name_stay_two(role: Role) -> None:
    for name in ("a", "b"):
        role.write(f"- command: {name}\n", f"tasks/{name}/x.yml")
    split = split_by_step(
        role.write("- import_tasks: a/x.yml\n  tags: step3\n- import_tasks: b/x.yml\n  tags: step3\n")
    )
    assert split.imported == {"a/x.step3.yml": "---\n- command: a\n", "b/x.step3.yml": "---\n- command: b\n"}


# --- What is wrong ---

STEPS = (
    "step0 (validate), step1 (prepare), step2 (quiesce), step3 (upgrade), step4 (migrate), step5 (start), "
    "step6 (post-upgrade)"
)
ONE = f"and would run never; give it exactly one of {STEPS}."
HERE = "tasks/upgrade_tasks.yml"
FINDINGS = [
    ("- name: X\n  command: x\n", [f'{HERE}:1: [one-step] "X" has no step tag {ONE}']),
    ("\n- command: x\n", [f"{HERE}:2: [one-step] the task at line 2 has no step tag {ONE}"]),
    ("- command: x\n  tags: [always]\n", [f"{HERE}:1: [one-step] the task at line 1 has no step tag {ONE}"]),
    (
        "- name: X\n  command: x\n  tags: [step3, step4]\n",
        [
            f'{HERE}:1: [one-step] "X" has the tags step3 and step4 and would run more than once; give it exactly '
            f"one of {STEPS}."
        ],
    ),
    (
        "- name: X\n  command: x\n  tags: step7\n",
        [f'{HERE}:1: [unknown-step] "X" has the tag step7, which does not exist; the steps are {STEPS}.'],
    ),
    (
        "- name: B\n  block:\n    - {command: x, tags: step3}\n    - {command: y, tags: step5}\n",
        [f'{HERE}:1: [one-step] "B" is a block of step3, step5; a block belongs to one step.'],
    ),
    (
        "- import_tasks: nowhere.yml\n  tags: step3\n",
        [
            f"{HERE}:1: [import] the task at line 1 imports nowhere.yml, which does not exist; an import needs a plain "
            "file name."
        ],
    ),
    (
        "- command: x\n- name: X\n  command: y\n",
        [
            f"{HERE}:1: [one-step] the task at line 1 has no step tag {ONE}",
            f'{HERE}:2: [one-step] "X" has no step tag {ONE}',
        ],
    ),
]


@pytest.mark.parametrize(("text", "findings"), FINDINGS, ids=[text for text, _findings in FINDINGS])
def test_findings_name_file_line_rule_and_what_to_do(role: Role, text: str, findings: list[str]) -> None:
    assert role.findings(text) == findings


# --- Handlers ---


def test_handlers_tell_the_names_and_topics_they_answer_to(role: Role) -> None:
    role.write("- name: C\n  command: c\n", "handlers/more.yml")
    text = "- name: A\n  command: a\n  listen: [one, two]\n- command: b\n  listen: three, and four\n"
    path = role.write(f"{text}- import_tasks: more.yml\n", "handlers/main.yml")
    found = [(handler.name, handler.line) for handler in read_handlers(path)]
    assert found == [("A", 1), ("one", 1), ("two", 1), ("three, and four", 4), ("C", 1)]
