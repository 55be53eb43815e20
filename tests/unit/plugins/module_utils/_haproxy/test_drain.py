from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._haproxy.api import Server
from ansible_collections.orderly.services.plugins.module_utils._haproxy.drain import (
    Decision,
    DrainRecord,
    decide,
)

if TYPE_CHECKING:
    from pathlib import Path

READY, MAINTENANCE, DRAIN = 0x00, 0x01, 0x08

DRAINED = Decision(ours=True, in_service=False)
DRAIN_NOW = Decision(ours=True, in_service=False, set_state="drain")
GIVE_BACK = Decision(ours=False, in_service=True, set_state="ready")
IN_SERVICE = Decision(ours=False, in_service=True)
FOREIGN = Decision(ours=False, in_service=False)

CASES = [
    # wanted, the server's state, recorded → decision
    (True, READY, False, DRAIN_NOW),
    (True, DRAIN, True, DRAINED),
    (True, READY, True, DRAIN_NOW),  # a reload forgot the drain
    (True, DRAIN, False, FOREIGN),
    (True, MAINTENANCE, False, FOREIGN),
    (True, MAINTENANCE, True, FOREIGN),  # somebody took the server over while it was drained
    (False, DRAIN, True, GIVE_BACK),
    (False, READY, True, IN_SERVICE),
    (False, READY, False, IN_SERVICE),
    (False, DRAIN, False, FOREIGN),
    (False, MAINTENANCE, True, FOREIGN),
    (False, MAINTENANCE, False, FOREIGN),
]


@pytest.mark.parametrize(("wanted", "admin_state", "recorded", "expected"), CASES)
def test_only_our_own_drain_is_undone(
    wanted: bool, admin_state: int, recorded: bool, expected: Decision
) -> None:
    server = Server("web/web1", "", "", sessions=0, admin_state=admin_state)
    assert decide(wanted, server, recorded) == expected


def test_second_run_changes_nothing() -> None:
    assert DRAIN_NOW.changes(recorded=False)
    assert not DRAINED.changes(recorded=True)
    assert GIVE_BACK.changes(recorded=True)
    assert not IN_SERVICE.changes(recorded=False)


def test_record_is_kept_in_a_private_folder_until_it_is_forgotten(tmp_path: Path) -> None:
    record = DrainRecord(tmp_path / "orderly" / "drained", "web/web1")
    assert not record.exists()
    record.keep(since=1795415186)
    assert record.exists()
    assert json.loads(record.path.read_text()).items() >= {"server": "web/web1", "since": 1795415186}.items()
    assert list(record.path.parent.iterdir()) == [record.path]
    assert stat.S_IMODE(record.path.parent.stat().st_mode) == 0o700
    record.forget()
    record.forget()
    assert not record.exists()
