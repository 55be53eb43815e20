"""Packs the host-side code that reads the status into one file that hosts can run without Ansible.

It is the very code that the modules use, so the two cannot disagree. The same code gives the same bytes.
"""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = PurePosixPath("ansible_collections/orderly/services/plugins/module_utils")
ENTRY = "_status/program"
_SOURCES = Path(__file__).resolve().parents[2] / "module_utils"
_SHEBANG = b"#!/usr/bin/python3 -I\n"  # nothing of whoever asks: no variables, no folder of theirs
_MAIN = (
    f"import sys\n\nfrom {'.'.join((PACKAGE / ENTRY).parts)} import main\n\nsys.exit(main(sys.argv[1:]))\n"
)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def build_program(sources: Path = _SOURCES) -> bytes:
    """Build the program: a zip archive that Python runs."""
    modules = {
        PACKAGE / path.relative_to(sources): text for path, text in _needed(sources / f"{ENTRY}.py").items()
    }
    packages = {folder / "__init__.py" for module in modules for folder in module.parents if folder.name}
    files = {PurePosixPath("__main__.py"): _MAIN, **dict.fromkeys(packages, ""), **modules}
    archive = io.BytesIO()
    archive.write(_SHEBANG)
    with zipfile.ZipFile(archive, "a") as program:
        for path in sorted(files):
            program.writestr(zipfile.ZipInfo(str(path), _LONG_AGO), files[path])
    return archive.getvalue()


def _needed(entry: Path) -> dict[Path, str]:
    """Read a module and all that it needs."""
    found: dict[Path, str] = {}
    wanted = [entry]
    while wanted:
        path = wanted.pop()
        if path not in found:
            found[path] = path.read_text(encoding="utf-8")
            wanted += _imports(path, found[path])
    return found


def _imports(path: Path, text: str) -> Iterator[Path]:
    """Find the modules beside a module that it imports, all of which it does by relative imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            if place.is_dir():
                yield from (place / f"{each.name}.py" for each in node.names)
            else:
                yield place.with_suffix(".py")
