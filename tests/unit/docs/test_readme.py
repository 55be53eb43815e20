"""The README's tables say what there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_playbook_is_in_the_table() -> None:
    rows = re.findall(r"^\| (`orderly\.services\..*?) \|", README, re.MULTILINE)
    listed = {name.rpartition(".")[2] for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    assert listed == {path.stem for path in (ROOT / "playbooks").glob("*.yml")}


def test_every_service_role_is_in_the_table_of_roles() -> None:
    roles = {path.parent.parent.name for path in ROOT.glob("roles/*/meta/service.yml")}
    guide = (ROOT / "docs/shipped-services.md").read_text(encoding="utf-8").partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", guide, re.MULTILINE)) == roles


def test_every_guide_is_in_the_table() -> None:
    assert set(re.findall(r"\]\((docs/[\w-]+\.md)\) \| ", README)) == {
        f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")
    }
