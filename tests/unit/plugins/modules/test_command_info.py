"""A command that only looks: its output is given, and a status that nobody expected is a failure with its words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.modules import command_info
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK = ["cluster", "status of", "db1"]


def answer(status: int, out: str = "", err: str = "") -> Callable[[list[str]], tuple[int, str, str]]:
    def run_command(argv: list[str]) -> tuple[int, str, str]:
        assert argv == LOOK
        return status, out, err

    return run_command


def look(monkeypatch: pytest.MonkeyPatch, run_command: Any, **options: Any) -> dict[str, Any]:
    options = {"argv": LOOK, "accept": [0], **options}
    return run_module(command_info, monkeypatch, run_command, check_mode=True, **options)


def test_it_gives_what_the_command_printed_in_check_mode_too(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, answer(0, "Synced\n", "slow\n"))
    assert (result["rc"], result["stdout"], result["stderr"]) == (0, "Synced", "slow")
    assert "changed" not in result


@pytest.mark.parametrize(
    ("out", "err", "words"),
    [
        ("a line\n", "no cluster\n", "no cluster"),
        ("no quorum\n", "", "no quorum"),
        ("", "", "it printed nothing"),
    ],
)
def test_a_status_that_is_not_accepted_fails_with_the_words_of_the_command(
    out: str, err: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = look(monkeypatch, answer(69, out, err))
    assert result["failed"]
    assert result["msg"] == f"cluster 'status of' db1 ended with 69: {words}"
    assert result["rc"] == 69


def test_a_status_that_is_accepted_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, answer(69, "critical"), accept=[0, 69])
    assert result["rc"] == 69
    assert result["failed"] is False, (
        "Ansible takes a status that is not 0 for a failure where nothing is said"
    )


def test_no_command_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, answer(0), argv=[])
    assert result["msg"] == "argv is empty; expected a command and its arguments"
