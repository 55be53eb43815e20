from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral import restarts
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Program
from ansible_collections.orderly.services.plugins.modules import current_units

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

    Run = Callable[..., dict[str, Any]]

UP_AGAIN = {"ActiveState": "active", "SubState": "running"}


@pytest.fixture
def run(run_restarts: Callable[[ModuleType], Run]) -> Run:
    return partial(run_restarts(current_units), include_stale=False)


def test_what_is_pending_is_restarted_and_what_runs_as_installed_is_not(run: Run, host: FakeHost) -> None:
    done = run(units=["alpha.service", "beta.service"])
    assert done["restarted"] == host.restarted == ["alpha.service"]
    assert not run(units=["alpha.service", "beta.service"])["changed"]


def test_what_others_have_pending_is_not_touched(run: Run) -> None:
    assert run(units=["beta.service"])["restarted"] == []


def test_what_runs_a_replaced_program_is_restarted(
    run: Run, host: FakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.add("gamma.service", MainPID="7")

    def read_program(_pid: int) -> Program:
        return Program("8:1", "/usr/sbin/gammad", replaced=not host.restarted)

    monkeypatch.setattr(
        "ansible_collections.orderly.services.plugins.module_utils._host.systemd.read_program", read_program
    )
    assert run(units=["gamma.service"], check_mode=True)["restarted"] == ["gamma.service"]
    assert host.restarted == []
    assert run(units=["gamma.service"])["restarted"] == ["gamma.service"]
    assert not run(units=["gamma.service"])["changed"]


def test_what_was_not_started_since_its_package_changed_is_restarted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "stale_units", lambda _run, units: dict.fromkeys(units, ("demo",)))
    assert run(units=["beta.service"], include_stale=True)["restarted"] == ["beta.service"]


@pytest.mark.parametrize("state", [("inactive", "dead"), ("failed", "failed")])
def test_what_is_down_is_started(run: Run, host: FakeHost, state: tuple[str, str]) -> None:
    host.add("delta.service", ActiveState=state[0], SubState=state[1], UnitFileState="enabled")
    host.after_restart = {"delta.service": UP_AGAIN}
    assert run(units=["delta.service"])["restarted"] == ["delta.service"]
    assert not run(units=["delta.service"])["changed"]


@pytest.mark.parametrize(
    "how",
    [
        {"UnitFileState": "disabled"},
        {"LoadState": "masked"},
        {"Type": "oneshot"},
        {"TriggeredBy": "delta.socket"},
    ],
)
def test_what_is_off_or_waits_for_work_stays_so(run: Run, host: FakeHost, how: dict[str, str]) -> None:
    host.add("delta.service", ActiveState="inactive", SubState="dead", **how)
    assert run(units=["delta.service"])["restarted"] == []


def test_units_of_another_release_are_left_out_but_one_must_be_there(run: Run) -> None:
    assert run(units=["alpha.service", "alpha2.service"])["restarted"] == ["alpha.service"]
    failed = run(units=["alpha2.service"])
    assert failed["failed"]
    assert "has none of the units alpha2.service" in failed["msg"]


def test_a_unit_that_does_not_come_back_fails_its_host(run: Run, host: FakeHost) -> None:
    host.refuse_restart = {"alpha.service": "Job for alpha.service failed"}
    failed = run(units=["alpha.service", "beta.service"])
    assert failed["failed"]
    assert "alpha.service" in failed["msg"]
