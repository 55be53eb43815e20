"""What runs replaced programs or libraries is found in /proc."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.replaced_files import (
    units_with_replaced_files,
)

if TYPE_CHECKING:
    from pathlib import Path

LINE = "7f1c4a-7f1c4b {} 00001000 08:01 4242                 {}\n"
WHOLE = LINE.format("r-xp", "/usr/sbin/webd") + LINE.format("rw-p", "[heap]")
REPLACED = WHOLE + LINE.format("r-xp", "/usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)")


def process(root: Path, pid: int, maps: str, cgroup: str) -> None:
    folder = root / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "maps").write_text(maps)
    (folder / "cgroup").write_text(cgroup)


def test_services_that_execute_replaced_files_are_named_once_in_order(tmp_path: Path) -> None:
    process(tmp_path, 1, WHOLE, "0::/init.scope\n")
    process(tmp_path, 7, REPLACED, "0::/system.slice/web.service\n")
    process(tmp_path, 8, REPLACED, "0::/system.slice/web.service/worker\n")
    process(tmp_path, 9, REPLACED, "12:pids:/x\n1:name=systemd:/db.slice/db-big.slice/db@1.service\n")
    process(tmp_path, 10, WHOLE, "0::/system.slice/well.service\n")
    assert units_with_replaced_files(tmp_path) == ["db@1.service", "web.service"]


@pytest.mark.parametrize(
    "maps",
    [
        LINE.format("rw-s", "/usr/share/data (deleted)"),
        LINE.format("r-xp", "/tmp/jit (deleted)"),
        LINE.format("rwxp", "/memfd:code (deleted)"),
        LINE.format("r-xp", "/usr/lib/odd (deleted) name"),
    ],
)
def test_what_is_no_program_of_a_package_is_not_meant(tmp_path: Path, maps: str) -> None:
    process(tmp_path, 7, maps, "0::/system.slice/web.service\n")
    assert units_with_replaced_files(tmp_path) == []


@pytest.mark.parametrize(
    "program", ["/lib/x.so", "/lib64/ld.so", "/bin/sh", "/sbin/init", "/opt/a/b", "/usr/libexec/x"]
)
def test_packages_bring_programs_to_these_folders(tmp_path: Path, program: str) -> None:
    process(tmp_path, 7, LINE.format("r-xp", f"{program} (deleted)"), "0::/system.slice/web.service\n")
    assert units_with_replaced_files(tmp_path) == ["web.service"]


@pytest.mark.parametrize(
    "group",
    [
        "/user.slice/user-1000.slice/user@1000.service/app.slice/x.service",
        "/machine.slice/libpod-1.scope",
        "/init.scope",
    ],
)
def test_users_and_containers_are_not_meant(tmp_path: Path, group: str) -> None:
    process(tmp_path, 1, WHOLE, "0::/init.scope\n")
    process(tmp_path, 7, REPLACED, f"0::{group}\n")
    assert units_with_replaced_files(tmp_path) == []


def test_a_container_that_is_a_host_itself_finds_its_own(tmp_path: Path) -> None:
    process(tmp_path, 1, WHOLE, "0::/machine.slice/libpod-1.scope/init.scope\n")
    process(tmp_path, 7, REPLACED, "0::/machine.slice/libpod-1.scope/system.slice/web.service\n")
    process(tmp_path, 8, REPLACED, "0::/machine.slice/libpod-2.scope/system.slice/other.service\n")
    assert units_with_replaced_files(tmp_path) == ["web.service"]


def test_a_proc_that_tells_nothing_is_not_taken_for_a_host_that_is_well(tmp_path: Path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    with pytest.raises(HostError, match="no process can be read in "):
        units_with_replaced_files(tmp_path)
