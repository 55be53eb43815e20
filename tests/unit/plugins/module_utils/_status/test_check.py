from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._status.check import (
    CRITICAL,
    OK,
    UNKNOWN,
    WARNING,
    Thresholds,
    judge,
    unknown,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    HOSTILE,
    entry,
    report,
)

SINCE = 1795413600
HOUR = 3600
ONLY_ROOT = {"reloads": "only root can tell"}

CASES = [
    (report(), 0, OK),
    (report(auto_restarts=False), 0, OK),
    (report(entry("a.service")), 0, OK),
    (report(entry("a.service")), 2 * HOUR, WARNING),
    (report(entry("a.service")), 10 * HOUR, CRITICAL),
    (report(entry("a.service"), entry("b.service", since="2026-11-23T16:00:00Z")), 10 * HOUR, CRITICAL),
    (report(stopped=[entry("a.service")]), 10 * HOUR, OK),
    (report(trouble=["Blocked in vain."]), 0, WARNING),
    (report(entry("a.service", action="reload"), not_checked=ONLY_ROOT), 10 * HOUR, UNKNOWN),
    (
        report(entry("a.service", action="reload"), entry("b.service"), not_checked=ONLY_ROOT),
        10 * HOUR,
        CRITICAL,
    ),
    (report(entry("a.service", since="2027-01-01T00:00:00Z")), 0, OK),
    (report(entry("a.service", since="1970-01-01T00:00:00Z")), 0, CRITICAL),
]


@pytest.mark.parametrize(("found", "later", "code"), CASES)
def test_the_verdict_follows_what_waits_longest(found: dict[str, Any], later: int, code: int) -> None:
    assert judge(found, SINCE + later, Thresholds(warning=2, critical=10)).code == code


def test_by_default_anything_pending_is_a_warning_and_a_week_critical() -> None:
    assert judge(report(entry("a.service")), SINCE, Thresholds()).code == WARNING
    assert judge(report(entry("a.service")), SINCE + 168 * HOUR, Thresholds()).code == CRITICAL


def test_the_line_says_what_waits_and_gives_figures() -> None:
    found = report(entry("a.service"), entry("b.service"), auto_restarts=False, paused=[{}])
    assert judge(found, SINCE + 3 * HOUR, Thresholds(2, 10)).render() == (
        "WARNING: 2 restarts are pending, for up to 3.0 hours: a.service, b.service. Automatic restarts are off. "
        "| oldest=10800s;7200;36000;0 pending=2;;;0 without_service=0;;;0 absent_services=0;;;0 "
        "umbrellas=0;;;0 down=0;;;0 drained=0;;;0 paused=1;;;0 on_hold=0;;;0 trouble=0;;;0"
    )


def test_nothing_pending_is_said_plainly() -> None:
    assert judge(report(), SINCE, Thresholds(2, 10)).render().startswith("OK: No restart is pending. |")


def test_what_only_root_can_tell_is_said() -> None:
    found = report(entry("lb.service", action="reload"), not_checked=ONLY_ROOT)
    text = judge(found, SINCE, Thresholds()).render()
    assert "Whether lb.service has reloaded was not checked: only root can tell." in text


def test_a_unit_that_may_be_paused_or_stopped_is_neither_well_nor_down() -> None:
    verdict = judge(report(not_checked={"stopped": "only root can tell"}), SINCE, Thresholds())
    assert verdict.code == UNKNOWN
    assert "Whether units that do not run are paused was not checked: only root can tell." in verdict.render()


def test_hostile_texts_neither_end_the_line_nor_begin_the_figures() -> None:
    text = judge(report(entry(HOSTILE), trouble=[HOSTILE]), SINCE, Thresholds()).render()
    assert text.count("|") == 1
    assert text.isprintable()
    assert unknown(HOSTILE).render().isprintable()
