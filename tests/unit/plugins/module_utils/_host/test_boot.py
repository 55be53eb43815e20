from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.boot import (
    asked_by_packages,
    is_home_of,
    this_boot,
)
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run

if TYPE_CHECKING:
    from pathlib import Path

RUN: dict[str, Any] = {"boot": "b1", "namespace": "pid:[7]", "pid": 42, "started": 900}


class Proc:
    """A host's /proc, as far as it is looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc/sys/kernel/random").mkdir(parents=True)
        self.boots("b1")
        self.has(1, started=10)

    def boots(self, boot: str) -> None:
        (self.root / "proc/sys/kernel/random/boot_id").write_text(f"{boot}\n")

    def has(self, pid: int, *, started: int, inside: str = "", namespace: str = "pid:[7]") -> None:
        folder = self.root / f"proc/{pid}"
        (folder / "ns").mkdir(parents=True, exist_ok=True)
        fields = " ".join(map(str, [*range(4, 22), started, 0]))
        (folder / "stat").write_text(f"{pid} (a) name) S {fields}\n")
        (folder / "status").write_text(f"Name:\tx\nNSpid:\t{pid} {inside}\n")
        (folder / "ns/pid").unlink(missing_ok=True)
        (folder / "ns/pid").symlink_to(namespace)


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_another_boot_of_a_machine_has_another_name(proc: Proc) -> None:
    before = this_boot(proc.root)
    proc.boots("b2")
    assert this_boot(proc.root) != before


def test_another_boot_of_a_container_has_another_name_though_the_boot_id_is_the_kernels(proc: Proc) -> None:
    before = this_boot(proc.root)
    assert this_boot(proc.root) == before
    proc.has(1, started=99)
    assert this_boot(proc.root) != before


def test_packages_that_ask_for_a_reboot_are_named_once(proc: Proc) -> None:
    assert asked_by_packages(proc.root) == ""
    (proc.root / "run").mkdir()
    (proc.root / "run/reboot-required").touch()
    assert asked_by_packages(proc.root) == "packages requested a reboot"
    (proc.root / "run/reboot-required.pkgs").write_text("linux-base\nlibc6\nlinux-base\n")
    assert asked_by_packages(proc.root) == "packages requested a reboot: linux-base, libc6"


def test_a_host_on_which_the_run_works_is_its_home(proc: Proc) -> None:
    proc.has(42, started=900)
    assert is_home_of(RUN, proc.root)


def test_a_host_with_a_container_in_which_the_run_works_is_its_home(proc: Proc) -> None:
    proc.has(7001, started=900, inside="42")
    assert is_home_of(RUN, proc.root)


OTHERS = [
    {"pid": 42, "started": 901},  # the PID was given again
    {"pid": 43, "started": 900},
    {"pid": 7001, "started": 900, "inside": "43"},
    {"pid": 42, "started": 900, "namespace": "pid:[8]"},  # of a container beside the run's
]


@pytest.mark.parametrize("process", OTHERS)
def test_another_process_makes_a_host_not_its_home(proc: Proc, process: dict[str, Any]) -> None:
    proc.has(**process)
    assert not is_home_of(RUN, proc.root)


def test_a_host_with_another_kernel_is_not_its_home_whatever_runs_there(proc: Proc) -> None:
    proc.has(42, started=900)
    proc.boots("b2")
    assert not is_home_of(RUN, proc.root)


def test_this_machine_is_the_home_of_this_process() -> None:
    run = this_run(os.getpid()).as_document()
    assert is_home_of(run)
    assert not is_home_of({**run, "pid": 1 << 22})
