"""TripleO's dialects: the same task lists, run as TripleO runs them and planned, do the same in the same order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from .toys import Outcome, Site

STEPS = range(6)
HOST = "w1"

IN_TAGS = """\
---
- name: Never asked for
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} never"

- name: Check the cluster
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} cluster"
  register: web_cluster
  tags: step0,validation
# Comments stay with the task below.
- name: Stop the service
  tags: step1
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} stop"
- name: Say where we are
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} common"
  tags: common
- name: Before and after the packages
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} around"
  tags: [step2, step4]
- name: Mixed
  block:
    - name: Install
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} install"
      tags: step3
    # and this one
    - name: Migrate
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} migrate"
      tags:
        - step4
        - migration
    - name: Not in any step
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} lost"
  rescue:
    - name: Fix
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} fix"
      tags: step3
  always:
    - name: Whatever happened
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} whatever"
      tags: [step3, step5]
- name: Deep
  tags: step5
  block:
    - block: [{name: Start, ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} start"},
              {name: Deep check, ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} deep", tags: step0}]
- name: Nothing of it
  block:
  - name: Nor this
    ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} nor"
- name: Opted out, and asked for by its step
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} opted"
  tags: [never, step2]
- name: At all times
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} always"
  tags: always
- ansible.builtin.import_tasks: more.yml
- ansible.builtin.import_tasks: more.yml
  tags: step4
- name: A block with an import
  block:
    - name: Beside it
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} beside"
      tags: step1
    - ansible.builtin.import_tasks: more.yml
"""
MORE_IN_TAGS = """\
- name: Imported at its step
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} imported"
  tags: step2
- name: Imported with the step of its import
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} inherited"
"""

IN_WHEN = """\
---
- name: At every step
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} every-{{ step }}"
- name: Opted out
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} opted"
  tags: never
  when: step|int == 1
- name: Check the cluster
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} cluster"
  when: step|int == 0
- name: Stop
  when:
    - step|int == 2
    - web_is_clustered|bool
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} stop"
- name: Not here
  when:
    - web_is_elsewhere|bool
    - step|int == 2
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} elsewhere"
- name: Late
  when: (step|int) >= 4 and web_is_clustered
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} late-{{ step }}"
- name: In a list
  when: step|int in [1, 3]
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} listed-{{ step }}"
- name: Not in a list
  when: not (step|int in [1, 3])
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} unlisted-{{ step }}"
- name: At one step, or where it is clustered
  when: step|int == 3 or not web_is_clustered
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} either-{{ step }}"
- name: Never on any day
  when: false
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} no"
- name: Packages
  when: step|int in [3, 4]
  block:
    - name: Install
      when: step|int == 3
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} install"
    - name: Migrate
      when: step|int == 4
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} migrate"
      run_once: true
  rescue:
    - name: Fix
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} fix"
  always:
    - name: Whatever happened
      when: step|int == 4
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} whatever"
- name: Always only
  block:
    - name: First
      when: step|int == 1
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} first"
  always:
    - name: And then
      when: step|int == 5
      ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} then"
- ansible.builtin.import_tasks: more.yml
  when: step|int >= 2
- ansible.builtin.include_tasks: more.yml
  when: step|int == 5
"""
MORE_IN_WHEN = """\
- name: Imported
  ansible.builtin.raw: "{{ toy }} web {{ inventory_hostname }} imported-{{ step }}"
  when: step|int is odd
"""

BY_TAGS = """\
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.import_tasks: roles/web/tasks/upgrade_tasks.yml
"""
BY_LOOP = """\
- hosts: web
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: roles/web/tasks/upgrade_tasks.yml
      with_sequence: start=0 end=5
      loop_control: {loop_var: step}
"""


def a_service(site: Site, dialect: str, tasks: str, more: str) -> None:
    site.groups(web=HOST)
    inventory = yaml.safe_load(site.inventory.read_text())
    inventory["all"]["vars"] |= {"web_is_clustered": True, "web_is_elsewhere": False}
    site.inventory.write_text(yaml.safe_dump(inventory))
    role = site.service("web", steps="", dialect=dialect)
    (role / "tasks/upgrade_tasks.yml").write_text(tasks)
    (role / "tasks/more.yml").write_text(more)


def as_tripleo(site: Site, dialect: str, *arguments: str) -> list[Outcome]:
    """Run the tasks as TripleO does: once for each step by its tags, or in a loop over the steps."""
    if dialect == "when":
        return [site.upgrade(*arguments, playbook=site.write("loop.yml", BY_LOOP))]
    playbook = site.write("tags.yml", BY_TAGS)
    return [site.upgrade("--tags", f"common,step{step}", *arguments, playbook=playbook) for step in STEPS]


@pytest.mark.parametrize(
    ("dialect", "tasks", "more", "failing"),
    [
        ("tags", IN_TAGS, MORE_IN_TAGS, None),
        ("when", IN_WHEN, MORE_IN_WHEN, None),
        ("when", IN_WHEN, MORE_IN_WHEN, "web w1 install"),
    ],
    ids=["by tags", "by conditions", "rescued"],
)
def test_a_plan_does_what_tripleo_does(
    site: Site, dialect: str, tasks: str, more: str, failing: str | None
) -> None:
    a_service(site, dialect, tasks, more)
    if failing:
        site.breaks(failing)
    theirs = as_tripleo(site, dialect)
    assert [outcome.code for outcome in theirs] == [0] * len(theirs)
    ours = site.upgrade()
    assert ours.code == 0, ours.raw
    assert ours.log == [said for outcome in theirs for said in outcome.log]
    assert ("web w1 fix" in ours.log) == bool(failing)


def listed(raw: str) -> list[str]:
    """Give the tasks that ``--list-tasks`` shows, without what the plan does around them and in empty blocks."""
    names = [
        name.removeprefix("orderly_plan_web : ")
        for name in re.findall(r"^ {6}(.*?)\tTAGS: ", raw, re.MULTILINE)
    ]
    return [name for name in names if " | " not in name and name != "ansible.builtin.meta"]


def test_a_plan_lists_the_tasks_that_tags_list(site: Site) -> None:
    a_service(site, "tags", IN_TAGS, MORE_IN_TAGS)
    theirs = [listed(outcome.raw) for outcome in as_tripleo(site, "tags", "--list-tasks")]
    ours = site.upgrade("--list-tasks")
    assert ours.code == 0, ours.raw
    _opening, validate, prepare, change = (listed(play) for play in re.split(r"play #\d+ ", ours.raw)[1:])
    assert [validate, prepare, change] == [
        theirs[0],
        theirs[1],
        [name for step in theirs[2:] for name in step],
    ]
