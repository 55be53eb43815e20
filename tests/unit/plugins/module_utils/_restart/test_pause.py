from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, UnitState
from ansible_collections.orderly.services.plugins.module_utils._restart.pause import (
    carry_out_pause,
    carry_out_resume,
    describe_failure,
    plan_pause,
    plan_resume,
    related,
    summarise,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.paused import (
    Paused,
    PausedFolder,
)
from ansible_collections.orderly.services.plugins.module_utils._restart.restart import Patience
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    FakeClock,
    FakeHost,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.plugins.module_utils._restart.restart import Result


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add("db.service", FragmentPath="/usr/lib/systemd/system/db.service")
    host.add("web.service", TriggeredBy="web.socket", ConsistsOf="side.service")
    host.add("web.socket")
    host.add("side.service")
    host.add("local.service", FragmentPath="/etc/systemd/system/local.service")
    host.add("idle.service", ActiveState="inactive", SubState="dead")
    host.add("masked.service", LoadState="masked", ActiveState="inactive")
    return host


@pytest.fixture
def folder(tmp_path: Path) -> PausedFolder:
    return PausedFolder(tmp_path)


def pause(host: FakeHost, folder: PausedFolder, *units: str) -> tuple[Result, ...]:
    systemd = Systemd(host.run)
    plan = plan_pause(units, systemd.follow(units, related), folder.read()[0], 1000, "disk")
    return carry_out_pause(plan, systemd, folder, lambda _unit: None)


def resume(host: FakeHost, folder: PausedFolder, *units: str) -> tuple[tuple[Result, ...], list[str]]:
    systemd = Systemd(host.run)
    plan = plan_resume(units, systemd.follow(units, related), folder.read()[0], everything=not units)
    done: list[str] = []
    clock = FakeClock()
    patience = Patience(clock, clock.sleep, timeout=5, watch=0)
    return carry_out_resume(plan, systemd, folder, lambda state: done.append(state.unit), patience), done


def outcome(results: tuple[Result, ...]) -> dict[str, str]:
    return {result.unit: result.result for result in results}


def test_what_a_cluster_manages_is_not_paused() -> None:
    state = UnitState("lb.service", active="active", managed="pacemaker manages it")
    plan = plan_pause([state.unit], {state.unit: state}, {}, 1000, "disk")
    assert plan.pause == ()
    assert [(each.result, each.why) for each in plan.others] == [("skipped", "pacemaker manages it")]


def test_what_is_paused_is_stopped_in_reverse_and_masked(host: FakeHost, folder: PausedFolder) -> None:
    results = pause(host, folder, "db.service", "idle.service")
    assert outcome(results) == {"db.service": "paused", "idle.service": "paused"}
    assert host.orders == [
        "daemon-reload", "stop idle.service", "mask idle.service", "stop db.service", "mask db.service",
    ]  # fmt: skip
    assert folder.units() == {"db.service", "idle.service"}


def test_sockets_and_what_stops_along_are_paused_too(host: FakeHost, folder: PausedFolder) -> None:
    pause(host, folder, "web.service")
    assert folder.units() == {"web.socket", "web.service", "side.service"}
    assert [order for order in host.orders if order.startswith("stop")] == [
        "stop side.service", "stop web.service", "stop web.socket",
    ]  # fmt: skip


def test_exactly_what_ran_comes_back_in_order(host: FakeHost, folder: PausedFolder) -> None:
    pause(host, folder, "db.service", "idle.service", "web.service")
    host.commands.clear()
    results, done = resume(host, folder)
    assert done == ["db.service", "web.socket", "web.service", "side.service"]
    assert outcome(results)["idle.service"] == "resumed"
    assert not Systemd(host.run).show(["idle.service"])["idle.service"].is_active
    assert folder.units() == set()
    assert not summarise(resume(host, folder)[0])["changed"]


def test_a_second_pause_changes_nothing_and_forgets_nothing(host: FakeHost, folder: PausedFolder) -> None:
    pause(host, folder, "db.service")
    results = pause(host, folder, "db.service")
    assert outcome(results) == {"db.service": "already_paused"}
    assert folder.read()[0]["db.service"].was_active


def test_a_pause_that_was_killed_is_finished(host: FakeHost, folder: PausedFolder) -> None:
    folder.write(Paused("db.service", was_active=True, masked=True, since=900))
    host.units["db.service"].update(ActiveState="inactive")
    assert outcome(pause(host, folder, "db.service")) == {"db.service": "paused"}
    assert folder.read()[0]["db.service"].was_active


def test_what_others_have_masked_stays_so(host: FakeHost, folder: PausedFolder) -> None:
    results = pause(host, folder, "masked.service", "nosuch.service")
    assert outcome(results) == {"masked.service": "skipped", "nosuch.service": "skipped"}
    assert folder.units() == set()


def test_what_cannot_be_masked_is_held_by_an_assertion(
    host: FakeHost, folder: PausedFolder, tmp_path: Path
) -> None:
    pause(host, folder, "local.service")
    drop_in = tmp_path / "etc/systemd/system/local.service.d/50-orderly-paused.conf"
    assert f"AssertPathExists=!{folder.path}/local.service" in drop_in.read_text()
    assert "mask local.service" not in host.orders
    resume(host, folder)
    assert not drop_in.parent.exists()


def test_what_does_not_come_back_stays_paused_and_does_not_stop_the_others(
    host: FakeHost, folder: PausedFolder
) -> None:
    pause(host, folder, "db.service", "web.service")
    host.refuse_start = {"db.service": "Job for db.service failed.\nSee its log."}
    results, done = resume(host, folder)
    assert "web.service" in done
    assert folder.units() == {"db.service"}
    assert describe_failure(results, "h1") == (
        "db.service on h1 did not come back from the pause: Job for db.service failed. "
        "See journalctl -u db.service; once it is healthy, run this again."
    )


def test_one_service_can_be_resumed_alone(host: FakeHost, folder: PausedFolder) -> None:
    pause(host, folder, "db.service", "web.service")
    results, _done = resume(host, folder, "web.service", "local.service")
    assert outcome(results)["local.service"] == "not_paused"
    assert folder.units() == {"db.service"}
