"""The installer of packages, with stand-ins for apt and dpkg: the real ones are met in the clean room."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "setup/packages"
HELD = (
    "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4242 (unattended-upgr)\n"
    "E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?"
)
STAND_INS = {
    "id": "echo 0",
    "dpkg-query": 'case $3 in make) printf installed ;; *) exit 1 ;; esac',
    "apt-get": 'echo "$@" >>asked',
    "sleep": "exec /bin/sleep 0.01",  # so that nobody waits here
}  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    for name, script in STAND_INS.items():
        place(tmp_path, name, script)
    return tmp_path


def place(machine: Path, name: str, script: str) -> None:
    (machine / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (machine / "bin" / name).chmod(0o755)


def install(machine: Path, *names: str) -> subprocess.CompletedProcess[str]:
    path = f"{machine / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        [PACKAGES, *names], cwd=machine, env={"PATH": path}, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def asked(machine: Path) -> list[str]:
    file = machine / "asked"
    return [line.split()[-1] for line in file.read_text().splitlines()] if file.exists() else []


def test_what_is_there_is_not_asked_for(machine: Path) -> None:
    done = install(machine, "make")
    assert (done.returncode, done.stderr, asked(machine)) == (0, "", [])


def test_only_what_is_missing_is_installed(machine: Path) -> None:
    done = install(machine, "make", "podman")
    assert (done.returncode, done.stderr) == (0, "Installing podman \n")
    assert asked(machine) == ["update", "podman"]


def test_a_lock_is_waited_for_and_its_holder_is_named(machine: Path) -> None:
    place(machine, "date", "echo tick >>ticks; echo $((5 * $(wc -l <ticks)))")
    place(
        machine, "apt-get", f'echo x >>tries; [ "$(wc -l <tries)" -gt 2 ] || {{ echo "{HELD}"; exit 100; }}'
    )
    done = install(machine, "podman")
    assert done.returncode == 0
    assert (
        "waiting for apt: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4242 (unattended-upgr)"
        in done.stderr
    )


def test_a_failure_is_told_in_the_words_of_apt(machine: Path) -> None:
    place(
        machine,
        "apt-get",
        'case "$*" in *install*) echo "E: Unable to locate package podman"; exit 100 ;; esac',
    )
    done = install(machine, "podman")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-2:] == [
        "E: Unable to locate package podman",
        "apt-get could not install podman ; what it said is above.",
    ]


def test_who_may_not_install_is_told_what_is_missing(machine: Path) -> None:
    place(machine, "id", "echo 1000")
    place(machine, "sudo", "exit 1")
    done = install(machine, "podman")
    assert done.returncode == 1
    assert "These packages are missing: podman" in done.stderr
    assert "sudo asks for a password, and there is no terminal to type it at." in done.stderr
    assert asked(machine) == []
