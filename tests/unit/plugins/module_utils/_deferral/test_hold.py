from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.hold import (
    HoldPlan,
    as_apt_lists_them,
    check_packages,
    held_units,
    mark,
    owners_of,
    packages_of,
    plan_hold,
    plan_release,
)
from ansible_collections.orderly.services.plugins.module_utils._host.dpkg_lock import DpkgLock
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def test_what_somebody_else_holds_does_not_become_ours() -> None:
    plan = plan_hold(["mariadb-server", "theirs"], ["theirs", "ours"], ["ours"])
    assert plan == HoldPlan(hold=("mariadb-server",), ours=("mariadb-server", "ours"))


RELEASES = [
    ([], HoldPlan(release=("a", "b"), ours=())),
    (["a"], HoldPlan(release=("a",), ours=("b", "gone"))),
    (["theirs"], HoldPlan(release=(), ours=("a", "b", "gone"))),
]


@pytest.mark.parametrize(("wanted", "plan"), RELEASES)
def test_only_what_is_ours_is_released(wanted: list[str], plan: HoldPlan) -> None:
    assert plan_release(wanted, ["a", "b", "theirs"], ["a", "b", "gone"]) == plan


class FakeDpkg:
    """A host with one unit, and what dpkg says about its files."""

    def __init__(self, owners: str, held: str = "") -> None:
        self.owners = owners
        self.held = held
        self.commands: list[list[str]] = []

    def __call__(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if environ_update != {"LC_ALL": "C"}:
            raise AssertionError(f"{args} depends on the language of the host")
        self.commands.append([*args])
        if args[0] == "systemctl":
            program = "{ path=/usr/sbin/mariadbd ; argv[]=/usr/sbin/mariadbd $OPTS ; ignore_errors=no }"
            return 0, f"FragmentPath=/lib/systemd/system/mariadb.service\nExecStart={program}\n", ""
        if args[:2] == ["apt-mark", "showhold"]:
            return 0, self.held, ""
        if args == ["dpkg", "--print-architecture"]:
            return 0, "amd64\n", ""
        if args[0] == "dpkg-query":
            return 1, self.owners, "no path found"
        return 100, "", "E: Unable to lock"


def test_a_unit_and_its_program_tell_the_packages() -> None:
    dpkg = FakeDpkg(
        "mariadb-server: /lib/systemd/system/mariadb.service\n"
        "diversion by x from: /usr/sbin/mariadbd\nmariadb-server-core:amd64, other: /usr/sbin/mariadbd\n"
    )
    assert packages_of(dpkg, ["mariadb"]) == ["mariadb-server", "mariadb-server-core", "other"]
    assert "/usr/lib/systemd/system/mariadb.service" in dpkg.commands[1]


def test_a_template_is_looked_up_by_an_instance() -> None:
    host = FakeDpkg("postgresql-common: /lib/systemd/system/postgresql@.service\n")
    assert packages_of(host, ["postgresql@.service"]) == ["postgresql-common"]
    assert host.commands[0][-1] == "postgresql@any.service"


def test_where_systemd_does_not_answer_no_unit_is_taken_for_one_of_no_package() -> None:
    def run(*_command: Sequence[str], **_environment: Mapping[str, str]) -> tuple[int, str, str]:
        return 1, "", "Failed to connect to bus"

    for ask in (packages_of, held_units):
        with pytest.raises(HostError, match=r"mariadb.service: Failed to connect|apt-mark showhold failed"):
            ask(run, ["mariadb.service"])


def test_a_unit_of_no_package_is_named() -> None:
    with pytest.raises(HostError, match=r"No package owns mariadb.service"):
        packages_of(FakeDpkg(""), ["mariadb.service"])


class ShellUnit:
    """A host whose unit starts its daemon in a shell, as mariadb.service of Debian does since 10.11.19."""

    def __init__(self, root: Path, arguments: str, unit: str = "/lib/systemd/system/mariadb.service") -> None:
        self.unit, self.arguments = unit, arguments
        self.owners = {
            "/lib/systemd/system/mariadb.service": "mariadb-server",
            "/bin/sh": "dash",
            "/bin/mkdir": "coreutils",
            "/usr/sbin/mariadbd": "mariadb-server-core",
        }
        for path in self.owners:
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).touch(0o755)

    def __call__(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        assert environ_update == {"LC_ALL": "C"}
        if args[0] == "systemctl":
            program = f"{{ path=/bin/sh ; argv[]=/bin/sh -c {self.arguments} ; ignore_errors=no ; pid=0 }}"
            return 0, f"FragmentPath={self.unit}\nExecStart={program}\nMainPID=0\n", ""
        if args[1] == "--search":
            found = [f"{self.owners[path]}: {path}\n" for path in args[3:] if path in self.owners]
            return 1, "".join(found), ""
        essential = ("dash", "coreutils")
        return 0, "".join(f"{'yes' if name in essential else ''} {name}\n" for name in args[4:]), ""


SHELLS = [
    "set -f; exec /usr/sbin/mariadbd $MYSQLD_OPTS",
    "/bin/mkdir -p /run/mysqld && /usr/sbin/mariadbd",  # what every Debian has is nobody's
]


@pytest.mark.parametrize("arguments", SHELLS)
def test_a_unit_that_begins_with_a_shell_is_of_what_the_shell_runs(tmp_path: Path, arguments: str) -> None:
    host = ShellUnit(tmp_path, arguments)
    assert owners_of(host, "mariadb", tmp_path) == {"mariadb-server", "mariadb-server-core"}


def test_a_shell_alone_does_not_tell_whose_a_unit_is(tmp_path: Path) -> None:
    host = ShellUnit(tmp_path, "/opt/own/daemon", unit="/etc/systemd/system/own.service")
    with pytest.raises(HostError, match=r"No package owns own.service"):
        packages_of(host, ["own.service"])


HELD = [("", False), ("mariadb-server\n", False), ("mariadb-server\nmariadb-server-core\nother\n", True)]


@pytest.mark.parametrize(("held", "untouched"), HELD)
def test_no_upgrade_touches_a_unit_whose_packages_are_all_on_hold(held: str, untouched: bool) -> None:
    owners = "mariadb-server: /lib/systemd/system/mariadb.service\nmariadb-server-core: /usr/sbin/mariadbd\n"
    assert bool(held_units(FakeDpkg(owners, held), ["mariadb.service"])) is untouched
    assert not held_units(FakeDpkg("", held), ["mariadb.service"])


@pytest.mark.parametrize("name", ["--purge", "a b", "", "UPPER", "x;y"])
def test_names_of_packages_are_checked(name: str) -> None:
    with pytest.raises(HostError, match="is not a package name"):
        check_packages([name])


def test_a_package_named_with_the_architecture_of_the_host_is_the_one_that_apt_lists_without() -> None:
    named = as_apt_lists_them(FakeDpkg(""), ["libldap:amd64", "libldap:i386", "slapd"])
    assert plan_hold(named, ["libldap", "slapd"], []) == HoldPlan(
        hold=("libldap:i386",), ours=("libldap:i386",)
    )
    assert plan_release(named, ["libldap", "slapd"], ["libldap"]) == HoldPlan(release=("libldap",))


def test_no_architecture_is_asked_for_where_none_is_named() -> None:
    dpkg = FakeDpkg("")
    assert as_apt_lists_them(dpkg, ["slapd"]) == ["slapd"]
    assert not dpkg.commands


class FakeLock(DpkgLock):
    """A lock of dpkg that somebody holds when apt-mark runs, as often as a test says."""

    def __init__(self, *holders: str) -> None:
        super().__init__(0)
        self.holders = [*holders]
        self.waited = 0

    def holder(self) -> str:
        return self.holders.pop(0) if self.holders else ""

    def wait(self) -> None:
        self.waited += 1


def test_a_failure_of_apt_is_told() -> None:
    with pytest.raises(HostError, match="apt-mark hold -- x failed: E: Unable to lock"):
        mark(FakeDpkg(""), "hold", ["x"], FakeLock())


def test_where_another_dpkg_was_faster_it_is_waited_for_again() -> None:
    lock = FakeLock("PID 1 (apt-get)", "PID 1 (apt-get)")
    with pytest.raises(HostError, match="apt-mark hold -- x failed"):
        mark(FakeDpkg(""), "hold", ["x"], lock)
    assert lock.waited == 3
