# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that the status of a host is made of, in a handful of commands however many units there are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from .._deferral.absent_units import absent, umbrellas
from .._deferral.hold import HoldFile
from .._deferral.ledger import sort_records
from .._deferral.made_up import read_made_up
from .._deferral.policy_files import PolicyFolder
from .._deferral.record import iso_time
from .._deferral.record_files import DeferredStore
from .._deferral.script import PolicyScript
from .._host.dpkg import held_packages, installed_versions, known_versions, read_packages, unfinished
from .._host.dpkg_lock import DpkgLock
from .._host.errors import HostError
from .._host.files import boot_id
from .._host.needrestart import outdated_units
from .._host.replaced_files import units_with_replaced_files
from .._host.systemd import Systemd
from .._records.deployed import FILE as DEPLOYED
from .._records.deployed import read_deployed
from .._records.drained import FOLDER as DRAINED
from .._records.drained import DrainedFolder
from .._records.store_stamp import DEFAULT_STAMP, read_stamp
from .._records.temporary import FOLDER, TemporaryFolder
from .._restart.members import STOPPED, members
from .._restart.paused import PausedFolder
from .._restart.restart import by_unit, taken_along
from .._restart.unfinished import FOLDER as RESTARTING
from .._restart.unfinished import UnfinishedFolder, with_unfinished
from .report import HostStatus

if TYPE_CHECKING:
    from typing import Callable, Container, Iterable, Mapping, Sequence, TypeVar

    from .._deferral.ledger import Ledger
    from .._host.dpkg import Package
    from .._host.runner import Runner
    from .._host.systemd import UnitState
    from .._restart.members import Member
    from .._restart.unfinished import Unfinished

    Item = TypeVar("Item")
    Place = TypeVar("Place")

ONLY_ROOT = "only root can tell"


@dataclass(frozen=True)
class Kept:
    """What we keep about a host, which only root can read; and what of it cannot be read."""

    paused: Sequence[Mapping[str, str]] = ()
    temporary: Sequence[Mapping[str, str]] = ()
    drained: Sequence[Mapping[str, str]] = ()
    store: Sequence[Mapping[str, str]] = ()
    begun: Sequence[Unfinished] = ()
    trouble: Sequence[str] = ()

    @classmethod
    def read(cls, root: Path) -> Kept:
        """Read all of it."""
        paused, bad_paused = _told(_paused, PausedFolder(root))
        temporary, bad_temporary = _told(_temporary, TemporaryFolder(root / FOLDER))
        drained, bad_drained = _told(_drained, DrainedFolder(root / DRAINED))
        store, bad_store = _told(_store, root / DEFAULT_STAMP[1:])
        begun, bad_begun = UnfinishedFolder(root / RESTARTING).read()
        trouble = [*bad_paused, *bad_temporary, *bad_drained, *bad_store, *bad_begun]
        return cls(paused, temporary, drained, store, begun, trouble)


def read_status(
    run: Runner,
    *,
    outdated: bool = False,
    services: Mapping[str, Sequence[str]] | None = None,
    root: Path = Path("/"),
) -> HostStatus:
    """Read the status of this host, of *services* (their units) or those noted; *outdated* looks for replaced files."""
    records_of, folder, script = DeferredStore(root), PolicyFolder(root), PolicyScript(root)
    _refuse_unreadable([*records_of.folders, folder.path])
    records, bad_records = records_of.read()
    policies, bad_policies = folder.read()
    is_root = os.geteuid() == 0
    kept = Kept.read(root) if is_root else Kept()
    deployed, bad_deployed = read_deployed(root / DEPLOYED) if services is None else (services, [])
    expected = {unit for units in deployed.values() for unit in units}
    names = sorted({record.unit for record in records} | expected)
    states = with_unfinished(
        kept.begun, Systemd(run).follow(names, lambda state: state.takes_along), boot_id(root)
    )
    packages, bad_packages = _packages_told(run, root)
    ledger = sort_records(records, states, boot_id(root), known_versions(packages) if packages else None)
    down = _down(sorted(expected), states, [entry["unit"] for entry in kept.paused])
    not_checked = {} if is_root else _for_root_only(ledger, down)
    on_hold, bad_on_hold = _told(partial(_on_hold, run), packages)
    held, bad_held = _told(partial(_held_by_us, root, {each["package"] for each in on_hold}), HoldFile(root))
    old, not_looked_at = _outdated(run, root, not_checked.get("outdated"), outdated=outdated)
    not_checked.update(not_looked_at)
    trouble = chain(
        bad_policies, bad_records, kept.trouble, bad_deployed, bad_held, bad_on_hold, bad_packages
    )
    return HostStatus(
        ledger=ledger,
        policies=policies,
        script=script.state(),
        versions=installed_versions(packages),
        along={entry.unit: taken_along(entry.unit, by_unit(states)) for entry in ledger.pending},
        paused=kept.paused,
        on_hold=on_hold,
        held_by_us=held,
        outdated=old,
        not_checked={what: why for what, why in not_checked.items() if why},
        trouble=[*trouble, *script.trouble()],
        temporary=kept.temporary,
        services=deployed,
        absent=absent(deployed, states),
        made_up=read_made_up(root),
        umbrellas=umbrellas(deployed, states),
        # Who cannot see what is paused takes nothing for stopped.
        down=[_member(each) for each in down if is_root or each.word != STOPPED],
        drained=kept.drained,
        store=dict(kept.store[0]) if kept.store else {},
    )


def _packages_told(run: Runner, root: Path) -> tuple[list[Package], list[str]]:
    """Read the packages; what a dpkg that is at work has not finished is no trouble."""
    packages, trouble = _told(_packages, run)
    return packages, trouble if DpkgLock(0, root).holder() else [*trouble, *unfinished(packages)]


def _outdated(
    run: Runner, root: Path, why_not: str | None, *, outdated: bool
) -> tuple[list[str], dict[str, str]]:
    """Ask needrestart where that is wanted and can be done, else look ourselves; say what could not be looked at."""
    if not outdated or why_not:
        return [], {"outdated": (why_not or "") if outdated else "not requested"}
    try:
        return outdated_units(run, root), {}
    except HostError as exc:
        without = {"interpreted": str(exc)}
    try:
        return units_with_replaced_files(root), without
    except HostError as exc:
        return [], {"outdated": str(exc)}


def _member(member: Member) -> dict[str, str]:
    return {"unit": member.unit, "word": member.word, "says": member.says}


def _for_root_only(ledger: Ledger, down: Iterable[Member]) -> dict[str, str]:
    """Say what others than root cannot look at; which program a process runs is what proves a reload."""
    reloads = any(record.action == "reload" for entry in ledger.pending for record in entry.records)
    stopped = any(each.word == STOPPED for each in down)
    unsure = [*(["reloads"] if reloads else []), *(["stopped"] if stopped else [])]
    return dict.fromkeys(["paused", "drained", "outdated", *unsure], ONLY_ROOT)


def _down(names: Iterable[str], states: Mapping[str, UnitState], paused: list[str]) -> list[Member]:
    """Find the units of services that do not run though they should, as a roll sees them."""
    return [each for each in members(names, states, paused) if each.is_down]


def _told(
    read: Callable[[Place], tuple[list[Item], list[str]]], place: Place
) -> tuple[list[Item], list[str]]:
    """Read what is there, or say why that cannot be done here; the rest of the status stands."""
    try:
        return read(place)
    except HostError as exc:
        return [], [str(exc)]


def _packages(run: Runner) -> tuple[list[Package], list[str]]:
    return list(read_packages(run)), []


def _on_hold(run: Runner, packages: list[Package]) -> tuple[list[dict[str, str]], list[str]]:
    return held_packages(run, packages), []


def _held_by_us(root: Path, on_hold: Container[str], file: HoldFile) -> tuple[list[str], list[str]]:
    """Read what we hold; what an upgrade that is at work has yet to put on hold again is no trouble."""
    lifted = [package for package in file.lifted() if package not in on_hold]
    if not lifted or DpkgLock(0, root).holder():
        return file.read(), []
    return file.read(), [
        f"An upgrade released {', '.join(lifted)} and has not put it on hold again. If it has ended, run it again, or "
        "defer_restarts: until then whoever upgrades the host does it under the running daemon."
    ]


def _paused(folder: PausedFolder) -> tuple[list[dict[str, str]], list[str]]:
    found, trouble = folder.read()
    entries = [
        {"unit": each.unit, "since": iso_time(each.since), "reason": each.reason} for each in found.values()
    ]
    return entries, trouble


def _temporary(folder: TemporaryFolder) -> tuple[list[dict[str, str]], list[str]]:
    found, trouble = folder.read()
    kept = ("service", "name", "until", "campaign")
    entries = [{**{key: getattr(each, key) for key in kept}, "since": iso_time(each.since)} for each in found]
    return entries, trouble


def _drained(folder: DrainedFolder) -> tuple[list[dict[str, str]], list[str]]:
    found, trouble = folder.read()
    kept = ("service", "operation", "roll")
    return [
        {**{key: getattr(each, key) for key in kept}, "since": iso_time(each.since)}
        for each in found.values()
    ], trouble


def _store(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    stamp = read_stamp(path)
    return [{"id": stamp.id, "name": stamp.name, "since": iso_time(stamp.since)}] if stamp else [], []


def _refuse_unreadable(folders: Iterable[Path]) -> None:
    """Raise where a folder is hidden from us, which would look as if it were empty."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise HostError(f"{folder} cannot be read by this user; run this as root.", path=str(folder))
