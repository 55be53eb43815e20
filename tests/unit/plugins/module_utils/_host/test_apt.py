from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    def __init__(
        self, simulated: str = SIMULATED, *, want: str = "install", uris: str = "", state: str = "installed"
    ) -> None:
        self.simulated, self.want, self.uris, self.state = simulated, want, uris, state
        self.updates: list[tuple[int, str]] = []
        self.commands: list[list[str]] = []

    def apt(self, root: Path = Path("/nowhere"), **more: Any) -> Apt:
        """Give what asks it."""
        return Apt(self.run, root=root, **more)

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if not environ_update["LC_ALL"].startswith("C"):
            raise AssertionError(f"{args} depends on the language of the host")
        if environ_update["LC_ALL"] != "C" and environ_update.get("LANGUAGE") != "":
            raise AssertionError(f"{args} depends on LANGUAGE of the host, which comes before C.UTF-8")
        self.commands.append(list(args))
        if args[0] == "dpkg-query":
            named = args[args.index("--") + 1 :]
            row = f"{self.want}\tinstalled\tok\t{{0}}\t{{0}}\t1.22.1-9+deb12u3\n"
            rows = [row.format(name.partition(":")[0]) for name in named if name.startswith("nginx")]
            if "broken" in named:
                rows.append(f"install\t{self.state}\tok\tbroken\tbroken\t2.0\n")
            return 0, "".join(rows), ""
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


def test_a_removal_is_one_also_where_apt_purges() -> None:
    assert [str(each) for each in parse_changes("Purg old [0.9]\n")] == ["old 0.9 → (removed)"]


def test_foresees_an_upgrade_and_changes_nothing() -> None:
    apt = FakeApt()
    assert apt.apt().foresee(["nginx"])[0] == Upgrade("nginx", "1.22.1-9+deb12u3", "1.22.1-9+deb12u4")
    assert all("--simulate" in command for command in apt.commands if command[0] == "apt-get")


def test_what_is_not_installed_is_refused_by_name() -> None:
    with pytest.raises(HostError, match=r"^apache2, php-fpm is not installed"):
        FakeApt().apt().foresee(["nginx", "apache2", "php-fpm"])


def test_a_removal_is_refused_by_name() -> None:
    with pytest.raises(HostError, match=r"^apt would remove nginx-extras to upgrade nginx\."):
        FakeApt(f"{SIMULATED}Remv nginx-extras [1.22.1-9]\n").apt().foresee(["nginx"])


def test_what_is_on_hold_is_refused_by_name_unless_it_may_be() -> None:
    apt = FakeApt(want="hold").apt()
    with pytest.raises(HostError, match=r"nginx, nginx-common, but that is on hold"):
        apt.foresee(["nginx"])
    assert len(apt.foresee(["nginx"], held=True)) == 3


def test_a_package_may_be_named_with_its_architecture() -> None:
    assert FakeApt().apt().foresee(["nginx:amd64"])
    with pytest.raises(HostError, match=r"^apache2:amd64 is not installed"):
        FakeApt().apt().foresee(["apache2:amd64"])


def test_what_dpkg_has_yet_to_finish_is_refused_where_apt_would_do_it_besides() -> None:
    simulated = f"{SIMULATED}Conf broken (2.0  [amd64])\n"
    with pytest.raises(
        HostError, match=r"finish first what it has begun: broken is half-configured: run dpkg"
    ):
        FakeApt(simulated, state="half-configured").apt().foresee(["nginx"])
    assert FakeApt(simulated).apt().foresee(["nginx"])
    assert not FakeApt("Conf broken (2.0  [amd64])\n", state="half-configured").apt().foresee(["nginx"])


def test_an_interrupted_dpkg_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    journal = tmp_path / "var/lib/dpkg/updates"
    journal.mkdir(parents=True)
    (journal / "tmp.i").touch()
    assert FakeApt().apt(tmp_path).foresee(["nginx"])
    (journal / "0001").touch()
    with pytest.raises(HostError, match=r"finish first what it has begun: it was interrupted: run dpkg"):
        FakeApt().apt(tmp_path).foresee(["nginx"])


def test_a_look_waits_until_another_dpkg_has_ended(tmp_path: Path) -> None:
    lock = tmp_path / "var/lib/dpkg/lock-frontend"
    lock.parent.mkdir(parents=True)
    lock.touch()
    hold = "import fcntl, sys; held = open(sys.argv[1], 'a'); fcntl.lockf(held, fcntl.LOCK_EX)"
    command = [sys.executable, "-c", f"{hold}; print(flush=True); input()", str(lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()  # type: ignore[union-attr] # it is a pipe, as asked for above
        apt = FakeApt()
        with pytest.raises(HostError, match=rf"^dpkg is busy: PID {holder.pid} "):
            apt.apt(tmp_path, seconds=0).foresee(["nginx"])
        assert apt.commands == []
        assert apt.apt(tmp_path, sleep=lambda _seconds: holder.kill() or holder.wait()).foresee(["nginx"])


def test_nothing_to_upgrade_is_nothing() -> None:
    assert FakeApt("Reading package lists...\n").apt().foresee(["nginx"]) == ()


@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        ("'http://deb/nginx.deb' nginx_1_amd64.deb 12 SHA256:ab\n", True),
        ("'file:/srv/deb/nginx.deb' nginx_1%3a1_amd64.deb 12 SHA256:ab\n", False),  # it is used where it is
        ("", False),
    ],
)
def test_tells_whether_anything_is_left_to_fetch(uris: str, expected: bool) -> None:
    assert FakeApt(uris=uris).apt().is_to_fetch(["nginx"]) is expected


def test_an_upgrade_removes_nothing_and_asks_nobody() -> None:
    apt = FakeApt()
    apt.apt().upgrade(["nginx"])
    assert {"--no-remove", "--only-upgrade", "Dpkg::Options::=--force-confold"} <= {*apt.commands[0]}


def test_what_is_no_longer_needed_stays_whatever_the_host_is_told() -> None:
    apt = FakeApt()
    apt.apt().foresee(["nginx"])
    apt.apt().upgrade(["nginx"])
    commands = [command for command in apt.commands if command[0] == "apt-get"]
    assert len(commands) == 2
    assert all("--no-auto-remove" in command for command in commands)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give a host whose index was read an hour ago."""
    stamp = tmp_path / "var/lib/apt/periodic/update-success-stamp"
    stamp.parent.mkdir(parents=True)
    stamp.touch()
    os.utime(stamp, (time.time() - 3600,) * 2)
    return tmp_path


def test_a_young_index_is_not_read_again(root: Path) -> None:
    assert not FakeApt().apt(root).refresh(7200)


def test_an_old_index_is_read_again_also_where_somebody_else_reads_it(root: Path) -> None:
    apt, slept = FakeApt(), []
    apt.updates = [(100, BUSY), (0, "")]
    assert apt.apt(root, sleep=slept.append).refresh(60)
    assert len(slept) == 1


def test_a_host_without_an_index_reads_it(tmp_path: Path) -> None:
    assert index_time(tmp_path) == 0


def test_it_does_not_wait_forever(root: Path) -> None:
    apt, now = FakeApt(), [0.0]
    apt.updates = [(100, BUSY)] * 99

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(HostError, match="apt-get update fails: E: Could not get lock"):
        apt.apt(root, seconds=10, clock=lambda: now[0], sleep=sleep).refresh(60)
    assert now[0] == 10


def test_an_index_that_cannot_be_read_says_why(root: Path) -> None:
    apt = FakeApt()
    apt.updates = [(100, "W: something\nE: The repository 'http://deb bookworm' is gone.\n")]
    with pytest.raises(
        HostError, match=r"^apt-get update fails: E: The repository 'http://deb bookworm' is gone\.$"
    ):
        apt.apt(root).refresh(60)


def test_an_index_that_is_read_only_in_part_is_no_success_where_apt_calls_it_one(root: Path) -> None:
    apt = FakeApt()
    apt.updates = [
        (
            0,
            "W: Failed to fetch http://deb\nW: Some index files failed to download. They have been ignored.\n",
        )
    ]
    with pytest.raises(HostError, match=r"^apt-get update fails: W: Failed to fetch http://deb W: Some"):
        apt.apt(root).refresh(60)
    apt.updates = [(0, "W: Target Packages is configured multiple times\n")]
    assert apt.apt(root).refresh(60)


def test_the_lock_of_the_archive_is_waited_for_too() -> None:
    answers = [(100, "", "E: Could not get lock /var/cache/apt/archives/lock."), (0, "", "")]
    slept: list[float] = []
    Apt(lambda _args, **_options: answers.pop(0), sleep=slept.append).upgrade(["nginx"])
    assert len(slept) == 1


def test_no_package_at_all_is_refused_and_no_done_upgrade() -> None:
    fake = FakeApt()
    with pytest.raises(HostError, match="No package is named, so nothing would be upgraded"):
        fake.apt().foresee([])
    assert fake.commands == []
