from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._plan.barriers import lost_barriers

from ..plan_world import deployment, plan_of

if TYPE_CHECKING:
    from ansible_collections.orderly.services.plugins.plugin_utils._plan.plan import Deployment

TAGS, WHEN = {"dialect": "tags"}, {"dialect": "when"}


def test_services_of_tripleo_that_share_a_host_are_told_that_their_steps_do_not_wait_for_each_other() -> None:
    plan = plan_of(
        deployment("api", "c1 c2", **TAGS),
        deployment("db", "c2", **WHEN),
        deployment("web", "c1"),
        deployment("compute", "n1", **TAGS),
    )
    assert lost_barriers(plan) == (
        "Written for TripleO, on the same hosts, in no order: api, db. TripleO ends a step of all services of a host "
        "before any begins the next; here each goes through steps 2 to 5 before another begins. Where that matters, "
        "say what comes first, as in db_after: [api]."
    )


IN_ORDER = {
    "on other hosts": [deployment("api", "c1", **TAGS), deployment("db", "c2", **TAGS)],
    "one after the other": [deployment("api", "c1", after=["db"], **TAGS), deployment("db", "c1", **TAGS)],
    "by way of another": [
        deployment("api", "c1", after=["mid"], **TAGS),
        deployment("mid", "c3", requires=["db"]),
        deployment("db", "c1", **TAGS),
    ],
    "nothing to disrupt": [deployment("api", "c1", "0 1", **TAGS), deployment("db", "c1", **TAGS)],
    "of our own": [deployment("api", "c1"), deployment("db", "c1", **TAGS)],
}


@pytest.mark.parametrize("deployments", IN_ORDER.values(), ids=IN_ORDER)
def test_nothing_is_said_of_services(deployments: list[Deployment]) -> None:
    assert lost_barriers(plan_of(*deployments)) == ""
