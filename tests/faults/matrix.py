"""Play the cells of the fault matrix, and count the hosts that were touched after the first fault."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.cores.cores import Core, find_python, install
from ansible_collections.orderly.services.tests.faults.cells import HOSTS, Cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Touched = Mapping[Cell, list[str]]


def playbook_of(core: Core) -> Path:
    """Give a release's program, installed the first time; without a Python for it a test fails where one can be had."""
    python = find_python(core)
    if not python:
        words = f"ansible-core {core.version} needs Python {' or '.join(core.pythons)}, with venv, and none is here"
        (pytest.fail if os.environ.get("CI") or shutil.which("pyenv") else pytest.skip)(words)
    install(core, python)
    return core.folder / "bin/ansible-playbook"


def later(cell: Cell, touched: list[str]) -> int:
    """Count the hosts beyond the batch that had the fault, which must have been touched itself."""
    batch = list(HOSTS[: int(cell.serial)])
    assert sorted(touched)[: len(batch)] == batch, f"{cell}: {touched}"
    return len(touched) - len(batch)


def counts(touched: Touched) -> dict[Cell, int]:
    """Count for every cell."""
    return {cell: later(cell, hosts) for cell, hosts in touched.items()}


def table(title: str, locked: Mapping[Cell, int], stock: Mapping[Cell, int]) -> str:
    """Write the counts beside those of Ansible alone."""
    rows = [f"  {cell!s:<58}{locked[cell]:>9}{stock[cell]:>15}" for cell in locked]
    ends = [sum(map(bool, each.values())) for each in (locked, stock)]
    return "\n".join(
        [
            f"\n{title}: hosts touched after the first fault",
            f"  {'cell':<58}{'with lock':>9}{'Ansible alone':>15}",
            *rows,
            f"  {f'cells that go on, of {len(locked)}':<58}{ends[0]:>9}{ends[1]:>15}",
        ]
    )
