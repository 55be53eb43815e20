from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.orderly.services.plugins.module_utils._host_files import ScriptState
from ansible_collections.orderly.services.plugins.module_utils._ledger import Ledger
from ansible_collections.orderly.services.plugins.module_utils._policy import Policy, Requestor
from ansible_collections.orderly.services.plugins.module_utils._report import report

IN_FORCE = ScriptState(installed=True, registered=True, in_force=True, neighbour="", chained="")
POLICY = (Path("/p"), Policy(Requestor("ansible", "x"), {"a.service": ("stop",)}))


def test_automatic_restarts_are_on_while_nothing_is_blocked() -> None:
    nothing = (Path("/q"), Policy(Requestor("ansible", "y"), {}))
    assert report(Ledger(), [nothing], IN_FORCE, {}, [])["auto_restarts"]
    assert not report(Ledger(), [POLICY], IN_FORCE, {}, [])["auto_restarts"]


def test_a_policy_that_nobody_asks_for_is_trouble() -> None:
    found = report(
        Ledger(), [POLICY], replace(IN_FORCE, in_force=False, neighbour="/x"), {}, ["other trouble"]
    )
    assert found["trouble"] == [
        "other trouble",
        "Restarts are blocked in vain: packages ask /x. Run the playbook defer_restarts on this host.",
    ]


def test_policies_are_plain_data() -> None:
    assert report(Ledger(), [POLICY], IN_FORCE, {}, [])["policies"] == [
        {"path": "/p", "requestor": "ansible x", "blocked_actions": {"a.service": ["stop"]}}
    ]
