"""When a host is to be taken first that comes later in the plan; test_upgrade_run.py follows the advice."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._campaign.left_behind import refusal
from ansible_collections.orderly.services.plugins.plugin_utils._lock.lock import PAUSE, Holder, Slot
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import RefusedError
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Refused, Why
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run

from ..plan_world import AT, deployment, plan_of, progress

PLAN = plan_of(deployment("db", "h1 h2"), deployment("web", "h1 h2", after=("db",)))
FIRST = PLAN.play("wave-1")


def refused(*slots: str, why: Why = Why.FAILED_BEFORE, **settings: Any) -> RefusedError:
    """Refuse for slots such as ``db@h2``."""
    held = []
    for each in slots:
        service, _at, host = each.partition("@")
        settings = {"operation": "upgrade wave-2", **settings}
        held.append(Slot(service, Holder(host=host, roll="r", run=this_run(), since=AT, token=1, **settings)))
    return RefusedError(Refused(why, "no", tuple(held)))


def test_hosts_and_services_are_named_as_they_are_typed() -> None:
    words = refusal(PLAN, FIRST, progress(), refused("db@h2"))
    assert words is not None
    assert "run the same command with --limit h2 -e upgrade_only=db added, then again without" in words
    assert "state=force_released, services=[db], hosts=[h2]" in words


NO_WAY_OUT = {
    "another reason": ("", refused("db@h2", why=Why.HOLDER_UNKNOWN)),
    "it is paused": ("", refused("db@h2", operation=PAUSE)),
    "it comes now": ("", refused("db@h1")),
    "it is done": ("db/change@h2", refused("db@h2")),
    "what it comes after is not done": ("", refused("web@h2")),
    "another one is in the way too": ("", refused("db@h2", "db@h1")),
    "no slot is in the way": ("", refused()),
}


@pytest.mark.parametrize("case", NO_WAY_OUT)
def test_nothing_is_advised_where_it_would_not_help(case: str) -> None:
    done, error = NO_WAY_OUT[case]
    assert refusal(PLAN, FIRST, progress(done), error) is None
