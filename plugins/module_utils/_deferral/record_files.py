# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of deferred restarts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.files import attempt, read_each, read_text, remove, write_text
from .._host.lock import locked
from .record import BESIDE_NEWER, Event, NewerRecordError, Record, note_event, parse_record

if TYPE_CHECKING:
    from typing import Callable, Iterable

    from .._host.systemd import UnitState


# --- Records ---


# A dismissed record has a suffix of its own, so that tools which know only pending ones no longer show it.
_RECORDS = ("*.deferred", "*.dismissed")


def _read_record(path: Path) -> Record:
    return parse_record(read_text(path), str(path))


def _is_newer(path: Path) -> bool:
    return isinstance(attempt(path, _read_record), NewerRecordError)


def _records(paths: Iterable[Path]) -> list[Record]:
    """Read those of some files that are there and are records."""
    return [item for item in (attempt(path, _read_record) for path in paths) if isinstance(item, Record)]


class DeferredStore:
    """The folders of records: the lasting one, and the one for when that cannot be written."""

    def __init__(self, root: Path = Path("/")) -> None:
        """Take the root below which the folders are."""
        self.folders = (root / "var/lib/policy-rc.d", root / "run/policy-rc.d")
        self._lock = root / "run/orderly/records.lock"

    def read(self) -> tuple[list[Record], list[str]]:
        """Read all records, and say which files are none."""
        newest: dict[
            str, Path
        ] = {}  # what could not be written to the lasting folder is newer than what is there
        for folder in self.folders:
            newest.update((path.name, path) for glob in _RECORDS for path in sorted(folder.glob(glob)))
        found, trouble = read_each(
            newest.values(),
            _read_record,
            "is not a record of a deferred restart that can be read; find out why it is there before you remove it",
        )
        if any(self.folders[1].glob("*.deferred")):
            trouble.append(f"{self.folders[0]} could not be written; see the records in {self.folders[1]}.")
        return found, trouble

    def settle(self, is_settled: Callable[[Record], bool], among: Iterable[str] | None = None) -> list[str]:
        """Remove the records that are settled by what they say now, not by what they said when they were read first.

        *among* names the only files to look at, so that settling unit by unit does not read everything each time.
        """
        with locked(self._lock):
            records = self.read()[0] if among is None else _records(map(Path, among))
            settled = [record.path for record in records if is_settled(record)]
            for path in settled:
                remove(folder / Path(path).name for folder in self.folders)
            self._merge()
        return settled

    def record(self, event: Event, state: UnitState, boot: str, now: int) -> Record:
        """Write down that an action waits: into the record of its unit and requestor, if there is one."""
        name = replace(event, unit=state.unit or event.unit).file_name
        with locked(self._lock):
            if any(_is_newer(folder / name) for folder in self.folders):
                name = name.replace(".deferred", BESIDE_NEWER)
            paths = [folder / name for folder in self.folders]
            known = [
                item
                for item in (attempt(path, _read_record) for path in reversed(paths))
                if isinstance(item, Record)
            ]
            record = note_event(event, known[0] if known else None, state, boot, now)
            write_text(paths[0], record.render())
            dismissed = paths[0].with_suffix(".dismissed")
            remove([*paths[1:], *([] if _is_newer(dismissed) else [dismissed])])
            self._merge()
        return replace(record, path=str(paths[0]))

    def exchange(self, changes: Iterable[tuple[Record, Record]]) -> list[Record]:
        """Put records in the place of others, and give those; what is no longer as it was read stays as it is."""
        with locked(self._lock):
            return [
                self._put(new, Path(old.path)) for old, new in changes if _records([Path(old.path)]) == [old]
            ]

    def _put(self, record: Record, old: Path) -> Record:
        path = (self.folders[0] / old.name).with_suffix(".dismissed" if record.dismissed else ".deferred")
        write_text(path, record.render())
        if path != old:
            remove([old])
        return replace(record, path=str(path))

    def _merge(self) -> None:
        """Move records that could not be written to where they last."""
        lasting, fallback = self.folders
        for path in sorted(fallback.glob("*.deferred")):
            text = attempt(path, read_text)
            if isinstance(text, str):
                write_text(lasting / path.name, text)
                path.unlink()
