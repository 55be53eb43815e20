"""Who else can write where something of ours is looked for; what anybody may have put there is not used."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from .errors import ControllerError


def open_to_others(folder: Path, *, everybody: bool = False) -> str:
    """Say why others than root and this user can put something into a folder; empty where they cannot.

    The folders above it count too: who can rename one puts another in its place. With *everybody* it only counts what
    all users may do, not to whom a folder, or a group that may write to it, belongs; but where all may make folders, as
    in /tmp, anybody may have made this one.
    """
    folder = Path(os.path.realpath(folder))
    groups = {0, os.getegid(), *os.getgroups()}
    may_be_anybodys = not everybody or any(_may_all_write(each) for each in folder.parents)
    for each in (folder, *folder.parents):
        try:
            found = each.stat()
        except OSError:
            continue
        # In a folder like /tmp nobody can touch what is ours.
        shields = each != folder and found.st_mode & stat.S_ISVTX
        if found.st_mode & stat.S_IWOTH and not shields:
            return f"everybody can write to {each}"
        if not everybody and found.st_mode & stat.S_IWGRP and not shields and found.st_gid not in groups:
            return f"the group {found.st_gid} can write to {each}"
        if may_be_anybodys and found.st_uid not in {0, os.geteuid()}:
            return f"{each} belongs to the user {found.st_uid}"
    return ""


def _may_all_write(folder: Path) -> bool:
    with suppress(OSError):
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    return False


def home_folder(variable: str, option: str) -> Path:
    """Give the home of this user; raises ControllerError where the system knows none, and names what helps."""
    try:
        return Path.home()
    except RuntimeError:
        raise ControllerError(
            f"The user with the uid {os.getuid()}, who runs this, has no entry in /etc/passwd and no HOME: set "
            f"{variable} in the environment, or {option}."
        ) from None
