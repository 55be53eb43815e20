"""What users type."""

from __future__ import annotations

import pytest
from fleetlib.cli import parse


@pytest.mark.parametrize("argv", [["--fleet", "two", "ls"], ["ls", "--fleet", "two"]])
def test_fleet_may_be_named_before_or_behind_the_command(argv: list[str]) -> None:
    assert parse(argv, "orderly").fleet == "two"


def test_fleet_has_a_default() -> None:
    assert parse(["ls"], "orderly").fleet == "orderly"


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (["exec", "web1", "--", "ls", "-l", "--", "x"], ["ls", "-l", "--", "x"]),
        (["exec", "web1", "true"], ["true"]),
    ],
)
def test_exec_passes_the_command_on_as_it_is(argv: list[str], command: list[str]) -> None:
    assert parse(argv, "orderly").argv == command


@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_hosts_are_of_any_release_that_is_promised(suite: str) -> None:
    assert parse(["up", "web1", "--suite", suite], "orderly").suite == suite


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["exec", "web1"], "exec needs a command"),
        (["kill", "web1", "--", "x"], "kill takes nothing behind --"),
    ],
)
def test_wrong_command_line_is_explained(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(argv, "orderly")
    assert message in capsys.readouterr().err
