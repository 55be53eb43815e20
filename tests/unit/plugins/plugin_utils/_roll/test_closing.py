"""How a roll ended, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.plugin_utils._roll.closing import (
    DRAINED,
    GRANT,
    RELEASED,
    RESTARTED,
    closing_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLL: dict[str, Any] = {
    "order": ["w1", "w2", "w3"],
    "visits": {host: [{"name": "web"}] for host in ("w1", "w2", "w3")},
    "out_of_service": {"w4": {"web": "mainboard"}},
    "pending": {host: ["web.service"] for host in ("w1", "w2", "w3", "w4")},
}


def line(
    registered: dict[str, dict[str, Any]], roll: Mapping[str, Any] | None = None, *, check: bool = False
) -> str:
    return closing_line(
        "restart", roll or ROLL, lambda host, name: registered.get(host, {}).get(name), check=check
    )


def went(host: str) -> dict[str, Any]:
    return {
        GRANT: {"slots": {host: ["web"]}},
        RESTARTED: {"restarted": ["web.service"]},
        RELEASED: {"changed": True},
    }


def test_all_went_well() -> None:
    roll = {**ROLL, "out_of_service": {}, "pending": {}}
    assert line({host: went(host) for host in ROLL["order"]}, roll) == (
        "restart: done on 3 of 3 hosts, 3 units restarted."
    )


def test_a_roll_that_stopped_says_what_is_left() -> None:
    refused = {GRANT: {"failed": True, "granted": False, "msg": "no"}}
    assert line({"w1": went("w1"), "w2": {GRANT: {"slots": {"w2": ["web"]}}}, "w3": refused}) == (
        "restart: done on 1 of 4 hosts, 1 unit restarted. Failed, and kept with their slots: w2 (web). "
        "Not reached: w3 (web). Out of service: w4 (mainboard). Still pending: web.service on w[2-4]."
    )


def test_a_host_that_refused_the_run_keeps_no_slots() -> None:
    refuses = {GRANT: {"slots": {"w2": ["web"]}}, DRAINED: {"failed": True, "msg": "no", "stamped": {}}}
    said = line({"w1": went("w1"), "w2": refuses})
    assert "Refused this run, and not touched: w2 (web). Not reached: w3 (web)." in said
    assert "kept with their slots" not in said


def test_where_all_that_is_left_is_out_of_service_it_is_said() -> None:
    roll = {**ROLL, "order": [], "visits": {}, "pending": {"w4": ["web.service"]}}
    assert line({}, roll) == (
        "restart: done on 0 of 1 host. Out of service: w4 (mainboard). Still pending: web.service on w4."
    )


def test_what_was_left_alone_is_said_with_the_reason() -> None:
    skipped = {"unit": "lb.service", "result": "skipped", "why": "pacemaker manages it"}
    done = {"unit": "web.service", "result": "restarted", "why": ""}
    roll = {**ROLL, "order": ["w1", "w2"], "out_of_service": {}, "pending": {}}
    left = {host: {**went(host), RESTARTED: {"units": [done, skipped]}} for host in ("w1", "w2")}
    assert line(left, roll) == (
        "restart: done on 2 of 2 hosts, no unit restarted. Left alone: lb.service (pacemaker manages it) on w1, w2."
    )
    assert "Left alone" not in line({"w1": {**went("w1"), RESTARTED: {"units": [{"unit": 3}]}}}, roll)


def test_what_a_host_answers_is_read_as_far_as_it_is_names() -> None:
    odd = {**went("w1"), RESTARTED: {"restarted": [{}, "web.service", 3]}}
    assert "1 unit restarted" in line({"w1": odd})
    assert "units restarted" not in line({"w1": {**went("w1"), RESTARTED: "text"}})


def test_a_check_says_that_nothing_was_done() -> None:
    said = line({host: went(host) for host in ROLL["order"]}, check=True)
    assert said.startswith("restart: nothing was done, as this is a check. Out of service")
    assert said.endswith("Still pending: web.service on w[1-4].")


def test_where_no_host_is_visited_what_is_left_is_said_all_the_same() -> None:
    roll = {"order": [], "visits": {}, "out_of_service": {}, "pending": {"w1": ["guard.service"]}}
    assert line({}, roll) == "restart: nothing was to be done. Still pending: guard.service on w1."
