from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import (
    Program,
    Systemd,
    UnitState,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.restart import (
    Patience,
    RestartPlan,
    Result,
    as_diff,
    carry_out,
    describe_failure,
    find_fault,
    plan_restart,
    select_units,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    FakeClock,
    FakeHost,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SELECTIONS = [
    (["a", "b"], [], False, False, ("a", "b")),
    (["b", "a"], ["a", "b", "c"], True, False, ("b", "a")),
    (["b", "a"], ["a", "c"], True, True, ("a", "c")),
    (["b"], ["a", "b"], False, True, ("b", "a")),
    ([], ["a"], False, True, ("a",)),
    ([], ["a"], True, True, ("a",)),
    (["b"], ["a"], True, False, ()),
    (["a", "a"], [], False, False, ("a",)),
]


@pytest.mark.parametrize(("named", "waiting", "deferred_only", "include_pending", "selected"), SELECTIONS)
def test_selects_units_in_the_order_asked_for(
    named: Sequence[str],
    waiting: Sequence[str],
    selected: tuple[str, ...],
    *,
    deferred_only: bool,
    include_pending: bool,
) -> None:
    assert (
        select_units(named, waiting, deferred_only=deferred_only, include_pending=include_pending) == selected
    )


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add("a.service", Names="a.service alias.service")
    host.add("b.service")
    host.add("c.service")
    host.add("idle.service", ActiveState="inactive", SubState="dead")
    host.add("masked.service", LoadState="masked", ActiveState="inactive", SubState="dead")
    return host


def plan(host: FakeHost, *units: str) -> RestartPlan:
    states = Systemd(host.run).follow(units, lambda state: state.takes_along)
    return plan_restart(units, (), states, deferred_only=False, include_pending=False)


def do(host: FakeHost, *units: str, timeout: float = 10) -> tuple[tuple[Result, ...], list[str]]:
    done: list[str] = []
    clock = FakeClock()
    results = carry_out(
        plan(host, *units),
        Systemd(host.run),
        lambda state: done.append(state.unit),
        Patience(clock, clock.sleep, timeout=timeout, watch=2),
    )
    return results, done


def test_units_are_restarted_one_by_one_in_order(host: FakeHost) -> None:
    results, done = do(host, "c.service", "a.service")
    assert [(result.unit, result.result) for result in results] == [
        ("c.service", "restarted"),
        ("a.service", "restarted"),
    ]
    assert host.restarted == done == ["c.service", "a.service"]


def test_what_a_cluster_manages_is_left_alone_and_what_would_take_it_along_too() -> None:
    states = {
        "a.service": UnitState("a.service", active="active", takes_along=("lb.service",)),
        "lb.service": UnitState("lb.service", active="active", managed="pacemaker manages it"),
    }
    looked_at = plan_restart([*states], (), states, deferred_only=False, include_pending=False)
    assert {step.unit: step.skip for step in looked_at.steps} == {
        "a.service": "systemd would restart lb.service along with it: pacemaker manages it",
        "lb.service": "pacemaker manages it",
    }


def test_only_what_runs_is_restarted(host: FakeHost) -> None:
    results, _done = do(host, "idle.service", "masked.service", "nosuch.service", "a.service")
    assert host.restarted == ["a.service"]
    assert {result.unit: result.why for result in results} == {
        "idle.service": "it is not running: it is inactive (dead)",
        "masked.service": "it is masked: somebody decided that it must not start",
        "nosuch.service": "there is no such unit on this host",
        "a.service": "",
    }


def test_a_unit_with_two_names_is_restarted_once(host: FakeHost) -> None:
    do(host, "a.service", "alias.service")
    assert host.restarted == ["a.service"]


def test_the_first_failure_leaves_the_rest_running(host: FakeHost) -> None:
    host.refuse_restart = {"b.service": "Job for b.service failed.\nSee its log."}
    results, done = do(host, "a.service", "b.service", "c.service", "idle.service")
    assert [result.result for result in results] == ["restarted", "failed", "not_reached", "skipped"]
    assert host.restarted == ["a.service", "b.service"]
    assert done == ["a.service"]
    assert describe_failure(results, "web1") == (
        "b.service on web1 did not come back from its restart: Job for b.service failed. "
        "Not restarted because of that, and still running: c.service. "
        "See journalctl -u b.service; once it is healthy, run this again."
    )


def test_a_unit_that_takes_its_time_is_waited_for(host: FakeHost) -> None:
    host.after_restart = {"a.service": {"ActiveState": "activating", "SubState": "auto-restart"}}
    results, _done = do(host, "a.service", timeout=3)
    assert results[0].why == "after the restart it is activating (auto-restart), expected active"
    assert sum(command[:2] == ["systemctl", "show"] for command in host.commands) == 3 + 6


def test_a_unit_that_cannot_tell_when_it_is_ready_is_watched(host: FakeHost) -> None:
    host.add("simple.service", Type="simple")
    host.dies_after = {"simple.service": 3}
    results, done = do(host, "simple.service", "a.service")
    assert results[0].why == "it did not stay up: shortly after the restart it is failed (failed)"
    assert results[1].result == "not_reached"
    assert done == []


def test_a_unit_that_stays_up_is_done(host: FakeHost) -> None:
    host.add("simple.service", Type="simple")
    assert do(host, "simple.service")[1] == ["simple.service"]


BEFORE = UnitState("a.service", active="active", invocation_id="1")
FAULTS = [
    (UnitState("a.service", active="active", sub="running", invocation_id="2"), ""),
    (
        UnitState("a.service", active="failed", sub="failed", invocation_id="2"),
        "after the restart it is failed (failed)",
    ),
    (UnitState("a.service", active="active", invocation_id="1"), "it was not restarted"),
    (
        UnitState(
            "a.service", active="active", invocation_id="2", program=Program("1:2", "/bin/a", replaced=True)
        ),
        "other than the installed /bin/a",
    ),
]


@pytest.mark.parametrize(("after", "fault"), FAULTS)
def test_a_restart_counts_only_when_it_is_seen(after: UnitState, fault: str) -> None:
    found = find_fault(BEFORE, after)
    assert found == fault if not fault else fault in found


def test_a_plan_can_be_looked_at_without_doing_it(host: FakeHost) -> None:
    looked_at = plan(host, "a.service", "idle.service")
    assert [result.result for result in looked_at.foresee()] == ["would_restart", "skipped"]
    assert as_diff(looked_at)["before"] == "a.service a.service-1\n"
    assert as_diff(looked_at)["after"] == "a.service restarted\n"
    assert host.restarted == []


def test_what_systemd_restarts_along_is_foreseen_and_must_be_well(host: FakeHost) -> None:
    host.add("app.service", ConsistsOf="side.service idle.service", RequiredBy="b.service")
    host.add("side.service", BoundBy="far.service")
    host.add("far.service")
    systemd = Systemd(host.run)
    states = systemd.follow(["app.service", "c.service"], lambda state: state.takes_along)
    looked_at = plan_restart(
        ["app.service", "c.service"], (), states, deferred_only=False, include_pending=False
    )
    assert looked_at.foresee()[0].along == ("side.service", "b.service", "far.service")
    host.units["far.service"].update(ActiveState="failed", SubState="failed")
    clock = FakeClock()
    results = carry_out(
        looked_at, systemd, lambda _state: None, Patience(clock, clock.sleep, timeout=1, watch=0)
    )
    assert [result.result for result in results] == ["failed", "not_reached"]
    assert "far.service, which systemd restarts along with it, is failed" in results[0].why


@pytest.fixture
def app(host: FakeHost) -> FakeHost:
    """Give a host on which b goes along when a is restarted."""
    host.add("a.service", ConsistsOf="b.service")
    host.dragged = {"a.service": ["b.service"]}
    return host


def test_what_came_along_with_a_unit_before_it_is_not_restarted_again(app: FakeHost) -> None:
    results, done = do(app, "a.service", "b.service", "c.service")
    assert app.restarted == ["a.service", "c.service"]
    assert [result.result for result in results] == ["restarted"] * 3
    assert results[1].why == "systemd restarts it along with a.service"
    assert done == ["a.service", "b.service", "c.service"]
    assert plan(app, "a.service", "b.service").foresee()[1] == Result(
        "b.service", "would_restart", "systemd restarts it along with a.service"
    )


@pytest.mark.parametrize("named", [("a.service", "b.service"), ("b.service", "a.service")])
def test_a_unit_is_restarted_before_those_that_it_takes_along_whatever_the_order(
    named: Sequence[str],
) -> None:
    states = {
        "a.service": UnitState("a.service", active="active", takes_along=("b.service",)),
        "b.service": UnitState("b.service", active="active"),
    }
    plan = plan_restart(named, (), states, deferred_only=False, include_pending=False)
    assert [(step.unit, step.along_with) for step in plan.steps] == [
        ("a.service", ""),
        ("b.service", "a.service"),
    ]


def test_units_that_take_each_other_along_are_restarted_in_the_order_asked_for() -> None:
    states = {
        "a.service": UnitState("a.service", active="active", takes_along=("b.service",)),
        "b.service": UnitState("b.service", active="active", takes_along=("a.service",)),
    }
    plan = plan_restart(["b.service", "a.service"], (), states, deferred_only=False, include_pending=False)
    assert [step.unit for step in plan.steps] == ["b.service", "a.service"]


def test_what_was_expected_to_come_along_and_did_not_is_restarted(app: FakeHost) -> None:
    app.dragged = {}
    results, _done = do(app, "a.service", "b.service")
    assert app.restarted == ["a.service", "b.service"]
    assert results[1].why == ""


def test_what_comes_along_must_stay_up_too(app: FakeHost) -> None:
    app.add("b.service", Type="simple")
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        app.units["b.service"].update(ActiveState="failed", SubState="failed")

    looked_at = plan(app, "a.service", "b.service", "c.service")
    results = carry_out(
        looked_at, Systemd(app.run), lambda _state: None, Patience(clock, sleep, timeout=1, watch=5)
    )
    assert [result.result for result in results] == ["restarted", "failed", "not_reached"]
    assert results[1].why.startswith("it did not stay up")


def test_what_systemd_has_yet_to_restart_along_is_waited_for(app: FakeHost) -> None:
    app.dragged = {}
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now >= 2:
            app.units["b.service"].update(ActiveState="active", Job="", InvocationID="b.service-2")

    looked_at = plan(app, "a.service", "b.service")
    app.units["b.service"].update(ActiveState="deactivating", SubState="stop", Job="17")
    results = carry_out(
        looked_at, Systemd(app.run), lambda _state: None, Patience(clock, sleep, timeout=10, watch=0)
    )
    assert [result.result for result in results] == ["restarted", "restarted"]
    assert app.restarted == ["a.service"]


def test_what_was_stopped_since_the_plan_was_made_is_not_started(host: FakeHost) -> None:
    looked_at = plan(host, "a.service", "b.service")
    host.units["b.service"].update(ActiveState="inactive", SubState="dead")
    clock = FakeClock()
    results = carry_out(
        looked_at, Systemd(host.run), lambda _state: None, Patience(clock, clock.sleep, timeout=1, watch=0)
    )
    assert host.restarted == ["a.service"]
    assert (results[1].result, results[1].why) == ("skipped", "it is not running: it is inactive (dead)")


def test_what_somebody_restarted_since_the_plan_was_made_is_not_restarted_again(host: FakeHost) -> None:
    looked_at = plan(host, "a.service", "b.service")
    host.units["b.service"].update(InvocationID="b.service-9")
    clock = FakeClock()
    results = carry_out(
        looked_at, Systemd(host.run), lambda _state: None, Patience(clock, clock.sleep, timeout=1, watch=0)
    )
    assert host.restarted == ["a.service"]
    assert (results[1].result, results[1].why) == ("restarted", "it was started again in the meantime")


def test_what_is_paused_is_skipped(host: FakeHost) -> None:
    states = Systemd(host.run).show(["a.service"])
    looked_at = plan_restart(
        ["a.service"], (), states, deferred_only=False, include_pending=False, paused={"a.service"}
    )
    assert looked_at.foresee()[0].why == "it is paused: resume_services brings it back"


def test_a_socket_comes_before_its_service_which_is_restarted_with_it() -> None:
    states = {
        "sockd.service": UnitState("sockd.service", active="active"),
        "sockd.socket": UnitState("sockd.socket", active="active", takes_along=("sockd.service",)),
    }
    plan = plan_restart(
        ["sockd.service", "sockd.socket"], [], states, deferred_only=False, include_pending=False
    )
    assert [(step.unit, step.along_with) for step in plan.steps] == [
        ("sockd.socket", ""),
        ("sockd.service", "sockd.socket"),
    ]


@pytest.mark.parametrize("deferred_only", [True, False])
def test_a_socket_that_waits_is_restarted_with_the_service_that_is_named(*, deferred_only: bool) -> None:
    socket = UnitState("sockd.socket", active="active", takes_along=("sockd.service",))
    states = {"sockd.service": UnitState("sockd.service", active="active"), "sockd.socket": socket}
    plan = plan_restart(
        ["sockd.service"],
        ["sockd.service", "sockd.socket"],
        states,
        deferred_only=deferred_only,
        include_pending=False,
    )
    assert [step.unit for step in plan.steps] == ["sockd.socket", "sockd.service"]
