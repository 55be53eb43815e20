# This is a private utility of the orderly.services collection; it may change without notice.
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

PACKAGE = "ansible_collections.orderly.services.plugins.module_utils"
ENTRY = "_status_command"
_SOURCES = Path(__file__).resolve().parent.parent / "module_utils"
_SHEBANG = b"#!/usr/bin/python3\n"
_MAIN = f"import sys\n\nfrom {PACKAGE}.{ENTRY} import main\n\nsys.exit(main(sys.argv[1:]))\n"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def build_program(sources: Path = _SOURCES) -> bytes:
    """Build the program: a zip archive that Python runs."""
    folder = PurePosixPath(*PACKAGE.split("."))
    packages = [folder, *folder.parents][:-1]
    files = {
        "__main__.py": _MAIN,
        **{f"{package}/__init__.py": "" for package in packages},
        **{f"{folder}/{name}.py": text for name, text in _needed(ENTRY, sources).items()},
    }
    archive = io.BytesIO()
    archive.write(_SHEBANG)
    with zipfile.ZipFile(archive, "a") as program:
        for name in sorted(files):
            program.writestr(zipfile.ZipInfo(name, _LONG_AGO), files[name])
    return archive.getvalue()


def _needed(entry: str, sources: Path) -> dict[str, str]:
    """Read a module and all that it needs, by name."""
    found: dict[str, str] = {}
    wanted = [entry]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = (sources / f"{name}.py").read_text(encoding="utf-8")
            wanted += _imports(found[name])
    return found


def _imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
            yield str(node.module).removeprefix(f"{PACKAGE}.")
