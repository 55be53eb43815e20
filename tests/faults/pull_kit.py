"""What a host needs to run ansible-pull: ansible-core and this collection in one folder, and git."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.faults.local_site import ROOT, THIS_CORE

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

HERE = "/opt/ansible"
PYTHON = "3.11"  # that of the hosts
WANTED = ("ansible-core==2.19.14", "etcd3gw==2.7.0")
ENVIRON = (
    f"PYTHONPATH={HERE} PATH={HERE}/bin:$PATH ANSIBLE_COLLECTIONS_PATH={HERE}/collections ANSIBLE_NOCOLOR=1"
)


def run(*command: str | Path, **environ: str) -> None:
    environ = {**os.environ, **environ}
    subprocess.run(command, check=True, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)


def make(folder: Path) -> bytes:
    """Put everything into an archive; the collection is installed as its users do it."""
    kit = folder / "kit"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    platform = f"manylinux2014_{os.uname().machine}"
    run(
        *pip, "--target", kit, "--only-binary=:all:", "--python-version", PYTHON, "--platform", platform, *WANTED
    )  # fmt: skip
    for script in (kit / "bin").iterdir():
        head, _newline, rest = script.read_bytes().partition(b"\n")
        if head.startswith(b"#!") and b"python" in head:
            script.write_bytes(b"#!/usr/bin/python3\n" + rest)
    galaxy = THIS_CORE.with_name("ansible-galaxy")
    run(galaxy, "collection", "build", "--force", "--output-path", folder)
    built, place = next(folder.glob("*.tar.gz")), kit / "collections"
    # Elsewhere it may be installed already, and would not be again.
    run(galaxy, "collection", "install", "--offline", "-p", place, built, ANSIBLE_COLLECTIONS_PATH=str(place))
    shutil.rmtree(kit / "ansible_test")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(kit, ".")
    return archive.getvalue()


def install(hosts: Hosts, folder: Path) -> None:
    """Give the kit to all hosts, and a library that lets clocks be wrong."""
    hosts.everywhere(f"rm -rf {HERE}; mkdir -p {HERE}; tar -x -C {HERE}", make(folder))
    apt = "apt-get -qq -y --no-install-recommends install git libfaketime"
    hosts.everywhere(f"command -v git > /dev/null || {{ apt-get -qq update; {apt}; }} > /dev/null 2>&1")
