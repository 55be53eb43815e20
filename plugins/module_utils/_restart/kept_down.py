# SPDX-License-Identifier: GPL-3.0-or-later
"""Units that stay down while their data are migrated, though their packages would start them: drop-ins in ``/run``.

A start of such a unit succeeds and does nothing, as systemd passes over a unit whose condition is not met
(systemd.unit(5), "Conditions and Asserts"). A mask would not do, as a unit file in ``/etc`` goes before one in
``/run``; a drop-in works for both. The condition is that it is not written down any more that we have stopped the unit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._host.files import remove_drop_in, write_text

if TYPE_CHECKING:
    from typing import Iterable

    from .._host.systemd import Systemd

DROP_IN = "50-orderly-kept-down.conf"
_TEXT = """\
# {unit} stays down until its packages are upgraded and its data migrated; they must not start it before.
# To start it: ansible HOST -m orderly.services.restart_services -a units={unit}
# To lift this: rm "{path}" && systemctl daemon-reload
[Unit]
ConditionPathExists=!{record}
"""


class KeptDown:
    """The drop-ins of a host."""

    def __init__(self, systemd: Systemd, records: Path, root: Path = Path("/")) -> None:
        """Take systemd, the folder in which it is written down what we have stopped, and where ``run`` is."""
        self._systemd = systemd
        self._records = records
        self._folder = root / "run/systemd/system"

    def path(self, unit: str) -> Path:
        """Name the drop-in of a unit."""
        return self._folder / f"{unit}.d" / DROP_IN

    def put(self, units: Iterable[str]) -> None:
        """Keep units down that are stopped from now on."""
        paths = {unit: self.path(unit) for unit in units}
        for unit, path in paths.items():
            record = str(self._records / unit).replace("%", "%%")  # systemd.unit(5), "Specifiers"
            write_text(path, _TEXT.format(unit=unit, path=path, record=record))
        if paths:
            self._systemd.must("daemon-reload")

    def lift(self, units: Iterable[str]) -> None:
        """Let units start again; those that are not kept down stay as they are."""
        kept = [path for path in map(self.path, units) if path.is_file()]
        for path in kept:
            remove_drop_in(path)
        if kept:
            self._systemd.must("daemon-reload")
