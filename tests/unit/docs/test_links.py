"""The check of links in Markdown files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.links import broken

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "# Title\n## What `it` is, in short\n```\n# no heading\n[no link](nowhere.md)\n```\n"

LINKS = [
    ("[a](docs/page.md)", []),
    ("[a](docs/page.md#what-it-is-in-short)", []),
    ("[a](#top)\n\n# Top", []),
    ("[a](https://example.org/x.md)", []),
    ("[a](docs)", []),
    ("[a](docs/gone.md)", ["README.md: docs/gone.md leads nowhere"]),
    ("[a](docs/page.md#no-heading)", ["README.md: docs/page.md#no-heading leads nowhere"]),
    ("[a](#bottom)", ["README.md: #bottom leads nowhere"]),
]


@pytest.mark.parametrize(("text", "found"), LINKS)
def test_links_lead_to_files_and_headings(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/page.md").write_text(PAGE)
    (tmp_path / "README.md").write_text(text)
    assert list(broken(tmp_path)) == found


def test_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / ".build").mkdir()
    (tmp_path / ".build/page.md").write_text("[a](gone.md)")
    assert list(broken(tmp_path)) == []
