from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.orderly.services.plugins.modules.zookeeper_info import ask, mode_of

HOME = "127.0.0.1"
FOLLOWER = "Zookeeper version: 3.8.0\nLatency min/avg/max: 0/0.0/0\nMode: follower\nNode count: 5\n"


@pytest.mark.parametrize(
    ("reply", "mode"),
    [
        (FOLLOWER, "follower"),
        (FOLLOWER.replace("follower", "leader"), "leader"),
        ("This ZooKeeper instance is not currently serving requests", ""),
        ("srvr is not executed because it is not in the whitelist.", ""),
        ("", ""),
    ],
)
def test_the_mode_is_that_of_a_server_that_serves(reply: str, mode: str) -> None:
    assert mode_of(reply) == mode


def test_a_server_is_asked_with_the_word_that_is_always_allowed() -> None:
    asked: list[bytes] = []
    with socket.create_server((HOME, 0)) as server:

        def serve() -> None:
            connection, _client = server.accept()
            with connection:
                asked.append(connection.recv(10))
                connection.sendall(FOLLOWER.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        assert mode_of(ask(HOME, server.getsockname()[1], 5)) == "follower"
        thread.join()
    assert asked == [b"srvr"]


def test_of_a_server_that_is_down_or_silent_the_reason_is_told() -> None:
    with socket.create_server((HOME, 0)) as server:
        port = server.getsockname()[1]
        assert "timed out" in ask(HOME, port, 0.1)
    assert "refused" in ask(HOME, port, 1)
