"""Core: names, addresses and the text of the files that carry them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, Literal

from .errors import FleetError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

FIRST_HOST = 11
"""The first host of a subnet; 1 is the gateway, those between are left for virtual addresses."""

SUITES = ("bullseye", "bookworm", "trixie")
DEFAULT_SUITE = "bookworm"

FLEET_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")
HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")


@dataclass(frozen=True, order=True)
class Host:
    """One host of a fleet; its name, suite and address never change."""

    fleet: str
    name: str
    address: str
    suite: str
    state: Literal["new", "running", "stopped"] = "running"

    @property
    def container(self) -> str:
        """The name of its container."""
        return container_name(self.fleet, self.name)

    @property
    def is_running(self) -> bool:
        """Whether it is up, as podman says."""
        return self.state == "running"

    @property
    def mac(self) -> str:
        """Its hardware address: with a new one at every start, neighbours would long talk to the old one."""
        return ":".join(["02", "00", *(f"{number:02x}" for number in IPv4Address(self.address).packed)])


@dataclass(frozen=True)
class Login:
    """The files with which the hosts of a fleet are reached over ssh."""

    key: Path
    known_hosts: Path

    @property
    def options(self) -> list[str]:
        """Arguments for ssh: no other settings, trust a host when first seen, notice soon when it is gone."""
        return [
            *("-F", "none"),
            *("-o", f'UserKnownHostsFile="{self.known_hosts}"'),
            *("-o", "StrictHostKeyChecking=accept-new"),
            *("-o", "IdentitiesOnly=yes"),
            *("-o", "ServerAliveInterval=5"),
            *("-o", "ServerAliveCountMax=3"),
        ]


def container_name(fleet: str, host: str) -> str:
    """Name a host's container."""
    return f"{fleet}-{host}"


def check_fleet_name(name: str) -> str:
    """Return the name, or say what a fleet may be called."""
    if not FLEET_NAME.fullmatch(name):
        raise FleetError(f'"{name}" cannot name a fleet: use lower case letters, digits, "-" and "_"')
    return name


def check_host_name(name: str) -> str:
    """Return the name, or say what a host may be called."""
    if not HOST_NAME.fullmatch(name):
        raise FleetError(f'"{name}" cannot name a host: use lower case letters, digits and "-", as in web1')
    return name


def select(hosts: Iterable[Host], names: Sequence[str], fleet: str) -> list[Host]:
    """The hosts of these names in this order, or all of them when none is named."""
    known = {host.name: host for host in hosts}
    unknown = [name for name in names if name not in known]
    if unknown:
        wanted = " or ".join(unknown)
        there = f"it has: {', '.join(known)}" if known else "it has no hosts"
        raise FleetError(f"no host {wanted} in fleet {fleet}; {there}")
    return [known[name] for name in names] if names else list(known.values())


def muster(
    there: Iterable[Host], wanted: Iterable[str], *, fleet: str, suite: str | None, subnet: str
) -> list[Host]:
    """The wanted hosts: those that are there as they are, the others new, with the lowest free addresses."""
    known = {host.name: host for host in there}
    free = free_addresses(subnet, {host.address for host in known.values()})
    for host in known.values():
        if suite and host.name in wanted and host.suite != suite:
            raise FleetError(f"{host.name} in fleet {fleet} is a {host.suite} host; it cannot become {suite}")
    return [
        known.get(name) or Host(fleet, check_host_name(name), next(free), suite or DEFAULT_SUITE, "new")
        for name in dict.fromkeys(wanted)
    ]


def free_addresses(subnet: str, taken: Collection[str]) -> Iterator[str]:
    """The addresses of the subnet that no host has yet, lowest first."""
    addresses = (str(address) for address in list(IPv4Network(subnet).hosts())[FIRST_HOST - 1 :])
    yield from (address for address in addresses if address not in taken)
    raise FleetError(f"{subnet} has no room for another host")


def hosts_file(hosts: Iterable[Host], gateway: str) -> str:
    """Text of /etc/hosts, the same in every host; a dead host keeps its name, as in DNS."""
    lines = [
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        f"{gateway} host.containers.internal",
        *(f"{host.address} {host.name}" for host in sorted(hosts)),
    ]
    return "\n".join(lines) + "\n"


def inventory(hosts: Iterable[Host], login: Login) -> str:
    """Text of the inventory file, in YAML."""
    lines = ["---", "all:", "  hosts:"]
    for host in sorted(hosts):
        lines += [f"    {host.name}:", f"      ansible_host: {host.address}"]
    if len(lines) == 3:
        lines[-1] += " {}"
    lines += [
        "  vars:",
        "    ansible_user: root",
        f"    ansible_ssh_private_key_file: {quoted(str(login.key))}",
        f"    ansible_ssh_common_args: {quoted(shlex.join(login.options))}",
        "    ansible_python_interpreter: /usr/bin/python3",
        "    ansible_pipelining: true",
    ]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Return a YAML scalar in single quotes."""
    return "'" + text.replace("'", "''") + "'"
