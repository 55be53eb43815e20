"""A name server of a few lines is asked over both transports."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._dns.query import Server
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = "127.0.0.1"


def replied(asked: bytes) -> bytes:
    """Say that there is no such name, to any question."""
    return asked[:2] + struct.pack("!H", 0x8183) + asked[4:]


def by_udp(server: socket.socket) -> None:
    asked, client = server.recvfrom(512)
    server.sendto(replied(asked), client)


def by_tcp(server: socket.socket) -> None:
    connection, _client = server.accept()
    with connection:
        said = replied(connection.recv(512)[2:])
        for part in (struct.pack("!H", len(said)), said[:5], said[5:]):
            connection.sendall(part)


@pytest.fixture(params=["udp", "tcp"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(transport: str) -> Iterator[socket.socket]:
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind((HOME, 0))
        if transport == "tcp":
            found.listen()
        yield found


def test_a_server_is_asked(server: socket.socket, transport: str) -> None:
    thread = threading.Thread(target=by_tcp if transport == "tcp" else by_udp, args=(server,))
    thread.start()
    answer = Server(HOME, server.getsockname()[1]).ask("nowhere.example", "A", transport)
    thread.join()
    assert (answer.status, answer.records) == ("NXDOMAIN", 0)


def test_a_server_that_says_nothing_is_named(server: socket.socket, transport: str) -> None:
    port = server.getsockname()[1]
    with pytest.raises(
        HostError, match=f"{HOME} port {port} does not answer .* example.org A over {transport.upper()}"
    ):
        Server(HOME, port, 0.1).ask("example.org", "A", transport)
