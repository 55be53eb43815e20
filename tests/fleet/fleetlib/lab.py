"""Edge: what each command does."""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

from . import machine, recipe
from .errors import FleetError
from .hosts import Host, Login, free_addresses, hosts_file, inventory, select
from .podman import Podman
from .shell import CommandError, Shell, in_parallel, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from .config import Paths

BOOT_TIMEOUT = 120.0


@dataclass(frozen=True)
class Lab:
    """One fleet, and what it shares with the others."""

    paths: Paths
    fleet: str

    @property
    def folder(self) -> Path:
        """The fleet's own folder."""
        return self.paths.fleet(self.fleet)

    @property
    def inventory(self) -> Path:
        """The inventory file."""
        return self.folder / "inventory.yml"

    @property
    def login(self) -> Login:
        """How its hosts are reached."""
        return Login(self.paths.key, self.folder / "known_hosts")

    @cached_property
    def podman(self) -> Podman:
        """Podman, ready to use."""
        with self.lock("set up podman"):
            return Podman.open(self.paths)

    def lock(self, why: str) -> AbstractContextManager[None]:
        """Keep other fleet commands from the things that fleets share."""
        return machine.locked(self.paths.cache / "lock", why)

    def hosts(self, names: Sequence[str] = ()) -> list[Host]:
        """Hosts of this fleet."""
        return select(self.podman.hosts(self.fleet), names, self.fleet)

    def up(self, names: Sequence[str], suite: str) -> None:
        """Start what is missing or stopped, and wait until all of it answers."""
        machine.ensure_tools(Shell())
        podman = self.podman
        with self.lock("start hosts"):
            there = podman.hosts(self.fleet)
            known = {host.name for host in there}
            new = [name for name in dict.fromkeys(names) if name not in known]
            if not names and not there:
                raise FleetError(f"fleet {self.fleet} has no hosts yet: name those to start, as in: fleet up web1 web2")
            image = self.image(suite) if new else ""
            network = podman.network(self.fleet)
            addresses = free_addresses(network.subnet, {host.address for host in there}, len(new))
            fresh = [Host(self.fleet, name, address, suite) for name, address in zip(new, addresses, strict=True)]
            asleep = [host for host in there if not host.is_running and (not names or host.name in names)]
            self.write_files([*there, *fresh], network.gateway)
            hosts_path = self.folder / "hosts"
            in_parallel(
                {host.name: partial(podman.start, host, image, hosts_path) for host in fresh}
                | {host.name: partial(podman, "start", host.container) for host in asleep},
                "starting",
            )
        awaited = self.hosts(names)
        in_parallel({host.name: partial(self.wait_until_up, host) for host in awaited}, "booting")
        machine.give_back(self.folder)

    def image(self, suite: str) -> str:
        """Name the suite's image; build it first when it is not cached."""
        shell = Shell()
        archive = machine.archive_sources(shell, suite)
        wanted = recipe.make_recipe(
            suite,
            archive,
            public_key=self.public_key(),
            apt_options=machine.carried_apt_options(shell, dict(os.environ)),
            carried_files=machine.carried_files(archive),
        )
        if not self.podman.has_image(wanted.image):
            say(f"building the {suite} image; it is kept for next time")
            self.podman.build(wanted)
        return wanted.image

    def public_key(self) -> str:
        """The public half of the ssh key that every fleet of this user shares."""
        key = self.paths.key
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            Shell().run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "orderly-fleet", "-f", str(key))
            machine.give_back(key.parent)
        return key.with_suffix(".pub").read_text()

    def write_files(self, hosts: Sequence[Host], gateway: str) -> None:
        """Write the inventory, and the hosts file that the hosts see; that one is mounted, so it stays the same file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").write_text(hosts_file(hosts, gateway))
        self.inventory.write_text(inventory(hosts, self.login))

    def wait_until_up(self, host: Host) -> None:
        """Wait until ssh answers and systemd has booted; say what failed when it is degraded."""
        deadline = time.monotonic() + BOOT_TIMEOUT
        while True:
            try:
                state = self.ssh(host, "systemctl is-system-running --wait || :").strip()
            except CommandError as error:
                if time.monotonic() > deadline:
                    raise FleetError(f"no answer within {BOOT_TIMEOUT:.0f} s: {error}") from error
                time.sleep(0.2)
                continue
            break
        if state != "running":
            failed = self.ssh(host, "systemctl list-units --failed --plain --no-legend")
            say(f"{host.name} is {state}:\n{failed.rstrip()}")
        say(f"{host.name} is up at {host.address}")

    def ssh(self, host: Host, command: str) -> str:
        """Run a command over ssh, the way Ansible comes."""
        login = self.login
        options = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR", *login.options)
        return Shell().run("ssh", *options, "-i", str(login.key), f"root@{host.address}", command)

    def exec(self, name: str, command: Sequence[str]) -> None:
        """Become a command inside a host."""
        host = self.running([name])[0]
        terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        self.podman.shell.become("podman", "exec", "--interactive", *terminal, host.container, *command)

    def running(self, names: Sequence[str]) -> list[Host]:
        """The hosts of these names, all of which must be on."""
        hosts = self.hosts(names)
        for host in hosts:
            if not host.is_running:
                raise FleetError(f"{host.name} is stopped; start it with: fleet up {host.name}")
        return hosts

    def ls(self) -> list[tuple[str, str, str, str]]:
        """List the hosts: name, address, state, suite."""
        return [(host.name, host.address, host.state, host.suite) for host in self.hosts()]

    def kill(self, names: Sequence[str]) -> None:
        """Cut the power of hosts."""
        hosts = [host for host in self.hosts(names) if host.is_running]
        in_parallel({host.name: partial(self.podman, "kill", host.container) for host in hosts}, "killing")

    def offer_updates(self, names: Sequence[str]) -> None:
        """Make the security updates of their suite available inside hosts."""
        command = f"cp {recipe.UPDATES} {recipe.OFFERED_UPDATES} && apt-get --quiet --quiet update"
        hosts = self.running(names)
        in_parallel({host.name: partial(self.ssh, host, command) for host in hosts}, "fetching package lists")

    def down(self) -> None:
        """Remove this fleet, and what fleets share when it was the last."""
        podman = self.podman
        with self.lock("remove the fleet"):
            containers = [host.container for host in podman.hosts(self.fleet)]
            if containers:
                podman("rm", "--force", "--time=0", *containers)
            if podman.shell.succeeds("podman", "network", "exists", self.fleet):
                podman("network", "rm", self.fleet)
            shutil.rmtree(self.folder, ignore_errors=True)
            if not podman.hosts():
                machine.leave_nothing_mounted(Shell(), self.paths)
