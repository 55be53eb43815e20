"""Adapter: podman, with storage, networks and locks of its own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from . import config, machine, recipe
from .hosts import Host
from .shell import Shell, say

if TYPE_CHECKING:
    from .config import Paths
    from .recipe import Recipe

FLEET, NAME, ADDRESS, SUITE = "fleet.name", "fleet.host", "fleet.address", "fleet.suite"

CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE")
"""What services on real hosts take for granted: sandboxes of their own, virtual addresses."""


@dataclass(frozen=True)
class Network:
    """The network of one fleet."""

    subnet: str
    gateway: str


@dataclass(frozen=True)
class Podman:
    """The containers, networks and images of all fleets."""

    paths: Paths
    shell: Shell

    @classmethod
    def open(cls, paths: Paths) -> Podman:
        """Write the configuration, and enter the namespace that podman needs."""
        open_files, processes = machine.limits()
        machine.forget_last_boot(paths)
        conf, storage = paths.cache / "containers.conf", paths.cache / "storage.conf"
        conf.write_text(config.containers_conf(paths, open_files=open_files, processes=processes))
        storage.write_text(config.storage_conf(paths))
        paths.networks.mkdir(exist_ok=True)
        return cls(
            paths,
            Shell(
                env={"CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)},
                prefix=machine.enter_namespace(Shell(), paths),
            ),
        )

    def __call__(self, *arguments: str) -> str:
        """Run a podman command."""
        return self.shell.run("podman", *arguments)

    def hosts(self, fleet: str | None = None) -> list[Host]:
        """The hosts of a fleet, or of all fleets."""
        label = FLEET if fleet is None else f"{FLEET}={fleet}"
        found = json.loads(self("ps", "--all", "--filter", f"label={label}", "--format", "json"))
        return sorted(
            Host(
                fleet=labels[FLEET],
                name=labels[NAME],
                address=labels[ADDRESS],
                suite=labels[SUITE],
                state="running" if container["State"] == "running" else "stopped",
            )
            for container in found
            for labels in [container["Labels"]]
        )

    def network(self, fleet: str) -> Network:
        """The network of a fleet, made when there is none."""
        if not self.shell.succeeds("podman", "network", "exists", fleet):
            self("network", "create", "--disable-dns", "--label", f"{FLEET}={fleet}", fleet)
        subnet = json.loads(self("network", "inspect", fleet))[0]["subnets"][0]
        return Network(subnet["subnet"], subnet["gateway"])

    def start(self, host: Host, image: str, hosts_file: Path) -> None:
        """Make a host's container and switch it on."""
        self(
            *("run", "--detach", "--systemd=always", "--restart=on-failure", "--cgroupns=private"),
            *("--name", host.container, "--hostname", host.name),
            *("--network", host.fleet, "--ip", host.address),
            *("--volume", f"{hosts_file}:/etc/hosts"),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--security-opt", "label=disable"),
            *(f"--cap-add={capability}" for capability in CAPABILITIES),
            *("--label", f"{FLEET}={host.fleet}", "--label", f"{NAME}={host.name}"),
            *("--label", f"{ADDRESS}={host.address}", "--label", f"{SUITE}={host.suite}"),
            *(image, recipe.INIT),
        )

    def has_image(self, image: str) -> bool:
        """Whether an image is cached."""
        return self.shell.succeeds("podman", "image", "exists", image)

    def build(self, wanted: Recipe) -> None:
        """Make an image; images of older recipes go, unless a host still uses them."""
        with TemporaryDirectory(prefix="build-", dir=self.paths.cache) as folder:
            workspace = Path(folder)
            workspace.chmod(0o755)
            write_tree(workspace / "tree", wanted.files)
            (workspace / "setup").write_text(wanted.setup)
            shutil.copy(workspace / "tree/etc/apt/sources.list.d/debian.sources", workspace / "archive.sources")
            Shell().follow(*wanted.command(workspace), label=f"building the {wanted.suite} image")
            say("importing the image")
            self.shell.follow(
                *("podman", "import", "--quiet", str(workspace / "image.tar"), wanted.image), label="importing the image"
            )
        for image in self.images():
            if image != wanted.image and image.startswith(f"{recipe.REPOSITORY}:{wanted.suite}-"):
                self.shell.succeeds("podman", "image", "rm", image)

    def images(self) -> list[str]:
        """All cached images of the fleets."""
        listed = json.loads(self("images", "--format", "json"))
        return [name for image in listed for name in image.get("Names") or () if name.startswith(recipe.REPOSITORY)]


def write_tree(root: Path, files: dict[str, str] | recipe.Mapping[str, str]) -> None:
    """Write files out below a folder, readable for all."""
    for name, text in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
