from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Program
from ansible_collections.orderly.services.plugins.modules import unit_info
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeHost

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(
        "ansible_collections.orderly.services.plugins.module_utils._host.systemd.read_program",
        lambda _pid: Program("8:1", "/usr/sbin/gammad", replaced=True),
    )
    host.add("gamma.service", MainPID="7")
    return partial(run_module, unit_info, monkeypatch, host.run)


def test_tells_what_a_unit_runs(run: Run) -> None:
    told = run(name="gamma.service")
    assert (told["active"], told["program"], told["program_replaced"]) == (True, "/usr/sbin/gammad", True)


def test_a_unit_that_the_host_does_not_have_fails_unless_it_may_be_missing(run: Run) -> None:
    assert run(name="gone.service")["msg"] == "There is no unit gone.service on this host."
    assert not run(name="gone.service", missing_ok=True, must_be_current=True)["known"]


def test_what_must_be_current_runs_and_runs_what_is_installed(run: Run, host: FakeHost) -> None:
    assert not run(name="beta.service", must_be_current=True).get("failed")
    assert "is inactive (dead), expected active" in run(name="idle.service", must_be_current=True)["msg"]
    assert "runs a program that was replaced" in run(name="gamma.service", must_be_current=True)["msg"]
    host.add("gamma.service", MainPID="7", CanStop="no")
    assert not run(name="gamma.service", must_be_current=True).get("failed")


def test_what_is_off_on_purpose_may_be_off_and_what_is_down_may_not(run: Run, host: FakeHost) -> None:
    host.add("off.service", ActiveState="inactive", SubState="dead", UnitFileState="disabled")
    host.add("down.service", ActiveState="failed", SubState="failed", UnitFileState="disabled")
    host.add("stopped.service", ActiveState="inactive", SubState="dead", UnitFileState="enabled")
    assert not run(name="off.service", must_be_current=True, may_be_off=True).get("failed")
    assert "expected active" in run(name="off.service", must_be_current=True)["msg"]
    for name in ("down.service", "stopped.service"):
        assert "expected active" in run(name=name, must_be_current=True, may_be_off=True)["msg"]
