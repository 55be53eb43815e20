from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll.callbacks import (
    CallbackError,
    find_callbacks,
)

if TYPE_CHECKING:
    from pathlib import Path

TASKS = "- ansible.builtin.debug:\n"


def test_a_hosts_own_file_wins_over_the_one_for_all(tmp_path: Path) -> None:
    for name in ("all.yml", "own.yml"):
        (tmp_path / name).write_text(TASKS)
    found = find_callbacks(["h1", "h2"], "all.yml", {"h1": "", "h2": "own.yml"}, [tmp_path])
    assert found == {"h1": f"{tmp_path}/all.yml", "h2": f"{tmp_path}/own.yml"}


def test_folders_are_searched_in_order_and_a_whole_path_is_taken_as_it_is(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yml").write_text(TASKS)
    folders = [tmp_path / "none", tmp_path / "two", tmp_path / "one"]
    assert find_callbacks(["h"], "a.yml", {}, folders) == {"h": f"{tmp_path}/two/a.yml"}
    path = str(tmp_path / "one/a.yml")
    assert find_callbacks(["h"], path, {}, folders) == {"h": path}


def test_a_host_without_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(TASKS)
    with pytest.raises(CallbackError, match="no task file for h2: name it with -e rolling_op_tasks=FILE"):
        find_callbacks(["h1", "h2"], "", {"h1": "own.yml"}, [tmp_path])


BAD = [
    ("- hosts: all\n", "this is a playbook"),
    ("key: value\n", "this is none"),
    ("", "this is none"),
    ("- words\n", "this is none"),
    ("- a: [\n", "tasks.yml:2: not YAML"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_list_of_tasks_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "tasks.yml").write_text(text)
    with pytest.raises(CallbackError, match=message):
        find_callbacks(["h"], "tasks.yml", {}, [tmp_path])
