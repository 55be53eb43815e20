# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that say which units are paused: one for each, named like the unit, which the script for packages obeys."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.documents import read_item, write_document
from .._host.files import read_each, remove_drop_in, remove_file, write_text

if TYPE_CHECKING:
    from typing import Iterable

# A unit that is defined in /etc cannot be masked, so an assertion keeps it from starting, by hand and at boot.
_HOLD = """\
# Written by orderly.services: {unit} is paused; the playbook resume_services brings it back.
[Unit]
AssertPathExists=!{path}
"""


class PausedFolder:
    """The folder of what is paused."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folder is."""
        self.path = root / "var/lib/orderly/paused"
        self._units = root / "etc/systemd/system"

    def read(self) -> tuple[dict[str, Paused], list[str]]:
        """Read what is paused, by unit, and say which files do not tell how."""
        found, trouble = read_each(
            sorted(self.path / unit for unit in self.units()),
            lambda path: read_item(path, Paused),
            "does not say how the unit was paused; unmask and start it yourself, then remove the file",
        )
        return {paused.unit: paused for paused in found}, trouble

    def units(self) -> set[str]:
        """Name the units that are paused, which holds even where a file tells no more."""
        return {path.name for path in self.path.glob("*.*") if not path.name.startswith(".")}

    def write(self, paused: Paused) -> None:
        """Write down that a unit is paused."""
        write_document(self.path / paused.unit, asdict(paused))

    def remove(self, unit: str) -> None:
        """Forget that a unit was paused."""
        remove_file(self.path / unit)

    def hold_local(self, paused: Iterable[Paused]) -> None:
        """Keep those from starting that cannot be masked; systemd reads it when it is told to."""
        for each in paused:
            if not each.masked:
                write_text(self._hold(each.unit), _HOLD.format(unit=each.unit, path=self.path / each.unit))

    def release_local(self, paused: Iterable[Paused]) -> None:
        """Let those start again that could not be masked."""
        for each in paused:
            if not each.masked:
                remove_drop_in(self._hold(each.unit))

    def _hold(self, unit: str) -> Path:
        return self._units / f"{unit}.d" / "50-orderly-paused.conf"


@dataclass(frozen=True)
class Paused:
    """A unit that must not run until it is resumed: whether it ran before, and how it is kept from starting."""

    unit: str
    was_active: bool
    masked: bool
    since: int
    reason: str = ""
    position: int = 0
