from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._report.deferred_summary import RunSummary
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.reports import (
    HOSTILE,
    entry,
    report,
)

NGINX = report(entry("nginx.service"), auto_restarts=False)


def line(*results: tuple[str, dict[str, Any]]) -> str:
    summary = RunSummary()
    for host, result in results:
        summary.learn(host, result)
    return summary.line()


def fact(found: Any) -> dict[str, Any]:
    return {"ansible_facts": {"ansible_local": {"orderly": found}}}


def test_one_line_says_what_is_deferred_where_and_what_to_do() -> None:
    both = report(entry("nginx.service"), entry("redis.service"))
    assert line(("web10", NGINX), ("web2", both)) == (
        "3 restarts are deferred on 2 hosts (nginx on web2, redis on web2, nginx on web10): "
        "run orderly.services.rolling_restart to do them"
    )


def test_what_restarts_a_unit_that_no_service_has_is_said_in_place_of_a_roll() -> None:
    lonely = report(entry("lonely.service"), without_service=["lonely.service"])
    said = (
        "lonely.service on web1: no service has this unit, so no roll restarts it. Write it into the units of one, or "
        "restart it host by host: ansible web1 -b -f 1 -m orderly.services.restart_services -a units=lonely.service"
    )
    assert line(("web1", lonely)) == f"1 restart is deferred on 1 host (lonely on web1). {said}"
    assert line(("web1", lonely), ("web2", NGINX)) == (
        "2 restarts are deferred on 2 hosts (lonely on web1, nginx on web2): "
        f"run orderly.services.rolling_restart to do them. {said}"
    )


def test_only_a_few_are_named() -> None:
    many = report(*(entry(f"a{number}.service") for number in range(5)))
    assert "(a0 on web1, a1 on web1, a2 on web1, …)" in line(("web1", many))


DEFERRED = {"deferred": True, "name": "nginx", "changed": False}
DONE = {
    "units": [{"unit": "nginx.service", "result": "restarted"}, {"unit": "x.service", "result": "skipped"}]
}
ONE = "1 restart is deferred on 1 host (nginx on web1): run orderly.services.rolling_restart to do them"

CASES = [
    ([], ""),
    ([report()], ""),
    ([DEFERRED], ONE),
    ([DEFERRED, {**DEFERRED, "name": "nginx.service"}], ONE),
    ([NGINX, DEFERRED], ONE),
    ([NGINX, DONE], ""),
    ([DONE, NGINX], ONE),
    ([NGINX, report()], ""),
    ([fact(NGINX)], ONE),
    ([fact(NGINX), DONE], ""),
    ([fact({"checked": False, "trouble": ["x"]})], ""),
    ([fact("error loading facts as JSON"), fact(None)], ""),
    ([{"pending": 3}, {"units": "nginx"}, {"deferred": "yes"}, {"deferred": True}, {"pending": [1]}], ""),
]


@pytest.mark.parametrize(("results", "expected"), CASES)
def test_the_latest_result_of_a_host_counts(results: list[dict[str, Any]], expected: str) -> None:
    assert line(*(("web1", result) for result in results)) == expected


def test_hostile_names_keep_to_the_line() -> None:
    assert line(("web1", report(entry(HOSTILE)))).isprintable()
