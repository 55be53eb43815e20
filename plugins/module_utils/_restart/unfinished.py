# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units a restart of ours has stopped and not brought back: one small file for each.

A file is written before systemd is told to restart a unit, and removed when the unit is well. So a unit that does not
run because of us is known apart from one that somebody stopped on purpose, also after a run that was killed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Mapping

from .._host.documents import read_item, write_document
from .._host.files import read_each, remove_file

if TYPE_CHECKING:
    from typing import Iterable

    from .._host.systemd import UnitState


@dataclass(frozen=True)
class Unfinished:
    """A unit that a restart of ours may have stopped: in which boot, and which run of the unit was the last."""

    unit: str
    boot_id: str
    invocation_id: str


class UnfinishedFolder:
    """The folder of the files."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folder is."""
        self.path = root / "var/lib/orderly/restarting"

    def read(self) -> tuple[list[Unfinished], list[str]]:
        """Read what is there, and say which files cannot be read."""
        return read_each(
            sorted(path for path in self.path.glob("*.*") if not path.name.startswith(".")),
            lambda path: read_item(path, Unfinished),
            "does not tell which restart was begun; start the unit if it is to run, then remove the file",
        )

    def write(self, state: UnitState, boot_id: str) -> None:
        """Write down that a restart of a unit is begun, or how it has ended."""
        write_document(self.path / state.unit, asdict(Unfinished(state.unit, boot_id, state.invocation_id)))

    def remove(self, units: Iterable[str]) -> None:
        """Forget restarts, as the units are well."""
        for unit in units:
            remove_file(self.path / unit)


def unfinished_units(
    begun: Iterable[Unfinished], states: Mapping[str, UnitState], boot_id: str
) -> tuple[str, ...]:
    """Name the units that do not run because of a restart of ours: nobody has run them since, in the same boot."""
    return tuple(
        each.unit
        for each in begun
        if each.boot_id == boot_id
        and not (state := states[each.unit]).is_active
        and state.invocation_id in ("", each.invocation_id)
    )
