"""Files on the controller, written by rename: at any moment there is the old one or the new one."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .errors import ControllerError

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


def write_new(path: Path, text: str, asked_by: str, *, check: bool = False) -> bool:
    """Write a file that is not there yet, unless this is a *check*; tells whether it was not.

    :raises ControllerError: where it is there with another content, or cannot be written; *asked_by* names the option
    """
    try:
        if path.exists() or path.is_symlink():
            if path.is_file() and path.read_bytes() == text.encode():
                return False
            raise ControllerError(
                f"{asked_by}: {path} is there already, with other content than would be written, and stays as it is. "
                "Move it away, or name another file."
            )
        if not check:
            write_bytes(path, text.encode())
    except OSError as exc:
        raise ControllerError(f"{asked_by}: {path} cannot be written: {exc.strerror}.") from None
    return True


def sync_folder(folder: Path) -> None:
    """Let the disk know the names in a folder too, so that a power cut brings no old ones back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot, of a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
