# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock between processes of root: others cannot even open its file, and one that hangs is named after a while."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import HostError
from .files import make_folder

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable, Iterator

SECONDS = 10  # as the script for packages waits
_PAUSE = 0.05


@contextmanager
def locked(
    path: Path, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[None]:
    """Hold the lock; raises HostError where somebody else holds it for too long."""
    try:
        descriptor = _opened(path)
    except OSError as exc:
        raise HostError(f"{path} cannot be opened: {exc.strerror}.", path=str(path)) from exc
    try:
        end = clock() + SECONDS
        while not _taken(descriptor):
            if clock() >= end:
                raise HostError(
                    f"The lock {path} is held by another process for more than {SECONDS} seconds: lslocks, or "
                    f"fuser -v {path}, tells by which. Nothing was changed. Wait until it has ended, or end it, and "
                    "run this again.",
                    path=str(path),
                )
            sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    make_folder(path.parent)
    try:
        found = path.lstat()
        # One that others can open, as the first versions made it, may be held by anybody.
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or found.st_uid != os.geteuid():
            path.unlink()
    except FileNotFoundError:
        pass
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
