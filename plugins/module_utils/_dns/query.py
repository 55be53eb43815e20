# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to one name server, over UDP or TCP."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

from .._host.errors import HostError
from .message import Answer, answer, question

LARGEST = 65535


@dataclass(frozen=True)
class Server:
    """Where a name server is asked, and how long it may take, in seconds."""

    address: str
    port: int = 53
    timeout: float = 3.0

    def ask(self, name: str, kind: str, transport: str) -> Answer:
        """Ask it for the records of a name.

        :raises HostError: where it does not answer
        """
        number = int.from_bytes(os.urandom(2), "big")
        asked = question(number, name, kind)
        try:
            return answer(number, self._by_tcp(asked) if transport == "tcp" else self._by_udp(asked))
        except (OSError, HostError) as exc:
            raise HostError(
                f"{self.address} port {self.port} does not answer a question for {name} {kind} over "
                f"{transport.upper()}: {exc or type(exc).__name__}."
            ) from None

    def _by_udp(self, asked: bytes) -> bytes:
        family, kind, _protocol, _name, address = socket.getaddrinfo(
            self.address, self.port, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as connection:
            connection.settimeout(self.timeout)
            connection.connect(address)
            connection.send(asked)
            return connection.recv(LARGEST)

    def _by_tcp(self, asked: bytes) -> bytes:
        with socket.create_connection((self.address, self.port), self.timeout) as connection:
            connection.sendall(struct.pack("!H", len(asked)) + asked)
            with connection.makefile("rb") as stream:
                (length,) = struct.unpack("!H", stream.read(2).ljust(2, b"\0"))
                return stream.read(length)
