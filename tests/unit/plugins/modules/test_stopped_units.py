from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
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


def test_what_refuses_to_be_stopped_fails_and_nothing_is_stopped(run: Run, host: FakeHost) -> None:
    host.add("gamma.service", CanStop="no")
    failed = run(units=["beta.service", "gamma.service"])
    assert failed["failed"]
    assert failed["msg"].startswith("gamma.service cannot be stopped: it refuses to be stopped by hand")
    assert host.orders == []
