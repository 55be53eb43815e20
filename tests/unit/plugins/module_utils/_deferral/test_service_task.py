from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import join_reasons
from ansible_collections.orderly.services.plugins.module_utils._deferral.service_task import (
    Found,
    UnitControl,
    Wish,
    describe_reason,
    parse_status,
    plan_service,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUNS = {"LoadState": "loaded", "ActiveState": "active"}
IDLE = {"LoadState": "loaded", "ActiveState": "inactive"}

STATES = [
    (RUNS, "started", (), "started"),
    (RUNS, "stopped", ("stop",), "stopped"),
    (RUNS, "restarted", ("restart",), "started"),
    (RUNS, "reloaded", ("reload",), "started"),
    (IDLE, "started", ("start",), "started"),
    (IDLE, "stopped", (), "stopped"),
    (IDLE, "restarted", ("start",), "started"),
    (IDLE, "reloaded", ("start",), "started"),
    ({"LoadState": "loaded", "ActiveState": "activating"}, "started", (), "started"),
    ({"LoadState": "loaded", "ActiveState": "reloading"}, "started", (), "started"),
    ({"LoadState": "loaded", "ActiveState": "reloading"}, "stopped", ("stop",), "stopped"),
    ({"LoadState": "loaded", "ActiveState": "reloading"}, "restarted", ("restart",), "started"),
    ({"LoadState": "loaded", "ActiveState": "deactivating"}, "stopped", ("stop",), "stopped"),
]


@pytest.mark.parametrize(("status", "wanted", "orders", "state"), STATES)
def test_does_what_the_state_takes(
    status: dict[str, str], wanted: str, orders: tuple[str, ...], state: str
) -> None:
    plan = plan_service(Wish("x", wanted), Found(status, "enabled", True), lambda _verb: False)
    assert plan.now == orders
    assert plan.changes is bool(orders)
    assert plan.result == {"name": "x", "state": state, "status": status}


@pytest.mark.parametrize(("wanted", "later"), [("restarted", "restart"), ("reloaded", ""), ("started", "")])
def test_what_must_wait_is_left_for_later(wanted: str, later: str) -> None:
    plan = plan_service(Wish("x", wanted), Found(RUNS), lambda verb: verb == "restart")
    assert plan.later == later
    assert "restart" not in plan.now


def test_a_start_never_waits() -> None:
    assert plan_service(Wish("x", "restarted"), Found(IDLE), lambda _verb: True).now == ("start",)


ENABLEMENTS: list[tuple[str, bool, dict[str, Any], tuple[str, ...]]] = [
    ("enabled", True, {"enabled": True}, ()),
    ("enabled", True, {"enabled": False}, ("disable",)),
    ("disabled", False, {"enabled": True}, ("enable",)),
    ("disabled", False, {"enabled": False}, ()),
    ("enabled-runtime", True, {"enabled": True}, ("enable",)),
    ("static", True, {"enabled": True}, ()),
    ("masked", False, {"masked": True}, ()),
    ("masked", False, {"masked": False, "enabled": True}, ("unmask", "enable")),
    ("enabled", True, {"masked": True}, ("mask",)),
]


@pytest.mark.parametrize(("word", "is_known", "wish", "orders"), ENABLEMENTS)
def test_masks_first_then_enables(
    word: str, wish: dict[str, Any], orders: tuple[str, ...], *, is_known: bool
) -> None:
    assert plan_service(Wish("x", **wish), Found(RUNS, word, is_known), lambda _verb: False).now == orders


def test_a_unit_that_does_not_exist_is_named_as_ansible_names_it() -> None:
    found = Found({"LoadState": "not-found", "ActiveState": "inactive"})
    with pytest.raises(HostError, match="Could not find the requested service nosuch: host"):
        plan_service(Wish("nosuch", "started"), found, lambda _verb: False)


def test_where_no_systemd_runs_only_enabling_is_done() -> None:
    plan = plan_service(Wish("x", "started", enabled=True), Found({}, "disabled", False), lambda _verb: False)
    assert plan.now == ("enable",)


def test_the_files_are_the_reason() -> None:
    assert describe_reason(["/b", "/a"], "x") == "File(s) changed: /a, /b"


TEXTS = [
    ("Key rotated", "File(s) changed: not named by the task; Key rotated"),
    ("", "File(s) changed: not named by the task"),
    ("File(s) changed: /a", "File(s) changed: /a"),
    ("Package update", "Package update"),
]


@pytest.mark.parametrize(("given", "reason"), TEXTS)
def test_every_reason_begins_as_readers_of_records_expect(given: str, reason: str) -> None:
    assert describe_reason([], given) == reason
    assert join_reasons(reason, reason) == reason


def test_reads_commands_that_go_over_several_lines() -> None:
    command = "{ path=/bin/sh ; argv[]=sh -c a\nb=1 ; }"
    output = f"Id=x.service\nExecStart={command}\nDescription={{ not a command\nType=exec\n"
    assert parse_status(output) == {
        "Id": "x.service",
        "ExecStart": command,
        "Description": "{ not a command",
        "Type": "exec",
    }


FAILURES = [
    ("show", "systemd tells nothing about x.service: "),
    ("is-enabled", "whether x.service is enabled: "),
]


@pytest.mark.parametrize(("verb", "words"), FAILURES)
def test_what_systemd_does_not_answer_is_not_taken_for_a_no(verb: str, words: str) -> None:
    def run(args: Sequence[str], **_environment: Mapping[str, str]) -> tuple[int, str, str]:
        return (1, "", "Connection timed out") if args[1] == verb else (0, "Id=x.service\n", "")

    with pytest.raises(HostError, match=f"{words}Connection timed out"):
        UnitControl(run, "x.service", []).find(offline=False)


def test_a_unit_without_a_file_is_not_enabled() -> None:
    def run(args: Sequence[str], **_environment: Mapping[str, str]) -> tuple[int, str, str]:
        if args[1] == "is-enabled":
            return 1, "", "Failed to get unit file state for x.service: No such file or directory"
        return 0, "Id=x.service\n", ""

    found = UnitControl(run, "x.service", []).find(offline=False)
    assert (found.enablement, found.is_enabled) == ("", False)
