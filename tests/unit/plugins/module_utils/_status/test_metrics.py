from __future__ import annotations

from ansible_collections.orderly.services.plugins.module_utils._status.metrics import (
    render_failure,
    render_metrics,
    timestamp,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    HOSTILE,
    entry,
    parse_metrics,
    report,
)

SINCE = 1795413600


def test_every_figure_is_there() -> None:
    found = parse_metrics(
        render_metrics(report(entry("a.service"), auto_restarts=False, trouble=["x"], outdated=["b"]), SINCE)
    )
    plain = {name: samples[()] for name, samples in found.items() if () in samples}
    assert plain == {
        "orderly_status_success": 1,
        "orderly_status_timestamp_seconds": SINCE,
        "orderly_auto_restarts": 0,
        "orderly_policy_in_force": 1,
        "orderly_pending_restarts": 1,
        "orderly_units_down": 0,
        "orderly_absent_services": 0,
        "orderly_pending_restarts_without_service": 0,
        "orderly_umbrella_units": 0,
        "orderly_paused_units": 0,
        "orderly_held_packages": 0,
        "orderly_outdated_checked": 1,
        "orderly_outdated_units": 1,
        "orderly_trouble": 1,
    }


def test_what_waits_since_when_is_told_by_unit() -> None:
    found = parse_metrics(render_metrics(report(entry("a.service"), entry("b.service")), SINCE + 5))
    labels = (("unit", "a.service"), ("action", "restart"), ("package", "nginx"))
    assert found["orderly_pending_restart_since_timestamp_seconds"][labels] == SINCE
    assert len(found["orderly_pending_restart_since_timestamp_seconds"]) == 2


def test_what_was_not_checked_is_no_zero() -> None:
    found = parse_metrics(render_metrics(report(not_checked={"outdated": "needrestart is not installed"}), 1))
    assert "orderly_outdated_units" not in found
    assert found["orderly_outdated_checked"] == {(): 0}


def test_hostile_names_stay_in_their_label() -> None:
    found = parse_metrics(render_metrics(report(entry(HOSTILE, package=HOSTILE, reason=HOSTILE)), 1))
    (labels,) = found["orderly_pending_restart_since_timestamp_seconds"]
    assert dict(labels)["unit"] == HOSTILE


def test_a_failure_leaves_no_old_figures() -> None:
    assert parse_metrics(render_failure(7)) == {
        "orderly_status_success": {(): 0},
        "orderly_status_timestamp_seconds": {(): 7},
    }


def test_times_are_utc() -> None:
    assert timestamp("2026-11-23T06:00:00Z") == SINCE
