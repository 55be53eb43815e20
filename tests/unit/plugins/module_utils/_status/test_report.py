from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import Ledger, PendingRestart
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Policy, Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import Record
from ansible_collections.orderly.services.plugins.module_utils._deferral.script import SET_UP, ScriptState
from ansible_collections.orderly.services.plugins.module_utils._status.report import HostStatus

IN_FORCE = ScriptState(installed=True, registered=True, in_force=True, neighbour="", chained="")
OWNER = Requestor("ansible", "x")
POLICY = (Path("/p"), Policy(OWNER, {"a.service": ("stop",)}))
STATUS = HostStatus(Ledger(), [POLICY], IN_FORCE)


def test_automatic_restarts_are_on_while_nothing_is_blocked() -> None:
    nothing = (Path("/q"), Policy(OWNER, {}))
    assert replace(STATUS, policies=[nothing]).as_dict()["auto_restarts"]
    assert not STATUS.as_dict()["auto_restarts"]
    held = replace(STATUS, policies=[], held_by_us=["mariadb-server"])
    assert not held.as_dict()["auto_restarts"]


def test_a_policy_that_nobody_asks_for_is_trouble() -> None:
    elsewhere = replace(IN_FORCE, in_force=False, neighbour="/x")
    found = replace(STATUS, script=elsewhere, trouble=["other trouble"]).as_dict()
    assert found["trouble"] == [
        "other trouble",
        f"Restarts are not being deferred: packages ask /x. {SET_UP}",
    ]


def test_a_leftover_in_our_place_is_told_once() -> None:
    left = replace(IN_FORCE, in_force=False, leftover=True)
    found = replace(STATUS, script=left, trouble=["what was left there"]).as_dict()
    assert found["trouble"] == ["what was left there"]


def test_policies_are_plain_data() -> None:
    assert STATUS.as_dict()["policies"] == [
        {"path": "/p", "requestor": "ansible x", "blocked_actions": {"a.service": ["stop"]}}
    ]


def test_units_that_are_pending_anyway_are_not_shown_as_outdated_too() -> None:
    record = Record("/r", "a.service", "restart", "Package update", OWNER, 1000, 1000)
    ledger = Ledger(pending=(PendingRestart("a.service", (record,)),))
    found = replace(STATUS, ledger=ledger, outdated=["a.service", "b.service"]).as_dict()
    assert found["outdated"] == ["b.service"]


def test_what_dpkg_could_not_start_is_told_for_as_long_as_it_waits() -> None:
    record = Record("/r", "a.service", "restart", "Package update", OWNER, 1000, 1000, failed_at=1001)
    entry = PendingRestart("a.service", (record,))
    for ledger in (Ledger(pending=(entry,)), Ledger(stopped=(entry,))):
        assert replace(STATUS, ledger=ledger).as_dict()["trouble"] == [
            "a.service could not be started anew at the end of dpkg's run, as a package had wanted; that is not tried "
            "again. See journalctl -u a.service, then start it, or dismiss its restart."
        ]
    assert replace(STATUS, ledger=Ledger(dismissed=(record,))).as_dict()["trouble"] == []


def test_what_goes_along_with_a_pending_restart_is_told() -> None:
    record = Record("/r", "contd.service", "restart", "Package update", OWNER, 1000, 1000)
    ledger = Ledger(pending=(PendingRestart("contd.service", (record,)),))
    found = replace(STATUS, ledger=ledger, along={"contd.service": ("dock.service",)}).as_dict()
    assert found["pending"][0]["along"] == ["dock.service"]


def test_what_is_no_utf_8_is_escaped() -> None:
    odd = replace(
        STATUS, trouble=["/x/\udcff.deferred is no record"], policies=[(Path("/\udcff"), POLICY[1])]
    )
    found = odd.as_dict()
    assert found["trouble"] == ["/x/\\udcff.deferred is no record"]
    assert found["policies"][0]["path"] == "/\\udcff"
