from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from ..roles_world import Role


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
