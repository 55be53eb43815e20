from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.strategy import acts_for_all

if TYPE_CHECKING:
    from pathlib import Path

CASES = [
    ("- command: id", False),
    ("- command: id\n  run_once: false", False),
    ("- command: id\n  run_once: true", True),
    ("- command: id\n  run_once: '{{ here }}'", True),
    ("- block:\n    - ansible.builtin.pause: {seconds: 1}", True),
    ("- ansible.builtin.add_host: {name: x}", True),
    ("- include_tasks: once.yml", True),
    ("- import_tasks: itself.yml", False),
    ("- include_tasks: '{{ named_later }}'", False),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_task_that_acts_on_one_host_for_all_is_found(tmp_path: Path, text: str, *, expected: bool) -> None:
    (tmp_path / "once.yml").write_text("- command: id\n  run_once: true\n")
    (tmp_path / "itself.yml").write_text("- import_tasks: itself.yml\n")
    (tmp_path / "operation.yml").write_text(f"{text}\n")
    assert acts_for_all([tmp_path / "operation.yml"]) is expected
