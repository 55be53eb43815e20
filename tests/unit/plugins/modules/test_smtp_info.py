"""A mail server of a few lines is asked for a recipient; no message is sent."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.modules.smtp_info import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

TAKES = {
    "": "220 mx1 ESMTP",
    "EHLO": "250 mx1",
    "MAIL": "250 Ok",
    "RCPT": "250 Ok",
    "RSET": "250 Ok",
    "QUIT": "221 Bye",
}


class MailServer:
    """Answers each command of one client, and keeps what it was asked."""

    def __init__(self) -> None:
        self.says = dict(TAKES)
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection, _client = self._socket.accept()
        with connection, connection.makefile("rw", newline="\r\n") as stream:
            command = ""
            while True:
                stream.write(self.says[command[:4].upper()] + "\n")
                stream.flush()
                command = stream.readline().strip()
                if not command:
                    return
                self.asked.append(command)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def server() -> Iterator[MailServer]:
    found = MailServer()
    yield found
    found.close()


def test_a_recipient_is_asked_for_and_taken_back_before_there_is_a_message(server: MailServer) -> None:
    said = ask("127.0.0.1", server.port, "", "postmaster", 5)
    assert said == {"banner": "220 mx1 ESMTP", "reply": "250 Ok"}
    words = [command.split()[0].upper() for command in server.asked]
    assert words == ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]


@pytest.mark.parametrize(
    ("command", "reply"),
    [("", "554 no service"), ("MAIL", "451 queue file write error"), ("RCPT", "451 lookup failure")],
)
def test_what_the_server_says_instead_is_told(server: MailServer, command: str, reply: str) -> None:
    server.says[command] = reply
    with pytest.raises(OSError, match=reply):
        ask("127.0.0.1", server.port, "", "postmaster", 5)


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        ask("127.0.0.1", port, "", "postmaster", 1)
