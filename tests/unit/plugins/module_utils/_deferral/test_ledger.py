from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import (
    is_done,
    outlived_by,
    settled_by,
    sort_records,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import (
    Record,
    parse_record,
)
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Program, UnitState
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT, record_text

UNIT = "alpha.service"
RECORD = parse_record(record_text(UNIT), "/records/a")
RELOAD = replace(RECORD, action="reload")
FOREIGN = parse_record(
    "service: alpha\ntimestamp: 5\naction: restart\nreason: Package update\n", "/records/f"
)
OLD, NEW = (
    Program("1:10", "/usr/sbin/alpha", replaced=True),
    Program("1:11", "/usr/sbin/alpha", replaced=False),
)


def running(invocation: str = f"{UNIT}-1", program: Program = OLD) -> UnitState:
    return UnitState(UNIT, (UNIT, "omega.service"), "loaded", "active", "running", invocation, program)


STOPPED = UnitState(UNIT, (UNIT,), "loaded", "inactive", "dead", f"{UNIT}-1")

PROOFS = [
    (RECORD, running(), BOOT, ""),
    (RECORD, running(f"{UNIT}-2"), BOOT, "the unit was started again"),
    (RECORD, running(), "another boot", "the host was rebooted"),
    (RECORD, running(program=NEW), BOOT, ""),
    (RELOAD, running(program=NEW), BOOT, "the unit re-executed its new program"),
    (RELOAD, running(), BOOT, ""),
    (RELOAD, running(f"{UNIT}-2"), BOOT, "the unit was started again"),
    (replace(RELOAD, executables=()), running(program=NEW), BOOT, ""),
    (RECORD, STOPPED, BOOT, ""),
    (replace(RECORD, invocation_id=""), running(), BOOT, "the unit was started again"),
    (FOREIGN, running(f"{UNIT}-2"), "another boot", ""),
]


@pytest.mark.parametrize(("record", "state", "boot", "proof"), PROOFS)
def test_only_a_proof_settles_a_record(record: Record, state: UnitState, boot: str, proof: str) -> None:
    assert settled_by(record, state, boot) == proof


UPGRADE = replace(RECORD, package="demo", package_before="1", undone_by_version=True, reason="Package update")
GONE = UnitState(UNIT, (UNIT,), "not-found")
REMOVED = "the package demo was removed, and the unit with it"
BACK = "the package demo is again at 1, the version that runs"
CAUSES = [
    (UPGRADE, running(), {"demo": "2"}, ""),
    (UPGRADE, running(), {"demo": "1"}, BACK),
    (UPGRADE, running(), {"demo": ""}, ""),
    (UPGRADE, running(), {}, ""),
    (UPGRADE, running(), None, ""),
    (UPGRADE, GONE, {}, REMOVED),
    (UPGRADE, GONE, {"demo": "2"}, ""),
    (UPGRADE, GONE, None, ""),
    (FOREIGN, GONE, {}, ""),
    (replace(UPGRADE, undone_by_version=False), running(), {"demo": "1"}, ""),
    (replace(UPGRADE, package_before=""), running(), {"demo": ""}, ""),
    (replace(UPGRADE, reason="Package update; File(s) changed: /etc/x"), running(), {"demo": "1"}, ""),
]


@pytest.mark.parametrize(("record", "state", "versions", "why"), CAUSES)
def test_a_record_that_outlives_its_cause_is_settled(
    record: Record, state: UnitState, versions: dict[str, str] | None, why: str
) -> None:
    assert outlived_by(record, state, versions) == why
    settled = sort_records([record], {UNIT: state, "alpha": state}, BOOT, versions).settled
    assert [each.proof for each in settled] == ([why] if why else [])


def test_what_systemd_did_not_tell_is_proved_by_a_boot_or_by_a_restart_of_ours() -> None:
    record = replace(RECORD, invocation_id="unknown")
    assert settled_by(record, running(), BOOT) == ""
    assert settled_by(record, running(), "another") == "the host was rebooted"
    assert is_done(record, running(), BOOT, [record])


def test_records_are_sorted_by_what_they_mean_now() -> None:
    other = replace(RECORD, unit="beta.service", invocation_id="old", path="/records/b")
    idle = replace(RECORD, unit="idle.service", path="/records/i")
    states = {
        UNIT: running(),
        "beta.service": UnitState("beta.service", ("beta.service",), active="active", invocation_id="new"),
        "idle.service": UnitState("idle.service", ("idle.service",)),
    }
    ledger = sort_records([other, RECORD, idle], states, BOOT)
    assert [entry.unit for entry in ledger.pending] == [UNIT]
    assert [entry.unit for entry in ledger.stopped] == ["idle.service"]
    assert [entry.record for entry in ledger.settled] == [other]
    assert ledger.waiting_units == (UNIT, "idle.service")


@pytest.mark.parametrize("active", ["failed", "activating", "deactivating"])
def test_a_unit_that_is_to_run_and_does_not_is_pending(active: str) -> None:
    ledger = sort_records([RECORD], {UNIT: replace(STOPPED, active=active)}, BOOT)
    assert ([entry.unit for entry in ledger.pending], ledger.stopped) == ([UNIT], ())


def test_what_waits_longest_comes_first() -> None:
    later = replace(RECORD, unit="beta.service", since=1500)
    states = {UNIT: running(), "beta.service": replace(running(), unit="beta.service")}
    assert sort_records([later, RECORD], states, BOOT).waiting_units == (UNIT, "beta.service")


def test_all_records_of_a_unit_are_one_entry_whatever_name_they_use() -> None:
    alias = replace(
        RELOAD, unit="omega.service", since=500, last=3000, count=4, package="other", collateral=True
    )
    alias = replace(alias, requestor=Requestor("charm", "x"), path="/records/o")
    ledger = sort_records([RECORD, alias], {UNIT: running(), "omega.service": running()}, BOOT)
    (entry,) = ledger.pending
    assert entry.as_dict({"other": "2.0"}) == {
        "unit": UNIT,
        "action": "restart",
        "actions": ["restart"],
        "since": "1970-01-01T00:08:20Z",
        "count": 4,
        "reason": "Package update",
        "package": "other",
        "package_before": "1.0",
        "package_now": "2.0",
        "requestors": ["ansible test", "charm x"],
        "collateral": False,
        "records": ["/records/o", "/records/a"],
    }


DONE = [
    (RECORD, running(f"{UNIT}-2"), True),
    (replace(RECORD, invocation_id=f"{UNIT}-2"), running(f"{UNIT}-2"), False),  # it came after the restart
    (replace(RECORD, unit="beta.service"), running(f"{UNIT}-2"), False),
    (replace(RECORD, unit="omega.service"), running(f"{UNIT}-2"), True),
    (FOREIGN, running(f"{UNIT}-2"), True),
    (replace(FOREIGN, last=6), running(f"{UNIT}-2"), False),  # it was written anew meanwhile
]


@pytest.mark.parametrize(("record", "state", "done"), DONE)
def test_a_restart_is_done_for_what_was_recorded_before_it(
    record: Record, state: UnitState, *, done: bool
) -> None:
    assert is_done(record, state, BOOT, [FOREIGN]) == done


def test_what_was_dismissed_is_on_record_and_not_pending() -> None:
    dismissed = replace(RECORD, dismissed="replaced tonight")
    ledger = sort_records([dismissed], {UNIT: running()}, BOOT)
    assert (ledger.pending, ledger.dismissed) == ((), (dismissed,))
    assert sort_records([dismissed], {UNIT: running(f"{UNIT}-2")}, BOOT).dismissed == ()
