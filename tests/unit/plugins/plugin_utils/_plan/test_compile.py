from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._common.graph import CycleError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.decision import decide
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import Lock
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Granted, Request
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import (
    compile_plan,
    slots_without,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError
from ansible_collections.orderly.services.plugins.plugin_utils._service.steps import CHANGE, FINALIZE
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.findings import FindingsError
from ansible_collections.orderly.services.plugins.plugin_utils._tasks.split import Handler
from hypothesis import given
from hypothesis import strategies as st

from ..lock_world import AT, run
from ..plan_world import deployment

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable, Mapping

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan


def plan(*deployments: Deployment) -> Plan:
    return compile_plan(deployments, {"orderly.services": "1.0.0"})


def waves(deployments: Iterable[Deployment]) -> list[dict[str, str]]:
    """Give the waves of a plan: hosts by service, in words."""
    plays = plan(*deployments).plays
    return [
        {name: " ".join(hosts) for name, hosts in play.services.items()}
        for play in plays
        if play.kind == CHANGE
    ]


WAVES: list[tuple[str, list[Deployment], list[dict[str, str]]]] = [
    ("one by one", [deployment("web", "w1 w2")], [{"web": "w1"}, {"web": "w2"}]),
    (
        "a budget in percent",
        [deployment("web", "w1 w2 w3 w4", max_unavailable="50%")],
        [{"web": "w1 w2"}, {"web": "w3 w4"}],
    ),
    (
        "no order between them: waves are shared",
        [deployment("web", "h1 h2"), deployment("cache", "h1 c1")],
        [{"cache": "h1", "web": "h1"}, {"cache": "c1", "web": "h2"}],
    ),
    (
        "an order between them: waves follow each other",
        [deployment("web", "h1", after=("db",)), deployment("db", "h1 d1")],
        [{"db": "d1"}, {"db": "h1"}, {"web": "h1"}],
    ),
    (
        "after a service that is not deployed",
        [deployment("web", "w1", after=("missing",))],
        [{"web": "w1"}],
    ),
    (
        "nothing disruptive",
        [deployment("web", "w1", "0 1 6")],
        [],
    ),
    (
        "a full stop is a wave of its own",
        [deployment("db", "d1 d2", full_stop=True), deployment("web", "d1 w1")],
        [{"db": "d1 d2"}, {"web": "d1"}, {"web": "w1"}],
    ),
    (
        "stages follow each other by the edges between their services",
        [
            deployment("nova", "n1", stage="compute", after=("api",)),
            deployment("api", "a1", stage="control"),
            deployment("db", "d1", stage="control"),
            deployment("agent", "n1", stage="compute"),
        ],
        [{"api": "a1", "db": "d1"}, {"agent": "n1", "nova": "n1"}],
    ),
]


@pytest.mark.parametrize(
    ("deployments", "expected"), [case[1:] for case in WAVES], ids=[case[0] for case in WAVES]
)
def test_waves_follow_budgets_and_order(
    deployments: list[Deployment], expected: list[dict[str, str]]
) -> None:
    assert waves(deployments) == expected
    assert waves(reversed(deployments)) == expected


def test_stages_without_an_order_between_them_share_waves() -> None:
    assert waves([deployment("web", "w1", stage="front"), deployment("log", "l1", stage="side")]) == [
        {"log": "l1", "web": "w1"}
    ]


def test_what_completes_a_service_runs_when_its_hosts_are_done_whatever_else_is_to_do() -> None:
    plays = plan(
        deployment("db", "d1", "3 6"),
        deployment("web", "w1", "3", after=("db",)),
        deployment("log", "l1 l2 l3", "3 6"),
        deployment("smoke", "l1", "6", after=("web",)),
    ).plays
    assert [play.id for play in plays] == [
        "wave-1", "post-upgrade-db", "wave-2", "post-upgrade-smoke", "wave-3", "post-upgrade-log",
    ]  # fmt: skip


def test_failure_domains_and_primaries_decide_about_waves_of_changes_and_finalizers() -> None:
    db = deployment("db", "d1 d2 d3", "3", "finalize", max_unavailable=3)
    made = compile_plan([db], {}, {"d1": "a", "d2": "b", "d3": "b"}, {"d3"})
    hosts = [play.hosts for play in made.plays]
    assert hosts == [("d1",), ("d2", "d3")] * 2


def test_plays_come_in_the_order_of_the_steps() -> None:
    plays = plan(
        deployment("web", "w1", "0 1 3 6", "finalize", after=("db",)),
        deployment("db", "d1", "0 1 2 5 6", "finalize"),
    ).plays
    assert [play.id for play in plays] == [
        "validate-db",
        "validate-web",
        "prepare-db",
        "prepare-web",
        "wave-1",
        "post-upgrade-db",
        "wave-2",
        "post-upgrade-web",
        "finalize-db-1",
        "finalize-web-1",
    ]


def needs(*deployments: Deployment) -> dict[str, tuple[str, ...]]:
    return {play.id: play.needs for play in plan(*deployments).plays if play.needs}


def test_a_service_needs_all_that_it_comes_after_complete() -> None:
    assert needs(deployment("web", "w1", "3 6", requires=("db",)), deployment("db", "d1", "3 6")) == {
        "post-upgrade-db": ("db/change",),
        "wave-2": ("db/change", "db/post-upgrade"),
        "post-upgrade-web": ("db/change", "db/post-upgrade", "web/change"),
    }


def test_every_wave_needs_the_host_that_migrates_for_all() -> None:
    assert needs(deployment("db", "d1 d2", "4", migrates_once=True)) == {
        "wave-1": ("db/change@d1",),
        "wave-2": ("db/change@d1",),
    }


def test_the_host_that_migrates_is_the_first_of_the_first_wave_not_of_the_list() -> None:
    services = plan(
        deployment("db", "h1 h2", "4", migrates_once=True), deployment("cache", "c1 h2", max_unavailable=1)
    ).services
    assert services["db"].run_once_host == "h2"


def test_a_finalizer_needs_every_service_of_every_stage() -> None:
    found = needs(deployment("web", "w1 w2", "3", "finalize"), deployment("agent", "n1", "3 6", stage="late"))
    everything = ("agent/change", "agent/post-upgrade", "web/change")
    assert (found["finalize-web-1"], found["finalize-web-2"]) == (everything, everything)


# --- What cannot be planned ---


def test_stages_that_wait_for_each_other_are_printed() -> None:
    with pytest.raises(CatalogueError) as caught:
        plan(
            deployment("a", "h1", stage="one"),
            deployment("b", "h1", stage="two", after=("a",)),
            deployment("c", "h1", stage="one", after=("b",)),
        )
    assert str(caught.value) == (
        "The stages wait for each other: one → two → one. Services of one stage come after services of the other and "
        "vice versa; give some of them another stage."
    )


HANDLER = Handler("Reload systemd", Path("/roles/web/handlers/main.yml"), 7)


def test_handlers_of_one_name_in_services_that_share_a_wave_are_refused() -> None:
    db = deployment("db", "h1", handlers=(replace(HANDLER, file=Path("/roles/db/handlers/main.yml")),))
    with pytest.raises(FindingsError) as caught:
        plan(db, deployment("web", "h1", handlers=(HANDLER,)))
    (finding,) = caught.value.findings
    assert str(finding) == (
        '/roles/web/handlers/main.yml:7: [handler] web has a handler "Reload systemd" and so has db, which shares '
        'waves with it; a notify would reach only one of them. Rename it, as in "web | Reload systemd", or keep the '
        "two services apart in the inventory: web_after: [db]"
    )
    plan(db, deployment("web", "h1", handlers=(HANDLER,), after=("db",)))


# --- Properties ---

# --- Hosts out of service ---


def compiled_without(away: Mapping[str, Collection[str]], fleet: list[Deployment]) -> Plan:
    return compile_plan(fleet, {}, slots=slots_without(away, fleet))


HALF = deployment("web", "w1 w2 w3 w4", max_unavailable="50%")
AWAY = [
    ("", HALF, "w1 w2, w3 w4"),
    ("w4", HALF, "w1, w2, w3, w4"),
    ("w2 w3 w4", HALF, "w1, w2, w3, w4"),
    ("w1 w2 w3 w4", HALF, "w1, w2, w3, w4"),
    ("w9", HALF, "w1 w2, w3 w4"),
    ("w4", deployment("web", "w1 w2 w3 w4", max_unavailable=2), "w1 w2, w3 w4"),
    ("w4", deployment("web", "w1 w2 w3 w4", max_unavailable="100%"), "w1 w2 w3, w4"),
    ("w4", deployment("web", "w1 w2 w3 w4", full_stop=True), "w1 w2 w3 w4"),
]


@pytest.mark.parametrize(("out", "web", "expected"), AWAY)
def test_a_percentage_is_of_the_hosts_in_service_and_the_others_keep_their_places(
    out: str, web: Deployment, expected: str
) -> None:
    made = compiled_without({"web": out.split()}, [web])
    assert ", ".join(" ".join(play.hosts) for play in made.plays) == expected


def test_finalizers_count_hosts_out_of_service_too() -> None:
    web = deployment("web", "w1 w2 w3 w4", "0", "finalize", max_unavailable="50%")
    made = compiled_without({"web": ["w4"]}, [web])
    assert [play.hosts for play in made.plays if play.kind == FINALIZE] == [
        ("w1",),
        ("w2",),
        ("w3",),
        ("w4",),
    ]


def test_only_services_that_a_plan_disrupts_have_fewer_slots() -> None:
    looked_at = deployment("look", "w1 w2 w3 w4", "0 1", max_unavailable="50%")
    away = {"web": ["w4"], "look": ["w4"], "missing": ["w4"]}
    assert slots_without(away, [HALF, looked_at]) == {"web": 1}


NAMES = ("web", "db", "cache", "lb", "dns")


@st.composite
def fleets(draw: st.DrawFn) -> list[Deployment]:
    """Draw services with budgets and an order between them, deployed here and there."""
    hosts = [f"h{number}" for number in range(1, draw(st.integers(1, 9)) + 1)]
    fleet = []
    for number, name in enumerate(draw(st.permutations(NAMES))[: draw(st.integers(1, 5))]):
        settings: dict[str, Any] = {
            "after": tuple(draw(st.sets(st.sampled_from([each.service.name for each in fleet]))))
            if number
            else (),
            "max_unavailable": draw(st.sampled_from([1, 2, 5, "30%", "100%"])),
            "full_stop": draw(st.integers(0, 5)) == 0,
            "migrates_once": draw(st.booleans()),
        }
        deployed = sorted(draw(st.sets(st.sampled_from(hosts), min_size=1)))
        steps = draw(st.sampled_from(["0 3 6", "2 4", "0 1", "3"]))
        fleet.append(deployment(name, " ".join(deployed), steps, **settings))
    return fleet


@given(fleets())
def test_every_host_of_every_changing_service_is_in_exactly_one_wave_within_the_budget(
    fleet: list[Deployment],
) -> None:
    visits = Counter()
    by_name = {each.service.name: each for each in fleet}
    for play in plan(*fleet).plays:
        if play.kind == CHANGE:
            visits.update((name, host) for name, hosts in play.services.items() for host in hosts)
            assert all(len(hosts) <= by_name[name].slots for name, hosts in play.services.items())
    assert visits == Counter(
        (each.service.name, host) for each in fleet if each.changes for host in each.hosts
    )


@given(fleets())
def test_no_wave_of_a_service_comes_before_the_last_of_what_it_comes_after(fleet: list[Deployment]) -> None:
    waves = [play.services for play in plan(*fleet).plays if play.kind == CHANGE]
    span = {
        each.service.name: [number for number, services in enumerate(waves) if each.service.name in services]
        for each in fleet
    }
    for each in fleet:
        for before in each.service.befores:
            if span[before] and span[each.service.name]:
                assert span[before][-1] < span[each.service.name][0]


@given(fleets(), st.randoms(use_true_random=False))
def test_the_order_in_which_services_are_listed_changes_nothing(
    fleet: list[Deployment], dice: random.Random
) -> None:
    assert plan(*dice.sample(fleet, len(fleet))).as_json() == plan(*fleet).as_json()


@given(fleets(), st.randoms(use_true_random=False))
def test_failure_domains_hold_and_the_order_of_hosts_changes_nothing(
    fleet: list[Deployment], dice: random.Random
) -> None:
    domains = {host: dice.choice("ab") for each in fleet for host in each.hosts}
    last = set(dice.sample(sorted(domains), len(domains) // 3))
    made = compile_plan(fleet, {}, domains, last)
    full_stops = {each.service.name for each in fleet if each.service.full_stop}
    for play in made.plays:
        if play.kind == CHANGE and full_stops.isdisjoint(play.services):
            assert len({domains[host] for host in play.hosts}) == 1
    listed = dict(dice.sample(sorted(domains.items()), len(domains)))
    assert compile_plan(fleet, {}, listed, sorted(last, reverse=True)).id == made.id


@given(fleets(), st.randoms(use_true_random=False))
def test_the_lock_admits_every_wave_whoever_is_out_of_service_and_whoever_of_them_comes_back(
    fleet: list[Deployment], dice: random.Random
) -> None:
    away = {
        each.service.name: set(dice.sample(each.hosts, dice.randint(0, len(each.hosts)))) for each in fleet
    }
    still_away = {name: set(dice.sample(sorted(hosts), len(hosts) // 2)) for name, hosts in away.items()}
    made = compiled_without(away, fleet)
    for out in (away, still_away):
        locks = {
            each.service.name: Lock(
                each.service.name,
                members=frozenset(each.hosts),
                out_of_service=dict.fromkeys(out[each.service.name], "no power"),
            )
            for each in fleet
        }
        for play in made.plays:
            if play.kind == CHANGE:
                claims = tuple(
                    Claim(
                        name,
                        frozenset(hosts),
                        frozenset(service.hosts),
                        "100%" if service.full_stop else service.max_unavailable,
                    )
                    for name, hosts in play.services.items()
                    for service in [made.services[name]]
                )
                decision = decide(
                    locks, Request("upgrade", run(1), play.id, claims), lambda _run: RunState.LIVE, AT
                )
                assert isinstance(decision, Granted), decision


@given(fleets())
def test_whoever_waits_for_a_migration_waits_for_a_host_of_the_first_wave(fleet: list[Deployment]) -> None:
    made = plan(*fleet)
    for name, service in made.services.items():
        first = next((play for play in made.plays if play.kind == CHANGE and name in play.services), None)
        if first is not None:
            assert service.run_once_host == first.services[name][0]


def test_cycles_are_the_catalogues_to_find() -> None:
    with pytest.raises(CycleError):
        plan(deployment("a", "h1", after=("b",)), deployment("b", "h1", after=("a",)))
