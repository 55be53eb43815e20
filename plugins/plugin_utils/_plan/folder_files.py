"""The files of a plan's folder: what was written there is there, and nothing else that could run."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import re
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .._common.text import listed, natural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
PART = "upgrade.part-{of}-{hash}.yml"
"""A playbook of a run, of the plays that it is about: whose process wrote it, and what it holds."""
_PART = re.compile(r"upgrade\.part-\w+-([0-9a-f]{64})\.yml")
NO_FILE_OF_ANSIBLE = (".git",)  # at the top: a folder that is kept in a repository of its own
_CACHE = "__pycache__"
_MOMENT = 2.0  # seconds: the coarsest clock of a file system
_HEADER = 16  # bytes before the code in a compiled file


def hash_files(folder: Path) -> dict[str, str]:
    """Hash all that is in a folder, whatever its name, but for what is made of its files and is gone with the run.

    That is what Python compiled from them, as they are, and playbooks with a part of the plan, as they were written. A
    link to a folder counts as a file: whatever it leads to is no part of a plan.
    """
    paths = {name: folder / name for name in _walk(folder)}
    return {
        name: hash_file(path)
        for name, path in paths.items()
        if not (_is_compiled_from_source(path) or _is_part(name, path))
    }


def state_of(folder: Path, clock: Callable[[], float] = time.time) -> str:
    """Tell the state of a folder, which is another one when anything was written there: no file is read for it.

    Nobody can set the moment of a file's last change back. Empty where the state could stay the same though something
    is written: a file changed this very moment, or there is a link, whose target is elsewhere. Playbooks of runs do not
    count: each was written this very moment when its run looks, and is read by then.
    """
    found = hashlib.sha256()
    newest = clock() - _MOMENT
    for name in sorted(_walk(folder)):
        file = os.lstat(os.path.join(folder, name))
        if stat.S_ISREG(file.st_mode) and _PART.fullmatch(name):
            continue
        if stat.S_ISLNK(file.st_mode) or file.st_ctime > newest:
            return ""
        state = f"{name}\0{file.st_ino} {file.st_size} {file.st_mtime_ns} {file.st_ctime_ns}\0"
        found.update(state.encode(errors="surrogateescape"))
    return found.hexdigest()


def differing(was: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which files were edited, added or removed; empty where none was."""
    names = sorted(was.keys() | now.keys(), key=natural)
    return listed([f"{name} {_what(was, now, name)}" for name in names if was.get(name) != now.get(name)])


def _what(was: Mapping[str, str], now: Mapping[str, str], name: str) -> str:
    if name not in was:
        return "was added"
    return "was edited" if name in now else "is missing"


def _walk(folder: Path) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        here = os.path.relpath(root, folder)
        if here == os.curdir:
            folders[:] = [name for name in folders if name not in NO_FILE_OF_ANSIBLE]
        links = (name for name in folders if os.path.islink(os.path.join(root, name)))
        yield from (os.path.normpath(os.path.join(here, name)) for name in [*names, *links])


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
