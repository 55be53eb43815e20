from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.catalogue import COLLECTION_ROLES
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.roles import (
    find_role,
    role_used,
    roles_needed,
)

if TYPE_CHECKING:
    from pathlib import Path

USES = [
    ("include_role: {name: common}", "common"),
    ("import_role: role=common tasks_from=x", "common"),
    ("ansible.builtin.include_role: {name: '{{ role_path }}/../common'}", "common"),
    ("include_role: {name: acme.stack.common}", "acme.stack.common"),
    ("include_role: {}", ""),
]


@pytest.mark.parametrize(("text", "name"), USES)
def test_a_task_names_a_role(text: str, name: str) -> None:
    use = role_used(yaml.compose(text))
    assert use is not None
    assert use.name == name


def test_a_role_needs_what_its_meta_file_says(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/main.yaml").write_text(
        "dependencies: [a, {role: b}, {name: c}, {src: x.java}, {src: https://git.test/ansible-role-d.git}]\n"
    )
    assert [use.name for use in roles_needed(tmp_path)] == ["a", "b", "c", "x.java", "ansible-role-d"]


def test_a_role_is_found_beside_another_and_in_a_collection(tmp_path: Path) -> None:
    (tmp_path / "roles/common/tasks").mkdir(parents=True)
    (tmp_path / "roles/common/tasks/main.yml").write_text("[]\n")
    web = tmp_path / "roles/web"
    assert find_role(web, "common") == tmp_path / "roles/common"
    assert find_role(web, "orderly.services.redis") == (COLLECTION_ROLES / "redis").resolve()
    assert find_role(web, "redis") is None
    assert find_role(web, "../roles/common") is None
