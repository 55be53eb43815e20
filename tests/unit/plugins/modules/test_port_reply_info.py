"""The module gives the answer, and fails with the words of whoever asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.modules import port_reply_info
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    import pytest


def look(monkeypatch: pytest.MonkeyPatch, **options: Any) -> dict[str, Any]:
    def no_command(*_argv: Any) -> tuple[int, str, str]:
        raise AssertionError("it runs no command")

    return run_module(port_reply_info, monkeypatch, no_command, check_mode=True, port=11211, **options)


def test_it_asks_in_check_mode_too_and_gives_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(address: tuple[str, int], send: bytes, expected: Any, seconds: float) -> str:
        assert (address, send, expected.pattern, seconds) == (
            ("127.0.0.1", 11211),
            b"version\r\n",
            "^VERSION ",
            5.0,
        )
        return "VERSION 1.6.18\r\n"

    monkeypatch.setattr(port_reply_info, "ask", ask)
    result = look(monkeypatch, send="version\r\n", expect="^VERSION ")
    assert result["reply"] == "VERSION 1.6.18\r\n"
    assert "changed" not in result


def test_another_answer_is_a_failure_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_given: Any) -> str:
        raise HostError("127.0.0.1:11211 answered 'ERROR'")

    monkeypatch.setattr(port_reply_info, "ask", ask)
    result = look(monkeypatch, expect="^VERSION ")
    assert result["failed"]
    assert result["msg"] == "127.0.0.1:11211 answered 'ERROR'"


def test_what_is_no_regular_expression_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, expect="(")
    assert result["failed"]
    assert result["msg"].startswith("expect is '('; expected a regular expression: ")
