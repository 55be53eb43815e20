from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.dismissal import (
    Dismissal,
    plan_dismissal,
    plan_return,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.ledger import (
    Ledger,
    PendingRestart,
    Settled,
)
from ansible_collections.orderly.services.plugins.module_utils._deferral.record import parse_record
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import record_text

ALPHA, BETA, IDLE, DONE = (
    parse_record(record_text(f"{name}.service"), f"/{name}") for name in ("alpha", "beta", "idle", "done")
)
DISMISSED = replace(BETA, dismissed="replaced", dismissed_by="ada", dismissed_at=1)
LEDGER = Ledger(
    pending=(PendingRestart("alpha.service", (ALPHA,)),),
    stopped=(PendingRestart("idle.service", (IDLE,)),),
    settled=(Settled(DONE, "the host was rebooted"),),
    dismissed=(DISMISSED,),
)
EVERYTHING = {"alpha.service", "beta.service", "idle.service", "done.service"}
WHY = Dismissal("only the manual", "ada on deploy1", 3000)


def test_only_what_waits_is_dismissed() -> None:
    plan = plan_dismissal(LEDGER, EVERYTHING, WHY)
    assert plan.before == (ALPHA, IDLE)
    assert plan_dismissal(LEDGER, {"idle.service"}, WHY).before == (IDLE,)


def test_the_record_says_who_and_why_and_is_read_back() -> None:
    (record,) = plan_dismissal(LEDGER, {"alpha.service"}, WHY).after
    assert (record.dismissed, record.dismissed_by, record.dismissed_at) == (WHY.reason, WHY.by, WHY.at)
    assert parse_record(record.render(), record.path) == record


def test_what_others_have_put_on_record_stays_there() -> None:
    dragging = parse_record(record_text("alpha.service", drags="[beta.service]", ticket="4712"), "/alpha")
    written = parse_record(
        replace(dragging, dismissed="x", dismissed_by="ada", dismissed_at=1).render(), "/alpha"
    )
    assert written.others == {"drags": ["beta.service"], "ticket": "4712"}


def test_only_what_was_dismissed_comes_back_as_it_was() -> None:
    assert plan_return(LEDGER, EVERYTHING).changes == [(DISMISSED, BETA)]


def test_the_diff_is_a_line_for_each_record() -> None:
    assert plan_dismissal(LEDGER, {"alpha.service"}, WHY).diff() == {
        "before": "alpha.service (ansible test): restart\n",
        "after": "alpha.service (ansible test): dismissed by ada on deploy1: only the manual\n",
    }


def test_a_reason_is_needed() -> None:
    with pytest.raises(HostError, match="Set reason"):
        Dismissal(" ", "ada", 1)
