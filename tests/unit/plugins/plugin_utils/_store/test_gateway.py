"""One endpoint: what it says, and a connection that is kept as long as it lives."""

from __future__ import annotations

import json
import select
import ssl
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._store.gateway import (
    Endpoint,
    OddAnswerError,
    StatusError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


class Member(HTTPServer):
    """Answers what it is told to, and notes what it was asked and by which connection."""

    answer: tuple[int, bytes] = (200, b"{}")
    ends = False  # the connection, after an answer
    coding = "identity"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Any, str]] = []
        self.connections: set[int] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Member

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"])).splitlines()
        body = list(map(json.loads, said)) if len(said) > 1 else json.loads(said[0])
        self.server.asked.append((self.path, body, self.headers.get("Authorization", "")))
        self.server.connections.add(self.client_address[1])
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Content-Encoding", self.server.coding)
        self.end_headers()
        self.wfile.write(answer)
        self.close_connection = self.server.ends

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def member() -> Iterator[Member]:
    member = Member()
    yield member
    member.shutdown()
    member.server_close()


@pytest.fixture
def endpoint(member: Member) -> Iterator[Endpoint]:
    endpoint = Endpoint("127.0.0.1", member.server_address[1], None)
    yield endpoint
    endpoint.close()


def test_a_question_and_its_answer(member: Member, endpoint: Endpoint) -> None:
    member.answer = (200, b'{"a": 1}')
    endpoint.token = f"of {endpoint}"
    assert endpoint.post("/kv/range", {"key": "x"}) == {"a": 1}
    assert member.asked == [("/v3/kv/range", {"key": "x"}, f"of {endpoint}")]


def test_one_connection_serves_many_questions(member: Member, endpoint: Endpoint) -> None:
    for _time in range(3):
        endpoint.post("/kv/range", {})
    assert len(member.connections) == 1


def test_a_connection_that_has_ended_meanwhile_is_replaced_before_it_is_used(
    member: Member, endpoint: Endpoint
) -> None:
    member.ends = True
    for _time in range(3):
        endpoint.post("/kv/range", {})
        assert endpoint._kept is not None
        select.select([endpoint._kept.sock], [], [], 10)  # until its end has arrived
    assert len(member.asked) == len(member.connections) == 3


def test_another_status_comes_with_what_was_said(member: Member, endpoint: Endpoint) -> None:
    member.answer = (503, b'{"error": "no leader"}')
    with pytest.raises(StatusError, match="no leader") as raised:
        endpoint.post("/kv/range", {})
    assert raised.value.status == 503


def test_a_redirect_is_not_followed(member: Member, endpoint: Endpoint) -> None:
    member.answer = (302, b"elsewhere")
    with pytest.raises(StatusError, match="elsewhere"):
        endpoint.post("/kv/range", {})


def test_nothing_is_inflated(member: Member, endpoint: Endpoint) -> None:
    member.coding = "gzip"
    with pytest.raises(OddAnswerError, match="the answer is compressed"):
        endpoint.post("/kv/range", {})


def test_lines_come_one_by_one(member: Member, endpoint: Endpoint) -> None:
    member.answer = (200, b"one\ntwo\n\nthree")
    assert list(endpoint.lines("/watch", [{"a": 1}, {"b": 2}], 1)) == [b"one", b"two", b"three"]
    assert member.asked == [("/v3/watch", [{"a": 1}, {"b": 2}], "")]


class Ended:
    """A connection of TLS whose other end has gone, and has said before why."""

    sock: Any

    def __init__(self) -> None:
        self.sock = self

    def settimeout(self, seconds: float) -> None:
        """Take any."""

    def request(self, *_asked: Any) -> None:
        raise BrokenPipeError("Broken pipe")

    def recv(self, _size: int) -> bytes:
        raise ssl.SSLError("tlsv13 alert certificate required")

    def close(self) -> None:
        """Give nothing back."""


def test_why_the_other_end_has_gone_is_told_where_it_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint("127.0.0.1", 1, None)
    monkeypatch.setattr(endpoint, "_connect", Ended)
    with pytest.raises(ssl.SSLError, match="certificate required"):
        endpoint.post("/kv/range", {})
