"""Commands, one after the other and side by side."""

from __future__ import annotations

from functools import partial

import pytest
from fleetlib import shell
from fleetlib.errors import FleetError


def test_failed_command_is_reported_with_its_own_words() -> None:
    with pytest.raises(FleetError, match="ended with status 3: no such disk"):
        shell.Shell().run("sh", "-c", "echo no such disk >&2; exit 3")


def test_long_command_is_never_silent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shell, "HEARTBEAT", 0.05)
    shell.Shell().follow("sh", "-c", "echo 'Reading database … 5%'; sleep 0.2", label="building")
    assert set(capsys.readouterr().err.splitlines()) == {"building … 0 s"}


def test_long_command_that_fails_shows_what_it_said() -> None:
    with pytest.raises(FleetError, match=r"building failed: sh ended with status 3 and said\nno such disk$"):
        shell.Shell().follow("sh", "-c", "echo no such disk >&2; exit 3", label="building")


def test_failures_side_by_side_are_all_reported() -> None:
    run = shell.Shell().run
    work = {"web1": partial(run, "false"), "web2": partial(run, "true"), "web3": partial(run, "false")}
    with pytest.raises(FleetError, match=r"web1: false\n.*\nweb3: false\n"):
        shell.in_parallel(work, "starting")
