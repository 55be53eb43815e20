"""The module says in sentences what is wrong, and refuses to ask nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.modules import redis_info
from ansible_collections.orderly.services.tests.unit.plugins.module_utils._redis.conversation import (
    Conversation,
)
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    import pytest


def look(monkeypatch: pytest.MonkeyPatch, run: Conversation, **options: Any) -> dict[str, Any]:
    return run_module(redis_info, monkeypatch, run, check_mode=True, **options)


def test_a_server_alone_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Conversation(
        {
            "redis-cli info": "run_id:aa\nrole:master",
            "redis-cli pubsub numsub __sentinel__:hello": "__sentinel__:hello\n0",
        }
    )
    result = look(monkeypatch, run, cli=["redis-cli"], sentinel_cli=[])
    assert (result["faults"], result["indispensable"], result["role"], result["watched"]) == (
        [],
        [],
        "master",
        "",
    )
    assert result["info"] == {"run_id": "aa", "role": "master"}


def test_one_that_does_not_answer_is_a_fault_and_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, Conversation({}, dead=["redis-cli"]), cli=["redis-cli"], sentinel_cli=[])
    assert "failed" not in result
    assert result["faults"] == ["redis-cli info does not answer: Could not connect: Connection refused"]


def test_nobody_to_ask_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    result = look(monkeypatch, Conversation({}), cli=[], sentinel_cli=[])
    assert (
        result["msg"] == "Both cli and sentinel_cli are empty; name the command that connects to one of them."
    )
