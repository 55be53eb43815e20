# SPDX-License-Identifier: GPL-3.0-or-later
"""Which unit a process belongs to: systemd keeps those of each apart in a control group, named in /proc/PID/cgroup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UNIT = re.compile(r".+\.(?:service|socket|scope)")


class ControlGroups:
    """The groups of the processes in *proc*; in a container those of systemd may lie below others."""

    def __init__(self, proc: Path) -> None:
        """Find out where the groups of systemd begin, by that of its own process."""
        self._proc = proc
        own = self._path(1)
        self._top = own[: -len("/init.scope")] if own.endswith("/init.scope") else own.rstrip("/")

    def group_of(self, pid: int) -> str:
        """Give the group of a process below those of systemd, as in ``/system.slice/web.service``; empty if outside."""
        path = self._path(pid)
        return path[len(self._top) :] if path.startswith(f"{self._top}/") else ""

    def unit_of(self, pid: int) -> str:
        """Name the unit of a process; empty where it is in none, or has ended."""
        return next((part for part in self.group_of(pid).split("/") if _UNIT.fullmatch(part)), "")

    def _path(self, pid: int) -> str:
        """Give the whole path, with or without a unified hierarchy."""
        try:
            text = (self._proc / str(pid) / "cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            return "/"
        lines = (line.split(":", 2) for line in text.splitlines())
        paths = {fields[1]: fields[2] for fields in lines if len(fields) == 3}
        unified = paths.get("", "/")
        return unified if unified != "/" else paths.get("name=systemd", "/")
