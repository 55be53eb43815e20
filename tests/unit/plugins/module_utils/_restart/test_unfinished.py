from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.systemd import Systemd, UnitState
from ansible_collections.orderly.services.plugins.module_utils._restart import unfinished
from ansible_collections.orderly.services.plugins.module_utils._restart.kept_down import KeptDown
from ansible_collections.orderly.services.plugins.module_utils._restart.restart import Patience, plan_restart
from ansible_collections.orderly.services.plugins.module_utils._restart.unfinished import (
    Restarts,
    Unfinished,
    UnfinishedFolder,
    with_unfinished,
)
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import (
    FakeClock,
    FakeHost,
)

if TYPE_CHECKING:
    from pathlib import Path

WEB = "web.service"
IDLE = UnitState(WEB, (WEB,), invocation_id="1")

BEGUN = [
    (Unfinished(WEB, "boot", "1"), True),
    (Unfinished(WEB, "boot", "0"), False),  # it has run since
    (Unfinished(WEB, "another boot", "1"), False),
    (Unfinished("db.service", "boot", "1"), False),
]


@pytest.mark.parametrize(("begun", "is_ours"), BEGUN)
def test_a_unit_is_unfinished_until_it_runs_again(begun: Unfinished, *, is_ours: bool) -> None:
    assert with_unfinished([begun], {WEB: IDLE}, "boot")[WEB].unfinished == is_ours


class Killed(Exception):  # noqa: N818 - it is what happens to a run, not an error
    """The run is killed here."""


def restart(host: FakeHost, folder: UnfinishedFolder, *, killed: bool = False) -> None:
    systemd, clock = Systemd(host.run), FakeClock()

    def order(unit: str) -> str:
        if killed:
            raise Killed
        return systemd.restart(unit)

    plan = plan_restart([WEB], (), systemd.show([WEB]), deferred_only=False, include_pending=False)
    patience = Patience(clock, clock.sleep, timeout=1, watch=1)
    Restarts(folder, systemd, "boot", order).carry_out(plan, lambda _state: None, patience)


@pytest.fixture
def host() -> FakeHost:
    host = FakeHost()
    host.add(WEB)
    return host


def test_a_run_that_is_killed_leaves_word_of_what_it_began(host: FakeHost, tmp_path: Path) -> None:
    folder = UnfinishedFolder(tmp_path / "restarting")
    with pytest.raises(Killed):
        restart(host, folder, killed=True)
    assert folder.read() == ([Unfinished(WEB, "boot", f"{WEB}-1")], [])
    restart(host, folder)
    assert folder.read() == ([], [])


def test_of_what_did_not_come_back_it_stands_which_run_was_the_last(host: FakeHost, tmp_path: Path) -> None:
    folder = UnfinishedFolder(tmp_path / "restarting")
    host.after_restart = {WEB: {"ActiveState": "inactive", "SubState": "dead"}}
    restart(host, folder)
    assert folder.read() == ([Unfinished(WEB, "boot", f"{WEB}-2")], [])


def test_what_is_kept_down_may_start_again_before_it_is_restarted(
    host: FakeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "KeptDown", partial(KeptDown, root=tmp_path))
    folder = UnfinishedFolder(tmp_path / "restarting")
    KeptDown(Systemd(host.run), folder.path, tmp_path).put([WEB])
    restart(host, folder)
    assert host.orders == ["daemon-reload", "daemon-reload", f"restart {WEB}"]
    assert not (tmp_path / f"run/systemd/system/{WEB}.d").exists()
