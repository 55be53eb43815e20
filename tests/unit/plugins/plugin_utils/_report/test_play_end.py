"""The last line of a playbook that does its work host by host."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.play_end import end_line


@pytest.mark.parametrize(
    ("playbook", "facts", "expected"),
    [
        ("pause_services", {"a": ["x", "y"], "b": ["x"]}, "done on 2 of 2 hosts, 3 units paused."),
        ("pause_services", {"a": ["x"]}, "done on 1 of 2 hosts, 1 unit paused. Not done: b."),
        ("resume_services", {"a": [], "b": []}, "done on 2 of 2 hosts, 0 units running again."),
        (
            "defer_restarts",
            {"a": ["web", "db"], "b": ["web"]},
            "done on 2 of 2 hosts, restarts of 2 services are off.",
        ),
        (
            "allow_restarts",
            {"a": ["x", "y"]},
            "done on 1 of 2 hosts, 2 restarts still pending. Not done: b. To do that: ansible-playbook "
            "orderly.services.rolling_restart",
        ),
        ("allow_restarts", {"a": [], "b": []}, "done on 2 of 2 hosts, 0 restarts still pending."),
        ("move_store", {}, "done on 0 of 2 hosts. Not done: a, b."),
    ],
)
def test_it_says_how_far_the_playbook_came(playbook: str, facts: dict[str, list[str]], expected: str) -> None:
    assert end_line(playbook, ["a", "b"], facts) == f"{playbook}: {expected}"


def test_a_check_has_done_nothing() -> None:
    assert end_line("pause_services", ["a", "b"], {"a": ["x"]}, check=True) == (
        "pause_services: nothing was done, as this is a check; it went through on 1 of 2 hosts. Not done: b."
    )


def test_a_host_without_services_is_named_as_that() -> None:
    assert end_line("defer_restarts", ["a", "b"], {"a": ["web"], "b": False}) == (
        "defer_restarts: done on 1 of 1 host, restarts of 1 service are off. Left alone, as no service runs there: b."
    )


def test_what_could_not_be_deferred_is_said_by_name_and_host() -> None:
    without = {"w1": ["php_fpm"], "w2": ["php_fpm"], "w3": []}
    assert end_line(
        "defer_restarts", ["w1", "w2", "w3"], {"w1": ["a"], "w2": ["a"], "w3": ["a"]}, without=without
    ) == (
        "defer_restarts: done on 3 of 3 hosts, restarts of 1 service are off. NOT deferred, as these hosts have no "
        "unit of that name: php_fpm on w1, w2."
    )


def test_what_a_host_has_answered_besides_a_list_is_not_counted() -> None:
    assert end_line("pause_services", ["a"], {"a": "many"}) == (
        "pause_services: done on 1 of 1 host, 0 units paused."
    )


def test_what_no_roll_restarts_is_said_with_what_does() -> None:
    said = end_line("allow_restarts", ["a"], {"a": ["lonely.service"]}, without={"a": ["lonely.service"]})
    assert said == (
        "allow_restarts: done on 1 of 1 host, 1 restart still pending. lonely.service on a: no service has this unit, "
        "so no roll restarts it. Write it into the units of one, or restart it host by host: ansible a -b -f 1 -m "
        "orderly.services.restart_services -a units=lonely.service"
    )
