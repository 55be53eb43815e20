# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""haproxy's runtime API: what it says, and the socket through which it is asked."""

from __future__ import annotations

import csv
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

Answer = TypeVar("Answer")

# srv_admin_state, a bit field (haproxy's management guide, "show servers state").
FORCED_DRAIN = 0x08


class HaproxyError(Exception):
    """haproxy could not be queried, refused, or has no such server; the message says what to do."""


@dataclass(frozen=True)
class Server:
    """A server of a backend, as one balancer sees it now."""

    name: str
    """Backend and server: ``web/web1``."""
    status: str
    """``UP``, ``UP 1/3``, ``DOWN``, ``MAINT``, ``DRAIN``, ``no check``, …"""
    check: str
    """What the last health check found: ``L7OK``, …, ``INI`` before the first one, nothing without checks."""
    sessions: int
    admin_state: int

    @property
    def is_up(self) -> bool:
        """New sessions may go to it; a server whose first check is still to come counts as not up."""
        return self.status == "no check" or (self.status.startswith("UP") and self.check != "INI")

    @property
    def is_administered(self) -> bool:
        """Somebody took it out of service: maintenance or drain, by hand or by configuration."""
        return self.admin_state != 0

    @property
    def is_draining(self) -> bool:
        return bool(self.admin_state & FORCED_DRAIN)


@dataclass(frozen=True)
class Balancer:
    """All that the roles need to know of a running haproxy, read at one moment."""

    version: str
    pid: int
    sessions: int
    """Sessions of clients, over all frontends."""
    servers: dict[str, Server]

    def server(self, name: str) -> Server:
        """Find a server by backend and name."""
        if name not in self.servers:
            raise HaproxyError(
                f"This haproxy has no server {name}; it has: {', '.join(self.servers) or 'none'}."
            )
        return self.servers[name]

    def backends(self) -> dict[str, list[Server]]:
        backends: dict[str, list[Server]] = {}
        for server in self.servers.values():
            backends.setdefault(server.name.split("/", 1)[0], []).append(server)
        return backends


def parse_info(text: str) -> dict[str, str]:
    """Read the answer to ``show info``."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def parse_admin_states(text: str) -> dict[str, int]:
    """Read the answer to ``show servers state``: a format version, a header, one line per server."""
    header, *rows = text.strip().splitlines()[1:]
    columns = header.lstrip("# ").split()
    servers = (dict(zip(columns, row.split())) for row in rows)
    return {
        "{be_name}/{srv_name}".format_map(server): int(server["srv_admin_state"], 0) for server in servers
    }


def parse_balancer(info: str, stats: str, states: str) -> Balancer:
    """Put the answers to ``show info``, ``show stat`` and ``show servers state`` together."""
    process = parse_info(info)
    admin_states = parse_admin_states(states)
    rows = list(csv.DictReader(stats.lstrip("# ").splitlines()))
    names = {"{pxname}/{svname}".format_map(row): row for row in rows}
    return Balancer(
        version=process["Version"],
        pid=int(process["Pid"]),
        sessions=sum(int(row["scur"] or 0) for row in rows if row["svname"] == "FRONTEND"),
        servers={
            name: Server(
                name=name,
                status=row["status"],
                check=row["check_status"].lstrip("* "),
                sessions=int(row["scur"] or 0),
                admin_state=admin_states[name],
            )
            for name, row in names.items()
            if name in admin_states
        },
    )


class RuntimeApi:
    """The adapter: one command per connection, as haproxy's non-interactive mode has it."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        self.path = path
        self.timeout = timeout

    def read(self) -> Balancer:
        """Look at the balancer as it is now."""
        return parse_balancer(*map(self._ask, ("show info", "show stat", "show servers state")))

    def set_state(self, server: str, state: str) -> None:
        """Put a server into the state ``drain`` or ``ready``."""
        answer = self._ask(f"set server {server} state {state}").strip()
        if answer:
            raise HaproxyError(
                f"haproxy refused to set server {server} to {state} through {self.path}: {answer} "
                "The socket needs 'level admin' in haproxy's configuration."
            )

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(self.timeout)
                connection.connect(str(self.path))
                connection.sendall(f"{command}\n".encode())
                return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError as exc:
            raise HaproxyError(
                f"haproxy does not answer on its runtime socket {self.path}: {exc}. "
                "Is haproxy running, and does its configuration say 'stats socket PATH level admin'?"
            ) from exc


def poll(
    read: Callable[[], Answer],
    until: Callable[[Answer], bool],
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Read until the answer pleases or the time is up; the last answer counts in both cases."""
    deadline = clock() + timeout
    while True:
        answer = read()
        if until(answer) or clock() >= deadline:
            return answer
        sleep(0.2)
