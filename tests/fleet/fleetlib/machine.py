"""Adapter: this machine, its tools, apt sources, locks and mount namespaces."""

from __future__ import annotations

import fcntl
import os
import re
import resource
import shlex
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from . import sources
from .config import Paths, short_hash
from .errors import FleetError
from .shell import HEARTBEAT, Shell, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
CGROUP = "/sys/fs/cgroup"
ADDRESSES = Path("/run/containers/networks/ipam.db")
"""Which addresses podman has given out; one file for all storages, out of date once the machine has booted."""

# Package -> a file that shows it is there.
TOOLS = {
    "debian-archive-keyring": DEBIAN_KEYRING,
    "iproute2": "ip",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "netavark": "/usr/lib/podman/netavark",
    "nftables": "nft",
    "openssh-client": "ssh",
    "podman": "podman",
    "runc": "runc",
}
ROOM_TOOLS = {name: TOOLS[name] for name in ("debian-archive-keyring", "mmdebstrap")} | {
    "slirp4netns": "slirp4netns"
}
"""What a bare root needs."""

RIGHTS = {
    "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_CHROOT": 18, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27, "CAP_AUDIT_WRITE": 29,
}  # fmt: skip
"""What not every root may do, and hosts must be allowed, with the number of its bit (capabilities(7))."""

SETUP = Path(__file__).resolve().parents[2] / "setup"
"""What prepares a machine, this one or another."""


HANDED_ON = ("FLEET", "XDG_CACHE_HOME", "http_proxy", "https_proxy", "no_proxy")
"""Variables that sudo must not take away."""


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the fleets of this user are kept."""
    cache = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return (cache / "orderly-services" / "fleet").absolute()


def paths(environ: Mapping[str, str]) -> Paths:
    """Where the fleets of this user are; the runtime folder is named after the cache folder."""
    cache = cache_folder(environ)
    return Paths(cache, Path("/run/orderly-fleet") / short_hash(str(cache)))


def become_root(argv: Sequence[str], environ: Mapping[str, str]) -> None:
    """Start again through sudo when not root, with the same cache folder."""
    if os.geteuid() == 0:
        return
    if shutil.which("sudo") is None:
        raise FleetError("real hosts need root, and there is no sudo here; run this as root")
    if not sys.stdin.isatty() and not Shell().succeeds("sudo", "-n", "true"):
        raise FleetError(
            "real hosts need root, and sudo asks for a password where there is no terminal to type it at;"
            " run this at a terminal or as root"
        )
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    command = [
        "sudo",
        f"--preserve-env={','.join(HANDED_ON)}",
        sys.executable,
        str(Path(sys.argv[0]).resolve()),
        *argv,
    ]
    Shell({"XDG_CACHE_HOME": cache}).become(*command)


def ensure_rights() -> None:
    """Say so where root may not do what hosts need: in a container without rights, in WSL 1."""
    has = int(re.findall(r"^CapEff:\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)[0], 16)
    lacking = [name for name, bit in RIGHTS.items() if not has >> bit & 1]
    trial = ("unshare", "--mount", "--propagation=private", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    if not lacking and not Shell().succeeds(*trial):
        lacking = ["mount"]
    if lacking:
        raise FleetError(
            f"hosts cannot be started here, as root lacks rights on this machine ({', '.join(lacking)}), as in"
            " WSL 1 and in most containers; use a virtual machine, WSL 2, or a container started with --privileged"
        )


def ensure_disk() -> None:
    """Say so where an image and its hosts would not fit."""
    if Shell().call(str(SETUP / "disk"), "fleet"):
        raise FleetError("nothing was started")


def give_back(paths: Paths) -> None:
    """Give files that were made through sudo to the person who called, who must be able to use them."""
    if "SUDO_UID" in os.environ:
        owner, group = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
        shared = (paths.cache.parent, paths.cache, paths.key.parent, paths.fleets)
        for path in (*shared, *paths.key.parent.rglob("*"), *paths.fleets.rglob("*")):
            os.chown(path, owner, group)


def ensure_tools(tools: Mapping[str, str]) -> None:
    """Install what is missing."""
    missing = [package for package, sign in tools.items() if not is_there(sign)]
    if missing and Shell().call(str(SETUP / "packages"), *missing):
        raise FleetError(f"{', '.join(missing)} could not be installed, see above")


def is_there(sign: str) -> bool:
    """Whether a program, or the file of a path, is on this machine."""
    return Path(sign).exists() if sign.startswith("/") else shutil.which(sign) is not None


@contextmanager
def locked(path: Path, why: str) -> Iterator[None]:
    """Hold an exclusive lock; say so while another fleet command holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("w")
    except OSError as error:
        advice = "set XDG_CACHE_HOME to a folder where you may write"
        raise FleetError(f"{error.filename} cannot be made: {error.strerror}; {advice}") from error
    with lock as handle:
        begin = spoken = time.monotonic()
        while not _try_lock(handle.fileno()):
            if time.monotonic() - spoken > HEARTBEAT:
                spoken = time.monotonic()
                say(f"waiting to {why} until another fleet command ends … {spoken - begin:.0f} s")
            time.sleep(0.1)
        yield


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def limits() -> tuple[int, int]:
    """Open files and processes that a host may have: not more than we may, as raising a limit can be refused."""
    return _at_most(20_000, resource.RLIMIT_NOFILE), _at_most(4_096, resource.RLIMIT_NPROC)


def _at_most(wanted: int, kind: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def write(path: Path, text: str) -> None:
    """Write a file that others may be reading: by rename, and only when it changes."""
    if not path.exists() or path.read_text() != text:
        fresh = path.with_name(f"{path.name}.new")
        fresh.write_text(text)
        fresh.replace(path)


def forget_last_boot(paths: Paths) -> None:
    """Where /run outlives a boot of the machine: drop what podman would take for running hosts."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text()
    stamp = paths.runtime / "boot-id"
    if stamp.exists() and stamp.read_text() != boot:
        shutil.rmtree(paths.runtime)
        booted_at = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        if ADDRESSES.exists() and ADDRESSES.stat().st_mtime < booted_at:
            ADDRESSES.unlink()
    paths.runtime.mkdir(parents=True, exist_ok=True)
    stamp.write_text(boot)


def enter_namespace(shell: Shell, paths: Paths) -> tuple[str, ...]:
    """Return what to put before podman so that it sees only the unified cgroups, always in one namespace."""
    if shell.run("stat", "-fc", "%T", CGROUP).strip() == "cgroup2fs":
        return ()
    pin = paths.pin
    if not is_mounted(pin):
        folder = str(pin.parent)
        pin.parent.mkdir(parents=True, exist_ok=True)
        if not is_mounted(pin.parent):
            shell.run("mount", "--bind", folder, folder)
        shell.run("mount", "--make-private", folder)
        pin.touch()
        switch = f"umount -R {CGROUP} && mount -t cgroup2 cgroup2 {CGROUP}"
        _pin_namespace(shell, pin, switch)
    return ("nsenter", f"--mount={pin}", "--")


def _pin_namespace(shell: Shell, pin: Path, command: str) -> None:
    """Run a command in a new mount namespace that stays, wherever a processor gives it a number above ours.

    A namespace can be pinned only in one of a lower number (mnt_ns_loop in fs/namespace.c). Since Linux 6.18 each
    processor gives out numbers of its own (kernel/nstree.c), so in a namespace that is not the machine's first
    the answer may be EINVAL on all processors but the one that made it.
    """
    *others, last = sorted(os.sched_getaffinity(0))
    unshare = ("unshare", f"--mount={pin}", "--propagation", "private", "sh", "-c", command)
    if not any(shell.succeeds("taskset", "--cpu-list", str(each), *unshare) for each in others):
        shell.run("taskset", "--cpu-list", str(last), *unshare)


def leave_nothing_mounted(shell: Shell, paths: Paths) -> None:
    """Undo every mount that fleets made on this machine."""
    for path in (paths.pin, paths.pin.parent, paths.storage / "overlay"):
        if is_mounted(path):
            shell.run("umount", str(path))
    shutil.rmtree(paths.runtime, ignore_errors=True)
    with suppress(OSError):  # another user's fleets may be there
        paths.runtime.parent.rmdir()


def is_mounted(path: Path) -> bool:
    """Whether something is mounted right here."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return str(path) in (line.split()[4] for line in lines)


def archive_sources(suite: str) -> list[sources.Source]:
    """The Debian archive as this machine reaches it, or else as mmdebstrap knows it, for any release."""
    system = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    release = system.get("VERSION_CODENAME", "").strip('"')
    found = sources.debian_archive(_configured_sources(), release) if system.get("ID") == "debian" else []
    archive = sources.renamed(found, release, suite)
    is_whole = sources.offered(archive, suite) and sources.offered(archive, f"{suite}-security")
    return archive if is_whole else _default_sources(suite)


def _configured_sources() -> list[sources.Source]:
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *sorted(folder.glob("*.list")), *sorted(folder.glob("*.sources"))]
    return [
        source
        for file in files
        if file.exists()
        for source in sources.parse(file.read_text(), deb822=file.suffix == ".sources")
    ]


def _default_sources(suite: str) -> list[sources.Source]:
    """Ask mmdebstrap, which knows the archive's address, without building anything."""
    with TemporaryDirectory() as folder:
        answer = Path(folder) / "sources.list"
        Shell().run(
            *("mmdebstrap", "--quiet", "--format=null", "--variant=custom", "--skip=update,chroot,cleanup"),
            f"--customize-hook=download /etc/apt/sources.list {shlex.quote(str(answer))}",
            *(suite, "/dev/null"),
        )
        text = answer.read_text()
    signed = (("Signed-By", DEBIAN_KEYRING),)
    return [replace(source, options=signed) for source in sources.parse(text, deb822=False)]


def carried_files(archive: list[sources.Source]) -> dict[str, bytes]:
    """Files without which hosts could not find or trust the archive: mirror lists, keyrings, authorities."""
    named = [Path(name) for source in archive for name in (*source.mirror_lists, *source.keyrings)]
    own = [path for path in named if not path.name.startswith("debian-archive-")]
    authorities = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    return {str(path): path.read_bytes() for path in (*own, *authorities) if path.exists()}


def carried_apt_options(environ: Mapping[str, str]) -> dict[str, str]:
    """Options with which this machine's apt reaches the archive."""
    if shutil.which("apt-config") is None:
        return {}
    dumped = Shell().run("apt-config", "dump", "Acquire")
    return sources.carried_options(sources.proxy_options(environ) + dumped)
