"""Code that travels to hosts keeps to what their oldest Python knows, 3.8; a linter looks at syntax alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[3] / "plugins"
YOUNGER = {
    "removeprefix", "removesuffix",  # of text, 3.9
    "readlink", "is_relative_to", "hardlink_to", "with_stem",  # of paths, 3.9 and later
    "randbytes", "lcm", "nextafter", "pairwise", "batched", "bit_count", "unparse", "walk_up",
}  # fmt: skip
FILES = [
    *(PLUGINS / "module_utils").rglob("*.py"),
    *(path for path in (PLUGINS / "modules").rglob("*.py") if path.is_file()),
]


def younger(text: str) -> set[str]:
    """Name the methods in a text that Python 3.8 does not have; ``os.readlink`` it has."""
    calls = [
        node.func
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return {
        call.attr for call in calls if not (isinstance(call.value, ast.Name) and call.value.id == "os")
    } & YOUNGER


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_file_for_hosts_calls_nothing_that_python_3_8_lacks(path: Path) -> None:
    assert younger(path.read_text()) == set()


def test_what_it_lacks_is_found() -> None:
    assert younger("import os\nos.readlink('/x')\n'x'.removesuffix('y')\n") == {"removesuffix"}
