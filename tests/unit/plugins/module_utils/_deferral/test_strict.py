from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.policy import Policy, Requestor
from ansible_collections.orderly.services.plugins.module_utils._deferral.strict import (
    Strict,
    check_strict,
    find_detours,
    parse_strict,
    plan_strict,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState

CIB = """<cib><configuration><resources>
<primitive id="vip" class="ocf" provider="heartbeat" type="IPaddr2"/>
<clone id="c"><primitive id="lb" class="systemd" type="haproxy"/></clone>
</resources></configuration></cib>"""
POLICY = Policy(Requestor("ansible", "team"), {"nginx": ("stop", "restart"), "haproxy": ("stop", "restart")})
NGINX = UnitState("nginx.service", ("nginx.service", "web.service"), active="active")


def test_the_drop_in_tells_who_set_it_and_can_be_read_again() -> None:
    strict = Strict("nginx.service", "ada on deploy1", 3600)
    text = strict.render("/run/systemd/system/nginx.service.d/x.conf")
    assert parse_strict(text) == strict
    assert "RefuseManualStop=yes" in text.splitlines()
    assert 'rm "/run/systemd/system/nginx.service.d/x.conf" && systemctl daemon-reload' in text
    assert parse_strict("[Unit]\nRefuseManualStop=yes\n") is None


TIMERS = [
    ("nginx.service", "orderly-lift-strict-nginx.timer"),
    ("nginx.socket", "orderly-lift-strict-nginx\\x2esocket.timer"),
    ("postgresql@15-main.service", "orderly-lift-strict-postgresql\\x4015-main.timer"),
]


@pytest.mark.parametrize(("unit", "timer"), TIMERS)
def test_every_unit_has_a_timer_of_its_own(unit: str, timer: str) -> None:
    assert Strict(unit, "x", 60).timer == timer


def test_a_unit_of_the_cluster_is_refused() -> None:
    state = UnitState("haproxy.service", ("haproxy.service",), active="active")
    with pytest.raises(HostError, match="is a resource of pacemaker"):
        check_strict([state.unit], {state.unit: state}, [POLICY], {"haproxy.service"})


def test_a_unit_that_no_policy_blocks_is_refused() -> None:
    with pytest.raises(HostError, match=r"No policy blocks stop and restart of nginx\.service"):
        check_strict(["nginx.service"], {"nginx.service": NGINX}, [], ())
    check_strict(["nginx.service"], {"nginx.service": NGINX}, [POLICY], ())
    check_strict(["nginx.service"], {"nginx.service": NGINX}, [], (), held=["nginx.service"])


def test_warns_of_restarts_that_come_from_elsewhere() -> None:
    properties = {"a.service": {"PartOf": "app.target b.service", "Requires": "system.slice sysinit.target"}}
    assert find_detours(["a.service"], properties) == [
        "Strict mode cannot keep a.service from being restarted along with b.service (PartOf=)."
    ]


def test_setting_it_again_only_begins_its_time_anew() -> None:
    first = plan_strict({}, ["a.service"], present=True, set_by="ada", lift_after=60)
    again = plan_strict(first.after, ["a.service"], present=True, set_by="ada", lift_after=60)
    assert first.changes
    assert not again.changes
    assert again.set == first.set


def test_with_nothing_named_it_is_lifted_everywhere() -> None:
    before = {unit: Strict(unit, "ada", 60) for unit in ("a.service", "b.service")}
    assert plan_strict(before, [], present=False, set_by="", lift_after=0).after == {}
    assert set(plan_strict(before, ["a.service"], present=False, set_by="", lift_after=0).after) == {
        "b.service"
    }


def test_it_must_end_some_day() -> None:
    with pytest.raises(HostError, match="expected 10 seconds to a year"):
        plan_strict({}, ["a.service"], present=True, set_by="", lift_after=0)
