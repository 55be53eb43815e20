# SPDX-License-Identifier: GPL-3.0-or-later
"""What was changed on this host for a while, and how it was before: one small file for each temporary change.

A record is written before the change, and removed after its undo. So whatever was begun is on record, also when the
run that began it has died, and what is not on record is never undone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from .._host.documents import read_item, write_document
from .._host.errors import HostError
from .._host.files import read_each, remove_file

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, Iterable

FOLDER = "var/lib/orderly/temporary"
VERIFIED, UPGRADED = MOMENTS = ("verified", "upgraded")


@dataclass(frozen=True)
class TemporaryChange:
    """Something of a service that is not as it is to stay; *since* counts seconds.

    *until* is when it is undone: once the service is verified on this host, or once the whole fleet is upgraded.
    """

    service: str
    name: str
    until: str
    previous: Any = None
    campaign: str = ""
    since: int = 0

    def is_due(self, service: str, moment: str) -> bool:
        """Tell whether it is undone at a moment of a service; in the end everything is."""
        return self.service == service and moment in (self.until, UPGRADED)


class TemporaryFolder:
    """The folder of the records."""

    def __init__(self, path: Path) -> None:
        """Take the folder; it need not be there yet."""
        self.path = path

    def read(self) -> tuple[tuple[TemporaryChange, ...], list[str]]:
        """Read what is on record, and say which files cannot be read: what they stand for is not undone."""
        found, trouble = read_each(
            sorted(self.path.glob("*.json")),
            _read,
            "does not say what was changed; find out what it stands for, undo that by hand, and remove it",
        )
        return tuple(found), trouble

    def write(self, changes: Iterable[TemporaryChange]) -> None:
        """Write records, each whole or not at all."""
        for change in changes:
            write_document(self._file(change), asdict(change))

    def remove(self, changes: Iterable[TemporaryChange]) -> None:
        """Forget what was undone."""
        for change in changes:
            remove_file(self._file(change))

    def _file(self, change: TemporaryChange) -> Path:
        return self.path / f"{quote(change.service, safe='')},{quote(change.name, safe='')}.json"


def _read(path: Path) -> TemporaryChange:
    change = read_item(path, TemporaryChange)
    if change.until not in MOMENTS:
        raise HostError(f"until is none of {', '.join(MOMENTS)}")
    return change


@dataclass(frozen=True)
class Change:
    """What was found on record, or is put there, and what changes for that."""

    found: tuple[TemporaryChange, ...]
    added: tuple[TemporaryChange, ...] = ()
    removed: tuple[TemporaryChange, ...] = ()

    def carry_out(self, folder: TemporaryFolder) -> None:
        """Do it."""
        folder.write(self.added)
        folder.remove(self.removed)

    def as_result(self) -> dict[str, Any]:
        """Give plain data for a playbook."""
        return {
            "changed": bool(self.added or self.removed),
            "temporary_changes": [asdict(each) for each in self.found],
            "previous": {each.name: each.previous for each in self.found},
        }


def plan_present(records: Iterable[TemporaryChange], wanted: TemporaryChange) -> Change:
    """Put a change on record before it is made.

    What is on record keeps how it was before and since when: a repeated task would see its own change. It is undone
    with the campaign that asks for it now.
    """
    same = (each for each in records if (each.service, each.name) == (wanted.service, wanted.name))
    known = next(same, None)
    if known is not None:
        wanted = replace(known, until=wanted.until, campaign=wanted.campaign)
    return Change((wanted,), added=() if wanted == known else (wanted,))


def plan_absent(
    records: Iterable[TemporaryChange], service: str, moment: str, name: str | None = None
) -> Change:
    """Forget what is due of a service, or one change of that name, for it is undone."""
    due = tuple(each for each in records if each.is_due(service, moment) and name in (None, each.name))
    return Change(due, removed=due)


def plan_reading(records: Iterable[TemporaryChange], service: str | None, moment: str) -> Change:
    """Change nothing: find what is due of a service, or all there is."""
    return Change(tuple(each for each in records if service is None or each.is_due(service, moment)))
