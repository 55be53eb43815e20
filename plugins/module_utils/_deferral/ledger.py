# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger of deferred restarts: what a record says, what proves that it is settled, what is still pending.

Nothing here compares times: a restart is proved by the unit's invocation id, by another program in its main process
(for a reload), or by another boot of the host. What a package wanted may also have lost its cause: the package and its
unit are gone, or the version that runs is installed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping

from .record import PACKAGE_UPDATE, Record, iso_time

if TYPE_CHECKING:
    from typing import Collection, Iterable

    from .._host.systemd import UnitState


# --- What records mean now ---


def settled_by(record: Record, state: UnitState, boot_id: str) -> str:
    """Say what proves that nothing is left to do for a record; an empty text where nothing does."""
    if record.boot_id and record.boot_id != boot_id:
        return "the host was rebooted"
    if not record.can_be_proved or not state.is_active:
        return ""
    if state.invocation_id != record.invocation_id:
        return "the unit was started again"
    if record.action == "reload" and record.executables and state.program:
        return "" if state.program.identity in record.executables else "the unit re-executed its new program"
    return ""


def outlived_by(record: Record, state: UnitState, versions: Mapping[str, str] | None) -> str:
    """Say why nobody wants any more what a package wanted; an empty text where somebody does.

    *versions* are of :func:`.dpkg.known_versions`; None where nothing is known about packages.
    """
    if not record.package or versions is None:
        return ""
    if record.package not in versions and not state.is_known:
        return f"the package {record.package} was removed, and the unit with it"
    is_back = record.package_before and versions.get(record.package) == record.package_before
    if is_back and record.undone_by_version and record.reason == PACKAGE_UPDATE:
        return f"the package {record.package} is again at {record.package_before}, the version that runs"
    return ""


def is_done(record: Record, state: UnitState, boot_id: str, seen: Collection[Record]) -> bool:
    """Tell whether the restart of a unit has done what a record waits for.

    A record without proof counts if it was there, as it is, before the restart.
    """
    if record.unit not in (state.unit, *state.names):
        return False
    return bool(settled_by(record, state, boot_id)) or (not record.can_be_proved and record in seen)


@dataclass(frozen=True)
class PendingRestart:
    """What one unit waits for: the records that are not settled, from all requestors."""

    unit: str
    records: tuple[Record, ...]

    @property
    def latest(self) -> Record:
        """Give the record of what was blocked last."""
        return max(self.records, key=lambda record: record.last)

    @property
    def since(self) -> int:
        """Tell since when something is pending."""
        return min(record.since for record in self.records)

    def as_dict(self, versions: Mapping[str, str]) -> dict[str, Any]:
        """Give plain data; *versions* are those of the packages that are installed now."""
        latest = self.latest
        return {
            "unit": self.unit,
            "action": "restart" if any(record.action != "reload" for record in self.records) else "reload",
            "actions": sorted({action for record in self.records for action in record.actions}),
            "since": iso_time(self.since),
            "count": max(record.count for record in self.records),
            "reason": latest.reason,
            "package": latest.package,
            "package_before": latest.package_before,
            "package_now": versions.get(latest.package, ""),
            "requestors": sorted({str(record.requestor) for record in self.records}),
            "collateral": all(record.collateral for record in self.records),
            "records": [record.path for record in self.records],
        }


@dataclass(frozen=True)
class Settled:
    """A record for which nothing is left to do, and what proves it."""

    record: Record
    proof: str


@dataclass(frozen=True)
class Ledger:
    """All records of a host, sorted by what they mean now."""

    pending: tuple[PendingRestart, ...] = ()
    stopped: tuple[PendingRestart, ...] = ()
    settled: tuple[Settled, ...] = ()
    dismissed: tuple[Record, ...] = ()

    @property
    def waiting_units(self) -> tuple[str, ...]:
        """Name the units that wait, those that do not run last."""
        return tuple(entry.unit for entry in (*self.pending, *self.stopped))

    @property
    def failed_units(self) -> tuple[str, ...]:
        """Name the units that wait because dpkg's end tried in vain to start them."""
        waiting = (*self.pending, *self.stopped)
        return tuple(entry.unit for entry in waiting if any(record.failed_at for record in entry.records))


def sort_records(
    records: Iterable[Record],
    states: Mapping[str, UnitState],
    boot_id: str,
    versions: Mapping[str, str] | None = None,
) -> Ledger:
    """Sort records into pending, of units that are stopped, and settled; aliases count as the unit they name.

    A unit that was stopped has no old program left to replace: it needs no restart, and its next start settles it. One
    that has failed, or is on its way up or down, is to run, so its restart is pending like that of one that runs.
    What an operator dismissed stays on record until a restart settles it too.
    """
    settled = []
    dismissed = []
    waiting: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.since, record.path)):
        state = states[record.unit]
        proof = settled_by(record, state, boot_id) or outlived_by(record, state, versions)
        if proof:
            settled.append(Settled(record, proof))
        elif record.dismissed:
            dismissed.append(record)
        else:
            waiting.setdefault(state.unit, []).append(record)
    stopped = {state.unit for state in states.values() if state.is_stopped}
    entries = [PendingRestart(unit, tuple(each)) for unit, each in waiting.items()]
    return Ledger(
        pending=tuple(entry for entry in entries if entry.unit not in stopped),
        stopped=tuple(entry for entry in entries if entry.unit in stopped),
        settled=tuple(settled),
        dismissed=tuple(dismissed),
    )
