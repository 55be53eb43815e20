from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.role_files import load_yaml
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

if TYPE_CHECKING:
    from pathlib import Path

UNREADABLE = [
    ("a: 1\ndependencies: [\n", ":3: not YAML: "),
    ("- apache\n", ":1: expected a mapping."),
]


@pytest.mark.parametrize(("text", "message"), UNREADABLE)
def test_a_file_about_a_role_that_is_no_mapping_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "main.yml"
    file.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        load_yaml(file)
    assert str(caught.value).startswith(f"{file}{message}")


def test_a_file_that_is_missing_or_empty_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("---\n")
    assert load_yaml(tmp_path / "empty.yml") == load_yaml(tmp_path / "missing.yml") == {}
