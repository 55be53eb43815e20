from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.gate import GateError
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.ranking import (
    changed_on,
    half_done,
    hosts_to_ask,
    read_ranks,
)
from ansible_collections.orderly.services.plugins.plugin_utils._inventory.selection import Selection

from ..plan_world import deployment, plan_of, progress

PLAN = plan_of(
    deployment("db", "h1 h2 h3", "3", "rank", stage="control"), deployment("web", "h1 h2", stage="data")
)


def test_all_hosts_are_asked_before_the_first_wave() -> None:
    assert hosts_to_ask(PLAN, progress(), Selection()) == {"db": ["h1", "h2", "h3"]}


def test_who_has_begun_is_not_asked_whatever_it_has_begun() -> None:
    begun = progress(started="web/change@h2")
    assert half_done(PLAN, begun) == {"h2"}
    assert hosts_to_ask(PLAN, begun, Selection()) == {"db": ["h1", "h3"]}


def test_who_has_changed_another_service_is_asked() -> None:
    """Else nobody would be asked of what comes second on the same hosts."""
    changed = progress(done="web/change@h1 web/change@h2")
    assert half_done(PLAN, changed) == set()
    assert changed_on(PLAN, changed) == {"db": frozenset(), "web": {"h1", "h2"}}
    assert hosts_to_ask(PLAN, changed, Selection()) == {"db": ["h1", "h2", "h3"]}


def test_where_one_is_left_nobody_is_last() -> None:
    assert hosts_to_ask(PLAN, progress(done="db/change@h1 db/change@h2"), Selection()) == {}


@pytest.mark.parametrize(
    "selection",
    [Selection(stage="data"), Selection(only=frozenset({"web"})), Selection(hosts=frozenset({"h1"}))],
)
def test_nobody_is_asked_that_the_run_is_not_about(selection: Selection) -> None:
    assert hosts_to_ask(PLAN, progress(), selection) == {}


def test_who_is_out_of_service_is_not_asked() -> None:
    away = Selection(away={"db": {"h2": "broken disk"}})
    assert hosts_to_ask(PLAN, progress(), away) == {"db": ["h1", "h3"]}


def test_a_host_without_a_rank_is_refused_by_name_with_the_role_to_correct() -> None:
    with pytest.raises(GateError) as refused:
        read_ranks(PLAN, "db", {"h1": 0, "h2": "leader"})
    assert str(refused.value) == (
        "The waves are refused; no service was touched: rank.yml of db set no whole number db_rank on h2, so nobody "
        "knows who goes last. Let it set one on every host, in the role db; a host on which the service is down has a "
        "rank too."
    )


def test_hosts_that_were_lost_while_they_were_asked_are_refused_by_name() -> None:
    with pytest.raises(
        GateError, match=r"h3 did not come through rank\.yml of db, so nobody knows who goes last"
    ):
        read_ranks(PLAN, "db", {"h1": 0, "h2": 1}, {"h3"})
