"""Core: what an image consists of, and the hash that says when it must be built again."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from . import sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

REPOSITORY = "localhost/orderly-fleet"
UPDATES = "/usr/local/lib/fleet/updates.sources"
OFFERED_UPDATES = "/etc/apt/sources.list.d/updates.sources"
INIT = "/usr/local/lib/fleet/init"

PACKAGES = (
    "apt",
    "ca-certificates",
    "curl",
    "dbus",
    "init-system-helpers",
    "iproute2",
    "iputils-ping",
    "openssh-server",
    "perl-base",
    "procps",
    "python3",
    "python3-apt",
    "systemd-sysv",
)

IDLE_UNITS = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "getty.target",
    "systemd-firstboot.service",
    "systemd-udevd.service",
)

SETUP = f"""\
set -eu
root=$1
chmod 0755 "$root{INIT}"
chmod 0700 "$root/root/.ssh"
rm -f "$root"/etc/apt/sources.list.d/0000* "$root"/etc/apt/apt.conf.d/99mmdebstrap
chroot "$root" systemctl mask --quiet {" ".join(IDLE_UNITS)}
chroot "$root" systemctl enable --quiet fleet-host-key.service
rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostname" "$root/etc/resolv.conf"
: > "$root/etc/machine-id"
chroot "$root" update-ca-certificates > /dev/null
"""

FILES = {
    INIT: """\
#!/bin/sh
# A container shares the boot id of the machine's kernel; a host has its own, new at every boot.
cp /proc/sys/kernel/random/uuid /run/boot-id
mount --bind /run/boot-id /proc/sys/kernel/random/boot_id || echo "the boot id is the machine's" >&2
exec /sbin/init
""",
    "/etc/systemd/system/fleet-host-key.service": """\
[Unit]
Description=Host key of this host, made at its first boot
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=ssh.service
""",
    # The container ends with this status, so that podman tells a reboot (start it again) from a poweroff.
    "/etc/systemd/system/systemd-reboot.service.d/fleet.conf": """\
[Unit]
SuccessAction=exit-force
SuccessActionExitStatus=133
""",
    "/etc/systemd/journald.conf.d/fleet.conf": """\
[Journal]
Storage=volatile
RuntimeMaxUse=32M
""",
    "/etc/default/locale": "LANG=C.UTF-8\n",
    # No power cut that a host meets here loses what the kernel has not written yet: dpkg need not wait for the disk.
    "/etc/dpkg/dpkg.cfg.d/fleet": "force-unsafe-io\n",
}

UNWANTED_FILES = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/man/*", "/usr/share/locale/*")


@dataclass(frozen=True)
class Recipe:
    """Everything that an image is made from."""

    suite: str
    files: Mapping[str, bytes]
    apt_options: Mapping[str, str]
    packages: tuple[str, ...] = PACKAGES
    setup: str = SETUP

    @property
    def image(self) -> str:
        """Its name with a tag that changes when anything in the recipe does."""
        canonical = json.dumps(asdict(self), sort_keys=True, default=bytes.hex)
        return f"{REPOSITORY}:{self.suite}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"

    def command(self, workspace: Path) -> list[str]:
        """How mmdebstrap makes it, with the files of the recipe written out in the workspace."""
        setup, tree = shlex.quote(str(workspace / "setup")), shlex.quote(str(workspace / "tree"))
        return [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(self.packages)}",
            "--skip=cleanup/apt/lists",
            *(f"--aptopt={line}" for line in apt_lines(self.apt_options)),
            "--dpkgopt=force-unsafe-io",
            *(f"--dpkgopt=path-exclude={pattern}" for pattern in UNWANTED_FILES),
            f"--customize-hook=sync-in {tree} /",
            f'--customize-hook=sh {setup} "$1"',
            self.suite,
            str(workspace / "image.tar"),
            str(workspace / "archive.sources"),
        ]


def make_recipe(
    suite: str,
    archive: list[sources.Source],
    *,
    public_key: str,
    apt_options: Mapping[str, str],
    carried_files: Mapping[str, bytes],
) -> Recipe:
    """Compose the recipe of a suite: only the suite itself is offered, its updates are kept aside."""
    seen_from_hosts = {key: sources.seen_from_a_host(value) for key, value in apt_options.items()}
    texts = {
        **FILES,
        "/root/.ssh/authorized_keys": public_key,
        "/etc/apt/apt.conf.d/90fleet": "".join(f"{line};\n" for line in apt_lines(seen_from_hosts)),
        "/etc/apt/sources.list": "",
        "/etc/apt/sources.list.d/debian.sources": sources.render(sources.offered(archive, suite)),
        UPDATES: sources.render(sources.offered(archive, f"{suite}-security")),
    }
    files = {name: text.encode() for name, text in texts.items()} | dict(carried_files)
    return Recipe(suite, files, apt_options)


def apt_lines(options: Mapping[str, str]) -> list[str]:
    """Lines of apt configuration; no translations, as they are most of what an update fetches."""
    return ['Acquire::Languages "none"', *(f'{key} "{value}"' for key, value in options.items())]
