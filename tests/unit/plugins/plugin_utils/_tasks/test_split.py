from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import (
    read_handlers,
    read_part,
    split_by_step,
)

if TYPE_CHECKING:
    from pathlib import Path


class Role:
    """The task files of a role."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, text: str, name: str = "tasks/upgrade_tasks.yml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
        return path

    def split(self, text: str) -> dict[int, str]:
        return split_by_step(self.write(text)).steps

    def findings(self, text: str, name: str = "tasks/upgrade_tasks.yml") -> list[str]:
        path = self.write(text, name)
        read = {"upgrade_tasks": split_by_step, "main": read_handlers}.get(path.stem, read_part)
        with pytest.raises(FindingsError) as caught:
            read(path)
        return [str(finding).removeprefix(f"{self.folder}/") for finding in caught.value.findings]


@pytest.fixture
def role(tmp_path: Path) -> Role:
    return Role(tmp_path)


# --- Splitting ---


def test_the_text_of_every_step_is_the_authors_own(role: Role) -> None:
    steps = role.split("""\
        ---
        # Before anything: is it there?
        - name: Look
          command: {argv: [true]}   # as it stands
          tags: step0

        - name: "Install {{ web }}"
          apt:
            name: !unsafe "{{ as it is }}"
          tags: [step3, packages]
        - name: Look again
          command: "true"
          tags: [step0]
        """)
    assert steps == {
        0: "---\n# Before anything: is it there?\n- name: Look\n  command: {argv: [true]}   # as it stands\n"
        '  tags: step0\n\n- name: Look again\n  command: "true"\n  tags: [step0]\n',
        3: '---\n- name: "Install {{ web }}"\n  apt:\n    name: !unsafe "{{ as it is }}"\n  tags: [step3, packages]\n',
    }


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


BRACKETS = [
    ("JSON", '[\n  {"command": "a", "tags": "step3"},\n  {"command": "b", "tags": ["step5"]}\n]\n'),
    ("one line, with dashes in it", "[{command: a -- b, tags: step3}, {command: b, tags: step5}]"),
    (
        "a comment behind the bracket",
        "[ # some - tasks\n  {command: a, tags: step3}, {command: b, tags: step5}]",
    ),
]


@pytest.mark.parametrize(
    "text", [text for _words, text in BRACKETS], ids=[words for words, _text in BRACKETS]
)
def test_a_list_in_brackets_is_split_too(role: Role, text: str) -> None:
    steps = role.split(text)
    whole = yaml.safe_load(text)
    assert {step: yaml.safe_load(said) for step, said in steps.items()} == {3: whole[:1], 5: whole[1:]}


def test_a_migration_in_a_list_in_brackets_runs_once(role: Role) -> None:
    steps = role.split('[{"command": "a", "run_once": true, "tags": "step4"}]')
    (task,) = yaml.safe_load(steps[4])
    assert (task["run_once"], task["when"]) == (False, "inventory_hostname == orderly_run_once_host")


@pytest.mark.parametrize("text", ["", "---\n", "# not yet\n", "[]\n"])
def test_a_file_without_tasks_has_no_steps(role: Role, text: str) -> None:
    assert role.split(text) == {}


def test_two_imported_files_of_one_name_stay_two(role: Role) -> None:
    for name in ("a", "b"):
        role.write(f"- command: {name}\n", f"tasks/{name}/x.yml")
    split = split_by_step(
        role.write("- import_tasks: a/x.yml\n  tags: step3\n- import_tasks: b/x.yml\n  tags: step3\n")
    )
    assert split.imported == {"a/x.step3.yml": "---\n- command: a\n", "b/x.step3.yml": "---\n- command: b\n"}


def test_a_file_that_includes_itself_is_read_once(role: Role) -> None:
    role.write("- command: x\n- include_tasks: again.yml\n", "tasks/again.yml")
    assert list(role.split("- include_tasks: again.yml\n  tags: step3\n")) == [3]


ONCE = "inventory_hostname == orderly_run_once_host"
MIGRATIONS = [
    ("no condition", "- command: x\n  run_once: true\n  tags: step4\n", ONCE),
    ("a condition", "- command: x\n  run_once: yes\n  when: it_is_due\n  tags: step4\n", [ONCE, "it_is_due"]),
    (
        "conditions",
        '- command: x\n  when:\n    - a == "b"\n    - c\n  run_once: true\n  tags: step4\n',
        [ONCE, 'a == "b"', "c"],
    ),
    (
        "conditions at the margin",
        "- command: x\n  when:\n  - a\n  - b\n  run_once: true\n  tags: step4\n",
        [ONCE, "a", "b"],
    ),
    (
        "conditions in a row",
        "- command: x\n  when: [a, b]\n  run_once: true\n  tags: step4\n",
        [ONCE, "a", "b"],
    ),
    ("in braces", "- {command: x, run_once: true, tags: step4}\n", ONCE),
    ("a block", "- block:\n    - command: x\n  run_once: true\n  tags: step4\n", ONCE),
    ("an import", "- import_tasks: one.yml\n  run_once: true\n  tags: step4\n", ONCE),
]


@pytest.mark.parametrize(
    ("text", "when"), [case[1:] for case in MIGRATIONS], ids=[case[0] for case in MIGRATIONS]
)
def test_what_step_4_runs_once_gets_the_condition_of_one_host(
    role: Role, text: str, when: str | list[str]
) -> None:
    role.write("- command: x\n", "tasks/one.yml")
    (task,) = yaml.safe_load(role.split(text)[4])
    assert task["run_once"] is False
    assert task["when"] == when


@pytest.mark.parametrize("step", [0, 1, 6])
def test_run_once_stays_in_steps_of_all_hosts(role: Role, step: int) -> None:
    role.write("- command: x\n  run_once: true\n", "tasks/one.yml")
    text = (
        f"- command: x\n  run_once: true\n  tags: step{step}\n- include_tasks: one.yml\n  tags: step{step}\n"
    )
    assert role.split(text) == {step: f"---\n{text.replace('- include', chr(10) + '- include')}"}


def test_a_finalizer_may_run_tasks_once(role: Role) -> None:
    text = read_part(role.write("- command: x\n- command: y\n  run_once: true\n", "tasks/finalize.yml"))
    assert [task.get("when") for task in yaml.safe_load(text)] == [None, ONCE]


# --- What is wrong ---

STEPS = (
    "step0 (validate), step1 (prepare), step2 (quiesce), step3 (upgrade), step4 (migrate), step5 (start), "
    "step6 (post-upgrade)"
)
ONE = f"and would run never; give it exactly one of {STEPS}."
HERE = "tasks/upgrade_tasks.yml"
LEFT = "would leave a half-done host green; let the task fail, or use a condition."
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
    *(
        (
            f"- name: X\n  command: x\n  run_once: true\n  tags: step{step}\n",
            [
                f'{HERE}:1: [run-once] "X" is run_once in step{step}, which runs wave by wave; only step4 may run once.'
            ],
        )
        for step in (2, 3, 5)
    ),
    *(
        (f"- {action}: {meta}\n  tags: step3\n", [f"{HERE}:1: [meta] meta: {meta} {LEFT}"])
        for action in ("meta", "ansible.builtin.meta")
        for meta in ("end_host", "end_play", "end_batch", "clear_host_errors")
    ),
    (
        "- import_tasks: nowhere.yml\n  tags: step3\n",
        [
            f"{HERE}:1: [import] the task at line 1 imports nowhere.yml, which does not exist; an import needs a plain "
            "file name."
        ],
    ),
    (
        "- include_tasks: included.yml\n  tags: step3\n",
        [
            f"tasks/included.yml:2: [meta] meta: end_host {LEFT}",
            'tasks/included.yml:4: [included-step] "Y" has the tag step5, but its file belongs to no step, or to the '
            "step of its include; remove the tag.",
            'tasks/included.yml:7: [run-once] "Z" is run_once in a file that every wave runs: it would run in each '
            "one.",
        ],
    ),
    ("name: X\n", [f"{HERE}:1: [task-list] expected a list of tasks and blocks."]),
    ("- just words\n", [f"{HERE}:1: [task-list] expected a list of tasks and blocks."]),
    (
        "- command: x\n- name: X\n  command: y\n",
        [
            f"{HERE}:1: [one-step] the task at line 1 has no step tag {ONE}",
            f'{HERE}:2: [one-step] "X" has no step tag {ONE}',
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
def test_findings_name_file_line_rule_and_what_to_do(role: Role, text: str, findings: list[str]) -> None:
    role.write(INCLUDED, "tasks/included.yml")
    assert role.findings(text) == findings


def test_a_file_that_is_not_yaml_is_a_finding(role: Role) -> None:
    (finding,) = role.findings("- command: x\n  tags: [step3\n- command: y\n")
    assert finding.startswith(f"{HERE}:3: [yaml] not YAML: ")


@pytest.mark.parametrize("part", ["drain", "undrain", "verify", "finalize"])
def test_a_part_may_have_no_step_and_leave_no_host_green(role: Role, part: str) -> None:
    assert role.findings("- meta: end_host\n- command: x\n  tags: step3\n", f"tasks/{part}.yml") == [
        f"tasks/{part}.yml:1: [meta] meta: end_host {LEFT}",
        f"tasks/{part}.yml:2: [included-step] the task at line 2 has the tag step3, but its file belongs to no step, "
        "or to the step of its include; remove the tag.",
    ]


# --- Handlers ---


def test_handlers_tell_the_names_and_topics_they_answer_to(role: Role) -> None:
    role.write("- name: C\n  command: c\n", "handlers/more.yml")
    text = "- name: A\n  command: a\n  listen: [one, two]\n- command: b\n  listen: three, and four\n"
    path = role.write(f"{text}- import_tasks: more.yml\n", "handlers/main.yml")
    found = [(handler.name, handler.line) for handler in read_handlers(path)]
    assert found == [("A", 1), ("one", 1), ("two", 1), ("three, and four", 4), ("C", 1)]


def test_a_handler_may_not_leave_a_host_green(role: Role) -> None:
    assert role.findings("- name: A\n  meta: end_play\n", "handlers/main.yml") == [
        f"handlers/main.yml:1: [meta] meta: end_play {LEFT}"
    ]
