from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.orderly.services.plugins.plugin_utils._roll.blockers import (
    BlockerError,
    ask,
    complaints,
    on_controller,
    parse_blockers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def blocker(**settings: Any) -> Any:
    return parse_blockers([settings])[0]


def well(_command: str) -> tuple[int, str]:
    return 0, "fine\n"


def unreachable(_command: str) -> tuple[int, str]:
    raise AnsibleConnectionFailure("web1 is away")


@contextmanager
def server(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/"
        listening.shutdown()


def test_a_command_that_succeeds_does_not_block() -> None:
    assert ask(blocker(command="true"), well) == ""


def test_a_command_that_fails_blocks_and_its_last_line_says_why() -> None:
    said = ask(blocker(command="x"), lambda _command: (1, "looking\npg_dump runs\n"))
    assert said == "exit status 1 on the host: pg_dump runs"


def test_a_host_that_cannot_be_asked_blocks() -> None:
    assert ask(blocker(command="true"), unreachable) == "it cannot be queried: web1 is away"


def test_a_host_that_need_not_be_asked_does_not_block() -> None:
    assert complaints([blocker(command="true", on="controller")], "web1", unreachable) == []
    as_yaml_reads_it = parse_blockers([{"command": "true", True: "controller"}])
    assert complaints(as_yaml_reads_it, "web1", unreachable) == []


def test_a_command_that_takes_too_long_blocks_and_is_ended() -> None:
    slow = blocker(name="slow", command="sleep 3600", on="controller", timeout=1)
    assert complaints([slow], "web1", well) == ["slow on web1 (no answer on the controller within 1 s)"]


def test_a_command_may_be_a_line_of_shell() -> None:
    assert on_controller(blocker(command="! pgrep 'no such thing' | grep -q .").bounded_command)[0] == 0


def test_a_url_answers_well_with_a_status_of_success() -> None:
    with server(204) as url:
        assert ask(blocker(url=url), well) == ""
    with server(503) as url:
        assert ask(blocker(url=url), well) == f"{url}: HTTP Error 503: Service Unavailable"


def test_a_url_that_nobody_answers_blocks() -> None:
    with server(200) as url:
        pass
    assert "Connection refused" in ask(blocker(url=url), well)


BAD = [
    ("true", "expected a list"),
    (["true"], "'true' is not a blocker"),
    ([{"name": "x"}], "needs either a command or a url"),
    ([{"command": "true", "url": "http://x/"}], "needs either a command or a url"),
    ([{"command": "true", "on": "moon"}], "expected on: host or on: controller"),
    ([{"url": "http://x/", "on": "host"}], "a url is always requested by"),
    ([{"command": "true", "timeout": "long"}], "whole seconds"),
]


@pytest.mark.parametrize(("value", "message"), BAD)
def test_a_broken_blocker_is_named(value: Any, message: str) -> None:
    with pytest.raises(BlockerError, match=message):
        parse_blockers(value)
