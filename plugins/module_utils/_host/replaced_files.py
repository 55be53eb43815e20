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

from .errors import HostError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Iterator

# As in "7f1c-7f1d r-xp 00001000 08:01 123456  /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)"
_REPLACED = re.compile(r"^\S+ ..x\S* \S+ \S+ \d+ +/(?:usr|lib\w*|s?bin|opt)/.* \(deleted\)$", re.M)
_CGROUP = re.compile(r"^(?:0:|\d+:name=systemd):(/.*)$", re.M)
_UNIT = re.compile(r"/([^/]+\.service)(?:/|$)")
_NOT_OURS = ("/user.slice/", "/machine.slice/")  # of user managers and containers


def units_with_replaced_files(root: Path) -> list[str]:
    """Name the services with a process that executes a replaced file; raises :class:`HostError` if none can be read."""
    processes = [path for path in (root / "proc").iterdir() if path.name.isdigit()]
    maps = {path: text for path in processes if (text := _read(path / "maps"))}
    if not maps:
        raise HostError(f"no process can be read in {root / 'proc'}")
    prefix = _prefix(root)
    concerned = (path for path, text in maps.items() if _REPLACED.search(text))
    return sorted({unit for path in concerned for unit in _unit_of(_read(path / "cgroup"), prefix)})


def _prefix(root: Path) -> str:
    """Give what the control groups of this system begin with, which inside a container is not always nothing."""
    found = [
        group for group in _CGROUP.findall(_read(root / "proc/1/cgroup")) if group.endswith("/init.scope")
    ]
    return found[0][: -len("/init.scope")] if found else ""


def _unit_of(cgroup: str, prefix: str) -> Iterator[str]:
    for group in _CGROUP.findall(cgroup):
        own = group[len(prefix) :] if group.startswith(prefix) else ""
        unit = _UNIT.search(own)
        if unit and not own.startswith(_NOT_OURS):
            yield unit[1]


def _read(path: Path) -> str:
    """Read a file of a process; nothing where it has ended meanwhile, or has no memory of its own."""
    try:
        return os.fsdecode(path.read_bytes())
    except OSError:
        return ""
