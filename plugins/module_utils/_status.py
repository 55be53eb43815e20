# This is a private utility of the orderly.services collection; it may change without notice.
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads all that the status of a host is made of, in a handful of commands however many units there are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.module_utils._dpkg import held_packages, installed_versions
from ansible_collections.orderly.services.plugins.module_utils._errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host_files import (
    DeferredStore,
    PolicyFolder,
    PolicyScript,
    boot_id,
)
from ansible_collections.orderly.services.plugins.module_utils._ledger import sort_records
from ansible_collections.orderly.services.plugins.module_utils._needrestart import outdated_units
from ansible_collections.orderly.services.plugins.module_utils._report import HostStatus
from ansible_collections.orderly.services.plugins.module_utils._systemd import Systemd

if TYPE_CHECKING:
    from typing import Iterable

    from ansible_collections.orderly.services.plugins.module_utils._ledger import Ledger
    from ansible_collections.orderly.services.plugins.module_utils._systemd import Runner

ONLY_ROOT = "only root can tell"


def read_status(run: Runner, *, outdated: bool = False, root: Path = Path("/")) -> HostStatus:
    """Read the status of this host; *outdated* asks needrestart too, which takes a second or more."""
    store, folder, script = DeferredStore(root), PolicyFolder(root), PolicyScript(root)
    _refuse_unreadable([*store.folders, folder.path])
    records, bad_records = store.read()
    policies, bad_policies = folder.read()
    states = Systemd(run).show(sorted({record.unit for record in records}))
    ledger = sort_records(records, states, boot_id(root))
    old, unknown = _outdated(run, root) if outdated else ([], "nobody asked for it")
    not_checked = {"outdated": unknown} if unknown else {}
    if os.geteuid() != 0 and _unproved_reloads(ledger):
        not_checked["reloads"] = ONLY_ROOT
    return HostStatus(
        ledger=ledger,
        policies=policies,
        script=script.state(),
        versions=installed_versions(run, [record.package for record in records]),
        on_hold=held_packages(run),
        outdated=old,
        not_checked=not_checked,
        trouble=[*bad_policies, *bad_records, *script.trouble()],
    )


def _refuse_unreadable(folders: Iterable[Path]) -> None:
    """Raise where a folder is hidden from us, which would look as if it were empty."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            raise HostError(f"{folder} cannot be read by this user; run this as root.", path=str(folder))


def _unproved_reloads(ledger: Ledger) -> bool:
    """Tell whether something waits for a reload; which program a process runs is what would prove it."""
    return any(record.action == "reload" for entry in ledger.pending for record in entry.records)


def _outdated(run: Runner, root: Path) -> tuple[list[str], str]:
    if os.geteuid() != 0:
        return [], ONLY_ROOT
    try:
        return outdated_units(run, root), ""
    except HostError as exc:
        return [], str(exc)
