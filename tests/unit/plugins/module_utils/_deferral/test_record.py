from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import (
    settled_by,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import (
    Event,
    Record,
    effective_action,
    join_reasons,
    note_event,
    parse_record,
)
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Program, UnitState
from ansible_collections.orderly.services.plugins.module_utils._host.yaml import YamlError
from ansible_collections.orderly.services.tests import deferral_cases as cases
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT, record_text

UNIT = "alpha.service"
RECORD = parse_record(record_text(UNIT), "/records/a")
FOREIGN = parse_record(
    "service: alpha\ntimestamp: 5\naction: restart\nreason: Package update\n", "/records/f"
)
OLD = Program("1:10", "/usr/sbin/alpha", replaced=True)


def running(invocation: str = f"{UNIT}-1") -> UnitState:
    return UnitState(UNIT, (UNIT,), "loaded", "active", "running", invocation, OLD)


def test_a_record_of_another_tool_needs_only_the_common_keys() -> None:
    assert FOREIGN.unit == UNIT
    assert FOREIGN.since == FOREIGN.last == 5
    assert FOREIGN.requestor == Requestor("unknown", "unknown")
    assert FOREIGN.as_dict()["since"] == "1970-01-01T00:00:05Z"


@pytest.mark.parametrize("text", ["", "a: b\n", "- x\n", "service: [a]\n", "service: a\n  b: c\n"])
def test_refuses_what_is_no_record(text: str) -> None:
    with pytest.raises(YamlError):
        parse_record(text, "/records/x")


@pytest.mark.parametrize("number", ["-1", "x", "1e9", "9" * 40, "null", "\u00b2"])
def test_a_time_that_is_none_is_the_epoch(number: str) -> None:
    assert parse_record(record_text(UNIT, timestamp=number), "/records/x").last == 0


# --- Writing ---


EVENT = Event(UNIT, "restart", "File(s) changed: /etc/alpha", Requestor("ansible", "test"))


def test_an_event_begins_a_record_that_can_be_proved() -> None:
    record = note_event(EVENT, None, running(), BOOT, 1000)
    assert (record.unit, record.action, record.count, record.since, record.last) == (
        UNIT,
        "restart",
        1,
        1000,
        1000,
    )
    assert settled_by(record, running(), BOOT) == ""
    assert settled_by(record, running(f"{UNIT}-2"), BOOT) == "the unit was started again"


def test_a_record_is_read_as_it_was_written() -> None:
    odd = replace(EVENT, reason='File(s) changed: /etc/\u00e4 "x": {y}, /etc/\U0001f980\n- z\0')
    record = note_event(odd, None, running(), BOOT, 1000)
    assert parse_record(record.render(), "") == record


def test_the_next_event_goes_into_the_same_record() -> None:
    first = note_event(replace(EVENT, action="reload"), None, running(), BOOT, 1000)
    again = note_event(replace(EVENT, action="stop", reason="Package update"), first, running(), BOOT, 2000)
    assert (again.action, again.actions, again.count) == ("restart", ("reload", "stop"), 2)
    assert (again.since, again.last) == (1000, 2000)
    assert again.reason == "Package update; File(s) changed: /etc/alpha"


ANEW = [
    (replace(RECORD, count=7), running(f"{UNIT}-2"), BOOT),
    (replace(RECORD, count=7), running(), "another boot"),
    (replace(RECORD, count=7, dismissed="not needed"), running(), BOOT),
    (replace(FOREIGN, count=7), running(), BOOT),
]


@pytest.mark.parametrize(("old", "state", "boot"), ANEW)
def test_what_was_settled_or_dismissed_begins_anew(old: Record, state: UnitState, boot: str) -> None:
    assert note_event(EVENT, old, state, boot, 5000).count == 1


REASONS = [
    ("", "Package update", "Package update"),
    ("Package update", "Package update", "Package update"),
    ("File(s) changed: /b", "File(s) changed: /a, /b", "File(s) changed: /a, /b"),
    ("Key rotated", "File(s) changed: /a", "File(s) changed: /a; Key rotated"),
]


@pytest.mark.parametrize(("before", "now", "both"), REASONS)
def test_reasons_are_kept_once_each(before: str, now: str, both: str) -> None:
    assert join_reasons(before, now) == both
    assert join_reasons(both, now) == both


@pytest.mark.parametrize(("kind", "name", "unit", "file"), cases.REQUESTOR_UNIT_FILE)
def test_a_record_has_a_file_of_its_own(kind: str, name: str, unit: str, file: str) -> None:
    assert Event(unit, "restart", "", Requestor(kind, name)).file_name == file


@pytest.mark.parametrize(("actions", "effect"), cases.ACTIONS_AND_EFFECT)
def test_actions_come_down_to_one(actions: tuple[str, ...], effect: str) -> None:
    assert effective_action(actions) == effect


@pytest.mark.parametrize(("changes", "goes_on"), cases.CHANGES_AND_GOES_ON)
def test_a_record_goes_on_until_it_is_settled(changes: dict[str, str], *, goes_on: bool) -> None:
    old = parse_record(cases.record_text(changes, BOOT, OLD.identity), "/records/a")
    record = note_event(replace(EVENT, action=old.action), old, running(cases.RUN), BOOT, 2000)
    assert record.count == (8 if goes_on else 1)
