"""Packages that an upgrade releases are put on hold again, be it by the run that follows one that failed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import HoldFile
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg_lock import DpkgLock
from ansible_collections.orderly.services.plugins.modules import package_hold
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Run = Callable[..., dict[str, Any]]


class FakeMarks:
    """A host on which packages are put on hold and released."""

    def __init__(self) -> None:
        self.held: set[str] = set()

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update == {"LC_ALL": "C"}
        assert args[0] == "apt-mark"
        named = {*args[3:]}
        self.held = {"hold": self.held | named, "unhold": self.held - named}.get(args[1], self.held)
        return 0, "\n".join(sorted(self.held)), ""


@pytest.fixture
def marks() -> FakeMarks:
    return FakeMarks()


@pytest.fixture
def run(marks: FakeMarks, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(package_hold, "HoldFile", lambda: HoldFile(tmp_path))
    monkeypatch.setattr(package_hold, "DpkgLock", partial(DpkgLock, root=tmp_path))
    return partial(run_module, package_hold, monkeypatch, marks.run)


@pytest.fixture
def lift(run: Run) -> Run:
    return partial(run, packages=["db"], state="absent", for_upgrade=True)


def test_what_a_failed_upgrade_released_is_told_by_the_next_one(
    run: Run, lift: Run, marks: FakeMarks, tmp_path: Path
) -> None:
    run(packages=["db", "other"])
    assert lift()["released"] == ["db"]
    again = lift()
    assert (again["changed"], again["released"], again["packages"]) == (False, ["db"], ("other",))
    assert run(packages=["db"])["held"] == ("db",)
    assert marks.held == {"db", "other"}
    assert HoldFile(tmp_path).lifted() == []


def test_what_nobody_held_is_not_held_after_an_upgrade(lift: Run, marks: FakeMarks, tmp_path: Path) -> None:
    marks.held = {"db"}  # somebody else did
    assert lift()["released"] == []
    assert HoldFile(tmp_path).lifted() == []


@pytest.mark.parametrize("named", [["db"], []])
def test_what_is_released_for_good_is_not_told_as_released_for_an_upgrade(
    run: Run, lift: Run, named: list[str], tmp_path: Path
) -> None:
    run(packages=["db"])
    lift()
    assert run(packages=named, state="absent")["released"] == []
    assert lift()["released"] == []
    assert not HoldFile(tmp_path).path.exists()


def test_check_mode_writes_nothing_down(run: Run, lift: Run, tmp_path: Path) -> None:
    run(packages=["db"])
    assert lift(check_mode=True)["released"] == ["db"]
    assert HoldFile(tmp_path).lifted() == []


def test_a_run_that_is_killed_after_it_released_leaves_it_written_down(
    run: Run, lift: Run, marks: FakeMarks, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(packages=["db"])
    mark = package_hold.mark

    def mark_and_die(*args: Any) -> None:
        mark(*args)
        if args[1] == "unhold":
            raise KeyboardInterrupt

    monkeypatch.setattr(package_hold, "mark", mark_and_die)
    with pytest.raises(KeyboardInterrupt):
        lift()
    assert marks.held == set()
    monkeypatch.setattr(package_hold, "mark", mark)
    assert lift()["released"] == ["db"]
