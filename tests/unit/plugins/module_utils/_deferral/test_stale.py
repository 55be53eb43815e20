from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._deferral.stale import Running, stale_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CASES = [
    (Running("a.service", 100, 0), 99, False),
    (Running("a.service", 100, 0), 101, True),
    (Running("a.service", 100, 50), 101, True),  # an interpreter, which did not change
    (Running("a.service", 100, 100.9), 101, False),  # a reload has executed the new program
]


@pytest.mark.parametrize(("running", "changed", "expected"), CASES)
def test_what_was_started_before_its_package_changed_is_stale(
    running: Running, changed: float, *, expected: bool
) -> None:
    assert running.outlives(changed) is expected


class Host:
    """Answers about a unit that was started a minute ago, and whose files are of the package demo."""

    pid = "7"

    def run(self, args: Sequence[str], *, environ_update: Mapping[str, str]) -> tuple[int, str, str]:
        if args[0] == "dpkg-query":
            return 0, "demo:amd64: /lib/systemd/system/demo.service\n", ""
        started = int((time.monotonic() - 60) * 1_000_000)
        return 0, (
            f"Id=demo.service\nMainPID={self.pid}\nExecMainStartTimestampMonotonic={started}\n"
            "FragmentPath=/lib/systemd/system/demo.service\n"
        ), environ_update["LC_ALL"]  # fmt: skip


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    info = tmp_path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "demo:amd64.list").touch()
    return info / "demo:amd64.list"


def test_a_unit_is_named_with_the_packages_that_changed(tmp_path: Path, unpacked: Path) -> None:
    host = Host()
    assert stale_units(host.run, ["demo.service"], tmp_path) == {"demo.service": ("demo",)}
    os.utime(unpacked, (time.time() - 120,) * 2)
    assert stale_units(host.run, ["demo.service"], tmp_path) == {}


@pytest.mark.usefixtures("unpacked")
def test_a_template_and_a_unit_without_a_process_are_not_looked_at(tmp_path: Path) -> None:
    host = Host()
    host.pid = "0"
    assert stale_units(host.run, ["demo.service", "demo@.service"], tmp_path) == {}
