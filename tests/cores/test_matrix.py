"""The fault matrix on every supported ansible-core, with local connections: no host after the first fault."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.cores.cores import CORES, Core, ends
from ansible_collections.orderly.services.tests.faults.cells import CELLS, Cell
from ansible_collections.orderly.services.tests.faults.local_site import Site
from ansible_collections.orderly.services.tests.faults.matrix import counts, playbook_of, table

if TYPE_CHECKING:
    from pathlib import Path

# tests/faults play the oldest that can be played over ssh.
RELEASES = CORES if os.environ.get("CORES") == "all" else [core for core in CORES if core not in ends()[:1]]


# With strategy free Ansible heeds no keyword, and a release in a block is its host's own.
FREE = [Cell(fault, serial, "no keyword") for fault in ("failed", "unreachable") for serial in ("1", "2")]


def play_all(
    program: Path, folder: Path, cells: list[Cell] = CELLS, *, lock: bool, free: bool = False
) -> dict[Cell, list[str]]:
    sites = [Site(folder / str(number), program) for number in range(len(cells))]

    def play(cell: Cell, site: Site) -> list[str]:
        site.write(*cell, lock=lock)
        if free:
            site.go_free()
        site.play()
        return site.touched

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cells, pool.map(play, cells, sites), strict=True))


@pytest.mark.parametrize("core", RELEASES, ids=lambda core: core.release)
def test_no_host_is_touched_after_the_first_fault(
    core: Core, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = playbook_of(core)
    locked = counts(play_all(program, tmp_path / "locked", lock=True))
    free = counts(play_all(program, tmp_path / "free", FREE, lock=True, free=True))
    stock = counts(play_all(program, tmp_path / "stock", lock=False))
    with capsys.disabled():
        print(table(f"ansible-core {core.version}", locked, stock))
    assert not any(locked.values())
    assert not any(free.values())
    assert any(stock.values()), "a matrix in which Ansible alone stops everywhere cannot tell anything"
