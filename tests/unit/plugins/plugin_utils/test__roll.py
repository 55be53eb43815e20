from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._roll import Roll, plan_roll
from ansible_collections.orderly.services.plugins.plugin_utils._service import Dependency, Service

WEB = Service("web", "web", Path("/roles/web"), "web", units=("web.service",))
DB = Service("db", "db", Path("/roles/db"), "db", units=("db.service", "db-log.service"))
GROUPS = {"web": ["h1", "h2", "h3"], "db": ["h1", "d1"]}


def roll(pending: dict[str, str], held: dict[str, str] | None = None, **options: Any) -> Roll:
    services = options.pop("services", (DB, WEB))
    return plan_roll(
        services,
        GROUPS,
        {host: units.split() for host, units in pending.items()},
        {host: names.split() for host, names in (held or {}).items()},
        **{"deferred_only": True, **options},
    )


def visits(made: Roll) -> dict[str, list[str]]:
    return {host: made.names(host) for host in made.order}


NOBODY = {"h1": "", "h2": "", "h3": "", "d1": ""}


def test_with_deferred_only_just_what_is_pending_is_restarted() -> None:
    made = roll({**NOBODY, "h1": "web.service", "d1": "db-log.service"})
    assert visits(made) == {"d1": ["db"], "h1": ["web"]}
    assert made.waves == (("d1", "h1"),)


def test_without_deferred_only_every_service_of_every_host_is_restarted() -> None:
    assert visits(roll(NOBODY, deferred_only=False)) == {
        "d1": ["db"], "h2": ["web"], "h1": ["db", "web"], "h3": ["web"],
    }  # fmt: skip


def test_only_named_services_are_restarted() -> None:
    made = roll({**NOBODY, "h1": "web.service db.service", "d1": "db.service"}, only=["web"])
    assert visits(made) == {"h1": ["web"]}


def test_nothing_pending_is_nothing_to_do() -> None:
    made = roll(NOBODY)
    assert made.waves == ()
    assert made.lines() == ["Nothing is to be restarted."]
    assert made.as_result() == {
        "order": [], "batches": [], "waves": [], "visits": {}, "outages": [], "strays": {},
    }  # fmt: skip


def test_a_host_left_behind_is_visited_again_first_for_what_it_still_holds() -> None:
    made = roll({**NOBODY, "h2": "web.service"}, {"h3": "web"})
    assert made.waves == (("h3",), ("h2",))
    assert visits(made) == {"h3": ["web"], "h2": ["web"]}


def test_units_of_no_service_are_told_not_restarted() -> None:
    made = roll({**NOBODY, "h2": "ssh.service cron.service"})
    assert made.waves == ()
    assert made.strays == {"h2": ("cron.service", "ssh.service")}
    assert made.lines()[-1] == (
        "cron.service ssh.service on h2: pending, but of no service; restart it with restart_services."
    )


BUDGETS: list[tuple[int | str, tuple[tuple[str, ...], ...]]] = [
    (1, (("h1",), ("h2",), ("h3",))),
    (2, (("h1", "h2"), ("h3",))),
    ("34%", (("h1",), ("h2",), ("h3",))),
    ("67%", (("h1", "h2"), ("h3",))),
]


@pytest.mark.parametrize(("budget", "waves"), BUDGETS)
def test_the_budget_is_of_the_whole_group(budget: int | str, waves: tuple[tuple[str, ...], ...]) -> None:
    web = Service("web", "web", Path("/roles/web"), "web", units=("web.service",), max_unavailable=budget)
    pending = dict.fromkeys(["h1", "h2", "h3"], "web.service")
    assert roll({**NOBODY, **pending}, services=(web,)).waves == waves


def test_people_are_told_the_waves_and_who_has_no_other_host() -> None:
    web = Service("web", "web", Path("/roles/web"), "web", units=("web.service",), max_unavailable=3)
    made = roll({**NOBODY, "h1": "web.service db.service", "d1": "db.service"}, services=(DB, web))
    assert made.outages == ("web",)
    assert made.lines() == [
        "Wave 1 of 2: h1 (db web)",
        "Wave 2 of 2: d1 (db)",
        "web has no other host: it will be down while it restarts.",
    ]


def test_a_service_is_restarted_after_what_it_comes_after() -> None:
    web = Service("web", "web", Path("/roles/web"), "web", units=("web.service",), after=(Dependency("db"),))
    made = roll({**NOBODY, "h2": "web.service", "d1": "db.service"}, services=(DB, web))
    assert made.waves == (("d1",), ("h2",))
