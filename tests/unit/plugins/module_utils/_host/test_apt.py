from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.apt import (
    Apt,
    Upgrade,
    index_time,
    parse_changes,
)
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SIMULATED = """\
Reading package lists...
The following packages will be upgraded:
  nginx nginx-common
Inst nginx [1.22.1-9+deb12u3] (1.22.1-9+deb12u4 Debian-Security:12/stable-security [amd64]) []
Inst nginx-common [1.22.1-9+deb12u3] (1.22.1-9+deb12u4 Debian-Security:12/stable-security [all])
Inst libnew1 (1.0-1 Debian:12.8/stable [amd64])
Conf nginx-common (1.22.1-9+deb12u4 Debian-Security:12/stable-security [all])
Conf nginx (1.22.1-9+deb12u4 Debian-Security:12/stable-security [amd64])
"""
BUSY = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"


class FakeApt:
    """Has nginx installed, simulates as told, and keeps what it was asked to do."""

    def __init__(self, simulated: str = SIMULATED, *, want: str = "install", uris: str = "") -> None:
        self.simulated, self.want, self.uris = simulated, want, uris
        self.updates: list[tuple[int, str]] = []
        self.commands: list[list[str]] = []

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if not environ_update["LC_ALL"].startswith("C"):
            raise AssertionError(f"{args} depends on the language of the host")
        self.commands.append(list(args))
        if args[0] == "dpkg-query":
            named = args[args.index("--") + 1 :]
            row = f"{self.want}\tinstalled\tok\t{{0}}\t{{0}}\t1.22.1-9+deb12u3\n"
            return 0, "".join(row.format(name) for name in named if name.startswith("nginx")), ""
        if args[1] == "update":
            code, errors = self.updates.pop(0)
            return code, "", errors
        return 0, self.simulated if "--simulate" in args else self.uris, ""


def test_reads_what_apt_would_change() -> None:
    assert [str(each) for each in parse_changes(f"{SIMULATED}Remv old [0.9]\n")] == [
        "nginx 1.22.1-9+deb12u3 → 1.22.1-9+deb12u4",
        "nginx-common 1.22.1-9+deb12u3 → 1.22.1-9+deb12u4",
        "libnew1 (not there) → 1.0-1",
        "old 0.9 → (removed)",
    ]


def test_foresees_an_upgrade_and_changes_nothing() -> None:
    apt = FakeApt()
    assert Apt(apt.run).foresee(["nginx"])[0] == Upgrade("nginx", "1.22.1-9+deb12u3", "1.22.1-9+deb12u4")
    assert all("--simulate" in command for command in apt.commands if command[0] == "apt-get")


def test_what_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(HostError, match=r"^apache2, php-fpm is not installed"):
        Apt(FakeApt().run).foresee(["nginx", "apache2", "php-fpm"])


def test_a_removal_is_refused_by_name() -> None:
    with pytest.raises(HostError, match=r"^apt would remove nginx-extras to upgrade nginx\."):
        Apt(FakeApt(f"{SIMULATED}Remv nginx-extras [1.22.1-9]\n").run).foresee(["nginx"])


def test_what_is_on_hold_is_refused_by_name_unless_it_may_be() -> None:
    apt = Apt(FakeApt(want="hold").run)
    with pytest.raises(HostError, match=r"nginx, nginx-common, but that is on hold"):
        apt.foresee(["nginx"])
    assert len(apt.foresee(["nginx"], held=True)) == 3


def test_nothing_to_upgrade_is_nothing() -> None:
    assert Apt(FakeApt("Reading package lists...\n").run).foresee(["nginx"]) == ()


@pytest.mark.parametrize(
    ("uris", "expected"), [("'http://deb/nginx.deb' nginx_1_amd64.deb 12 SHA256:ab\n", True), ("", False)]
)
def test_tells_whether_anything_is_left_to_fetch(uris: str, expected: bool) -> None:
    assert Apt(FakeApt(uris=uris).run).is_to_fetch(["nginx"]) is expected


def test_an_upgrade_removes_nothing_and_asks_nobody() -> None:
    apt = FakeApt()
    Apt(apt.run).upgrade(["nginx"])
    assert {"--no-remove", "--only-upgrade", "Dpkg::Options::=--force-confold"} <= {*apt.commands[0]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a host whose index was read an hour ago."""
    stamp = tmp_path / "var/lib/apt/periodic/update-success-stamp"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    os.utime(stamp, (time.time() - 3600,) * 2)
    return tmp_path


def test_a_young_index_is_not_read_again(root: Path) -> None:
    assert not Apt(FakeApt().run).refresh(7200, root)


def test_an_old_index_is_read_again_also_where_somebody_else_reads_it(root: Path) -> None:
    apt, slept = FakeApt(), []
    apt.updates = [(100, BUSY), (0, "")]
    assert Apt(apt.run, sleep=slept.append).refresh(60, root)
    assert len(slept) == 1


def test_a_host_without_an_index_reads_it(tmp_path: Path) -> None:
    assert index_time(tmp_path) == 0


def test_it_does_not_wait_forever(root: Path) -> None:
    apt, now = FakeApt(), [0.0]
    apt.updates = [(100, BUSY)] * 99

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(HostError, match="apt-get update fails: E: Could not get lock"):
        Apt(apt.run, seconds=10, clock=lambda: now[0], sleep=sleep).refresh(60, root)
    assert now[0] == 10


def test_an_index_that_cannot_be_read_says_why(root: Path) -> None:
    apt = FakeApt()
    apt.updates = [(100, "W: something\nE: The repository 'http://deb bookworm' is gone.\n")]
    with pytest.raises(
        HostError, match=r"^apt-get update fails: E: The repository 'http://deb bookworm' is gone\.$"
    ):
        Apt(apt.run).refresh(60, root)
