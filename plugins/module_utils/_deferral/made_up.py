# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts that were made up for: units of no policy that our script started anew at the end of dpkg's last run."""

from __future__ import annotations

from pathlib import Path

from .._host.files import read_lines
from .record import iso_time

FILE = "run/orderly/dpkg.made-up"
_FRONTEND = "frontend"  # whose run of dpkg it was, by which the script knows when to forget it


def read_made_up(root: Path = Path("/")) -> list[dict[str, str]]:
    """Read the ``unit``, the ``action``, ``since`` when, and the ``package`` that wanted it, which may be empty.

    The script writes a line for each: the unit, a tab, the seconds, the action, the package.
    """
    lines = (line.partition("\t") for line in read_lines(root / FILE))
    notes = [(unit, note.split(" ")) for unit, _tab, note in lines if unit != _FRONTEND]
    return [
        {"unit": unit, "action": note[1], "since": iso_time(int(note[0])), "package": note[2]}
        for unit, note in notes
        if len(note) == 3 and note[0].isdecimal()
    ]
