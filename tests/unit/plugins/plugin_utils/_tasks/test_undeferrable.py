from __future__ import annotations

from pathlib import Path

from ansible_collections.orderly.services.plugins.plugin_utils._tasks.undeferrable import (
    find_tasks,
    task_files,
)

TASKS = """\
- name: Restart by the book
  ansible.builtin.service: {name: a, state: restarted}
- name: Restart past it
  ansible.builtin.systemd_service:
    name: a
    state: restarted
- name: Only start
  systemd: name=a state=started
- name: Old style
  systemd: name=a state=restarted
- name: Depends
  systemd: {name: a, state: "{{ wanted }}"}
- name: Only reload the manager
  ansible.builtin.systemd: {daemon_reload: true}
- block:
    - name: By hand
      ansible.builtin.command: systemctl restart a
    - ansible.builtin.command: {argv: [systemctl, try-restart, a]}
    - ansible.builtin.command: systemctl status a
    - ansible.builtin.command: systemctl daemon-reload
- name: In the old way
  ansible.builtin.shell: /etc/init.d/a force-reload
- name: Past the default
  service: name=a state=restarted use=systemd
- name: By name
  service: {name: a, state: restarted, use: orderly.services.deferrable_service}
"""


def test_finds_what_no_module_default_can_reach() -> None:
    assert [str(task) for task in find_tasks(Path("x.yml"), TASKS)] == [
        "x.yml:3: Restart past it (ansible.builtin.systemd_service)",
        "x.yml:9: Old style (systemd)",
        "x.yml:11: Depends (systemd)",
        "x.yml:16: By hand (ansible.builtin.command)",
        "x.yml:18: a task without a name (ansible.builtin.command)",
        "x.yml:21: In the old way (ansible.builtin.shell)",
        "x.yml:23: Past the default (service)",
    ]


def test_what_is_no_list_of_tasks_has_none() -> None:
    assert find_tasks(Path("x.yml"), "a: [") == []
    assert find_tasks(Path("x.yml"), "just text") == []


def test_tasks_and_handlers_of_roles_are_looked_at(tmp_path: Path) -> None:
    for name in ("web/tasks/main.yml", "web/handlers/main.yaml", "web/vars/main.yml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("[]")
    assert [str(file.relative_to(tmp_path)) for file in task_files(tmp_path)] == [
        "web/handlers/main.yaml",
        "web/tasks/main.yml",
    ]
