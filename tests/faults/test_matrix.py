"""The fault matrix on real hosts: no host is touched after the first fault, whatever the keywords of the play."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.cores.cores import Core, ends
from ansible_collections.orderly.services.tests.faults.cells import CELLS, HOSTS, Cell, Commands, play
from ansible_collections.orderly.services.tests.faults.matrix import counts, playbook_of, table
from ansible_collections.orderly.services.tests.faults.part import chosen
from ansible_collections.orderly.services.tests.faults.ssh_site import SshSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

TOUCHED = "/var/log/touched"
LOSE_SSH = "systemctl stop ssh; pkill -KILL sshd"


class Matrix:
    """Cells to play on the same four hosts, with the lock and without."""

    def __init__(self, folder: Path, hosts: Hosts, core: Core) -> None:
        self.folder = folder
        self.hosts = hosts
        self.program = playbook_of(core)

    def touched(self, *, lock: bool) -> dict[Cell, list[str]]:
        """Play every cell, and ask the hosts which of the plays they have seen."""
        self.hosts.everywhere(f": > {TOUCHED}", on=HOSTS)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda cell: self.play(cell, lock=lock), self.cells(loses_host=False)))
        for cell in self.cells(loses_host=True):  # it has the first host for itself
            self.play(cell, lock=lock)
            self.hosts.run(HOSTS[0], "systemctl reset-failed ssh; systemctl start ssh")
        seen = {host: self.hosts.run(host, f"cat {TOUCHED}").split() for host in HOSTS}
        return {cell: [host for host in HOSTS if self.key(cell) in seen[host]] for cell in CELLS}

    def cells(self, *, loses_host: bool) -> Iterator[Cell]:
        return (cell for cell in CELLS if (cell.fault == "unreachable") is loses_host)

    def key(self, cell: Cell) -> str:
        return f"cell{CELLS.index(cell)}"

    def play(self, cell: Cell, *, lock: bool) -> None:
        site = SshSite(self.folder / f"{self.key(cell)}-{lock}", self.hosts, HOSTS, self.program)
        commands = Commands(f"echo {self.key(cell)} >> {TOUCHED}", fail='"false"', vanish=LOSE_SSH)
        (site.folder / "play.yml").write_text(play(cell, commands, lock=lock))
        said = site.play()
        fault = "unreachable=1" if cell.fault == "unreachable" else "failed=1"
        assert fault in said, said


@pytest.mark.parametrize("core", chosen(ends(), 0), ids=lambda core: core.release)
def test_no_host_is_touched_after_the_first_fault(
    core: Core, hosts: Hosts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = Matrix(tmp_path, hosts, core)
    locked, stock = counts(matrix.touched(lock=True)), counts(matrix.touched(lock=False))
    with capsys.disabled():
        print(table(f"ansible-core {core.version}, four hosts over ssh", locked, stock))
    assert not any(locked.values())
    assert any(stock.values()), "a matrix in which Ansible alone stops everywhere cannot tell anything"
