from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._restart.kept_down import DROP_IN, KeptDown
from ansible_collections.orderly.services.plugins.modules import current_units, stopped_units
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(stopped_units, "boot_id", lambda: BOOT)
    monkeypatch.setattr(stopped_units, "KeptDown", partial(KeptDown, root=tmp_path))
    return partial(run_module, stopped_units, monkeypatch, host.run, restarting=str(tmp_path / "restarting"))


def test_stops_what_runs_once(run: Run, host: FakeHost) -> None:
    assert run(units=["beta.service", "idle.service", "gone.service"])["stopped"] == ["beta.service"]
    assert host.orders == ["stop beta.service"]
    assert not run(units=["beta.service"])["changed"]


def test_check_mode_stops_nothing(run: Run, host: FakeHost, tmp_path: Path) -> None:
    assert run(units=["beta.service"], check_mode=True)["stopped"] == ["beta.service"]
    assert host.orders == []
    assert not (tmp_path / "restarting").exists()


def test_what_it_stopped_is_started_again_though_it_does_not_start_with_the_host(
    run: Run, host: FakeHost, run_restarts: Callable[[ModuleType], Run]
) -> None:
    host.add("beta.service", UnitFileState="disabled")
    host.after_restart = {"beta.service": {"ActiveState": "active", "SubState": "running"}}
    run(units=["beta.service"])
    start = run_restarts(current_units)
    assert start(units=["beta.service"])["restarted"] == ["beta.service"]
    assert not start(units=["beta.service"])["changed"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_is_to_stay_down_is_kept_down_before_it_is_stopped(
    run: Run, host: FakeHost, tmp_path: Path, check_mode: bool
) -> None:
    run(units=["beta.service", "idle.service"], kept_down=True, check_mode=check_mode)
    found = [path.parent.name for path in tmp_path.glob(f"run/systemd/system/*/{DROP_IN}")]
    assert found == ([] if check_mode else ["beta.service.d"])
    assert host.orders == ([] if check_mode else ["daemon-reload", "stop beta.service"])


def test_what_refuses_to_be_stopped_fails_and_nothing_is_stopped(run: Run, host: FakeHost) -> None:
    host.add("gamma.service", CanStop="no")
    failed = run(units=["beta.service", "gamma.service"])
    assert failed["failed"]
    assert failed["msg"].startswith("gamma.service cannot be stopped: it refuses to be stopped by hand")
    assert host.orders == []


@pytest.fixture
def start(run_restarts: Callable[[ModuleType], Run]) -> Run:
    return partial(run_restarts(current_units), include_stale=False)


def _is_back(unit: str) -> dict[str, dict[str, str]]:
    return {unit: {"ActiveState": "active", "SubState": "running"}}


def test_what_systemd_stops_along_is_brought_back_with_it(run: Run, start: Run, host: FakeHost) -> None:
    host.add("beta.service", RequiredBy="exporter.service idle.service")
    host.add("exporter.service", UnitFileState="static")
    assert run(units=["beta.service"])["stopped"] == ["beta.service", "exporter.service"]
    assert host.orders == ["stop beta.service"]
    host.units["exporter.service"].update(ActiveState="inactive", SubState="dead")  # as systemd does
    host.after_restart = {**_is_back("beta.service"), **_is_back("exporter.service")}
    assert start(units=["gamma.service"])["restarted"] == []
    assert start(units=["beta.service"])["restarted"] == ["beta.service", "exporter.service"]
    assert host.units["idle.service"]["ActiveState"] == "inactive"
    assert not start(units=["beta.service"])["changed"]


@pytest.mark.parametrize("kind", ["socket", "timer", "path"])
def test_what_would_start_it_meanwhile_is_stopped_first_and_brought_back(
    kind: str, run: Run, start: Run, host: FakeHost
) -> None:
    trigger = f"beta.{kind}"
    host.add("beta.service", TriggeredBy=f"{trigger} idle.socket")
    host.add(trigger, Triggers="beta.service")
    host.add("idle.socket", ActiveState="inactive", SubState="dead")
    assert run(units=["beta.service"])["stopped"] == [trigger, "beta.service"]
    assert host.orders == [f"stop {trigger}", "stop beta.service"]
    host.after_restart = {**_is_back("beta.service"), **_is_back(trigger)}
    assert {*start(units=["beta.service"])["restarted"]} == {"beta.service", trigger}
    assert not start(units=["beta.service"])["changed"]


def test_the_socket_of_what_runs_on_demand_is_stopped_though_nothing_runs(
    run: Run, start: Run, host: FakeHost
) -> None:
    host.add("idle.service", ActiveState="inactive", SubState="dead", TriggeredBy="idle.socket")
    host.add("idle.socket", Triggers="idle.service")
    assert run(units=["idle.service"])["stopped"] == ["idle.socket"]
    host.after_restart = _is_back("idle.socket")
    assert start(units=["idle.service"])["restarted"] == ["idle.socket"]


def test_what_somebody_else_started_meanwhile_is_left_as_it_is(run: Run, start: Run, host: FakeHost) -> None:
    host.add("beta.service", RequiredBy="exporter.service")
    host.add("exporter.service")
    run(units=["beta.service"])
    host.add("beta.service", RequiredBy="exporter.service", InvocationID="beta.service-2")
    assert not start(units=["beta.service"])["changed"]


def test_what_would_stop_the_unit_of_a_cluster_fails_and_nothing_is_stopped(
    run: Run, host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.add("beta.service", RequiredBy="gamma.service")
    monkeypatch.setattr(
        "ansible_collections.orderly.services.plugins.module_utils._host.cluster.Cluster.claims",
        lambda _self, names: ["pacemaker has it" if "gamma.service" in each else "" for each in names],
    )
    failed = run(units=["beta.service"])
    assert failed["msg"].startswith(
        "beta.service cannot be stopped: systemd would stop gamma.service along with it"
    )
    assert host.orders == []
