from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral import restarts
from ansible_collections.orderly.services.plugins.module_utils._status.read import read_status
from ansible_collections.orderly.services.plugins.modules import deferred_restarts_info, restart_services
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    BOOT,
    FakeHost,
    record_text,
)
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from ansible_collections.orderly.services.plugins.module_utils._deferral.record_files import DeferredStore

    Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(run_restarts: Callable[[ModuleType], Run]) -> Run:
    return run_restarts(restart_services)


def left(store: DeferredStore) -> list[str]:
    return [record.unit for record in store.read()[0]]


def test_restarts_what_is_pending_and_settles_it(run: Run, host: FakeHost, store: DeferredStore) -> None:
    done = run(deferred_only=True)
    assert host.restarted == ["alpha.service"]
    assert done["restarted"] == ["alpha.service"]
    assert done["left_alone"] == ["idle.service"]
    assert done["settled"] == [str(store.folders[0] / "alpha.service.deferred")]
    assert left(store) == ["idle.service"]
    assert not run(deferred_only=True)["changed"]


def test_check_mode_only_tells(run: Run, host: FakeHost, store: DeferredStore) -> None:
    done = run(units=["beta.service"], include_pending=True, check_mode=True)
    assert done["changed"]
    assert [unit["result"] for unit in done["units"]] == ["would_restart", "would_restart", "skipped"]
    assert host.restarted == []
    assert left(store) == ["alpha.service", "idle.service"]


def test_named_units_are_restarted_whether_pending_or_not(
    run: Run, host: FakeHost, store: DeferredStore
) -> None:
    run(units=["beta.service"], services=["gamma"])
    assert host.restarted == ["gamma.service", "beta.service"]
    assert left(store) == ["alpha.service", "idle.service"]


def test_with_nothing_named_everything_pending_is_restarted(run: Run, host: FakeHost) -> None:
    run()
    assert host.restarted == ["alpha.service"]


def test_what_was_restarted_by_hand_is_settled_without_a_restart(
    run: Run, host: FakeHost, store: DeferredStore
) -> None:
    host.add("alpha.service", InvocationID="alpha.service-7")
    done = run(deferred_only=True)
    assert done["changed"]
    assert host.restarted == []
    assert left(store) == ["idle.service"]


def test_a_record_that_arrives_after_the_restart_is_kept(
    run: Run, host: FakeHost, store: DeferredStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle = store.settle

    def settle_late(is_settled: Callable[[Any], bool], among: list[str] | None = None) -> list[str]:
        new = record_text(
            "alpha.service", invocation_id=host.units["alpha.service"]["InvocationID"], count="2"
        )
        (store.folders[0] / "alpha.service.deferred").write_text(new)
        return settle(is_settled, among)

    monkeypatch.setattr(store, "settle", settle_late)
    run(deferred_only=True)
    assert host.restarted == ["alpha.service"]
    assert left(store) == ["alpha.service", "idle.service"]


def test_a_failure_says_which_unit_and_what_was_left_alone(
    run: Run, host: FakeHost, store: DeferredStore
) -> None:
    host.refuse_restart = {"alpha.service": "Job for alpha.service failed."}
    done = run(units=["alpha.service", "beta.service"])
    assert done["failed"]
    assert "alpha.service on " in done["msg"]
    assert "still running: beta.service" in done["msg"]
    assert done["units"][1]["result"] == "not_reached"
    assert left(store) == ["alpha.service", "idle.service"]


def test_an_unknown_service_stops_everything(run: Run, host: FakeHost) -> None:
    done = run(services=["nosuch"], units=["beta.service"])
    assert 'Unknown service "nosuch"' in done["msg"]
    assert host.restarted == []


def test_a_broken_record_is_warned_about(run: Run, store: DeferredStore) -> None:
    (store.folders[0] / "x.deferred").write_text("")
    assert "x.deferred is not a record" in run(deferred_only=True)["warnings"][0]


def test_info_tells_what_waits(
    run: Run, host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    boot = tmp_path / "proc/sys/kernel/random/boot_id"
    boot.parent.mkdir(parents=True)
    boot.write_text(BOOT, encoding="ascii")
    monkeypatch.setattr(deferred_restarts_info, "read_status", partial(read_status, root=tmp_path))
    found = run_module(deferred_restarts_info, monkeypatch, host.run)
    assert found["changed"] is False
    assert [entry["unit"] for entry in found["pending"]] == ["alpha.service"]
    assert found["pending"][0]["package_now"] == "2.0"
    assert [entry["unit"] for entry in found["stopped"]] == ["idle.service"]
    assert sum(command[:2] == ["systemctl", "show"] for command in host.commands) == 1
    run(deferred_only=True)
    assert run_module(deferred_restarts_info, monkeypatch, host.run)["pending"] == []


# --- What does not run ---


def test_a_pending_restart_of_a_failed_unit_starts_it(run: Run, host: FakeHost, store: DeferredStore) -> None:
    host.units["alpha.service"].update(ActiveState="failed", SubState="failed")
    host.after_restart = {"alpha.service": {"ActiveState": "active", "SubState": "running"}}
    assert run(deferred_only=True)["restarted"] == ["alpha.service"]
    assert left(store) == ["idle.service"]


def test_a_failed_unit_that_does_not_start_fails_its_host(
    run: Run, host: FakeHost, store: DeferredStore
) -> None:
    host.units["alpha.service"].update(ActiveState="failed", SubState="failed")
    host.refuse_restart = {"alpha.service": "Job for alpha.service failed."}
    for _attempt in range(2):
        assert "alpha.service on" in run(deferred_only=True)["msg"]
    assert left(store) == ["alpha.service", "idle.service"]


ENDS_QUIETLY = {"ActiveState": "inactive", "SubState": "dead"}


def test_a_unit_that_our_restart_stopped_is_started_by_the_next(run: Run, host: FakeHost) -> None:
    host.after_restart = {"beta.service": ENDS_QUIETLY}
    run(units=["beta.service"])
    host.after_restart = {"beta.service": {"ActiveState": "active", "SubState": "running"}}
    assert run(units=["beta.service"], deferred_only=True)["restarted"] == ["beta.service"]
    assert run(units=["beta.service"], deferred_only=True)["restarted"] == []


def test_a_unit_that_ran_again_and_was_stopped_since_stays_stopped(run: Run, host: FakeHost) -> None:
    host.after_restart = {"beta.service": ENDS_QUIETLY}
    run(units=["beta.service"])
    host.units["beta.service"]["InvocationID"] = "beta.service-9"
    assert run(units=["beta.service"])["left_alone"] == ["beta.service"]


def test_a_unit_that_refuses_to_be_stopped_is_left_pending(
    run: Run, host: FakeHost, store: DeferredStore
) -> None:
    host.units["alpha.service"]["CanStop"] = "no"
    done = run(units=["beta.service"], include_pending=True)
    assert done["restarted"] == ["beta.service"]
    assert done["units"][1]["why"].startswith("it refuses to be stopped by hand")
    assert left(store) == ["alpha.service", "idle.service"]


def test_what_a_package_wanted_that_was_removed_is_settled(run: Run, store: DeferredStore) -> None:
    path = store.folders[0] / "gone.service.deferred"
    path.write_text(record_text("gone.service", package="gone"))
    assert str(path) in run(services=[], units=["gamma.service"])["settled"]
    assert "gone.service" not in left(store)


def test_what_no_package_asked_to_restart_is_pending_where_that_is_wanted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "stale_units", lambda _run, units: dict.fromkeys(units, ("demo",)))
    asked = {"units": ["beta.service"], "deferred_only": True}
    assert run(**asked)["restarted"] == []
    assert run(**asked, include_stale=True, check_mode=True)["restarted"] == ["beta.service"]
    assert run(**asked, include_stale=True)["restarted"] == ["beta.service"]


def test_what_an_operator_dismissed_stays_as_it_is_though_its_package_changed(
    run: Run, store: DeferredStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restarts, "stale_units", lambda _run, units: dict.fromkeys(units, ("demo",)))
    (store.folders[0] / "beta.service.deferred").write_text(
        record_text("beta.service", dismissed="replaced tonight")
    )
    assert run(units=["beta.service"], deferred_only=True, include_stale=True)["restarted"] == []
