"""Whose absence the waves of a plan count: that of now, or as when the campaign began."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.absences import (
    Absences,
    absences_in,
    read_absences,
)
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.campaign import abandon
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.upgrade_run import UpgradeRun
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection
from ansible_collections.orderly.services.plugins.plugin_utils._lock import manager
from ansible_collections.orderly.services.plugins.plugin_utils._plan.compile import compile_plan
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState, this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import open_store

from ..plan_world import AT, deployment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Plan
    from ansible_collections.orderly.services.plugins.plugin_utils._store.store import Store

WEB = [deployment("web", "w1 w2 w3 w4", max_unavailable="50%")]
W4 = {"web": frozenset({"w4"})}
compiled = partial(compile_plan, WEB, {}, None, ())


def plan(absences: Absences) -> str:
    return absences.plan(WEB, compiled).id


LARGE, SMALL = compiled({}).id, compiled({"web": 1}).id


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite://{tmp_path}/store.db")) as opened:
        yield opened


def begins(store: Store, absences: Absences) -> str:
    """Begin a campaign of the plan that these absences give."""
    begun = absences.plan(WEB, compiled)
    run = UpgradeRun(begun, store, this_run(), Selection(), rehearsal=False, say=lambda _line: None)
    return str(run.open()["campaign"])


def test_hosts_that_are_out_of_service_now_count_where_no_campaign_is_open(store: Store) -> None:
    manager.take_out(store, {"w4": ["web"]}, reason="no power")
    read = read_absences(store)
    assert read == Absences(W4)
    assert plan(read) == SMALL


def test_an_open_campaign_keeps_its_plan_until_it_is_abandoned(store: Store) -> None:
    campaign = begins(store, read_absences(store))
    manager.take_out(store, {"w4": ["web"]}, reason="no power")
    assert plan(read_absences(store)) == LARGE
    abandon(store, campaign, "smaller waves", lambda _run: RunState.OVER, AT)
    assert plan(read_absences(store)) == SMALL


def test_a_campaign_keeps_its_smaller_waves_when_the_host_is_back(store: Store) -> None:
    begins(store, Absences(W4))
    assert plan(read_absences(store)) == SMALL


def test_the_campaign_of_a_plan_that_inventory_and_roles_do_not_give_any_more_is_left_alone() -> None:
    assert plan(Absences(W4, {"another": {}})) == SMALL


def test_a_store_that_cannot_be_read_is_told_and_every_host_counts(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_text("no database, but longer than the header of one: " + "x" * 100)
    said: list[str] = []
    assert absences_in(f"sqlite://{tmp_path}/store.db", said.append) == Absences()
    assert said[0].startswith(
        "The waves are planned as if no host was out of service, for that is in the store: "
    )


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    said: list[str] = []
    assert absences_in(f"sqlite://{tmp_path}/store.db", said.append) == Absences()
    assert (said, list(tmp_path.iterdir())) == ([], [])


def test_a_plan_is_another_one_only_where_its_waves_are() -> None:
    everybody_else = {"web": frozenset({"w2", "w3", "w4"})}
    assert (
        plan(Absences(W4))
        == plan(Absences({"web": frozenset({"w1"})}))
        == plan(Absences(everybody_else))
        == SMALL
    )
    domains = {"w1": "a", "w2": "b", "w3": "c", "w4": "d"}
    apart = partial(compile_plan, WEB, {}, domains, ())
    assert Absences(W4).plan(WEB, apart).id == apart({}).id
    assert LARGE != SMALL


@pytest.mark.parametrize("slots", [{"web": 2}, {}, {"web": 1, "db": 1}, {"db": 1}])
def test_a_campaign_that_cannot_have_this_plan_costs_no_second_one(slots: dict[str, int]) -> None:
    compilations = []

    def counted(given: Mapping[str, int]) -> Plan:
        compilations.append(given)
        return compiled(given)

    assert Absences({}, {"another": slots}).plan(WEB, counted).id == LARGE
    assert compilations == [{}]
