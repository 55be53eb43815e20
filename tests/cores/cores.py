# Copyright (c) The orderly.services maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Play site.yml on real hosts with every ansible-core that the collection supports, each on a host of its own.

Run: tests/env python tests/cores/cores.py [RELEASE…], or --ends for the oldest and the newest alone. The releases
are installed below .build/cores at their first run. One for which this machine has no Python is named and passed over.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / ".build"
FLEET = ROOT / "tests/fleet/fleet"
SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class Core:
    """A release of ansible-core, and the Pythons that can run it."""

    version: str
    pythons: tuple[str, ...]

    @property
    def release(self) -> str:
        """Its first two numbers."""
        return self.version.rpartition(".")[0]

    @property
    def host(self) -> str:
        """The host that it plays on."""
        return f"core{self.release.replace('2.', '')}"

    @property
    def folder(self) -> Path:
        """Its virtual environment."""
        return BUILD / "cores" / self.version


CORES = (
    Core("2.16.19", ("3.12", "3.11")),
    Core("2.17.14", ("3.12", "3.11")),
    Core("2.18.19", ("3.13", "3.12", "3.11")),
    Core("2.19.14", ("3.13", "3.12", "3.11")),
    Core("2.20.10", ("3.14", "3.13", "3.12")),
    Core("2.21.5", ("3.14", "3.13", "3.12")),
)


def run(*command: str | Path) -> str:
    """Run a command that must succeed, and give what it prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def find_python(core: Core) -> str:
    """Name a Python that can run a release, one on PATH or of pyenv; an empty text where there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in core.pythons:
        names = [f"python{version}", *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
        for found in filter(None, map(shutil.which, names)):
            # A shim of pyenv is on PATH also where it has no such version to run.
            if not subprocess.run(
                [found, "-c", "import ensurepip, venv"], capture_output=True, check=False
            ).returncode:
                return found
    return ""


def ends() -> list[Core]:
    """The oldest and the newest release that this machine has a Python for."""
    runnable = [core for core in CORES if find_python(core)]
    return runnable[:1] + runnable[1:][-1:]


def install(core: Core, python: str) -> None:
    """Install a release into its own virtual environment, unless it is there."""
    ready = core.folder / ".ready"
    if not ready.exists():
        shutil.rmtree(core.folder, ignore_errors=True)
        run(python, "-m", "venv", core.folder)
        pip = core.folder / "bin/pip"
        run(pip, "install", "--quiet", "--disable-pip-version-check", f"ansible-core=={core.version}")
        ready.touch()


def play(core: Core, inventory: str) -> tuple[Core, str, float]:
    """Play the site with a release; give what was wrong, if anything, and how long it took."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"orderly-{core.host}-") as folder:
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(BUILD),
            "ANSIBLE_HOME": folder,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "1",
            "CORES_STORE": f"{folder}/store.db",
        }
        playbook = core.folder / "bin/ansible-playbook"
        done = subprocess.run(
            [playbook, "-i", inventory, "-i", "inventory.yml", "--limit", core.host, "site.yml"],
            cwd=HERE, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    trouble = done.stdout + done.stderr if done.returncode else ""
    return core, trouble, time.monotonic() - begin


def play_all(cores: dict[Core, str]) -> list[tuple[Core, str, float]]:
    """Play with all of these releases, each on a host that is removed in the end."""
    try:
        inventory = run(FLEET, "--fleet", "cores", "up", *(core.host for core in cores)).strip()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            list(pool.map(install, cores, cores.values()))
            return list(pool.map(partial(play, inventory=inventory), cores))
    finally:
        run(FLEET, "--fleet", "cores", "down")


def main(wanted: list[str]) -> int:
    """Play with all releases, with those that are named, or with the oldest and the newest that run here."""
    only_ends = wanted == ["--ends"]
    pythons = {core: find_python(core) for core in CORES if only_ends or not wanted or core.release in wanted}
    runnable = {
        core: python for core, python in pythons.items() if python and (not only_ends or core in ends())
    }
    try:
        results = play_all(runnable) if runnable else []
    except subprocess.CalledProcessError as exc:
        print(f"failed, see above: {' '.join(map(str, exc.cmd))}", file=sys.stderr)
        return 1
    for core, trouble, took in results:
        print(f"{trouble}\nansible-core {core.version}: {'FAILED' if trouble else 'ok'} in {took:.0f} s")
    for core in (core for core, python in pythons.items() if not python):
        print(f"ansible-core {core.version}: not tried, there is no Python {' or '.join(core.pythons)} here")
    return 1 if not results or any(trouble for _core, trouble, _took in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
