"""What travels to hosts runs on Python 3.8: it calls nothing that came later, which no type checker or linter tells."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LATER = {
    *(
        "removeprefix",
        "removesuffix",
        "is_relative_to",
        "readlink",
        "with_stem",
        "hardlink_to",
        "lcm",
        "nextafter",
    ),
    *("bit_count", "pairwise", "batched", "from_exception_group", "walk_up", "randbytes", "unparse"),
}
"""Methods and functions that Python 3.9 and later releases brought; ``os.readlink`` is older than ``Path.readlink``."""
TRAVELS = [
    path
    for folder in ("modules", "module_utils")
    for path in sorted((ROOT / "plugins" / folder).rglob("*.py"))
]


def later(text: str) -> list[str]:
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [
        ast.unparse(func)
        for func in calls
        if isinstance(func, ast.Attribute) and func.attr in LATER and ast.unparse(func) != "os.readlink"
    ]


def test_such_calls_are_found() -> None:
    assert later("'a'.removesuffix('a'); os.readlink('b'); path.readlink()") == [
        "'a'.removesuffix",
        "path.readlink",
    ]


@pytest.mark.parametrize("path", TRAVELS, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_called_that_came_later(path: Path) -> None:
    assert later(path.read_text(encoding="utf-8")) == []
