"""Fleets for random rolls: six hosts each, on which packages may not restart what is listed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.faults.hosts import Hosts
from ansible_collections.orderly.services.tests.faults.local_site import ROOT, THIS_CORE
from ansible_collections.orderly.services.tests.rolls.world import HOSTS

if TYPE_CHECKING:
    from collections.abc import Iterator

INVENTORY = "all: {children: {any: {hosts: {%s}}}}\n"


@contextmanager
def fleet(number: int) -> Iterator[list[Hosts]]:
    """Give a number of fleets, which are gone at the end."""
    name = os.environ.get("FLEET", "rolls")
    with ExitStack() as stack:
        fleets = [stack.enter_context(Hosts(f"{name}{each}", HOSTS)) for each in range(1, number + 1)]
        with ThreadPoolExecutor(number) as pool:
            list(pool.map(defer, fleets))
        yield fleets


def defer(hosts: Hosts) -> None:
    """Set up deferral, as a user does."""
    with tempfile.TemporaryDirectory() as folder:
        role = Path(folder) / "roles/any/meta"
        role.mkdir(parents=True)
        (role / "service.yml").write_text("units: [any.service]\n")
        (Path(folder) / "inventory.yml").write_text(
            INVENTORY % ", ".join(f"{name}: " for name in hosts.names)
        )
        subprocess.run(
            [
                THIS_CORE, f"--inventory={hosts.inventory}", "--inventory=inventory.yml",
                "orderly.services.defer_restarts",
            ],
            cwd=folder, check=True, stdout=subprocess.PIPE,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build"), "ANSIBLE_HOME": f"{folder}/home"},
        )  # fmt: skip
