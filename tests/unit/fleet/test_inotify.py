"""The limit on inotify instances, of which every host needs some."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from fleetlib import inotify
from fleetlib.errors import FleetError


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Make a machine that allows 128 instances, and a process that has 100 of them."""
    limit = tmp_path / inotify.LIMIT
    limit.parent.mkdir(parents=True)
    limit.write_text("128\n")
    handles = tmp_path / "4711/fd"
    handles.mkdir(parents=True)
    for number in range(100):
        (handles / str(number)).symlink_to("anon_inode:inotify")
    (handles / "100").symlink_to("/dev/null")
    return tmp_path


def allowed(proc: Path) -> int:
    return int((proc / inotify.LIMIT).read_text())


def test_instances_of_all_processes_are_counted(proc: Path) -> None:
    assert inotify.in_use(proc) == 100


def test_limit_stays_as_it_is_where_the_hosts_fit_below_it(proc: Path) -> None:
    inotify.make_room(3, proc)
    assert allowed(proc) == 128


def test_limit_is_raised_where_they_do_not_and_that_is_said(
    proc: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inotify.make_room(4, proc)
    assert allowed(proc) == 1024
    assert "raised fs.inotify.max_user_instances from 128 to 1024" in capsys.readouterr().err


def test_a_limit_that_cannot_be_raised_is_named_with_the_command(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    command = r"Read-only file system.*sysctl -w fs\.inotify\.max_user_instances=1024"
    with pytest.raises(FleetError, match=f"10 more hosts need about 180 .* is 128.*{command}"):
        inotify.make_room(10, proc)
