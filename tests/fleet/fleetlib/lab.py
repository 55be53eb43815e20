"""Edge: what each command does."""

from __future__ import annotations

import os
import shutil
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from . import inotify, machine, recipe
from .errors import FleetError
from .hosts import DEFAULT_SUITE, Host, Login, hosts_file, inventory, muster, select
from .podman import Podman
from .shell import CommandError, Shell, in_parallel, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .config import Paths

BOOT_TIMEOUT = 120
BOOTED = f"timeout {BOOT_TIMEOUT} systemctl is-system-running --wait || :"
DIAGNOSIS = "systemctl list-units --failed --plain --no-legend; systemctl list-jobs --plain --no-legend"
OFFER_UPDATES = f"cp {recipe.UPDATES} {recipe.OFFERED_UPDATES} && apt-get --quiet --quiet update"


@dataclass(frozen=True)
class Lab:
    """One fleet, and what it shares with the others."""

    paths: Paths
    fleet: str

    @property
    def folder(self) -> Path:
        """The fleet's own folder, there as long as there are hosts."""
        return self.paths.fleets / self.fleet

    @property
    def inventory(self) -> Path:
        """The inventory file, there as long as there are hosts."""
        return self.folder / "inventory.yml"

    @property
    def none_yet(self) -> str:
        """What to do where there is no host."""
        return f"fleet {self.fleet} has no hosts yet; name some, as in: fleet up web1 web2"

    @property
    def login(self) -> Login:
        """How its hosts are reached."""
        return Login(self.paths.key, self.folder / "known_hosts")

    @property
    def was_used(self) -> bool:
        """Whether there can be anything of any fleet on this machine."""
        return self.paths.cache.exists() and machine.is_there("podman")

    def hosts(self, names: Sequence[str] = ()) -> list[Host]:
        """The hosts of these names, or all hosts."""
        used = self.was_used and self.folder.exists()
        there = Podman.open(self.paths).hosts(self.fleet) if used else []
        return select(there, names, self.fleet)

    def running(self, names: Sequence[str]) -> list[Host]:
        """The hosts of these names, or all hosts, every one of which must be on."""
        hosts = self.hosts(names)
        if not hosts:
            raise FleetError(self.none_yet)
        asleep = [host.name for host in hosts if not host.is_running]
        if asleep:
            raise FleetError(f"stopped: {', '.join(asleep)}; start with: fleet up {' '.join(asleep)}")
        return hosts

    def up(self, names: Sequence[str], suite: str | None) -> None:
        """Start what is missing or stopped, and wait until all of it answers."""
        machine.ensure_rights()
        machine.ensure_tools(machine.TOOLS)
        with self.changing("start hosts") as podman:
            there = podman.hosts(self.fleet)
            wanted = names or [host.name for host in there]
            if not wanted:
                raise FleetError(self.none_yet)
            network = podman.network(self.fleet)
            hosts = muster(there, wanted, fleet=self.fleet, suite=suite, subnet=network.subnet)
            new = [host for host in hosts if host.state == "new"]
            image = self.image(podman, suite or DEFAULT_SUITE) if new else ""
            inotify.make_room(sum(not host.is_running for host in hosts))
            self.write_files([*there, *new], network.gateway)
            create = partial(podman.create, image=image, network=network, hosts_file=self.folder / "hosts")
            starts = {host.name: partial(create, host) for host in new}
            starts |= {host.name: partial(podman.start, host) for host in hosts if host.state == "stopped"}
            in_parallel(starts, "starting")
        in_parallel({host.name: partial(self.wait_until_up, podman, host) for host in hosts}, "booting")
        machine.give_back(self.paths)

    def exec(self, name: str, command: Sequence[str]) -> NoReturn:
        """Become a command inside a host."""
        (host,) = self.running([name])
        terminal = ["--tty"] if sys.stdin.isatty() and sys.stdout.isatty() else []
        podman = Podman.open(self.paths)
        podman.shell.become("podman", "exec", "--interactive", *terminal, host.container, *command)

    def ls(self) -> list[str]:
        """Lines that list the hosts."""
        return [f"{host.name:<12} {host.address:<14} {host.state:<8} {host.suite}" for host in self.hosts()]

    def kill(self, names: Sequence[str]) -> None:
        """Cut the power of hosts."""
        hosts = [host for host in self.hosts(names) if host.is_running]
        podman = Podman.open(self.paths)
        in_parallel({host.name: partial(podman, "kill", host.container) for host in hosts}, "killing")

    def offer_updates(self, names: Sequence[str]) -> None:
        """Make the security updates of their suite available inside hosts."""
        work = {host.name: partial(self.ssh, host, OFFER_UPDATES) for host in self.running(names)}
        in_parallel(work, "fetching package lists")

    def down(self, *, images: bool) -> None:
        """Remove this fleet, what fleets share when it was the last, and the cached images if wanted."""
        if not self.was_used:
            return
        with self.changing("remove hosts") as podman:
            podman.remove(self.fleet)
            for image in podman.remove_images(recipe.REPOSITORY) if images else ():
                say(f"{image} stays, as other fleets use it")

    def forget_everything(self) -> None:
        """Remove every fleet and the whole cache."""
        if self.was_used:
            with self.changing("remove all fleets") as podman:
                for fleet in {self.fleet, *(host.fleet for host in podman.hosts())}:
                    podman.remove(fleet)
        if self.paths.cache.exists():
            shutil.rmtree(self.paths.cache)

    @contextmanager
    def changing(self, why: str) -> Iterator[Podman]:
        """Keep other fleet commands from changing anything meanwhile; tidy up in the end."""
        with machine.locked(self.paths.cache / "lock", why):
            podman = Podman.open(self.paths)
            try:
                yield podman
            except BaseException:
                with suppress(FleetError):
                    self.tidy(podman)
                raise
            self.tidy(podman)

    def tidy(self, podman: Podman) -> None:
        """Keep nothing of a fleet without hosts, and nothing but the cache when there are no fleets."""
        if not podman.hosts(self.fleet):
            podman.remove(self.fleet)
            shutil.rmtree(self.folder, ignore_errors=True)
        if not podman.hosts():
            podman.close()

    def image(self, podman: Podman, suite: str) -> str:
        """Name the suite's image; build it first when it is not cached."""
        archive = machine.archive_sources(suite)
        wanted = recipe.make_recipe(
            suite,
            archive,
            public_key=self.public_key(),
            apt_options=machine.carried_apt_options(dict(os.environ)),
            carried_files=machine.carried_files(archive),
        )
        if not podman.has_image(wanted.image):
            machine.ensure_disk()
            say(f"building the {suite} image from the Debian archive, once; it takes about a minute")
            podman.build(wanted)
            podman.remove_images(f"{recipe.REPOSITORY}:{suite}-", keep=wanted.image)
        return wanted.image

    def public_key(self) -> str:
        """The public half of the ssh key that all fleets of a user share."""
        key = self.paths.key
        if not key.exists():
            key.parent.mkdir(parents=True, exist_ok=True)
            Shell().run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "orderly-fleet", "-f", str(key))
        return key.with_suffix(".pub").read_text()

    def write_files(self, hosts: Sequence[Host], gateway: str) -> None:
        """Write the inventory, and the hosts file; that one is mounted in the hosts, so it stays the same file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "hosts").write_text(hosts_file(hosts, gateway))
        machine.write(self.inventory, inventory(hosts, self.login))

    def wait_until_up(self, podman: Podman, host: Host) -> None:
        """Wait until ssh answers and systemd has booted; say what failed when it is degraded."""
        deadline = time.monotonic() + BOOT_TIMEOUT
        while True:
            try:
                state = self.ssh(host, BOOTED).strip()
                break
            except CommandError as error:
                if not podman.is_running(host):
                    raise FleetError("it stopped while booting") from error
                if time.monotonic() > deadline:
                    raise FleetError(f"no answer within {BOOT_TIMEOUT} s: {error}") from error
                time.sleep(0.2)
        if state == "running":
            say(f"{host.name} is up at {host.address}")
        else:
            trouble = self.ssh(host, DIAGNOSIS).rstrip()
            say(f"{host.name} is {state or 'still booting'} at {host.address}:\n{trouble}")

    def ssh(self, host: Host, command: str) -> str:
        """Run a command over ssh, the way Ansible comes."""
        login = self.login
        options = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR", *login.options)
        return Shell().run("ssh", *options, "-i", str(login.key), f"root@{host.address}", command)
