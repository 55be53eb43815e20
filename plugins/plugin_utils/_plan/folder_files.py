"""The files of a plan's folder: what was written there is there, and nothing else that could run."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .._common.text import listed, natural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
PART = "upgrade.part-{of}-{hash}.yml"
"""A playbook of a run that is about a part of the fleet: whose process wrote it, and what it holds."""
_PART = re.compile(r"upgrade\.part-\w+-([0-9a-f]{64})\.yml")
NO_FILE_OF_ANSIBLE = (".git",)  # at the top: a folder that is kept in a repository of its own
_CACHE = "__pycache__"
_HEADER = 16  # bytes before the code in a compiled file


def hash_files(folder: Path) -> dict[str, str]:
    """Hash all that is in a folder, whatever its name, but for what is made of its files and is gone with the run.

    That is what Python compiled from them, as they are, and playbooks with a part of the plan, as they were written. A
    link to a folder counts as a file: whatever it leads to is no part of a plan.
    """
    return {
        name: hash_file(path)
        for name, path in _walk(folder)
        if not (_is_compiled_from_source(path) or _is_part(name, path))
    }


def differing(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which files were edited, added or removed; empty where none was."""
    names = sorted(was.keys() | now.keys(), key=natural)
    return listed([f"{name} {_what(was, now, name)}" for name in names if was.get(name) != now.get(name)])


def _what(was: Mapping[str, str], now: Mapping[str, str], name: str) -> str:
    if name not in was:
        return "was added"
    return "was edited" if name in now else "is missing"


def _walk(folder: Path) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder):
        here = Path(root)
        if here == folder:
            folders[:] = [name for name in folders if name not in NO_FILE_OF_ANSIBLE]
        for name in [*names, *(name for name in folders if (here / name).is_symlink())]:
            yield str((here / name).relative_to(folder)), here / name


def hash_file(path: Path) -> str:
    """Hash one file; what a link to a folder leads to is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"


def _is_part(name: str, path: Path) -> bool:
    written = _PART.fullmatch(name)
    return written is not None and not path.is_symlink() and hash_file(path) == written[1]


def _is_compiled_from_source(path: Path) -> bool:
    """Tell whether a file holds what Python makes of the source beside it: importing a role's plugin leaves that."""
    if path.parent.name != _CACHE:
        return False
    try:
        source = Path(importlib.util.source_from_cache(str(path)))
        level = path.name.rpartition(".opt-")[2].partition(".")[0] if ".opt-" in path.name else "0"
        code = compile(source.read_bytes(), str(source), "exec", dont_inherit=True, optimize=int(level))
        compiled = path.read_bytes()
        return compiled[:4] == importlib.util.MAGIC_NUMBER and marshal.loads(compiled[_HEADER:]) == code  # noqa: S302 (Python has loaded it already, or would)
    except (OSError, ValueError, TypeError, EOFError, SyntaxError):
        return False
