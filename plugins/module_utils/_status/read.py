# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that the status of a host is made of, in a handful of commands however many units there are."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .._deferral.hold import HoldFile
from .._deferral.ledger import sort_records
from .._deferral.policy_files import PolicyFolder
from .._deferral.record import iso_time
from .._deferral.record_files import DeferredStore
from .._deferral.script import PolicyScript
from .._host.dpkg import held_packages, installed_versions, known_versions, read_packages, unfinished
from .._host.dpkg_lock import DpkgLock
from .._host.errors import HostError
from .._host.files import boot_id
from .._host.needrestart import outdated_units
from .._host.systemd import Systemd
from .._records.temporary import FOLDER, TemporaryFolder
from .._restart.paused import PausedFolder
from .._restart.restart import by_unit, taken_along
from .._restart.unfinished import FOLDER as RESTARTING
from .._restart.unfinished import UnfinishedFolder, with_unfinished
from .report import HostStatus

if TYPE_CHECKING:
    from typing import Callable, Iterable, TypeVar

    from .._deferral.ledger import Ledger
    from .._host.dpkg import Package
    from .._host.runner import Runner

    Item = TypeVar("Item")
    Place = TypeVar("Place")

ONLY_ROOT = "only root can tell"


def read_status(run: Runner, *, outdated: bool = False, root: Path = Path("/")) -> HostStatus:
    """Read the status of this host; *outdated* asks needrestart too, which takes a second or more."""
    store, folder, script = DeferredStore(root), PolicyFolder(root), PolicyScript(root)
    _refuse_unreadable([*store.folders, folder.path])
    records, bad_records = store.read()
    policies, bad_policies = folder.read()
    is_root = os.geteuid() == 0
    begun, bad_begun = UnfinishedFolder(root / RESTARTING).read() if is_root else ([], [])
    shown = Systemd(run).follow(sorted({record.unit for record in records}), lambda state: state.takes_along)
    states = with_unfinished(begun, shown, boot_id(root))
    packages, bad_packages = _told(_packages, run)
    ledger = sort_records(records, states, boot_id(root), known_versions(packages) if packages else None)
    not_checked = {} if is_root else _for_root_only(ledger)
    paused, bad_paused = ([], []) if "paused" in not_checked else _told(_paused, PausedFolder(root))
    temporary, bad_temporary = (
        ([], []) if "paused" in not_checked else _told(_temporary, TemporaryFolder(root / FOLDER))
    )
    # What a dpkg that is at work has not finished is no trouble.
    if not DpkgLock(0, root).holder():
        bad_packages += unfinished(packages)
    on_hold, bad_on_hold = _told(partial(_on_hold, run), packages)
    held, bad_held = _told(lambda file: (file.read(), []), HoldFile(root))
    old: list[str] = []
    if not outdated:
        not_checked["outdated"] = "not requested"
    elif "outdated" not in not_checked:
        try:
            old = outdated_units(run, root)
        except HostError as exc:
            not_checked["outdated"] = str(exc)
    return HostStatus(
        ledger=ledger,
        policies=policies,
        script=script.state(),
        versions=installed_versions(packages),
        along={entry.unit: taken_along(entry.unit, by_unit(states)) for entry in ledger.pending},
        paused=paused,
        on_hold=on_hold,
        held_by_us=held,
        outdated=old,
        not_checked=not_checked,
        trouble=[
            *bad_policies,
            *bad_records,
            *bad_paused,
            *bad_temporary,
            *bad_held,
            *bad_begun,
            *bad_on_hold,
            *bad_packages,
            *script.trouble(),
        ],
        temporary=temporary,
    )


def _for_root_only(ledger: Ledger) -> dict[str, str]:
    """Say what others than root cannot look at; which program a process runs is what proves a reload."""
    reloads = any(record.action == "reload" for entry in ledger.pending for record in entry.records)
    return dict.fromkeys(["paused", "outdated", *(["reloads"] if reloads else [])], ONLY_ROOT)


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


def _refuse_unreadable(folders: Iterable[Path]) -> None:
    """Raise where a folder is hidden from us, which would look as if it were empty."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise HostError(f"{folder} cannot be read by this user; run this as root.", path=str(folder))
