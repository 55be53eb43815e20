from __future__ import annotations

import fcntl
import os
import re
import stat
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.lock import locked
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeClock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run/orderly/records.lock"


def test_others_cannot_open_the_lock(path: Path) -> None:
    umask = os.umask(0)
    try:
        with locked(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(umask)


def test_a_lock_that_others_could_open_is_replaced_whoever_holds_it(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(0o644)
    with path.open() as others:
        fcntl.flock(others, fcntl.LOCK_SH)
        with locked(path, sleep=pytest.fail):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "precious")
    with locked(path):
        assert not (tmp_path / "precious").exists()


def test_who_holds_it_for_too_long_is_to_be_looked_for(path: Path) -> None:
    clock = FakeClock()
    complaint = (
        f"The lock {path} is held by another process for more than 10 seconds: lslocks, or fuser -v {path}"
    )
    with locked(path), pytest.raises(HostError, match=re.escape(complaint)), locked(path, clock, clock.sleep):
        pytest.fail("held twice")
    assert 10 <= clock.now < 11
    with locked(path, sleep=pytest.fail):
        pass
