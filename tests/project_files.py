"""Which files make up the project."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch
from pathlib import Path


def project_files(root: Path) -> list[str]:
    """Name the tracked files that are there; where there is no git, as in a tarball, all that .gitignore lets pass."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True)
        names = sorted(filter(None, listed.stdout.decode().split("\0")))
        return [name for name in names if (root / name).is_file()]
    return sorted(_walk(root, Path(), (root / ".gitignore").read_text(encoding="utf-8").split()))


def _walk(root: Path, folder: Path, ignored: list[str]) -> list[str]:
    names = []
    for path in (root / folder).iterdir():
        name = folder / path.name
        if any(_matches(name, path.is_dir(), pattern) for pattern in ignored):
            continue
        names += _walk(root, name, ignored) if path.is_dir() and not path.is_symlink() else [str(name)]
    return names


def _matches(name: Path, is_folder: bool, pattern: str) -> bool:
    """Whether a line of .gitignore means this file or folder; only the forms that ours has (gitignore(5))."""
    if pattern.endswith("/") and not is_folder:
        return False
    whole = pattern.strip("/")
    return fnmatch(str(name), whole) if "/" in pattern.rstrip("/") else fnmatch(name.name, whole)
