from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.looks import looks_for_all

if TYPE_CHECKING:
    from ..roles_world import Role, Roles

HERE = "run_once: true, delegate_to: localhost"
LOOKS = [
    f"{{{HERE}, ansible.builtin.stat: {{path: /x}}}}",
    f"{{{HERE}, uri: {{url: x}}}}",
    f"{{{HERE}, uri: 'url=x method=get'}}",
    f"{{{HERE}, command: ls, changed_when: false}}",
    f"{{{HERE}, acme.stack.thing_info: {{}}}}",
    "{run_once: true, local_action: stat path=/x}",
    "{run_once: true, local_action: {module: ansible.builtin.stat, path: /x}}",
    f"{{{HERE}, action: command ls, changed_when: false}}",
    "{run_once: true, pause: {seconds: 5}}",
    f"{{{HERE}, apt: {{name: x}}, check_mode: true}}",
    f"{{{HERE}, block: [{{debug: {{}}}}, {{block: [{{assert: {{that: x}}}}]}}]}}",
]
CHANGES = [
    "{run_once: true, stat: {path: /x}}",
    "{run_once: true, delegate_to: db1, stat: {path: /x}}",
    f"{{{HERE}, uri: {{url: x, method: POST}}}}",
    f"{{{HERE}, uri: {{url: x, method: '{{{{ m }}}}'}}}}",
    f"{{{HERE}, command: ls}}",
    f"{{{HERE}, command: rm x, delegate_facts: true}}",
    "{run_once: true, local_action: command rm x}",
    f"{{{HERE}, action: uri url=x method=POST}}",
    f"{{{HERE}, apt: {{name: x}}, check_mode: '{{{{ x }}}}'}}",
    f"{{{HERE}, include_tasks: x.yml, check_mode: true}}",
    f"{{{HERE}, block: [{{copy: {{}}, check_mode: false}}], check_mode: true}}",
    "{run_once: true, action: stat path=/x}",
    f"{{{HERE}, command: ls, changed_when: x}}",
    f"{{{HERE}, block: [{{debug: {{}}}}, {{copy: {{}}}}]}}",
    f"{{{HERE}, block: [{{debug: {{}}, delegate_to: db1}}]}}",
    f"{{{HERE}, include_role: {{name: x}}}}",
]


@pytest.mark.parametrize(
    ("text", "looks"), [*((each, True) for each in LOOKS), *((each, False) for each in CHANGES)]
)
def test_a_task_only_looks_where_its_module_does(text: str, *, looks: bool) -> None:
    assert looks_for_all(yaml.compose(text)) is looks


@pytest.mark.parametrize("step", [2, 3, 4, 5])
def test_each_wave_may_look_once(role: Role, step: int) -> None:
    text = f"- {{{HERE}, stat: {{path: /x}}, register: web_x, tags: step{step}}}"
    assert role.split(text)[step] == f"---\n{text}\n"


@pytest.mark.parametrize("name", ["tasks/verify.yml", "tasks/facts.yml", "handlers/main.yml"])
@pytest.mark.parametrize("text", [f"{HERE}, wait_for: {{port: 80}}", "pause: {seconds: 1}"])
def test_hosts_of_a_wave_stay_together_where_one_looks_for_all(roles: Roles, name: str, text: str) -> None:
    roles.write("db/meta/service.yml")
    roles.write("db/tasks/upgrade_tasks.yml", "- {command: x, tags: step3}\n")
    playbook = roles.put(roles.folder.parent / "plan")
    assert "strategy: ansible.builtin.free" in playbook.read_text()
    before = roles.plan().id
    roles.write(f"web/{name}", f"- {{name: X, {text}}}\n")
    assert roles.plan().id != before
    playbook = roles.put(roles.folder.parent / "other")
    assert "strategy: ansible.builtin.free" not in playbook.read_text()
