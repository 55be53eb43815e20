from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Service
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.files import TaskFile
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import split_by_step
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.variables import (
    TaskUse,
    names_in,
    read_service_tasks,
)

if TYPE_CHECKING:
    from ..roles_world import Role


def use(text: str) -> TaskUse:
    file = TaskFile(Path("x.yml"), text)
    return TaskUse("change", 3, file, file.items[0])


READS = [
    ("- command: x", ""),
    ("- command: 'ls {{ a }} {{ b.c[d] }}'", "a b d"),
    ("- command: 'a {{'", ""),
    ("- {name: 'of {{ a }}', debug: {var: b.c}, loop: '{{ d | flatten }}'}", "a b d"),
    ("- {command: a, when: b is changed and c | default(d)}", "b c d"),
    ("- {command: a, when: [b, c.rc == 0]}", "b c"),
    ("- {command: a, until: b is success, changed_when: c, failed_when: d}", "b c d"),
    ("- assert: {that: [a, b > 1], msg: c}", "a b"),
    ("- {when: a, block: [{command: x, when: b}], rescue: [{command: '{{ c }}'}]}", "a"),
    ("- shell: '{% if a %}{{ b }}{% endif %}'", "a b"),
]


@pytest.mark.parametrize(("text", "names"), READS)
def test_a_task_reads_what_its_templates_and_expressions_ask_for(text: str, names: str) -> None:
    assert use(text).reads == set(names.split())


WRITES = [
    ("- {command: x, register: a}", "a", ""),
    ("- {set_fact: {a: 1, b: 2, cacheable: true}}", "a b", ""),
    ("- {ansible.builtin.set_fact: {a: 1}, register: b, vars: {c: 1}}", "a b", "c"),
    ("- {command: x, loop: [1], loop_control: {loop_var: a, index_var: b, label: c}}", "", "a b"),
    ("- {command: x, loop_control: '{{ c }}', vars: '{{ d }}'}", "", ""),
]


@pytest.mark.parametrize(("text", "writes", "gives"), WRITES)
def test_a_task_writes_for_others_and_gives_to_itself(text: str, writes: str, gives: str) -> None:
    assert (use(text).writes, use(text).gives) == (set(writes.split()), set(gives.split()))


def test_what_is_no_template_asks_for_nothing() -> None:
    assert names_in("{{ a") == names_in("{% nonsense %}") == names_in("plain") == set()


def test_the_tasks_of_a_service_come_in_the_order_in_which_they_run_with_what_they_include(
    role: Role,
) -> None:
    upgrade = role.write("""\
        - {name: Look, command: x, tags: step0}
        - {name: Install, include_tasks: more.yml, tags: step3}
        """)
    role.write("- {name: More, command: x, register: seen}\n- include_tasks: more.yml\n", "tasks/more.yml")
    role.write("- {name: Drain, command: x}\n", "tasks/drain.yml")
    role.write("- {name: Handle, command: x, vars: {own: 1}}\n", "handlers/main.yml")
    role.write("a: 1\n", "defaults/main.yml")
    role.write("b: [\n", "vars/main.yml")  # Ansible will say so itself
    found = read_service_tasks(Service("web", "web", role.folder, "web"), split_by_step(upgrade))
    told = [(word.part, word.step, word.task.value[0][1].value) for word in found.uses]
    assert told == [
        ("validate", 0, "Look"), ("change", 3, "Install"), ("change", 3, "More"), ("change", 3, "more.yml"),
        ("drain", None, "Drain"), ("handlers", None, "Handle"),
    ]  # fmt: skip
    assert [word.part for word in found.writes["seen"]] == ["change"]
    assert found.given == {"a", "own"}
