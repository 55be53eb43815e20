# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens: from the sockets of the kernel to processes, and from these to the units that they belong to."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.control_groups import ControlGroups

if TYPE_CHECKING:
    from typing import Iterator

TCP, UDP = "tcp", "udp"
_TABLES = (("tcp", TCP), ("tcp6", TCP), ("udp", UDP), ("udp6", UDP))
_STATES = {TCP: "0A", UDP: "07"}  # LISTEN; of UDP, bound and connected to nobody
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, order=True)
class Listener:
    """An address at which something listens."""

    protocol: str
    port: int
    address: str

    @property
    def is_local(self) -> bool:
        """Tell whether it is reached at 127.0.0.1."""
        return self.address in ("0.0.0.0", "::", "127.0.0.1")  # noqa: S104 - nothing is bound to it here


@dataclass(frozen=True)
class Processes:
    """The processes of each unit, lowest first, and where each unit listens."""

    pids: dict[str, list[int]]
    listeners: dict[str, list[Listener]]


def parse_table(text: str, protocol: str) -> Iterator[tuple[str, Listener]]:
    """Read a table as ``/proc/net/tcp`` has it; gives the inode of each socket at which something listens."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _STATES[protocol]:
            address, port = fields[1].split(":")
            yield fields[9], Listener(protocol, int(port, 16), _address(address))


def _address(digits: str) -> str:
    """Read an address, of which the kernel prints words of four bytes in the order of the machine."""
    raw = bytes.fromhex(digits)
    words = (raw[start : start + 4] for start in range(0, len(raw), 4))
    return str(ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)))


def read_processes(root: Path = Path("/")) -> Processes:
    """Look at all processes; of those that are not ours to look into, root's say, nobody learns where they listen."""
    proc = root / "proc"
    sockets = dict(_sockets(proc))
    groups = ControlGroups(proc)
    pids: dict[str, list[int]] = {}
    listeners: dict[str, list[Listener]] = {}
    for pid in sorted(int(each.name) for each in proc.glob("[0-9]*")):
        unit = groups.unit_of(pid)
        if unit and pid != 1:  # which holds sockets on behalf of others
            pids.setdefault(unit, []).append(pid)
            listeners.setdefault(unit, []).extend(
                sockets[inode] for inode in _inodes(proc / str(pid) / "fd") if inode in sockets
            )
    return Processes(pids, {unit: sorted(set(found)) for unit, found in listeners.items()})


def _sockets(proc: Path) -> Iterator[tuple[str, Listener]]:
    for name, protocol in _TABLES:
        yield from parse_table(_text(proc / "1/net" / name) or _text(proc / "net" / name), protocol)


def _inodes(folder: Path) -> Iterator[str]:
    try:
        entries = list(folder.iterdir())
    except OSError:  # the process has ended, or is not ours to look into
        return
    for entry in entries:
        try:
            match = _SOCKET.fullmatch(os.readlink(str(entry)))
        except OSError:  # closed meanwhile
            continue
        if match:
            yield match.group(1)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
