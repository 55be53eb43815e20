"""Every way in which a package restarts its service, on real hosts of each release.

`make ways` plays Debian 11, 12 and 13; CI plays Debian 12 alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.faults.hosts import ROOT, Hosts
from ansible_collections.orderly.services.tests.ways.ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SUITES = os.environ.get("WAYS", "bookworm").split()
PROGRAM = "/var/tmp/ways.py"


class HostOf(Hosts):
    """A fleet with one host of a release."""

    def __init__(self, fleet: str, suite: str) -> None:
        super().__init__(fleet, (f"w-{suite}",))
        self.suite = suite

    def up(self) -> HostOf:
        self._fleet("up", "--suite", self.suite, *self.names)
        return self


@pytest.fixture(params=SUITES)
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hosts]:
    with HostOf(os.environ.get("FLEET", "ways"), request.param) as host:
        defer(host, tmp_path)
        host.run(host.names[0], f"cat >{PROGRAM}", (HERE / "ways.py").read_bytes())
        yield host


def defer(host: Hosts, folder: Path) -> None:
    """Turn automatic restarts off, and list the units of the ways, as a user would."""
    (folder / "roles/demo/meta").mkdir(parents=True)
    units = ", ".join(way.service for way in WAYS)
    (folder / "roles/demo/meta/service.yml").write_text(f"stage: demo\nunits: [{units}]\n")
    (folder / "inventory.yml").write_text(f"demo: {{hosts: {{{host.names[0]}: }}}}\n")
    (folder / "site.yml").write_text((HERE / "site.yml").read_text())
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "ansible-playbook", "-i", host.inventory, "-i", "inventory.yml"),
            *("--limit", host.names[0], "site.yml"),
        ],
        cwd=folder, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def test_every_way_ends_as_the_table_says(host: Hosts) -> None:
    said = host.run(host.names[0], f"python3 {PROGRAM} 2>&1 || :")
    lines = [line for line in said.splitlines() if line.startswith(("ok ", "FAILED "))]
    (ROOT / ".build/ways").mkdir(parents=True, exist_ok=True)
    (ROOT / f".build/ways/{host.names[0]}.log").write_text(said)
    print("\n".join(lines))
    assert [line for line in lines if line.startswith("FAILED")] == []
    assert len(lines) == len(WAYS), said[-2000:]
