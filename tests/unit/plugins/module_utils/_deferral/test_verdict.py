from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Policy, Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.verdict import (
    assume,
    blocked_by,
    covers,
    read_last_known,
)
from ansible_collections.orderly.services.tests import deferral_cases as cases

TEAM, TOOL = Requestor("ansible", "team"), Requestor("charm", "tool")
POLICIES = [
    Policy(TEAM, {"nginx.service": ("restart", "stop")}),
    Policy(TOOL, {"nginx": ("restart",), "haproxy": ("reload",)}),
]


@pytest.mark.parametrize(("listed", "unit", "is_covered"), cases.LISTED_UNIT_COVERED)
def test_a_listed_name_covers_what_the_script_says(listed: str, unit: str, *, is_covered: bool) -> None:
    assert covers(listed, unit) is is_covered


def test_every_requestor_that_blocks_is_named() -> None:
    assert blocked_by(POLICIES, "restart", ["nginx.service"]) == (TEAM, TOOL)
    assert blocked_by(POLICIES, "stop", ["nginx.service"]) == (TEAM,)
    assert blocked_by(POLICIES, "reload", ["nginx.service"]) == ()
    assert blocked_by(POLICIES, "reload", ["lb.service", "haproxy.service"]) == (TOOL,)


def test_what_the_script_knew_last_is_read() -> None:
    known = read_last_known(
        "a.policy\t=\t1 2 3\tansible\tteam\na.policy\tnginx\t restart stop \nb.policy\t=\t-\tcharm\ttool\n"
    )
    assert known == {"a.policy": Policy(TEAM, {"nginx": ("restart", "stop")}), "b.policy": Policy(TOOL, {})}


def test_a_broken_policy_blocks_what_it_blocked_and_what_it_names() -> None:
    known = Policy(TEAM, {"redis": ("restart",)})
    broken = assume(Path("a.policy"), "blocked_actions: {nginx: [", known, ["nginx.service"])
    assert blocked_by([broken], "restart", ["nginx.service"]) == (TEAM,)
    assert blocked_by([broken], "restart", ["redis.service"]) == (TEAM,)
    other = assume(Path("a.policy"), "my-nginx:", None, ["nginx.service"])
    assert blocked_by([other], "restart", ["nginx.service"]) == ()
