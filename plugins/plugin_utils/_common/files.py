"""Files on the controller, written by rename: at any moment there is the old one or the new one."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, with the rights that the user's umask gives; raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(new, 0o666 & ~umask)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
    sync_folder(path.parent)


def write_report(path: Path, report: Any) -> None:
    """Write the report as JSON, whole or not at all; raises OSError."""
    write_bytes(path, (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Let the disk know the names in a folder too, so that a power cut brings no old ones back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot, of a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
