"""How large the store is after a year of upgrades, one each day on 500 hosts, with and without forgetting.

Run: tests/env python tests/bench/growth.py [days]
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.plugins.plugin_utils._campaign import campaign
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.forget import Keep, forget
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.journal import DONE, Took
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.versions import (
    AFTER,
    BEFORE,
    VersionRecord,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import Run, RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore

if TYPE_CHECKING:
    import sqlite3

HOSTS = [f"web{number:03}.example.org" for number in range(1, 501)]
SERVICES = ("nginx", "app", "chrony", "node_exporter")
WAVE = 10
BEGIN = datetime(2026, 1, 1, 3, tzinfo=UTC)


class Unsafe(SqliteStore):
    """A store that does not wait for the disk."""

    def _connect(self, path: Path) -> sqlite3.Connection:
        connection = super()._connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = MEMORY")
        return connection


def upgrade(store: SqliteStore, day: int) -> str:
    """Upgrade all hosts, ten at a time."""
    now = (BEGIN + timedelta(days=day)).isoformat()
    run = Run("controller", "m", f"{day:08}", "pid:[4026531836]", 1000 + day, day)
    journal = campaign.open_journal(store, f"{day:064x}", run, lambda _run: RunState.OVER, now)
    parts = {f"{name}/change": HOSTS for name in SERVICES}
    for kind in ("validate", "prepare", "post-upgrade"):
        journal.record(DONE, kind, {f"{name}/{kind}": HOSTS for name in SERVICES}, now)
    for wave in range(0, len(HOSTS), WAVE):
        hosts = HOSTS[wave : wave + WAVE]
        at = (BEGIN + timedelta(days=day, minutes=wave)).isoformat()
        took = dict.fromkeys(parts, Took(60.0, {"step3": 50.0}))
        journal.record(DONE, f"wave-{wave}", dict.fromkeys(parts, hosts), at, wave + 60.0, took)
    record = VersionRecord(store, journal.campaign)
    for moment, version in ((BEFORE, day), (AFTER, day + 1)):
        packages = {name: {name: {"installed": f"1.{version}-1"}} for name in SERVICES}
        record.keep(moment, {key: {"services": packages} for key in HOSTS})
    campaign.end_campaign(store, journal.campaign, now)
    return now


def measure(days: int, keep: Keep | None) -> int:
    """Tell the bytes of the store in the end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "store.db")
        with closing(Unsafe(file)) as store:
            for day in range(days):
                now = upgrade(store, day)
                if keep:
                    forget(store, keep, now)
        return file.stat().st_size


def main(days: int = 365) -> None:
    """Print both sizes."""
    for words, keep in (("nothing is forgotten", None), ("as by default", Keep())):
        print(f"{days} upgrades of {len(HOSTS)} hosts, {words}: {measure(days, keep) / 2**20:.1f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
