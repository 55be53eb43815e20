from __future__ import annotations

from textwrap import dedent

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._render.page_tasks import (
    ListedTask,
    list_tasks,
)

CASES = [
    ("a name", "- name: Stop it\n  command: x\n", [ListedTask("Stop it", "command")]),
    ("no name", "- ansible.builtin.apt: {name: x}\n", [ListedTask("ansible.builtin.apt", "ansible.builtin.apt")]),
    (
        "several conditions",
        "- name: A\n  raw: x\n  when: [one, two and three]\n",
        [ListedTask("A", "raw", "one and two and three")],
    ),
    (
        "a block",
        "- when: one\n  block:\n    - name: A\n      raw: x\n      when: two\n  rescue:\n    - name: B\n      raw: x\n",
        [ListedTask("A", "raw", "one and two"), ListedTask("B", "raw", "one")],
    ),
    (
        "the planner's own condition",
        "- name: A\n  raw: x\n  when: host == the_one\n",
        [ListedTask("A", "raw", once=True)],
    ),
    ("run_once", "- name: A\n  raw: x\n  run_once: true\n", [ListedTask("A", "raw", once=True)]),
    (
        "a point of no return",
        "- name: A\n  raw: x\n  vars: {point_of_no_return: true}\n",
        [ListedTask("A", "raw", no_return=True)],
    ),
    ("other variables", "- name: A\n  raw: x\n  vars: {other: true}\n", [ListedTask("A", "raw")]),
    ("a loop", "- name: A\n  with_items: [1]\n  raw: x\n", [ListedTask("A", "raw")]),
    ("a secret", "- name: A\n  raw: !vault |\n    $ANSIBLE_VAULT\n", [ListedTask("A", "raw")]),
    ("nothing", "---\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_tasks_say_what_people_read(text: str, words: list[ListedTask]) -> None:
    assert list(list_tasks(text, {}, once_host="the_one")) == words


def test_imported_tasks_stand_where_they_are_imported() -> None:
    text = dedent("""\
        - name: A
          raw: x
        - ansible.builtin.import_tasks: more.yml
          when: one
        - import_tasks: {file: elsewhere.yml}
        """)
    files = {"more.yml": "- name: B\n  raw: x\n"}
    assert [task.name for task in list_tasks(text, files)] == ["A", "B", "import_tasks"]
    assert list_tasks(text, files)[1].when == "one"


@pytest.mark.parametrize("yes", ["true", "yes", "on", "1"])
def test_what_the_gate_takes_for_a_yes_is_one_on_the_page(yes: str) -> None:
    (task,) = list_tasks(f"- command: x\n  run_once: {yes}\n  vars: {{point_of_no_return: {yes}}}\n", {})
    assert (task.once, task.no_return) == (True, True)
