"""What is read before a plan is approved; :mod:`tests.play.test_plan` shows a whole one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible import context
from ansible.module_utils.common.collections import ImmutableDict
from ansible_collections.orderly.services.plugins.plugin_utils._plan.survey import Survey
from ansible_collections.orderly.services.plugins.plugin_utils._render.summary import HEADER, summary
from ansible_collections.orderly.services.plugins.plugin_utils._service.deb_version import Constraint
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import Condition, Dependency

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment

FOLDER = Path("/plans/friday")
AWAY = {"unreachable": True, "msg": "w3 is away.\n"}


def installed(**packages: str) -> dict[str, Any]:
    pairs = {name: said.split() for name, said in packages.items()}
    versions = {name: {"installed": now, "candidate": then} for name, (now, then) in pairs.items()}
    return {"services": {"web": versions}}


def summed_up(
    answers: dict[str, Any],
    *deployments: Deployment,
    how_long: str = "",
    away: dict[str, frozenset[str]] | None = None,
) -> list[str]:
    survey = Survey.of(answers, {each.service.name: each.hosts for each in deployments})
    return summary(replace(plan_of(*deployments), survey=survey), answers, FOLDER, how_long, away)


def lines_before(lines: list[str]) -> int:
    """Count the lines before the table."""
    return next(number for number, line in enumerate(lines) if line.startswith("SERVICE "))


def rows(lines: list[str]) -> list[list[str]]:
    """Give the cells of the table's rows."""
    table = lines[
        lines_before(lines) + 1 : next(
            number for number, line in enumerate(lines) if "never rolled back" in line
        )
    ]
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in table]
    return [row for row in cells if len(row) == len(HEADER)]


def test_waves_in_a_row_are_told_together_and_what_needs_none_has_none() -> None:
    after_web = {"stage": "late", "after": ("web",)}
    lines = summed_up(
        {}, deployment("web", "w1 w2 w3", full_stop=False), deployment("log", "w1", "0 1"),
        deployment("dns", "n1 n2", "3", **after_web), deployment("agent", "n1", "3", after=("dns",), stage="late"),
    )  # fmt: skip
    assert lines[0].endswith(": 4 services on 5 hosts, 6 waves")
    waves = [(row[0], row[4]) for row in rows(lines)]
    assert waves == [("web", "1-3"), ("dns", "4-5"), ("agent", "6"), ("log", "-")]


def test_waves_come_first_with_their_hosts_and_what_is_down_meanwhile() -> None:
    fleet = (
        deployment("zoo", "z1"),
        deployment("app", "w1 w2 w3", after=("zoo",), max_unavailable=2),
        deployment("web", "w1 w2 w3", after=("zoo",), full_stop=True),
    )
    lines = summed_up({}, *fleet[:2], away={"app": frozenset({"w3"})})
    assert lines[1:4] == [
        "Wave 1 of 3: z1 (zoo); down meanwhile: zoo",
        "Wave 2 of 3: w1 (app), w2 (app); down meanwhile: app",
        "Wave 3 of 3: w3 (app)",
    ]
    assert [row[0] for row in rows(lines)] == ["zoo", "app"]
    lines = summed_up({}, fleet[0], fleet[2])
    assert lines[2] == "Wave 2 of 2: 3 hosts, w[1-3] (web); down meanwhile: web"


def test_many_waves_are_told_in_a_few_lines() -> None:
    lines = summed_up({}, deployment("web", " ".join(f"w{number}" for number in range(1, 101))))
    assert lines[1] == "Waves 1 to 100 of 100: 1 each of w[1-100] (web)"
    assert lines[2].startswith("SERVICE ")


def test_the_command_that_approves_has_what_the_plan_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "inventory": ["h1,"],
        "extra_vars": ("web_max_unavailable=2", "upgrade_plan_dir=plans/friday", "db_password=secret"),
    }
    monkeypatch.setattr(context, "CLIARGS", ImmutableDict(given))
    lines = summed_up({}, deployment("web", "w1 w2"))
    assert lines[-2].startswith(
        "To approve: ansible-playbook -i h1, -e web_max_unavailable=2 -e upgrade_plan_dir=plans/friday "
        "orderly.services.upgrade -e upgrade_approved_plan="
    )
    assert lines[-1] == "Add to it, as what may be secret is not shown: -e db_password=…"


@pytest.mark.parametrize(("versions", "said"), [("1 2", True), ("2 2", False)])
def test_where_something_is_upgraded_phased_updates_are_told(versions: str, *, said: bool) -> None:
    lines = summed_up({"w1": installed(aa=versions)}, deployment("web", "w1"))
    assert any(line.startswith("Phased updates are no exception") for line in lines) is said


PACKAGES = [
    ({"w1": installed(), "w2": installed()}, "unknown: no package owns its units"),
    ({"w1": installed(aa="2 2"), "w2": installed(aa="2 2")}, "up to date"),
    ({"w1": installed(aa="1 2"), "w2": installed(aa="1 2")}, "aa 1 → 2"),
    ({"w1": installed(aa="1 2"), "w2": installed(aa="2 2")}, "aa 1 → 2 on 1 host"),
    (
        {"w1": installed(aa="1 2", bb="1 3"), "w2": installed(aa="1 2")},
        "aa 1 → 2 on 2 hosts, bb 1 → 3 on 1 host",
    ),
]


@pytest.mark.parametrize(("answers", "words"), PACKAGES)
def test_packages_are_told_with_their_hosts_where_these_differ(answers: dict[str, Any], words: str) -> None:
    assert rows(summed_up(answers, deployment("web", "w1 w2")))[0][-1] == words


def test_hosts_that_were_not_surveyed_say_why_and_time_is_told_where_it_is_known() -> None:
    lines = summed_up({"w1": installed(), "w3": AWAY}, deployment("web", "w1 w2 w3"), how_long="a minute")
    begin = lines_before(lines) + 2
    assert lines[begin : begin + 3] == [
        "Not surveyed: w2: no answer",
        "Not surveyed: w3: w3 is away",
        "It takes a minute.",
    ]


def test_an_order_by_versions_is_told_with_whether_it_holds() -> None:
    old = Condition("db-server", Constraint.parse("<< 5"), Constraint.parse(">= 6"))
    for holds, words in (
        (True, "comes after db: {} holds."),
        (False, "does not have to come after db: {} does not hold."),
    ):
        web = deployment("web", "w1", after=(Dependency("db", when=old, holds=holds),))
        lines = summed_up({"w1": installed(), "d1": {"services": {"db": {}}}}, web, deployment("db", "d1"))
        assert f"Order: web {words.format('db-server installed << 5 and candidate >= 6')}" in lines


def test_hosts_out_of_service_are_named_and_so_is_what_nobody_serves_because_of_them() -> None:
    fleet = deployment("web", "w1 w2 w3", max_unavailable=2), deployment("db", "d1 d2 d3")
    lines = summed_up({}, *fleet, away={"web": frozenset({"w3"}), "db": frozenset({"d3", "d9"})})
    assert [line for line in lines if line.startswith("Out of service")] == [
        "Out of service, and not in the base of a percentage: d3 of db.",
        "Out of service, and not in the base of a percentage: w3 of web; nobody serves web while a wave changes all "
        "the others.",
    ]


def test_without_a_survey_there_is_nothing_to_sum_up() -> None:
    with pytest.raises(ValueError, match="a plan with a survey"):
        summary(plan_of(deployment("web", "w1")), {}, FOLDER)


def test_services_whose_hosts_may_change_places_are_named() -> None:
    deployments = [
        deployment("db", "h1", "3", "rank"),
        deployment("web", "h1"),
        deployment("mq", "h1", "0", "rank"),
    ]
    said = [line for line in summed_up({}, *deployments) if "rank" in line]
    assert said == [
        "The run asks the rank.yml of db who goes last: hosts with the same services may change places in the waves."
    ]


def test_what_changes_together_is_said_and_what_should_by_its_packages() -> None:
    deployments = [
        deployment("api", "h1", bundle="nova"),
        deployment("sched", "h1", bundle="nova"),
        deployment("web", "h1"),
        deployment("log", "h1", "0"),
    ]
    shared = {"python3-nova": {"installed": "1", "candidate": "2"}}
    answers = {"h1": {"services": dict.fromkeys(("api", "sched", "web", "log"), shared)}}
    said = [line for line in summed_up(answers, *deployments) if "ogether" in line]
    assert said == [
        "Together, where they share a host: api, sched. All stop before any is upgraded, and start when all have "
        "migrated.",
        "api and web have python3-nova in common on a host, and do not change together: what changes first upgrades "
        "it for both. To let them, name it in api_packages and web_packages.",
        "sched and web have python3-nova in common on a host, and do not change together: what changes first upgrades "
        "it for both. To let them, name it in sched_packages and web_packages.",
    ]
