# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarts that an operator says are not needed: which records that concerns, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .._host.errors import HostError

if TYPE_CHECKING:
    from typing import Collection, Iterable

    from .ledger import Ledger
    from .record import Record


@dataclass(frozen=True)
class Dismissal:
    """What an operator says about restarts: why they are not needed, who says so, and when (seconds since 1970)."""

    reason: str
    by: str
    at: int

    def __post_init__(self) -> None:
        """Refuse to dismiss without a reason."""
        if not self.reason.strip():
            raise HostError("Set reason: others will want to know why the restart is not needed.")

    def of(self, record: Record) -> Record:
        """Dismiss a record."""
        return replace(record, dismissed=self.reason, dismissed_by=self.by, dismissed_at=self.at)


@dataclass(frozen=True)
class DismissalPlan:
    """The records that change, as they are and as they will be."""

    before: tuple[Record, ...]
    after: tuple[Record, ...]

    @property
    def changes(self) -> list[tuple[Record, Record]]:
        """Pair what each record is with what it will be."""
        return list(zip(self.before, self.after))

    def diff(self) -> dict[str, str]:
        """Show the change, a line for each record."""
        return {"before": _lines(self.before), "after": _lines(self.after)}


def plan_dismissal(ledger: Ledger, units: Collection[str], dismissal: Dismissal) -> DismissalPlan:
    """Dismiss what is pending of some units; *units* holds all their names."""
    waiting = [record for entry in (*ledger.pending, *ledger.stopped) for record in entry.records]
    before = tuple(record for record in waiting if record.unit in units)
    return DismissalPlan(before, tuple(dismissal.of(record) for record in before))


def plan_return(ledger: Ledger, units: Collection[str]) -> DismissalPlan:
    """Let what was dismissed of some units be pending again."""
    before = tuple(record for record in ledger.dismissed if record.unit in units)
    after = [replace(record, dismissed="", dismissed_by="", dismissed_at=0) for record in before]
    return DismissalPlan(before, tuple(after))


def _lines(records: Iterable[Record]) -> str:
    return "".join(
        f"{record.unit} ({record.requestor}): "
        + (f"dismissed by {record.dismissed_by}: {record.dismissed}" if record.dismissed else record.action)
        + "\n"
        for record in records
    )
