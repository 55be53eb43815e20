from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._service.service import CatalogueError

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment, Plan


def bundle(api: str, sched: str, **settings: Any) -> list[Deployment]:
    return [
        deployment("api", api, "3 6", packages=("nova",), **settings),
        deployment("sched", sched, "3 6", packages=("nova",), after=("api",), **settings),
    ]


def waves(plan: Plan) -> list[dict[str, str]]:
    return [
        {name: " ".join(hosts) for name, hosts in play.services.items()}
        for play in plan.plays
        if play.kind == "change"
    ]


def needs(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {play.id: play.needs for play in plan.plays if play.kind == "change"}


def test_services_that_change_together_share_waves_and_know_each_other() -> None:
    plan = plan_of(*bundle("h1 h2", "h1 h2"))
    assert waves(plan) == [{"api": "h1", "sched": "h1"}, {"api": "h2", "sched": "h2"}]
    assert needs(plan) == {"wave-1": (), "wave-2": ()}
    assert [play.id for play in plan.plays][2:] == ["post-upgrade-api", "post-upgrade-sched"]
    assert plan.services["api"].together == plan.services["sched"].together == ("api", "sched")
    assert plan.bundles == (("api", "sched"),)


def test_hosts_of_one_of_them_go_before_or_after_those_of_both() -> None:
    plan = plan_of(*bundle("h1 h2", "h2 h3"))
    assert waves(plan) == [{"api": "h1"}, {"api": "h2", "sched": "h2"}, {"sched": "h3"}]
    assert needs(plan) == {
        "wave-1": (),
        "wave-2": ("api/change without sched",),
        "wave-3": ("api/change", "api/post-upgrade"),
    }


def test_what_comes_after_one_of_them_waits_for_all_its_hosts() -> None:
    plan = plan_of(*bundle("h1 h2", "h2 h3"), deployment("web", "w1", after=("api",)))
    assert waves(plan)[2:] == [{"sched": "h3", "web": "w1"}]


def test_the_smallest_budget_of_a_bundle_counts_where_both_are() -> None:
    api, sched = bundle("h1 h2 h3 h4", "h1 h2")
    api = deployment("api", "h1 h2 h3 h4", packages=("nova",), max_unavailable=3)
    assert waves(plan_of(api, sched)) == [
        {"api": "h3 h4"},
        {"api": "h1", "sched": "h1"},
        {"api": "h2", "sched": "h2"},
    ]


def test_a_bundle_that_stops_everywhere_stops_in_one_wave() -> None:
    plan = plan_of(*bundle("h1 h2", "h2 h3", full_stop=True), deployment("web", "w1"))
    assert waves(plan) == [{"api": "h1 h2", "sched": "h2 h3"}, {"web": "w1"}]
    assert needs(plan)["wave-1"] == ("api/change without sched",)


def test_a_service_in_no_bundle_says_nothing_of_it_in_its_plan() -> None:
    plan = plan_of(deployment("web", "w1", packages=("nova",)))
    assert {"bundle", "together"}.isdisjoint(plan.content()["services"]["web"])


def test_what_goes_between_them_is_refused_with_the_orders_that_cross() -> None:
    api, _sched = bundle("h1", "h1")
    sched = deployment("sched", "h1", packages=("nova",), requires=("mq",))
    with pytest.raises(CatalogueError) as refused:
        plan_of(api, sched, deployment("mq", "m1", after=("api",)))
    assert str(refused.value) == (
        "api and sched change together on the hosts that they share (package nova). That cannot be, as others go "
        "between them (each after the next): api+sched → mq → api+sched. Remove one of these from after or requires: "
        "mq in /roles/sched/meta/service.yml:1, api in /roles/mq/meta/service.yml:1; or keep the services on "
        "different hosts."
    )


def test_a_middle_one_of_three_that_is_on_another_host_is_refused_too() -> None:
    settings = {"bundle": "nova"}
    three = [
        deployment("a", "h1 h2", **settings),
        deployment("b", "h1", after=("a",), **settings),
        deployment("c", "h1 h2", after=("b",), **settings),
    ]
    with pytest.raises(CatalogueError, match=r"\): a\+b\+c → a\+c → a\+b\+c\. Remove one of these"):
        plan_of(*three)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"stage": "late"},
            "but are in different stages: stage: default in /roles/api/meta/service.yml:1, stage: late in "
            "/roles/sched/meta/service.yml:1. Give them one stage, or keep them on different hosts.",
        ),
        ({"full_stop": True}, "but not all of them stop everywhere: full_stop: false in /roles/api/"),
    ],
)
def test_settings_that_do_not_go_together_are_named(setting: dict[str, Any], message: str) -> None:
    api, _sched = bundle("h1", "h1")
    with pytest.raises(CatalogueError) as refused:
        plan_of(api, deployment("sched", "h1", packages=("nova",), **setting))
    assert message in str(refused.value)


def test_what_an_upgrade_does_not_change_is_in_no_bundle() -> None:
    api, _sched = bundle("h1", "h1")
    assert plan_of(api, deployment("sched", "h1", "0 6", packages=("nova",))).bundles == ()
