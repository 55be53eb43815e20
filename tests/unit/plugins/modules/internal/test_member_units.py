from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import UnitState
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import UnfinishedFolder
from ansible_collections.orderly.services.plugins.modules.internal import member_units
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import BOOT, FakeHost
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]

WEB, IDLE = "web.service", "idle.service"


@pytest.fixture
def restarting(tmp_path: Path) -> UnfinishedFolder:
    """Give what a host has on record of which a restart stopped both units."""
    folder = UnfinishedFolder(tmp_path / "restarting")
    for unit in (WEB, IDLE):
        folder.write(UnitState(unit, invocation_id=f"{unit}-1"), BOOT)
    return folder


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add(WEB)
    host.add(IDLE, ActiveState="inactive", SubState="dead")
    return host


@pytest.fixture
def run(restarting: UnfinishedFolder, host: FakeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(member_units, "boot_id", lambda: BOOT)
    monkeypatch.setattr(member_units, "PausedFolder", partial(member_units.PausedFolder, root=tmp_path))
    return partial(run_module, member_units, monkeypatch, host.run, restarting=str(restarting.path))


def words(told: dict[str, Any]) -> dict[str, str]:
    return {each["unit"]: each["word"] for each in told["members"]}


def test_a_look_tells_and_forgets_nothing(run: Run, restarting: UnfinishedFolder) -> None:
    assert words(run(units=[WEB, IDLE])) == {WEB: "up", IDLE: "down"}
    assert len(restarting.read()[0]) == 2


def test_who_insists_is_told_what_is_down_and_what_is_up_is_forgotten(
    run: Run, restarting: UnfinishedFolder
) -> None:
    assert "idle.service is inactive (dead), expected active" in run(units=[WEB, IDLE], well_within=0)["msg"]
    assert [each.unit for each in restarting.read()[0]] == [IDLE]


def test_what_goes_along_with_each_unit_is_told_over_all_levels(run: Run, host: FakeHost) -> None:
    host.add(WEB, ConsistsOf="near.service")
    host.add("near.service", RequiredBy="far.service")
    host.add("far.service")
    assert run(units=[WEB])["members"][0]["along"] == ["near.service", "far.service"]
