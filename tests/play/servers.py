"""Servers of a few lines on real sockets: what services answer that are well."""

from __future__ import annotations

import json
import socketserver
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

HOME = "127.0.0.1"
BALANCER = {
    "show info": "Name: HAProxy\nVersion: 2.8.1\nPid: 240\n\n",
    "show stat": "# pxname,svname,scur,status,check_status,\nweb,n1,0,UP,L7OK,\norderly,in_service,0,no check,,\n\n",
    "show servers state": (
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight\n"
        "3 web 1 n1 10.0.0.1 2 0 1\n4 orderly 1 in_service 127.0.0.1 2 0 1\n\n"
    ),
}
CACHE = {"version": "VERSION 1.6.18\r\n"}
ZOOKEEPER = {"srvr": "Zookeeper version: 3.8.0\nMode: standalone\nNode count: 5\n"}
# What records of the DNS hold, by the number of their type: an address, and a SOA with two empty names.
RECORDS = {1: bytes([192, 0, 2, 1]), 6: bytes(2) + struct.pack("!5I", 7, 3600, 600, 86400, 60)}


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve until the block ends."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    with server:
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _on_free_port(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    server = socketserver.TCPServer((HOME, 0), handler)
    with serving(server):
        yield server.server_address[1]


# --- One reply to one question ---


class _Balancer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(BALANCER[self.rfile.readline().decode().strip()].encode())


class _ZooKeeper(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(ZOOKEEPER[self.rfile.read(4).decode()].encode())


def zookeepers(modes: Sequence[str]) -> AbstractContextManager[int]:
    """Answer on one port as one ZooKeeper after the other does, question by question; give the port."""
    left = iter(modes)

    class Next(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.read(4)
            self.wfile.write(f"Mode: {next(left)}\n".encode())

    return _on_free_port(Next)


class _Cache(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(CACHE[self.rfile.readline().decode().strip()].encode())


def balancer(path: Path) -> AbstractContextManager[None]:
    """Answer on a socket as an haproxy does that runs 2.8.1."""
    return serving(socketserver.UnixStreamServer(str(path), _Balancer))


def cache() -> AbstractContextManager[int]:
    """Answer as memcached 1.6.18 does, and give the port."""
    return _on_free_port(_Cache)


def zookeeper() -> AbstractContextManager[int]:
    """Answer as a ZooKeeper that is alone, and give the port."""
    return _on_free_port(_ZooKeeper)


def patroni(name: str) -> AbstractContextManager[int]:
    """Answer as the Patroni of a replica does, and as that of its leader; give the port."""

    class Replica(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://{self.headers['Host']}/patroni"
            leader = {"name": "leader", "role": "leader", "state": "running", "api_url": address}
            here = {"name": name, "role": "replica", "state": "streaming", "api_url": address, "lag": 0}
            found = {"members": [leader, here]} if self.path == "/cluster" else {"state": "running"}
            self.send_response(503 if self.path == "/leader" else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_words: object) -> None:
            pass

    return _on_free_port(Replica)


# --- Mail ---


class _Mail(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 mx1 ESMTP\r\n")
        for command in self.rfile:
            self.wfile.write(b"221 Bye\r\n" if command.upper().startswith(b"QUIT") else b"250 Ok\r\n")


def mail() -> AbstractContextManager[int]:
    """Take any recipient, and give the port."""
    return _on_free_port(_Mail)


# --- Names ---


def _named(question: bytes) -> bytes:
    """Answer a question with one record, as the server whose zone it is."""
    number = question[:2]
    (kind,) = struct.unpack("!H", question[-4:-2])
    pointer = b"\xc0\x0c"  # the name that was asked for
    record = pointer + struct.pack("!2HIH", kind, 1, 60, len(RECORDS[kind])) + RECORDS[kind]
    return number + struct.pack("!5H", 0x8400, 1, 1, 0, 0) + question[12:] + record


class _NamesByUdp(socketserver.DatagramRequestHandler):
    def handle(self) -> None:
        self.wfile.write(_named(self.rfile.read()))


class _NamesByTcp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        (length,) = struct.unpack("!H", self.rfile.read(2))
        reply = _named(self.rfile.read(length))
        self.wfile.write(struct.pack("!H", len(reply)) + reply)


@contextmanager
def names() -> Iterator[int]:
    """Answer for every name and zone, over UDP and TCP, and give the port."""
    with (
        _on_free_port(_NamesByTcp) as port,
        serving(socketserver.UDPServer((HOME, port), _NamesByUdp)),
    ):
        yield port
