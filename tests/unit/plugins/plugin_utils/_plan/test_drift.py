from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._plan.drift import drift_of_plans

from ..plan_world import deployment

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment

DB = deployment("db", "d1", "3")
WEB = replace(deployment("web", "w1 w2", "3"), files={"tasks/a.yml": "1", "tasks/b.yml": "2"})

DRIFTS: list[tuple[str, list[Deployment], list[str]]] = [
    ("nothing", [DB, WEB], []),
    ("a service more", [DB, WEB, deployment("dns", "n1")], ["service dns: was not there, is deployed on n1"]),
    ("a service less", [WEB], ["service db: was deployed on d1, is not there"]),
    (
        "hosts",
        [DB, replace(WEB, hosts=("w2", "w3"))],
        ["service web, host w1: was in it, is not there", "service web, host w3: was not there, is in it"],
    ),
    (
        "files",
        [DB, replace(WEB, files={"tasks/a.yml": "3", "tasks/c.yml": "4"})],
        [
            "service web, role's file tasks/a.yml: was 1, is 3",
            "service web, role's file tasks/b.yml: was 2, is not there",
            "service web, role's file tasks/c.yml: was not there, is 4",
        ],
    ),
    (
        "a setting, and not what follows from it",
        [DB, replace(WEB, service=replace(WEB.service, max_unavailable="100%"))],
        ["service web, max_unavailable: was 1, is 100%"],
    ),
]


@pytest.mark.parametrize(("now", "lines"), [case[1:] for case in DRIFTS], ids=[case[0] for case in DRIFTS])
def test_drift_is_told_item_by_item(now: list[Deployment], lines: list[str]) -> None:
    before, after = (compile_plan(each, {"c": "1"}).as_data() for each in ([DB, WEB], now))
    assert list(drift_of_plans(before, after)) == lines


def test_another_version_of_the_collection_is_told() -> None:
    before, after = (
        compile_plan([DB], {"orderly.services": version}).as_data() for version in ("1.0", "1.1")
    )
    assert drift_of_plans(before, after) == ("orderly.services: was 1.0, is 1.1",)


def test_other_waves_of_the_same_services_are_told() -> None:
    before, after = (compile_plan([WEB], {}, {}, last).as_data() for last in ([], ["w1"]))
    (line,) = drift_of_plans(before, after)
    assert line.startswith(
        "the waves: failure domains, which hosts go last, or which are out of service, have"
    )
