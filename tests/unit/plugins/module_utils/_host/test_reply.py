"""What a daemon answers is given where it is what was expected; anything else is an error that shows it."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._host.reply import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

VERSION = re.compile("^VERSION [0-9]")


@contextmanager
def daemon(*answers: bytes, stays: bool = False) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """Listen, read once, and answer in these parts; one that *stays* keeps the connection open."""
    heard: list[bytes] = []
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                heard.append(connection.recv(1024))
                for answer in answers:
                    connection.sendall(answer)
                if stays:
                    done.wait(5)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname(), heard
        done.set()
        thread.join(5)


def test_the_answer_is_given_as_soon_as_it_is_what_was_expected() -> None:
    with daemon(b"VERS", b"ION 1.6.18\r\n", stays=True) as (address, heard):
        assert ask(address, b"version\r\n", VERSION, 5).startswith("VERSION 1")
    assert heard == [b"version\r\n"]


@pytest.mark.parametrize(
    ("answer", "stays", "words"),
    [
        (
            b"ERROR\r\n",
            False,
            r"answered 'ERROR\r\n' and no more, expected an answer that matches '^VERSION [0-9]'",
        ),
        (b"", False, "answered nothing and no more, expected an answer"),
        (b"ERROR\r\n", True, r"answered 'ERROR\r\n' within 0.2 s, expected an answer"),
    ],
)
def test_another_answer_is_shown(answer: bytes, stays: bool, words: str) -> None:
    with daemon(answer, stays=stays) as (address, _heard), pytest.raises(HostError) as caught:
        ask(address, b"version\r\n", VERSION, 0.2 if stays else 5)
    assert words in str(caught.value)


def test_where_nothing_listens_the_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(
        HostError, match=rf"127\.0\.0\.1:{address[1]} does not answer: .*; expected an answer"
    ):
        ask(address, b"", VERSION, 1)
