# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that still run what was there before their package changed, be it that nobody asked to restart them."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.systemd import Systemd
from .hold import owners_of

if TYPE_CHECKING:
    from typing import Iterable, Mapping

    from .._host.runner import Runner

_PROPERTIES = ("Id", "MainPID", "ExecMainStartTimestampMonotonic")
_INFO = "var/lib/dpkg/info"


@dataclass(frozen=True)
class Running:
    """A unit with a process: when it was started, and when the program changed that this process runs now.

    The latter is 0 where the file is no longer there.
    """

    unit: str
    started: float
    program_changed: float

    def outlives(self, changed: float) -> bool:
        """Tell whether it runs what was there before a package changed.

        A program that changed after the start was executed by a reload; dpkg unpacks it just before it says so.
        """
        return self.program_changed <= self.started < changed


def stale_units(run: Runner, units: Iterable[str], root: Path = Path("/")) -> dict[str, tuple[str, ...]]:
    """Name the units that were not started anew since some of their packages changed, with these packages."""
    found = {}
    for unit in read_running(run, units, root):
        changed = {name: _changed(name, root) for name in owners_of(run, unit.unit, root)}
        found[unit.unit] = tuple(sorted(filter(lambda name: unit.outlives(changed[name]), changed)))
    return {unit: packages for unit, packages in found.items() if packages}


def read_running(run: Runner, units: Iterable[str], root: Path = Path("/")) -> list[Running]:
    """Read those of some units that have a process of their own."""
    named = [unit for unit in units if "@." not in unit]
    shown = Systemd(run).properties(named, _PROPERTIES)
    return [_running(values, root) for values in shown.values() if values.get("MainPID", "0") != "0"]


def _running(values: Mapping[str, str], root: Path) -> Running:
    began = time.time() - time.monotonic()
    seconds = int(values.get("ExecMainStartTimestampMonotonic") or 0) / 1_000_000
    return Running(values["Id"], began + seconds, _program_changed(root / "proc" / values["MainPID"] / "exe"))


def _program_changed(link: Path) -> float:
    try:
        is_there = not os.readlink(link).endswith(" (deleted)")
        return os.stat(link).st_ctime if is_there else 0
    except OSError:
        return 0


def _changed(package: str, root: Path) -> float:
    """Tell when dpkg last unpacked a package, for any of its architectures."""
    info = root / _INFO
    lists = [info / f"{package}.list", *info.glob(f"{package}:*.list")]
    return max((path.stat().st_mtime for path in lists if path.exists()), default=0)
