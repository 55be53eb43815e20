# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of an earlier run that still work on this host: a controller that is killed does not take them with it.

Whatever a play does under slots of rolling locks has them in its environment, as ``ORDERLY_SLOTS``: a format, the host
as the inventory names it, the id of the store, and the token of each slot by service. So what works under an older slot
of the same service is of an earlier run, however it came here (ssh, sudo, async, a child that outlived its module).

Only processes of root and of this user are believed, for anybody could call theirs that; of a task that works as
another user it is the ``sudo`` or ``su`` before it that counts, which has the same on its command line. It cannot see
what a task has left to others (systemd, a reboot, a job elsewhere), and tasks with an ``environment`` of that name.
Daemons, whose output goes nowhere or to a file, may stay: a task has ended when they are all that is left of it.
"""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import HostError

if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

SLOTS = "ORDERLY_SLOTS"
FORMAT = "1"
PROC = Path("/proc")
LOOK_SECONDS = 1.0
WAIT_SECONDS = 300
SHOWN = 5
OUTPUTS = (1, 2)
WIDEST = 80


@dataclass(frozen=True)
class Task:
    """A process that works for a task of an earlier run."""

    pid: int
    command: str

    def __str__(self) -> str:
        """Say where to find it, and what it is."""
        return f"PID {self.pid} ({self.command})"


def await_earlier_tasks(
    environ: Mapping[str, str],
    seconds: float = WAIT_SECONDS,
    *,
    proc: Path = PROC,
    sleep: Callable[[float], Any] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no task of an earlier run works here on the services of *environ*; raises HostError if one stays."""
    mine = _slots(environ.get(SLOTS, ""))
    end = clock() + seconds
    while mine and (tasks := earlier_tasks(mine, proc)):
        if clock() >= end:
            raise HostError(_still(tasks, seconds), earlier_tasks=[task.pid for task in tasks])
        sleep(LOOK_SECONDS)


def earlier_tasks(mine: Mapping[str, Any], proc: Path = PROC) -> list[Task]:
    """List the processes that work under other slots of the services and the host of *mine*."""
    found = []
    for folder in proc.iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            task = _earlier(folder, mine)
            if task:
                found.append(task)
    return sorted(found, key=lambda task: task.pid)


def _earlier(folder: Path, mine: Mapping[str, Any]) -> Task | None:
    try:
        if _user(folder) not in (0, os.geteuid()):
            return None
        words = _text(folder / "cmdline")
        said = f"\0{_text(folder / 'environ')}\0{words}".partition(f"{SLOTS}=")[2]
        if not _is_other(_slots(said.lstrip("'\"")), mine) or _is_daemon(folder):
            return None
    except OSError:  # it has just ended, or is not ours to look at
        return None
    return Task(int(folder.name), words.replace("\0", " ").strip()[:WIDEST] or "?")


def _user(folder: Path) -> int:
    """Give who started a process: the real uid, which a setuid program of somebody else keeps."""
    lines = _text(folder / "status").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Uid:"))


def _text(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def _is_other(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> bool:
    if not theirs or any(theirs.get(key) != mine.get(key) for key in ("host", "store")):
        return False
    shared = set(theirs["slots"]) & set(mine["slots"])
    return any(theirs["slots"][name] != mine["slots"][name] for name in shared)


def _is_daemon(folder: Path) -> bool:
    """Tell whether nobody reads what a process writes: no pipe, no terminal, no socket."""
    return not any(_is_read(folder / f"fd/{number}") for number in OUTPUTS)


def _is_read(output: Path) -> bool:
    try:
        mode = output.stat()
    except OSError:
        return False
    is_terminal = (
        stat.S_ISCHR(mode.st_mode) and os.major(mode.st_rdev) != 1
    )  # /dev/null and its like are of 1
    return stat.S_ISFIFO(mode.st_mode) or stat.S_ISSOCK(mode.st_mode) or is_terminal


def _slots(text: str) -> Mapping[str, Any]:
    """Read what a play says of its slots; nothing where it holds none."""
    known_format, _space, words = text.partition(" ")
    try:
        said, _end = json.JSONDecoder().raw_decode(words)
        known = isinstance(said["slots"], dict) and said["slots"] and isinstance(said["host"], str)
    except (ValueError, KeyError, TypeError):
        return {}
    return said if known and known_format == FORMAT else {}


def _still(tasks: list[Task], seconds: float) -> str:
    named = ", ".join(map(str, tasks[:SHOWN]))
    more = f" and {len(tasks) - SHOWN} more" if len(tasks) > SHOWN else ""
    return (
        f"A task of an earlier run still works on this host after {seconds:.0f} s: {named}{more}. Its controller has"
        " ended without it. Nothing was touched here. Wait until it has ended, or end it, and run again."
    )
