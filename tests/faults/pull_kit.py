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
COMPILE = "python3 -m compileall -q --invalidation-mode unchecked-hash -x /ansible/modules/"
WANTED = ("ansible-core==2.19.14",)
FETCH = (
    "mkdir -p packages/partial; apt-get -qq update; apt-get -qq -y -o Dir::Cache::archives=$PWD/packages"
    " --no-install-recommends --download-only --reinstall install git libfaketime"
)
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
    first, *others = hosts.names
    unpack = f"rm -rf {HERE}; mkdir -p {HERE}; tar -x -C {HERE}"
    hosts.run(first, unpack, make(folder))
    # Fetched and compiled once: ten hosts that do it at the same time take minutes.
    hosts.run(first, f"cd {HERE}; {COMPILE} . > /dev/null; {FETCH} > /dev/null")
    hosts.everywhere(unpack, hosts.run_raw(first, f"tar -c -C {HERE} ."), on=others)
    hosts.everywhere(f"dpkg -i {HERE}/packages/*.deb > /dev/null")
