from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.module_utils._haproxy.api import (
    HaproxyError,
    RuntimeApi,
    parse_balancer,
    poll,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INFO = "Name: HAProxy\nVersion: 2.6.12-1+deb12u3\nPid: 240\nUptime: 0d 0h00m10s\n\n"
STATS = """\
# pxname,svname,scur,status,check_status,
web,FRONTEND,3,OPEN,,
health,FRONTEND,1,OPEN,,
web,web1,2,UP,* L7OK,
web,web2,0,UP,INI,
web,BACKEND,2,UP,,
orderly,in_service,0,no check,,
orderly,BACKEND,0,UP,,

"""
STATES = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight
3 web 1 web1 10.0.0.1 2 0 1
3 web 2 web2 10.0.0.2 2 8 1
4 orderly 1 in_service 127.0.0.1 2 0 1

"""


def test_balancer_is_read_from_three_answers() -> None:
    balancer = parse_balancer(INFO, STATS, STATES)
    assert (balancer.version, balancer.pid, balancer.sessions) == ("2.6.12-1+deb12u3", 240, 4)
    assert {name: server.is_up for name, server in balancer.servers.items()} == {
        "web/web1": True,
        "web/web2": False,  # its first check is still to come
        "orderly/in_service": True,
    }
    assert balancer.server("web/web2").is_draining
    assert not balancer.server("web/web1").is_administered
    assert [server.name for server in balancer.backends()["web"]] == ["web/web1", "web/web2"]


def test_unknown_server_is_named_with_those_that_exist() -> None:
    with pytest.raises(
        HaproxyError, match=r"no server web/web9; it has: web/web1, web/web2, orderly/in_service"
    ):
        parse_balancer(INFO, STATS, STATES).server("web/web9")


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Path]:
    """A runtime socket that answers like haproxy: one command per connection."""
    answers = {
        "show info": INFO,
        "show stat": STATS,
        "show servers state": STATES,
        "set server web/web1 state drain": "\n",
        "set server web/web2 state drain": "Permission denied\n\n",
    }
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(answers[connection.recv(1024).decode().strip()].encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_running_haproxy_is_read_through_its_socket(haproxy: Path) -> None:
    assert RuntimeApi(haproxy).read() == parse_balancer(INFO, STATS, STATES)


def test_state_that_haproxy_accepts_is_set_in_silence(haproxy: Path) -> None:
    RuntimeApi(haproxy).set_state("web/web1", "drain")


def test_refusal_names_server_socket_and_cure(haproxy: Path) -> None:
    with pytest.raises(
        HaproxyError, match=r"web/web2 to drain through .*admin.sock: Permission denied .*level admin"
    ):
        RuntimeApi(haproxy).set_state("web/web2", "drain")


def test_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        HaproxyError, match=r"does not answer on its runtime socket .*nope.sock.*Is haproxy running"
    ):
        RuntimeApi(tmp_path / "nope.sock").read()


class FakeClock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_polling_ends_with_the_first_answer_that_pleases() -> None:
    clock = FakeClock()
    answers = iter([3, 1, 0])
    assert poll(lambda: next(answers), lambda left: left == 0, 60, clock, clock.sleep) == 0
    assert clock.now < 1


def test_polling_gives_the_last_answer_when_time_is_up() -> None:
    clock = FakeClock()
    assert poll(lambda: 7, lambda left: left == 0, 60, clock, clock.sleep) == 7
    assert clock.now == pytest.approx(60, abs=1)
