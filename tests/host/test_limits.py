"""Resources at their end: the script answers 0 or 101 whatever happens, and in a time that grows as its input does."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.host.host import ALLOWED, DENIED, Host

if TYPE_CHECKING:
    from pathlib import Path

LONG = 16_000  # a line may be a little longer


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Give a host on which alpha runs and must not be restarted, and gamma runs and may."""
    host = Host(tmp_path)
    host.block(alpha__service=["stop", "restart", "try-restart"])
    host.run("alpha.service", "gamma.service")
    host.ask("--list")
    return host


def ask_within(host: Host, limit: str, *question: str) -> int:
    command = f'ulimit {limit}; exec "$@"'
    return subprocess.run(
        ["sh", "-c", command, "sh", host.script, *question],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=False,
    ).returncode


LIMITS = ["-f 0", "-c 0", "-n 12", "-n 16", "-v 20000", "-v 9000", "-v 4000"]


@pytest.mark.parametrize("limit", LIMITS)
def test_answers_whatever_the_limits(host: Host, limit: str) -> None:
    assert ask_within(host, limit, "alpha.service", "restart") == DENIED
    assert ask_within(host, limit, "gamma.service", "restart") == ALLOWED
    assert ask_within(host, limit, "--dpkg-begins") == ALLOWED
    assert ask_within(host, limit, "--restart-collateral") == ALLOWED


@pytest.mark.parametrize("limit", LIMITS)
def test_answers_without_perl_whatever_the_limits(host: Host, limit: str) -> None:
    host.without_perl()
    assert ask_within(host, limit, "alpha.service", "restart") == DENIED
    assert ask_within(host, limit, "gamma.service", "restart") == ALLOWED


@pytest.mark.parametrize("limit", ["-n 11", "-n 12"])
def test_gives_no_answer_of_its_own_where_the_shell_gives_up(host: Host, limit: str) -> None:
    for _time in range(2):
        assert ask_within(host, limit, "alpha.service", "restart") == DENIED
        assert ask_within(host, limit, "gamma.service", "restart") in (ALLOWED, DENIED)
        assert ask_within(host, limit, "--restart-collateral") == ALLOWED
        host.without_perl()


SHAPES = [
    "alpha: [restart{}x]",
    "alpha: restart{}x",
    "alpha: restart{}# x",
    "alpha{}x: []",
    "alpha{}x",
    "- alpha{}x",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_line_takes_a_time_that_grows_as_its_length(host: Host, shape: str) -> None:
    line = shape.format(" " * LONG)
    host.policy(
        "long", "blocked_actions:\n" + "".join(f"  {line.replace('alpha', f'a{n}')}\n" for n in range(20))
    )
    begun = time.monotonic()
    host.ask("gamma", "restart")
    assert time.monotonic() - begun < 5
