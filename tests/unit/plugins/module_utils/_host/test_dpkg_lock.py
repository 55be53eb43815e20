"""Waiting for dpkg: another process holds its lock for real."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg_lock import LOCKS, DpkgLock
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.tests.unit.plugins.module_utils.host_world import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=LOCKS)
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a process hold one of the locks."""
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    for name in LOCKS:
        (tmp_path / name).touch()
    command = [sys.executable, "-c", HOLD, str(tmp_path / request.param)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()  # type: ignore[union-attr] # it is a pipe, as asked for above
        yield holder
        holder.kill()


def test_who_holds_a_lock_for_too_long_is_named(tmp_path: Path, held: subprocess.Popen[bytes]) -> None:
    clock = FakeClock()
    lock = DpkgLock(60, tmp_path, clock, clock.sleep)
    with pytest.raises(
        HostError, match=rf"dpkg is busy: PID {held.pid} \(.*\) holds .*for more than 60 seconds"
    ):
        lock.wait()
    assert clock.now == 60


def test_a_lock_that_is_given_back_in_time_is_waited_for(
    tmp_path: Path, held: subprocess.Popen[bytes]
) -> None:
    def sleep(_seconds: float) -> None:
        held.kill()
        held.wait()

    DpkgLock(60, tmp_path, FakeClock(), sleep).wait()
    assert DpkgLock(0, tmp_path).holder() == ""


def test_where_there_is_no_dpkg_nobody_holds_it(tmp_path: Path) -> None:
    assert DpkgLock(0, tmp_path).holder() == ""
