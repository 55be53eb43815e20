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
from .shell import Shell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .config import Paths
    from .recipe import Recipe

FLEET, NAME, ADDRESS, SUITE = "fleet.name", "fleet.host", "fleet.address", "fleet.suite"
"""Labels: what podman knows about containers and networks is all the state there is."""


@dataclass(frozen=True)
class Network:
    """The network of one fleet."""

    name: str
    subnet: str
    gateway: str


@dataclass(frozen=True)
class Podman:
    """The containers, networks and images of all fleets of a user."""

    paths: Paths
    shell: Shell

    @classmethod
    def open(cls, paths: Paths) -> Podman:
        """Write the configuration, and enter the namespace that podman needs."""
        open_files, processes = machine.limits()
        conf, storage = paths.cache / "containers.conf", paths.cache / "storage.conf"
        with machine.locked(paths.cache / "setup.lock", "set up podman"):
            machine.forget_last_boot(paths)
            paths.networks.mkdir(exist_ok=True)
            machine.write(conf, config.containers_conf(paths, open_files=open_files, processes=processes))
            machine.write(storage, config.storage_conf(paths))
            prefix = machine.enter_namespace(Shell(), paths)
        variables = {"CONTAINERS_CONF": str(conf), "CONTAINERS_STORAGE_CONF": str(storage)}
        return cls(paths, Shell(variables, prefix))

    def close(self) -> None:
        """When no container is left: leave nothing on this machine but the cache."""
        with machine.locked(self.paths.cache / "setup.lock", "clean up"):
            machine.leave_nothing_mounted(Shell(), self.paths)

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
        name = self.paths.network_name(fleet)
        if not self.shell.succeeds("podman", "network", "exists", name):
            self.make_network(name, fleet)
        (subnet,) = json.loads(self("network", "inspect", name))[0]["subnets"]
        return Network(name, subnet["subnet"], subnet["gateway"])

    def make_network(self, name: str, fleet: str) -> None:
        """Make a network whose bridge is named like it; podman's choice is free among its own bridges only."""
        self("network", "create", "--disable-dns", "--label", f"{FLEET}={fleet}", name)
        definition = self.paths.networks / f"{name}.json"
        changed = json.loads(definition.read_text()) | {"network_interface": name}
        machine.write(definition, json.dumps(changed, indent=2))

    def create(self, host: Host, *, image: str, network: Network, hosts_file: Path) -> None:
        """Make a host's container and switch it on."""
        self(
            *("run", "--detach", "--systemd=always", "--restart=on-failure", "--cgroupns=private"),
            *("--name", host.container, "--hostname", host.name),
            *("--network", network.name, "--ip", host.address, "--mac-address", host.mac),
            *("--volume", f"{hosts_file}:/etc/hosts"),
            *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *("--security-opt", "label=disable"),
            *("--label", f"{FLEET}={host.fleet}", "--label", f"{NAME}={host.name}"),
            *("--label", f"{ADDRESS}={host.address}", "--label", f"{SUITE}={host.suite}"),
            *(image, recipe.INIT),
        )

    def start(self, host: Host) -> None:
        """Switch a host on again."""
        self("start", host.container)

    def is_running(self, host: Host) -> bool:
        """Whether a host is on."""
        return self("inspect", "--format", "{{.State.Running}}", host.container).strip() == "true"

    def remove(self, fleet: str) -> None:
        """Remove the containers and the network of a fleet."""
        for kind in ("container", "network"):
            listed = self(*_LISTINGS[kind], "--filter", f"label={FLEET}={fleet}").split()
            if listed:
                self(*_REMOVALS[kind], *listed)

    def has_image(self, image: str) -> bool:
        """Whether an image is cached."""
        return self.shell.succeeds("podman", "image", "exists", image)

    def build(self, wanted: Recipe) -> None:
        """Make an image."""
        for left_behind in self.paths.cache.glob("build-*"):
            shutil.rmtree(left_behind)
        with TemporaryDirectory(prefix="build-", dir=self.paths.cache) as folder:
            workspace, tree = Path(folder), Path(folder) / "tree"
            workspace.chmod(0o755)
            write_tree(tree, wanted.files)
            (workspace / "setup").write_text(wanted.setup)
            shutil.copy(tree / "etc/apt/sources.list.d/debian.sources", workspace / "archive.sources")
            Shell().follow(*wanted.command(workspace), label=f"building the {wanted.suite} image")
            importing = ("podman", "import", "--quiet", str(workspace / "image.tar"), wanted.image)
            self.shell.follow(*importing, label="importing the image")

    def remove_images(self, prefix: str, keep: str = "") -> list[str]:
        """Remove images but the one to keep and those that hosts still need; name the latter."""
        listed = json.loads(self("images", "--format", "json"))
        names = [name for image in listed for name in image.get("Names") or () if name.startswith(prefix)]
        unwanted = [name for name in names if name != keep]
        return [name for name in unwanted if not self.shell.succeeds("podman", "image", "rm", name)]


_LISTINGS = {"container": ("ps", "--all", "--quiet"), "network": ("network", "ls", "--quiet")}
_REMOVALS = {"container": ("rm", "--force", "--time=0"), "network": ("network", "rm")}


def write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files out below a folder, readable for all."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o644)
