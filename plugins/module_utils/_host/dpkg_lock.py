# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of dpkg and apt: who holds them, and waiting until nobody does, but not forever."""

from __future__ import annotations

import fcntl
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from typing import Callable

LOCKS = ("var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock")
_FLOCK = "hhqqi"  # type, whence, start, length, PID
_PAUSE = 1


class DpkgLock:
    """The locks that dpkg takes, and how long to wait for them altogether."""

    def __init__(
        self,
        seconds: float,
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take how long to wait, in seconds from now."""
        self._seconds = seconds
        self._root = root
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds

    def holder(self) -> str:
        """Say who holds a lock, and which; an empty text where nobody does, or only root can tell."""
        for name in LOCKS:
            path = self._root / name
            try:
                pid = _holder_of(path)
            except OSError:
                continue
            if pid is not None:
                return f"{_describe(pid)} holds {path}"
        return ""

    def wait(self) -> None:
        """Wait until nobody holds a lock; raises HostError where that takes too long."""
        while holder := self.holder():
            if self._clock() >= self._end:
                raise HostError(
                    f"dpkg is busy: {holder}, for more than {self._seconds:g} seconds. Nothing was changed. Wait until "
                    "it has ended, and run this again.",
                    holder=holder,
                )
            self._sleep(_PAUSE)


def _holder_of(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _whence, _start, _length, pid = struct.unpack(
            _FLOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, wanted)
        )
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else pid


def _describe(pid: int) -> str:
    if pid <= 0:
        return "a process outside of this container"
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        words = []
    command = " ".join(" ".join(words).split())[:100]
    return f"PID {pid} ({command})" if command else f"PID {pid}"
