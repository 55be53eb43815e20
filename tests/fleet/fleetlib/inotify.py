"""Adapter: the kernel's limit on inotify instances; every systemd takes some of those that root may have."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from .errors import FleetError
from .shell import say

PROC = Path("/proc")
LIMIT = "sys/fs/inotify/max_user_instances"
OF_A_HOST = 8
"""Five of its systemd and one of its logind; the rest is for what people install."""
RAISED = 1024


def make_room(hosts: int, proc: Path = PROC) -> None:
    """Raise the limit, for as long as this machine is up, where so many more hosts would not fit below it.

    A host beyond the limit does not boot: its systemd ends with "Too many open files".
    """
    limit = proc / LIMIT
    allowed, wanted = int(limit.read_text()), in_use(proc) + hosts * OF_A_HOST
    if wanted <= allowed:
        return
    raised = max(RAISED, wanted)
    try:
        limit.write_text(f"{raised}\n")
    except OSError as error:
        raise FleetError(
            f"{hosts} more hosts need about {wanted} inotify instances in all, and fs.inotify.max_user_instances is"
            f" {allowed}, which cannot be raised from here ({error.strerror}). Where it can, do: sysctl -w"
            f" fs.inotify.max_user_instances={raised}; or take other fleets down first"
        ) from error
    say(f"raised fs.inotify.max_user_instances from {allowed} to {raised}, until this machine boots again")


def in_use(proc: Path = PROC) -> int:
    """Count the instances that processes of this user have, in whatever container they run."""
    return sum(_instances(process) for process in proc.glob("[0-9]*"))


def _instances(process: Path) -> int:
    found = 0
    with suppress(OSError):  # it has ended
        if process.stat().st_uid == os.geteuid():
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    found += str(handle.readlink()) == "anon_inode:inotify"
    return found
