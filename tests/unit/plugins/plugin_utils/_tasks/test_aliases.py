"""Anchors and merge keys: what a plan holds is what Ansible would have read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.aliases import without_aliases

if TYPE_CHECKING:
    from ..roles_world import Role

FILES = [
    "- name: x\n  command: 'true'\n  when: &w\n    - foo is defined # why\n  tags: step3\n"
    "- name: y\n  command: 'true'\n  when: *w\n  tags: step4\n",
    "- &a-b\n  name: x\n  command: 'true'\n  tags: step3\n- <<: *a-b\n  name: y\n",
    "- &a {command: x, tags: step3}\n- &b {become: true, command: y, tags: step3}\n- <<: [*a, *b]\n  name: y\n- *a\n",
    "- command: &c |\n    a\n    b: *no\n  vars: {x: &v !unsafe '{{ y }}', z: *v}\n  tags: step3\n"
    "- command: *c\n  tags: step4\n",
    "- command: &c é\n  tags: &t [step3]\n  vars: &n {inner: &i 1, again: *i}\n- {command: *c, tags: *t, vars: *n}\n",
    "- command: ls *.yml\n  tags: step3\n",
]


@pytest.mark.parametrize("text", FILES)
def test_a_text_without_aliases_says_the_same_on_the_same_lines(text: str) -> None:
    written = without_aliases(text, yaml.SafeLoader)
    events = list(yaml.parse(written))
    assert not any(isinstance(event, yaml.AliasEvent) for event in events)
    assert DataLoader().load(written) == DataLoader().load(text)
    assert written.count("\n") == text.count("\n")


@pytest.mark.parametrize("text", FILES)
def test_steps_hold_what_the_file_says(role: Role, text: str) -> None:
    steps = role.split(text)
    cut = [task for step in sorted(steps) for task in DataLoader().load(steps[step])]
    assert cut == DataLoader().load(text)


def test_what_is_merged_counts_and_can_be_edited(role: Role) -> None:
    steps = role.split("- &a {name: x, command: y, tags: step4, run_once: true}\n- <<: *a\n  name: z\n")
    for task in DataLoader().load(steps[4]):
        assert task["run_once"] is False
        assert task["when"] == "inventory_hostname == orderly_run_once_host"


HOPELESS = [
    (
        "- &a\n  vars:\n    x: *a\n",
        "3: [yaml] an alias (*) here stands for something that it is in; write it out.",
    ),
    ("- &a [*a]\n", "1: [yaml] an alias (*) here stands for something that it is in; write it out."),
    ("- name: x\n  when: *w\n", "2: [yaml] not YAML: found undefined alias."),
]
MANY = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"- &a{number + 1} [{', '.join([f'*a{number}'] * 10)}]\n" for number in range(7)
)


@pytest.mark.parametrize(("text", "message"), HOPELESS)
def test_an_alias_that_cannot_be_written_out_is_named(role: Role, text: str, message: str) -> None:
    assert role.findings(text) == [f"tasks/upgrade_tasks.yml:{message}"]


def test_aliases_that_stand_for_too_much_are_refused(role: Role) -> None:
    (found,) = role.findings(MANY)
    assert found.endswith("[yaml] an alias (*) here stands for too much; write it out.")


def test_a_file_in_a_vault_is_named(role: Role) -> None:
    assert role.findings("$ANSIBLE_VAULT;1.1;AES256\n3330\n") == [
        "tasks/upgrade_tasks.yml:1: [vault] the file is encrypted, and a plan is made of task files that can be read. "
        "Decrypt it (ansible-vault decrypt), and keep secrets in variables that are encrypted."
    ]
