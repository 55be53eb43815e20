from __future__ import annotations

import json
import re
from typing import Any

from ansible_collections.orderly.services.plugins.plugin_utils._common.text import printable
from ansible_collections.orderly.services.plugins.plugin_utils._report.status_table import FleetStatus
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    HOSTILE,
    entry,
    report,
)


def fleet_table(answers: dict[str, dict[str, Any]]) -> list[str]:
    return FleetStatus.of(answers).as_lines()


def squeeze(line: str) -> str:
    return re.sub(r" {2,}", "  ", line)


def test_one_line_for_each_unit_that_waits() -> None:
    lines = fleet_table(
        {
            "web10": report(entry("nginx.service")),
            "web2": report(
                entry(
                    "haproxy.service",
                    action="reload",
                    package="haproxy",
                    package_before="2.0",
                    package_now="2.0",
                ),
                entry("lonely.service", package="", package_before="", package_now="", collateral=True),
                auto_restarts=False,
            ),
        }
    )
    assert [line.split("  ") for line in map(squeeze, lines)] == [
        ["HOST", "UNIT", "PENDING", "SINCE", "WHY", "PACKAGE"],
        ["web2", "haproxy.service", "reload", "2026-11-23 06:00:00 UTC", "Package update", "haproxy 2.0"],
        ["web2", "lonely.service", "restart", "2026-11-23 06:00:00 UTC", "Package update (collateral)", "-"],
        ["web10", "nginx.service", "restart", "2026-11-23 06:00:00 UTC", "Package update", "nginx 1.0 → 1.1"],
        ["3 pending on 2 hosts; 2 hosts checked."],
        ["Automatic restarts are off on web2."],
    ]


def test_what_is_changed_for_a_while_is_shown_and_is_no_restart() -> None:
    pinned = {
        "service": "nova", "name": "rpc", "until": "upgraded", "campaign": "friday-1", "since": "2026-03-01T09:58:40Z"
    }  # fmt: skip
    _header, row, summary = fleet_table({"c3": {**report(), "temporary_changes": [pinned]}})
    assert squeeze(row) == (
        "c3  nova  (temporary)  2026-03-01 09:58:40 UTC  rpc, until upgraded, campaign friday-1  -"
    )
    assert summary == "No restart is pending; 1 host checked."


def test_columns_are_aligned() -> None:
    lines = fleet_table({"a": report(entry("x.service")), "longer": report(entry("y.service"))})
    assert {line.index("restart ") for line in lines[1:3]} == {lines[0].index("PENDING")}


def test_nothing_pending_is_said_plainly() -> None:
    assert fleet_table({"web1": report()}) == ["No restart is pending; 1 host checked."]


def test_the_option_is_shown_though_nothing_is_pending() -> None:
    assert fleet_table({"web1": report(auto_restarts=False), "web2": report()}) == [
        "No restart is pending; 2 hosts checked.",
        "Automatic restarts are off on web1.",
    ]


def test_what_was_not_checked_is_named() -> None:
    lines = fleet_table(
        {"web1": {"unreachable": True, "msg": "ssh"}, "web2": {"msg": "No python."}, "web3": {}}
    )
    assert lines == [
        "No restart is pending; 0 hosts checked.",
        "web1: not checked, it could not be reached",
        "web2: not checked, No python",
        "web3: not checked, it was not queried",
    ]


def test_what_was_dismissed_is_shown_with_who_and_why_and_does_not_count() -> None:
    record = {
        "unit": "nginx.service", "dismissed": "only the manual", "dismissed_by": "ada on deploy1",
        "dismissed_at": "2026-11-23T06:00:00Z", "package": "nginx",
    }  # fmt: skip
    lines = fleet_table({"web1": report(dismissed=[record])})
    assert squeeze(lines[1]).split("  ") == [
        "web1", "nginx.service", "(dismissed)", "2026-11-23 06:00:00 UTC", "ada on deploy1: only the manual", "nginx",
    ]  # fmt: skip
    assert lines[2] == "No restart is pending; 1 host checked."


def test_trouble_is_shown() -> None:
    assert fleet_table({"web1": report(trouble=["A file is broken."])})[-1] == "web1: A file is broken."


def test_units_that_do_not_run_are_shown_but_not_counted() -> None:
    lines = fleet_table({"web1": report(stopped=[entry("nginx.service")])})
    assert "(stopped)" in lines[1]
    assert lines[-1] == "No restart is pending; 1 host checked."


def test_what_is_paused_or_on_hold_is_shown_but_not_counted() -> None:
    paused = {"unit": "redis.service", "since": "2026-11-23T06:00:00Z", "reason": "new disk"}
    held = {"package": "mariadb-server", "version": "1", "candidate": "2"}
    lines = fleet_table({"db1": report(stopped=[entry("redis.service")], paused=[paused], on_hold=[held])})
    assert [line.split("  ") for line in map(squeeze, lines[1:])] == [
        ["db1", "redis.service", "(paused)", "2026-11-23 06:00:00 UTC", "new disk", "-"],
        ["db1", "-", "(upgrade)", "-", "on hold", "mariadb-server 1 → 2"],
        ["No restart is pending; 1 host checked."],
    ]


def test_what_runs_replaced_files_is_shown_apart() -> None:
    assert fleet_table({"web1": report(outdated=["cron.service", "ssh.service"])}) == [
        "No restart is pending; 1 host checked.",
        "web1: cron.service, ssh.service still run replaced files; no restart was requested.",
    ]


def test_what_could_not_be_looked_at_is_said_once_for_all_hosts() -> None:
    unchecked = report(not_checked={"outdated": "needrestart is not installed"})
    assert fleet_table({"web2": unchecked, "web1": unchecked, "web3": report()})[1:] == [
        "Programs and libraries that were replaced: not checked on web1, web2, needrestart is not installed."
    ]


def test_hostile_texts_keep_to_their_line() -> None:
    lines = fleet_table(
        {
            "web1": report(
                entry(HOSTILE, reason=HOSTILE * 100, package=HOSTILE), trouble=[HOSTILE], outdated=[HOSTILE]
            ),
            "web2": {"msg": HOSTILE},
        }
    )
    assert len(lines) == 6
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 500


def test_long_texts_are_cut() -> None:
    assert printable("x" * 200, 10) == "x" * 9 + "…"
    assert printable("x" * 10, 10) == "x" * 10


def test_other_programs_get_the_same_as_data() -> None:
    answers = {
        "web1": {
            **report(entry(HOSTILE), stopped=[entry("b.service")]),
            "changed": False,
            "_ansible_no_log": False,
        },
        "web2": {"unreachable": True},
    }
    status = json.loads(json.dumps(FleetStatus.of(answers).as_dict()))
    assert status["pending"] == 1
    assert status["hosts_pending"] == ["web1"]
    told = report(entry(HOSTILE), stopped=[entry("b.service")])
    # The inventory knows better than the host which services that has, so what is down stands there once.
    assert status["hosts"]["web1"] == {key: told[key] for key in told.keys() - {"services", "down"}}
    assert status["not_checked"] == {"web2": "it could not be reached"}


def test_a_unit_that_no_service_has_is_marked_and_what_restarts_it_is_said() -> None:
    found = report(entry("lonely.service", collateral=True), without_service=["lonely.service"])
    lines = fleet_table({"web1": found, "web2": found})
    assert squeeze(lines[1]).split("  ")[4] == "Package update (collateral) (no service)"
    assert lines[4] == (
        "lonely.service on web1, web2: no service has this unit, so no roll restarts it. Write it into the units of "
        "one, or restart it host by host: ansible web1,web2 -b -f 1 -m orderly.services.restart_services -a "
        "units=lonely.service"
    )


def test_a_service_without_its_unit_is_told_once_for_all_hosts() -> None:
    found = report(absent_services=[{"service": "web", "units": ["c.service"], "says": "web: no c.service"}])
    assert fleet_table({"web1": found, "web2": found})[1:] == ["web1, web2: web: no c.service"]


def test_a_restart_that_was_made_up_for_is_told_with_its_package() -> None:
    gamma = {"unit": "c.service", "action": "restart", "since": "2026-11-23T06:00:00Z", "package": "web"}
    found = report(made_up=[gamma, {**gamma, "unit": "d.service", "package": ""}])
    assert fleet_table({"web1": found})[1:] == [
        "web1: c.service (web, 2026-11-23 06:00:00 UTC), d.service (2026-11-23 06:00:00 UTC) started anew at the end "
        "of dpkg's last run, as a package wanted and no policy forbids."
    ]
