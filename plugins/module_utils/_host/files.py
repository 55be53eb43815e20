# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the host layer: policies, records, and the script that packages ask."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .errors import HostError, NewerFormatError
from .yaml import YamlError

if TYPE_CHECKING:
    from typing import Callable, Iterable

_MAX_BYTES = 1 << 20
PRIVATE = 0o700
_RIGHTS = {
    ("var", "lib", "orderly"): PRIVATE,
    ("etc", "policy-rc.d"): 0o755,
    ("var", "lib", "policy-rc.d"): 0o755,
    ("run", "policy-rc.d"): 0o755,
    ("run", "orderly"): 0o755,
}


def read_text(path: Path) -> str:
    """Read a small regular file that root wrote; whatever else has its name is an error, and is not looked at."""
    mode = path.lstat()
    if not stat.S_ISREG(mode.st_mode):
        raise YamlError("it is not a regular file")
    if mode.st_uid not in (0, os.geteuid()):
        raise YamlError(f"it belongs to user {mode.st_uid}, expected root")
    if mode.st_size > _MAX_BYTES:
        raise YamlError("it is larger than 1 MiB")
    return path.read_bytes().decode("utf-8", "backslashreplace")


def read_lines(path: Path) -> list[str]:
    """Read the lines of a file; none where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    except OSError:
        return []


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Make a folder, and those above it, with these rights whatever the umask says; ours always have the same."""
    ours = next((mode for name, mode in _RIGHTS.items() if folder.parts[-len(name) :] == name), None)
    try:
        mode_there = folder.stat().st_mode
        if not stat.S_ISDIR(mode_there):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
        rights = stat.S_IMODE(mode_there)
    except FileNotFoundError:
        make_folder(folder.parent, mode)
        folder.mkdir(mode=0o700, exist_ok=True)
        rights, ours = 0o700, ours or mode
    if ours and rights != ours:
        folder.chmod(ours)


def sync_folder(folder: Path) -> None:
    """Let the disk know the names in a folder too, so that a power cut brings none back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot, of a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str, folder_mode: int = 0o755) -> None:
    """Write a file by rename: at any moment there is the old one or the new one.

    What a process that was killed left behind ends with its PID; the script removes that in time.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make_folder(path.parent, folder_mode)
        remove_file(new)
        with os.fdopen(
            os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8"
        ) as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
        sync_folder(path.parent)
    except OSError as exc:
        raise HostError(f"{path} cannot be written: {exc.strerror}.", path=str(path)) from exc


def remove_file(path: Path) -> None:
    """Remove a file, if it is there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as exc:
        raise HostError(f"{path} cannot be removed: {exc.strerror}.", path=str(path)) from exc


def remove_drop_in(path: Path) -> None:
    """Remove a drop-in, and its folder where nothing else is in it."""
    remove_file(path)
    try:
        path.parent.rmdir()
    except OSError:
        return


def boot_id(root: Path = Path("/")) -> str:
    """Tell which boot of the host this is."""
    return (root / "proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


Item = TypeVar("Item")


def read_each(
    paths: Iterable[Path], read: Callable[[Path], Item], fault: str
) -> tuple[list[Item], list[str]]:
    """Read every file, and say which are not what they should be."""
    found, trouble = [], []
    for path in paths:
        item = attempt(path, read)
        if isinstance(item, Exception):
            trouble.append(f"{path} {fault} ({item}).")
        elif item is not None:
            found.append(item)
    return found, trouble


def attempt(path: Path, read: Callable[[Path], Item]) -> Item | Exception | None:
    """Read a file; give the error of one that cannot be read, and None where there is none any more."""
    try:
        return read(path)
    except FileNotFoundError:  # removed this moment
        return None
    except NewerFormatError:  # no fault of the file: nothing may be done as if it were not there
        raise
    except (OSError, UnicodeDecodeError, YamlError, HostError) as exc:
        return exc


def remove(paths: Iterable[Path]) -> None:
    """Remove the files that are there."""
    for path in filter(os.path.lexists, paths):
        path.unlink()
