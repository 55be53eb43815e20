from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import read_part

if TYPE_CHECKING:
    from ..roles_world import Role

HERE = "tasks/facts.yml"
LOOKS = """\
- stat: {path: /x}
  register: web_x
- command: systemctl is-enabled web
  register: web_enabled
  changed_when: false
- block:
    - include_tasks: more.yml
  when: web_x.stat.exists
- set_fact: {web_port: 80}
- import_role: {name: other, tasks_from: look}
- command: web-ctl members
  delegate_to: localhost
  run_once: true
  changed_when: false
"""


def test_what_looks_runs_before_every_part(role: Role) -> None:
    role.write("- package_facts: {}\n", "tasks/more.yml")
    role.write("- debug: {}\n", "../other/tasks/look.yml")
    role.write("- command: x\n", "../other/handlers/main.yml")
    assert read_part(role.write(LOOKS, HERE)) == LOOKS


MORE = "does more than look, but facts.yml runs at the head of every part, in check mode too."
CHANGES = [
    ("- name: X\n  command: x\n", f'{HERE}:1: [facts] "X" {MORE}'),
    ("- block:\n    - name: X\n      copy: {}\n", f'{HERE}:2: [facts] "X" {MORE}'),
    ("- name: X\n  meta: flush_handlers\n", f'{HERE}:1: [facts] "X" {MORE}'),
    ("- include_tasks: changes.yml\n", f'tasks/changes.yml:1: [facts] "X" {MORE}'),
    ("- name: X\n  stat: {}\n  notify: Y\n", f'{HERE}:1: [facts] "X" notifies a handler'),
    (
        "- name: X\n  include_tasks: '{{ x }}.yml'\n",
        f'{HERE}:1: [facts] "X" names files that are not found before it runs',
    ),
    (
        "- name: X\n  include_role: {name: '{{ x }}'}\n",
        f'{HERE}:1: [facts] "X" names files that are not found',
    ),
    ("- name: X\n  stat: {}\n  tags: step0\n", f'{HERE}:1: [included-step] "X" has the tag step0'),
    (
        "- name: X\n  stat: {}\n  run_once: true\n",
        f'{HERE}:1: [run-once] "X" is run_once in a file that every',
    ),
]


@pytest.mark.parametrize(("text", "finding"), CHANGES)
def test_what_does_more_is_refused_with_its_place(role: Role, text: str, finding: str) -> None:
    role.write("- name: X\n  apt: {name: x}\n", "tasks/changes.yml")
    (found,) = role.findings(text, HERE)
    assert found.startswith(finding)


def test_a_rank_only_looks_too_and_its_findings_say_so(role: Role) -> None:
    looks = "- command: x\n  changed_when: false\n- set_fact: {web_rank: 1}\n"
    assert read_part(role.write(looks, "tasks/rank.yml")) == looks
    with pytest.raises(FindingsError) as caught:
        read_part(role.write("- name: X\n  command: x\n", "tasks/rank.yml"))
    (finding,) = caught.value.findings
    assert finding.rule == "rank"
    assert (
        '"X" does more than look, but rank.yml runs before every roll, in check mode too.' in finding.message
    )
