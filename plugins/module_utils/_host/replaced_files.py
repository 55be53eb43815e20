# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units run programs or libraries whose files packages have replaced: what /proc tells, without needrestart.

A file that is replaced stays for who has it mapped, and the kernel writes "(deleted)" behind its name. What is executed
from below these folders came with packages. Programs of interpreters (Python, Perl and the like) read their files and
let go of them, so that needrestart alone knows of those.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from .control_groups import ControlGroups
from .errors import HostError

if TYPE_CHECKING:
    from pathlib import Path

# As in "7f1c-7f1d r-xp 00001000 08:01 123456  /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"
_REPLACED = re.compile(r"^\S+ ..x\S* \S+ \S+ \d+ +/(?:usr|lib\w*|s?bin|opt)/.* \(deleted\)$", re.M)
_NOT_OURS = ("/user.slice/", "/machine.slice/")  # of user managers and containers


def units_with_replaced_files(root: Path) -> list[str]:
    """Name the services with a process that executes a replaced file; raises :class:`HostError` if none can be read."""
    processes = [path for path in (root / "proc").iterdir() if path.name.isdigit()]
    maps = {path: text for path in processes if (text := _read(path / "maps"))}
    if not maps:
        raise HostError(f"no process can be read in {root / 'proc'}")
    groups = ControlGroups(root / "proc")
    concerned = [int(path.name) for path, text in maps.items() if _REPLACED.search(text)]
    ours = (pid for pid in concerned if not groups.group_of(pid).startswith(_NOT_OURS))
    return sorted({unit for unit in map(groups.unit_of, ours) if unit.endswith(".service")})


def _read(path: Path) -> str:
    """Read a file of a process; nothing where it has ended meanwhile, or has no memory of its own."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""
