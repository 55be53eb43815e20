"""Controllers in containers: what they are to a run is that nobody sees the processes of another one.

``unshare`` makes a container of what tells controllers apart, and of nothing else: namespaces of processes, mounts and
names, with a machine id of its own, or with that of an image. No image is built and nothing is installed, so the
programs are those of this machine. The network is shared: an etcd is reached as over any network. A folder of all
controllers is bind-mounted in each, as it is done to share one SQLite file. A container lives until it is killed, or
its maker has ended, so a controller can be killed alone, or with everything that runs beside it.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.orderly.services.tests.faults.local_site import PLAY_SECONDS
from ansible_collections.orderly.services.tests.faults.ssh_site import SshSite

if TYPE_CHECKING:
    from types import TracebackType

    from ansible_collections.orderly.services.tests.faults.hosts import Hosts

SHARED = "/mnt"  # where each container has the folder of all
BEGIN = """
hostname "$1"
if [ -e /etc/machine-id ]; then
  mount --bind "$2/machine-id" /etc/machine-id
else # on a machine that has none there is nothing to mount it on
  cp -a /etc "$2/etc"
  cp "$2/machine-id" "$2/etc/machine-id"
  mount --bind "$2/etc" /etc
fi
mount --bind "$3" /mnt
echo ready
exec cat
"""
ENTERED = 'cd "$1"; shift; exec "$@"'  # who enters the mounts of others stands at their root
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc")
HEARTBEAT = b"_run.heartbeat"


class Container:
    """A container, as a context, and what runs in it."""

    def __init__(self, folder: Path, hostname: str, machine: str) -> None:
        self.folder = folder
        folder.mkdir()
        shared_by(folder).mkdir(exist_ok=True)
        (folder / "machine-id").write_text(f"{machine}\n")
        self._outer = subprocess.Popen(
            [
                "unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc",
                "sh", "-euc", BEGIN, "sh", hostname, str(folder), str(shared_by(folder)),
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._outer.stdout
        assert self._outer.stdout.readline() == "ready\n"
        (self._init,) = children(self._outer.pid)

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: object, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def program(self, program: Path) -> Path:
        """Give a program that runs another one in here."""
        entered = self.folder / program.name
        command = shlex.join(["nsenter", f"--target={self._init}", *NAMESPACES, "sh", "-euc", ENTERED, "sh"])
        entered.write_text(f'#!/bin/sh\nexec {command} "$PWD" {shlex.quote(str(program))} "$@"\n')
        entered.chmod(0o755)
        return entered

    def kill(self) -> None:
        """End at once whatever runs in here; the kernel does it when the first process is gone."""
        if self._outer.poll() is None:
            os.kill(self._init, signal.SIGKILL)
        self._outer.wait()

    def keeper(self) -> int:
        """Find the one process that says in the store that a run in here is alive."""
        (found,) = [
            int(process.name)
            for process in Path("/proc").glob("[0-9]*")
            if HEARTBEAT in _read(process / "cmdline") and self._has(process)
        ]
        return found

    def _has(self, process: Path) -> bool:
        return (process / "ns/pid").readlink() == Path(f"/proc/{self._init}/ns/pid").readlink()


def shared_by(folder: Path) -> Path:
    """Name the folder that containers and sites beside each other share."""
    return folder.with_name("shared")


def children(process: int) -> list[int]:
    """Name the processes that a process with one thread has started."""
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


class ContainersSite(SshSite):
    """Hosts of a service whose budget is one, and the playbooks that controllers in containers run for them."""

    def __init__(self, folder: Path, hosts: Hosts, names: tuple[str, ...], store: str = "") -> None:
        super().__init__(folder / "site", hosts, names, store=store or f"sqlite://{SHARED}/store.db")
        self.store = store or f"sqlite://{shared_by(self.folder)}/store.db"
        (self.folder / "roles/web/meta/service.yml").write_text("service: web\nmax_unavailable: 1\n")

    def start_in(self, box: Container, playbook: str, *arguments: str, log: str) -> subprocess.Popen[bytes]:
        """Start a playbook of the collection in a container."""
        own = {
            "ANSIBLE_HOME": str(self.folder / box.folder.name),
            "XDG_CACHE_HOME": str(box.folder / "cache"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"/tmp/orderly-ssh-{os.getpid()}-{box.folder.name}",
        }
        with (self.folder / log).open("wb") as out:
            return subprocess.Popen(
                [
                    box.program(self.program), *(f"--inventory={each}" for each in self.inventories),
                    f"orderly.services.{playbook}", *arguments,
                ],
                cwd=self.folder, env={**self.environ(), **own}, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def run_in(self, box: Container, playbook: str, *arguments: str) -> str:
        """Run a playbook in a container to its end, and give what it said."""
        log = f"{box.folder.name}-{playbook}.log"
        return self.ended(self.start_in(box, playbook, *arguments, log=log), log)

    def ended(self, run: subprocess.Popen[bytes], log: str) -> str:
        """Wait for the end of a run, and give what it said."""
        status = run.wait(PLAY_SECONDS)
        return f"{self.said(log)} status={status}"
