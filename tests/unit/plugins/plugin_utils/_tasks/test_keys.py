from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..roles_world import Role

WRONG = [
    ("wen: true", 2, "has the key wen, which is neither a keyword of tasks nor a module; is when meant?"),
    (
        "frobnicate:",
        2,
        "has the key frobnicate, which is neither a keyword of tasks nor a module; correct or remove it.",
    ),
    ("debug: {msg: y}", 3, "has 2 modules, debug and command; a task has one. Make a task of each."),
    ("become: true\n  become: false", 3, "has the key become twice; keep one of them."),
    ("vars: {a: {b: 1, b: 2}}", 2, "has the key b twice; keep one of them."),
    (
        "ansible.builtin.import_playbook: other.yml",
        2,
        "has ansible.builtin.import_playbook, which is for playbooks; a file of tasks holds tasks. Use import_tasks or "
        "include_tasks for a file of them.",
    ),
    (
        "hosts: all",
        2,
        "is a play; a file of tasks holds tasks. Use import_tasks or include_tasks for a file of them.",
    ),
]


@pytest.mark.parametrize(("keys", "line", "message"), WRONG)
@pytest.mark.parametrize("name", ["drain.yml", "upgrade_tasks.yml"])
def test_what_ansible_would_refuse_is_named(
    role: Role, name: str, keys: str, line: int, message: str
) -> None:
    tag = "  tags: step3\n" if name == "upgrade_tasks.yml" else ""
    found = role.findings(f"- name: x\n  {keys}\n  command: ls\n{tag}", f"tasks/{name}")
    assert found == [f'tasks/{name}:{line}: [keys] "x" {message}']


MORE = [
    ("- name: x\n  when: true", '1: [keys] "x" has no module; name one, or remove the task.'),
    (
        "- name: x\n  register: y\n  block:\n    - command: ls",
        '2: [keys] "x" has the key register, which no block has; correct or remove it.',
    ),
]


@pytest.mark.parametrize(("text", "message"), MORE)
def test_blocks_and_tasks_have_their_own_keys(role: Role, text: str, message: str) -> None:
    assert role.findings(text, "tasks/drain.yml") == [f"tasks/drain.yml:{message}"]


RIGHT = [
    "- command: ls\n  with_items: [1]\n  loop_control: {label: x}\n  listen: y\n",
    "- action: command ls\n- local_action: command ls\n- systemd: {name: x}\n- ansible.legacy.package: {name: x}\n",
    "- look: {}\n- near: {}\n- acme.stack.thing: {}\n",
    "- vars: {when: 1}\n  block: [{meta: noop}]\n  rescue: []\n",
    "- block: []\n",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_ansible_takes_is_taken(role: Role, text: str) -> None:
    role.write("", "library/look.py")
    role.write("", "../other/library/near.py")
    assert role.part(text) == text
