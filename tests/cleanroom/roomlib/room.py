"""Adapter: a bare root, and how a command is run in it as if it were a machine of its own."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from fleetlib import machine, sources
from fleetlib.errors import FleetError
from fleetlib.recipe import apt_lines
from fleetlib.shell import Shell, say
from project_files import project_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENTER = Path(__file__).with_name("enter.sh")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
PIP = Path("/etc/pip.conf")
START_SECONDS = 20.0
NAME = "op"


@dataclass(frozen=True)
class Visitor:
    """Who runs the command, and what the machine's root may not do."""

    is_root: bool = True
    may_sudo: bool = True
    dropped: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """Where the copy of the checkout is put."""
        return "/root" if self.is_root else f"/home/{NAME}"

    @property
    def environment(self) -> dict[str, str]:
        """All there is of it; Debian's PATH of a user names no sbin folder."""
        name = "root" if self.is_root else NAME
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        if not self.is_root:
            path = "/usr/local/bin:/usr/bin:/bin"
        return {"HOME": self.home, "USER": name, "LOGNAME": name, "PATH": path}

    @property
    def setpriv(self) -> list[str]:
        """Become this person, in a machine with these rights."""
        who = [] if self.is_root else [f"--reuid={NAME}", f"--regid={NAME}", "--init-groups"]
        drop = ",".join(f"-{capability.lower().removeprefix('cap_')}" for capability in self.dropped)
        return ["setpriv", *who, *([f"--bounding-set={drop}"] if drop else []), "--"]


@dataclass(frozen=True)
class Room:
    """One bare root."""

    root: Path
    visitor: Visitor

    @property
    def checkout(self) -> str:
        """The copy of the checkout, as it is called inside."""
        return f"{self.visitor.home}/orderly.services"

    def prepare(self, checkout: Path, packages: Sequence[str]) -> None:
        """Make the user, install what is said to be there already, and copy the tracked files."""
        visitor = self.visitor
        script = ["set -e"]
        wanted = [*packages, *(["sudo"] if visitor.may_sudo and not visitor.is_root else [])]
        if wanted:
            install = f"apt-get -qq install --no-install-recommends {shlex.join(wanted)}"
            script.append(
                f"export DEBIAN_FRONTEND=noninteractive; (apt-get -qq update && {install}) >/tmp/log 2>&1"
                " || { cat /tmp/log; exit 1; }"
            )
            script.append("rm /tmp/log")
        if not visitor.is_root:
            script.append(f"useradd --create-home --shell /bin/bash {NAME}")
        if visitor.may_sudo and not visitor.is_root:
            script.append(f"echo '{NAME} ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/{NAME}")
        alone = Room(self.root, Visitor())
        if alone.run(["sh", "-c", "\n".join(script)], folder="/") != 0:
            raise FleetError("the room could not be prepared, see above")
        copy_tracked(checkout, self.root / self.checkout.lstrip("/"))
        if not visitor.is_root and alone.run(["chown", "-R", f"{NAME}:", self.checkout], folder="/") != 0:
            raise FleetError("the copy could not be given to the user, see above")

    def run(self, command: Sequence[str], folder: str = "") -> int:
        """Run a command in namespaces of its own, which end with it; give its exit status."""
        inner = ["env", "-i", *(f"{key}={value}" for key, value in self.visitor.environment.items())]
        inner += [
            *self.visitor.setpriv,
            "sh",
            "-c",
            'cd "$0" && exec "$@"',
            folder or self.checkout,
            *command,
        ]
        apart = (
            "--mount",
            "--propagation=private",
            "--net",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child=KILL",
        )
        outer = ["setpriv", "--pdeathsig=KILL", "unshare", *apart, "sh", str(ENTER), str(self.root)]
        with subprocess.Popen([*outer, *inner], stdin=subprocess.DEVNULL) as process, network_for(process):
            try:
                return process.wait()
            finally:
                process.kill()


@contextmanager
def network_for(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Give a process that has a network of its own this machine's connections, by a program and not by its firewall."""
    own, given = Path("/proc/self/ns/net").readlink(), Path(f"/proc/{process.pid}/ns/net")
    deadline = time.monotonic() + START_SECONDS
    with suppress(OSError):  # it has ended already
        while given.readlink() == own and time.monotonic() < deadline:
            time.sleep(0.01)
    command = [
        "setpriv",
        "--pdeathsig=KILL",
        "slirp4netns",
        "--configure",
        "--mtu=65520",
        str(process.pid),
        "tap0",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as net:
        try:
            yield
        finally:
            net.kill()


@contextmanager
def make_room(cache: Path, suite: str) -> Iterator[Path]:
    """Unpack a bare root, and remove it in the end; those that were left behind by a killed run, too."""
    machine.ensure_tools(machine.ROOM_TOOLS)
    rooms = cache.parent / "cleanroom"
    rooms.mkdir(parents=True, exist_ok=True)
    base = bare_root(rooms, suite)
    remove_abandoned(rooms)
    folder = Path(mkdtemp(prefix="room-", dir=rooms))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            root = folder / "root"
            root.mkdir()
            Shell().run(
                "tar", "--extract", "--numeric-owner", "--xattrs", f"--file={base}", f"--directory={root}"
            )
            yield root
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(rooms: Path) -> None:
    """Remove the rooms that nobody is in."""
    for folder in rooms.glob("room-*"):
        with suppress(OSError), (folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def bare_root(rooms: Path, suite: str) -> Path:
    """Name the archive of a suite's bare root: minbase, and how this machine reaches the package registries."""
    archive = machine.archive_sources(suite)
    options = machine.carried_apt_options(dict(os.environ))
    files = reachable(archive, options)
    canonical = json.dumps(
        [suite, options, {name: content.hex() for name, content in files.items()}], sort_keys=True
    )
    base = rooms / f"{suite}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}.tar"
    with machine.locked(rooms / "lock", f"make the bare {suite} root"):
        if not base.exists():
            say(f"making a bare {suite} root from the Debian archive, once; it takes half a minute")
            for older in rooms.glob(f"{suite}-*"):
                older.unlink() if older.is_file() else shutil.rmtree(older)
            workspace = rooms / f"{suite}-new"
            for name, content in files.items():
                file = workspace / name.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            Shell().follow(
                *("mmdebstrap", "--variant=minbase", *(f"--aptopt={line}" for line in apt_lines(options))),
                f"--customize-hook=sync-in {shlex.quote(str(workspace))} /",
                '--customize-hook=rm -f "$1"/etc/apt/sources.list.d/0000* "$1"/etc/hostname',
                *(suite, f"{workspace}.tar", str(workspace / "etc/apt/sources.list.d/debian.sources")),
                label=f"making the bare {suite} root",
            )
            shutil.rmtree(workspace)
            Path(f"{workspace}.tar").rename(base)
    return base


def reachable(archive: list[sources.Source], options: Mapping[str, str]) -> dict[str, bytes]:
    """Files by which the registries are found and trusted as this machine does."""
    files = machine.carried_files(archive)
    files |= {str(file): file.read_bytes() for file in (AUTHORITIES, PIP) if file.exists()}
    texts = {
        "/etc/apt/apt.conf.d/90machine": "".join(f"{line};\n" for line in apt_lines(options)),
        "/etc/apt/sources.list": "",
        "/etc/apt/sources.list.d/debian.sources": sources.render(archive),
        "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n127.0.1.1 bare\n",
        "/etc/resolv.conf": "nameserver 10.0.2.3\n",  # slirp4netns(1): it asks this machine's
    }
    return files | {name: text.encode() for name, text in texts.items()}


def copy_tracked(checkout: Path, place: Path) -> None:
    """Copy the tracked files of a checkout as they are now; without git, as in an unpacked tarball, all files."""
    for name in project_files(checkout):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(checkout / name, place / name, follow_symlinks=False)
