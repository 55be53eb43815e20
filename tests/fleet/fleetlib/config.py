"""Core: podman's configuration: storage, networks and locks of its own, so that no other container is touched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_CHROOT", "SYS_PTRACE",
)  # fmt: skip
"""What services on real hosts take for granted: sandboxes of their own, virtual addresses, an audit trail (without
it ssh gives no terminal). All are named, as podman by itself grants fewer from release to release."""

SUBNETS = "10.213.0.0/16"
"""Each fleet gets a /24 of these, away from the ranges that podman and docker take by themselves."""


def short_hash(text: str) -> str:
    """Eight characters that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Paths:
    """Where fleets keep their things: what lasts in the cache, what ends with a boot in the runtime folder."""

    cache: Path
    runtime: Path

    @property
    def storage(self) -> Path:
        """Images and containers."""
        return self.cache / "storage"

    @property
    def networks(self) -> Path:
        """Podman's network definitions."""
        return self.cache / "networks"

    @property
    def key(self) -> Path:
        """The ssh key that every host accepts."""
        return self.cache / "ssh" / "id_ed25519"

    def network_name(self, fleet: str) -> str:
        """Name a fleet's network and bridge, unlike those of other users and at most 15 characters long."""
        return f"fleet-{short_hash(str(self.fleets / fleet))}"

    @property
    def podman_tmp(self) -> Path:
        """What podman forgets when the machine boots."""
        return self.runtime / "tmp"

    @property
    def pin(self) -> Path:
        """The file that keeps the private mount namespace alive."""
        return self.runtime / "namespace" / "mnt"

    @property
    def fleets(self) -> Path:
        """One folder for each fleet."""
        return self.cache / "fleets"


def containers_conf(paths: Paths, *, open_files: int, processes: int) -> str:
    """Text of containers.conf: what also works where the limits may not be raised (runc, cgroupfs)."""
    return f"""\
[containers]
default_capabilities = [{", ".join(f'"CAP_{name}"' for name in CAPABILITIES)}]
default_ulimits = ["nofile={open_files}:{open_files}", "nproc={processes}:{processes}"]
pids_limit = 0

[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
runtime = "runc"
tmp_dir = "{paths.podman_tmp}"

[network]
default_subnet_pools = [{{"base" = "{SUBNETS}", "size" = 24}}]
network_backend = "netavark"
network_config_dir = "{paths.networks}"
"""


def storage_conf(paths: Paths) -> str:
    """Text of storage.conf."""
    return f"""\
[storage]
driver = "overlay"
graphroot = "{paths.storage}"
runroot = "{paths.runtime}/storage"
"""
