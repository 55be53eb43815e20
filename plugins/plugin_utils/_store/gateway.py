"""One endpoint of an etcd cluster: etcd's JSON gateway (etcd 3.4 and later), over a connection that is kept.

With the standard library alone: no proxy is asked, no redirect followed, nothing inflated, and no answer read that has
no end. https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/
"""

from __future__ import annotations

import json
import select
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator

API_PATH = "/v3"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 8.0  # a member without a leader says so after seven
LARGEST = 64 << 20  # bytes of an answer; etcd's own are far smaller
PIECE = 1 << 16
OK = 200
PASSING = frozenset((408, 412, 500, 503, 504))
"""Statuses of what may be otherwise in a moment, or at another endpoint."""


class StatusError(Exception):
    """An endpoint has answered with another status than 200; *text* is what it said."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class OddAnswerError(Exception):
    """An endpoint has given an answer that nobody should read; the message says why."""


NOT_HEARD = (OSError, HTTPException, ValueError, RecursionError, OddAnswerError, StatusError)
"""What can go wrong with one question at one endpoint."""


class Endpoint:
    """Where one member of a cluster listens; *tls* says by which authorities it is known, None without TLS."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        self.host, self.port = host, port
        self.token = ""
        self._tls = tls
        self._kept: HTTPConnection | None = None

    def __str__(self) -> str:
        """Give host and port."""
        return f"{self.host}:{self.port}"

    def post(self, path: str, body: Any) -> Any:
        """Ask, and give the answer; raises one of :data:`NOT_HEARD`."""
        try:
            return json.loads(_whole(self._send(self._connected(), path, json.dumps(body), ANSWER_SECONDS)))
        except BaseException:
            self.close()  # what is left of this answer must not be taken for the next one
            raise

    def lines(self, path: str, questions: Iterable[Any], seconds: float) -> Iterator[bytes]:
        """Give what is said line by line, until the endpoint is silent for so many seconds or goes away."""
        connection = self._connect()
        try:
            response = self._send(connection, path, "\n".join(map(json.dumps, questions)), seconds)
            begun = b""
            while (part := response.read1(PIECE)) and len(begun) <= LARGEST:
                *whole, begun = (begun + part).split(b"\n")
                yield from filter(None, whole)
            yield from filter(None, [begun])
        except (OSError, HTTPException):
            return
        finally:
            connection.close()

    def close(self) -> None:
        """Give the connection back; the next question opens another one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connected(self) -> HTTPConnection:
        """Give the kept connection, or a new one where the endpoint has ended it meanwhile."""
        if self._kept is not None and (self._kept.sock is None or _has_ended(self._kept)):
            self.close()
        if self._kept is None:
            self._kept = self._connect()
        return self._kept

    def _connect(self) -> HTTPConnection:
        made = (
            HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS)
            if self._tls is None
            else HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS, context=self._tls)
        )
        made.connect()
        return made

    def _send(self, connection: HTTPConnection, path: str, body: str, seconds: float) -> HTTPResponse:
        connection.sock.settimeout(seconds)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = self.token
        try:
            connection.request("POST", f"{API_PATH}{path}", body, headers)
        except (BrokenPipeError, ConnectionResetError):
            # Whoever ends a connection of TLS says why before that: no certificate, say. Reading raises it.
            connection.sock.recv(1)
            raise
        response = connection.getresponse()
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise OddAnswerError("the answer is compressed, which it was not asked to be")
        if response.status != OK:
            raise StatusError(response.status, _whole(response).decode("utf-8", "replace") or response.reason)
        return response


def _has_ended(connection: HTTPConnection) -> bool:
    """Tell whether there is something to read though nothing was asked: mostly the end."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _whole(response: HTTPResponse) -> bytes:
    text = response.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise OddAnswerError(f"the answer is longer than {LARGEST >> 20} MiB")
    return text
