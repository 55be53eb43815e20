# SPDX-License-Identifier: GPL-3.0-or-later
"""What was taken out of service on this host, by whom: one small file for each service.

A record is written before the drain, and removed after the undrain. So whatever was begun is on record, also when the
run that began it has died, and nothing else is ever undrained.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from .._host.documents import read_item, write_document
from .._host.files import read_each, remove_file

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Iterable, Mapping

PREFIX = "service-"
SUFFIX = ".json"
FOLDER = "var/lib/orderly/drained"
DEFAULT_FOLDER = f"/{FOLDER}"


@dataclass(frozen=True)
class Drained:
    """A service of this host that an operation took out of service; *since* counts seconds, 0 where not known."""

    service: str
    operation: str = ""
    roll: str = ""
    since: int = 0


class DrainedFolder:
    """The folder of the records."""

    def __init__(self, path: Path) -> None:
        """Take the folder; it need not be there yet."""
        self.path = path

    def read(self) -> tuple[dict[str, Drained], list[str]]:
        """Read what is on record, by service, and say which files tell no more than their name."""
        names = {unquote(path.name[len(PREFIX) : -len(SUFFIX)]): path for path in self._files()}
        found, trouble = read_each(
            [names[name] for name in sorted(names)],
            lambda path: read_item(path, Drained),
            "does not say who drained the service; it still counts as drained by us",
        )
        known = {record.service: record for record in found}
        return {name: known.get(name, Drained(name)) for name in sorted(names)}, trouble

    def write(self, records: Iterable[Drained]) -> None:
        """Write records, each whole or not at all."""
        for record in records:
            write_document(self._file(record.service), asdict(record))

    def remove(self, services: Iterable[str]) -> None:
        """Forget services that take part again."""
        for service in services:
            remove_file(self._file(service))

    def _files(self) -> Iterable[Path]:
        return self.path.glob(f"{PREFIX}*{SUFFIX}")

    def _file(self, service: str) -> Path:
        return self.path / f"{PREFIX}{quote(service, safe='')}{SUFFIX}"


@dataclass(frozen=True)
class Change:
    """What is on record afterwards, and what changes for that."""

    records: Mapping[str, Drained]
    added: tuple[Drained, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether anything is written."""
        return bool(self.added or self.removed)

    def carry_out(self, folder: DrainedFolder) -> None:
        """Do it."""
        folder.write(self.added)
        folder.remove(self.removed)

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "changed": self.changes,
            "services": sorted(self.records),
            "drained": [asdict(self.records[name]) for name in sorted(self.records)],
        }


def plan_present(records: Mapping[str, Drained], wanted: Iterable[Drained]) -> Change:
    """Put services on record; who drained them first stays the one who did."""
    added = tuple(drained for drained in wanted if drained.service not in records)
    return Change({**records, **{drained.service: drained for drained in added}}, added=added)


def plan_absent(records: Mapping[str, Drained], services: Iterable[str]) -> Change:
    """Take services off the record."""
    removed = tuple(service for service in services if service in records)
    left = {service: drained for service, drained in records.items() if service not in removed}
    return Change(left, removed=removed)
