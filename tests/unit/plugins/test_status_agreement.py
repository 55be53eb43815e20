"""Whoever is asked about a host says the same: table, JSON, the check for Nagios, metrics, and the report itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.plugins.module_utils._restart.members import WORDS, Member, members
from ansible_collections.orderly.services.plugins.module_utils._status.check import (
    COUNTED,
    OF_SERVICES,
    OK,
    Thresholds,
    judge,
)
from ansible_collections.orderly.services.plugins.module_utils._status.metrics import render_metrics
from ansible_collections.orderly.services.plugins.plugin_utils._report.fleet_now import UnitsNow
from ansible_collections.orderly.services.plugins.plugin_utils._report.status_table import FleetStatus
from ansible_collections.orderly.services.plugins.plugin_utils._roll.survey import Unit
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    entry,
    parse_metrics,
    report,
)

SINCE = "2026-11-23T06:00:00Z"
DOWN = {"unit": "a.service", "word": "down", "says": "failed (failed)"}
DRAINED = {"service": "web", "operation": "restart", "roll": "roll-1", "since": SINCE}
PAUSED = {"unit": "b.service", "since": SINCE, "reason": "disk"}
HELD = {"package": "web", "version": "1", "candidate": "2"}
ABSENT = {"service": "web", "units": ["c.service"], "says": "web: this host has no c.service"}
UMBRELLA = {
    "service": "db",
    "unit": "d.service",
    "groups": ["d@1.service"],
    "says": "db: d.service only groups",
}
FOUND = {
    "without_service": report(entry("lonely.service"), without_service=["lonely.service"]),
    "absent_services": report(absent_services=[ABSENT]),
    "umbrellas": report(umbrellas=[UMBRELLA]),
    "pending": report(entry("a.service")),
    "down": report(down=[DOWN]),
    "drained": report(drained=[DRAINED]),
    "paused": report(paused=[PAUSED]),
    "on_hold": report(on_hold=[HELD]),
    "trouble": report(trouble=["halfd is unpacked, not configured: run dpkg --configure -a"]),
}
METRICS = {
    "without_service": "orderly_pending_restarts_without_service",
    "absent_services": "orderly_absent_services",
    "umbrellas": "orderly_umbrella_units",
    "pending": "orderly_pending_restarts",
    "down": "orderly_units_down",
    "drained": "orderly_drained_since_timestamp_seconds",
    "paused": "orderly_paused_units",
    "on_hold": "orderly_held_packages",
    "trouble": "orderly_trouble",
}
NAMED = {
    "without_service": "lonely.service", "absent_services": "web: this host has no c.service",
    "umbrellas": "db: d.service only groups",
    "pending": "a.service", "down": "a.service is failed (failed)", "drained": "web", "paused": "b.service",
    "on_hold": "web 1", "trouble": "halfd is unpacked",
}  # fmt: skip


def of_a_table(found: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Give the lines and the JSON that the playbook prints and writes for a host that answers so."""
    told = {"members": [{**each, "refusal": "", "along": []} for each in found["down"]], "machine": "m"}
    status, units = FleetStatus.of({"h": found}), UnitsNow.of({"h": told})
    return [*units.down_lines(), *status.as_lines()], {**status.as_dict(), **units.as_dict()}


def test_every_figure_of_the_check_is_one_of_the_metrics_too() -> None:
    assert METRICS.keys() == FOUND.keys() == set(COUNTED)


@pytest.mark.parametrize("what", COUNTED)
def test_what_is_found_is_told_by_each_of_them_and_counted_alike(what: str) -> None:
    found = FOUND[what]
    for_nagios = judge(found, 0, Thresholds()).render()
    metrics = parse_metrics(render_metrics(found, 0))
    lines, plain = of_a_table(found)
    assert f" {what}=1;;;0" in for_nagios
    samples = metrics[METRICS[what]]
    assert len(samples) == 1
    assert set(samples.values()) <= {1, 1795413600}
    assert NAMED[what] in " ".join(" ".join(lines).split())
    if what == "down":
        assert plain["down"] == {"h": {DOWN["unit"]: DOWN["says"]}}
    else:
        assert len(plain["hosts"]["h"][what]) == 1
    if what not in ("paused", "on_hold"):  # of these a person knows
        assert NAMED[what] in for_nagios


@pytest.mark.parametrize("what", COUNTED)
def test_nothing_of_it_is_told_by_anyone_of_a_host_that_is_well(what: str) -> None:
    well = report()
    verdict = judge(well, 0, Thresholds())
    lines, _plain = of_a_table(well)
    assert verdict.code == OK
    assert f" {what}=0;;;0" in verdict.render()
    assert set(parse_metrics(render_metrics(well, 0)).get(METRICS[what], {(): 0}).values()) == {0}
    assert lines == ["No restart is pending; 1 host checked."]


def test_a_service_that_is_down_is_critical_and_one_that_is_drained_is_at_work() -> None:
    assert judge(FOUND["down"], 0, Thresholds()).code == 2
    assert judge(FOUND["drained"], 0, Thresholds()).code == 0


def test_where_nobody_noted_which_units_there_are_none_is_said_to_be_well() -> None:
    unknown = report(services={})
    for what in OF_SERVICES:
        assert f" {what}=" not in judge(unknown, 0, Thresholds()).render()
        assert METRICS[what] not in parse_metrics(render_metrics(unknown, 0))


@pytest.mark.parametrize("what", ["absent_services", "umbrellas"])
def test_a_service_whose_units_are_not_what_people_mean_is_a_warning(what: str) -> None:
    assert judge(FOUND[what], 0, Thresholds()).code == 1


@pytest.mark.parametrize("word", WORDS)
def test_a_host_calls_down_what_a_roll_and_the_table_call_so(word: str) -> None:
    assert Member("a.service", word, "x").is_down == Unit("a.service", word, "x").is_down


def test_units_that_the_host_does_not_have_are_nobodys() -> None:
    absent = UnitState("a.service", load="not-found", active="inactive", sub="dead")
    assert members(["a.service"], {"a.service": absent}, ()) == []
