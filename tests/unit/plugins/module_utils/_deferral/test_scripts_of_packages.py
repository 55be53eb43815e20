from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.scripts_of_packages import (
    PackageScripts,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

STOPS = "systemctl stop db\n"


class FakeHost:
    """A host with db.service of the package db, whose installed version is 2."""

    def __init__(self, root: Path) -> None:
        self.info, self.archives = root / "var/lib/dpkg/info", root / "var/cache/apt/archives"
        for folder in (self.info, self.archives):
            folder.mkdir(parents=True)
        self.commands: list[list[str]] = []

    def __call__(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if environ_update != {"LC_ALL": "C"}:
            raise AssertionError(f"{args} depends on the language of the host")
        self.commands.append([*args])
        if args[0] == "systemctl":
            return (
                0,
                "FragmentPath=/lib/systemd/system/db.service\nExecStart=\nNames=db.service database.service\n",
                "",
            )
        if args[1] == "--search":
            return 0, "db: /lib/systemd/system/db.service\n", ""
        if args[1] == "--show":
            return 0, "install\tinstalled\tok\tdb\tdb\t2\n", ""
        if args[1] == "--compare-versions":
            return (0 if args[2] > args[4] else 1), "", ""
        return 0, self.archives.joinpath(str(args[2])).read_text(), ""


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def why(host: FakeHost, tmp_path: Path) -> str:
    found = PackageScripts(host, tmp_path).why_hold(["db.service"])
    return f"{found.script.name} {found.script.version}" if found else ""


@pytest.mark.parametrize("name", ["db.prerm", "db:amd64.preinst"])
def test_the_installed_version_tells(host: FakeHost, tmp_path: Path, name: str) -> None:
    (host.info / name).write_text(STOPS)
    assert why(host, tmp_path) == f"{name.split('.')[1]} 2"


def test_a_newer_version_that_was_fetched_tells_before_it(host: FakeHost, tmp_path: Path) -> None:
    (host.info / "db.preinst").write_text(STOPS)
    (host.archives / "db_1%3a3_amd64.deb").write_text("true\n")
    assert why(host, tmp_path) == "preinst 2"
    (host.archives / "db_3%3a1_amd64.deb").write_text(STOPS)
    assert why(host, tmp_path) == "preinst 3:1"


def test_an_older_version_that_lies_about_does_not(host: FakeHost, tmp_path: Path) -> None:
    (host.archives / "db_1_amd64.deb").write_text(STOPS)
    (host.archives / "db_2_amd64.deb").write_text(STOPS)
    assert why(host, tmp_path) == ""


def test_a_unit_is_known_by_all_its_names(host: FakeHost, tmp_path: Path) -> None:
    (host.info / "db.prerm").write_text("systemctl stop other.service\n")
    assert why(host, tmp_path) == ""
    (host.info / "db.prerm").write_text("systemctl stop database.service\n")
    assert why(host, tmp_path) == "prerm 2"


def test_what_is_not_text_says_nothing(host: FakeHost, tmp_path: Path) -> None:
    (host.info / "db.prerm").write_bytes(b"\x7fELF\xff\x00\n" * 9)
    assert why(host, tmp_path) == ""


def test_the_refusal_names_package_reason_and_what_to_type(host: FakeHost, tmp_path: Path) -> None:
    (host.info / "db.prerm").write_text(f"true\n{STOPS}")
    found = PackageScripts(host, tmp_path).why_hold(["db.service"])
    assert found
    assert refusal("db", "db_deferral", ["db.service"], found) == (
        "db cannot be upgraded while db.service runs, so the restarts of db cannot be deferred by denying them: the "
        'prerm of version 2 stops it without asking (line 2: "systemctl stop db"). Set "db_deferral: hold" in the '
        'inventory, or "deferral: hold" in the meta/service.yml of its role, so that the package waits as well; or '
        '"db_deferral: block" in the inventory if you know better.'
    )
