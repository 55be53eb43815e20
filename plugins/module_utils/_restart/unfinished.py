# SPDX-License-Identifier: GPL-3.0-or-later
"""Which units a restart of ours has stopped and not brought back: one small file for each.

A file is written before systemd is told to restart a unit, and removed when the unit is well. So a unit that does not
run because of us is known apart from one that somebody stopped on purpose, also after a run that was killed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Mapping

from .._host.documents import read_item, write_document
from .._host.files import read_each, remove_file
from .kept_down import KeptDown
from .restart import FAILED, carry_out

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable, Iterable, Sequence

    from .._host.systemd import Systemd, UnitState
    from .restart import Patience, RestartPlan, Result

FOLDER = "var/lib/orderly/restarting"


@dataclass(frozen=True)
class Unfinished:
    """A unit that a restart of ours may have stopped: in which boot, and which run of the unit was the last."""

    unit: str
    boot_id: str
    invocation_id: str


class UnfinishedFolder:
    """The folder of the files."""

    def __init__(self, path: Path) -> None:
        """Take the folder; it need not be there yet."""
        self.path = path

    def read(self) -> tuple[list[Unfinished], list[str]]:
        """Read what is there, and say which files cannot be read."""
        return read_each(
            sorted(path for path in self.path.glob("*.*") if not path.name.startswith(".")),
            lambda path: read_item(path, Unfinished),
            "does not say which restart was begun; start the unit if it is to run, then remove the file",
        )

    def write(self, state: UnitState, boot_id: str) -> None:
        """Write down that a restart of a unit is begun, or how it has ended."""
        write_document(self.path / state.unit, asdict(Unfinished(state.unit, boot_id, state.invocation_id)))

    def remove(self, units: Iterable[str]) -> None:
        """Forget restarts, as the units are well."""
        for unit in units:
            remove_file(self.path / unit)


def with_unfinished(
    begun: Iterable[Unfinished], states: Mapping[str, UnitState], boot_id: str
) -> dict[str, UnitState]:
    """Mark the units that do not run because of a restart of ours: nobody has run them since, in the same boot."""
    last = {each.unit: each.invocation_id for each in begun if each.boot_id == boot_id}
    return {
        name: replace(state, unfinished=True)
        if state.unit in last and not state.is_active and state.invocation_id in ("", last[state.unit])
        else state
        for name, state in states.items()
    }


class Restarts:
    """Restarts units, so that whatever becomes of this process, it is known which of them it has stopped."""

    def __init__(
        self, folder: UnfinishedFolder, systemd: Systemd, boot_id: str, restart: Callable[[str], str]
    ) -> None:
        """Take what restarts a unit and gives the complaint, if there is one."""
        self._folder = folder
        self._systemd = systemd
        self._boot_id = boot_id
        self._restart = restart
        self._kept_down = KeptDown(systemd, folder.path)
        self._along: dict[str, tuple[str, ...]] = {}

    def carry_out(
        self, plan: RestartPlan, done: Callable[[UnitState], None], patience: Patience
    ) -> tuple[Result, ...]:
        """Carry a plan out; what came back is forgotten, and of what did not it is written down how it is."""
        self._along = {step.unit: (step.unit, *step.along) for step in plan.to_restart}

        def came_back(state: UnitState) -> None:
            self._folder.remove(self._along[state.unit])
            done(state)

        results = carry_out(plan, self._systemd, came_back, patience, self._begin)
        for each in results:
            if each.result == FAILED:
                self._note(self._along[each.unit])
        return results

    def _begin(self, unit: str) -> str:
        self._note(self._along[unit])
        self._kept_down.lift(self._along[unit])
        return self._restart(unit)

    def _note(self, units: Sequence[str]) -> None:
        for state in self._systemd.show(units).values():
            self._folder.write(state, self._boot_id)
