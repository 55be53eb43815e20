"""The module hands a master over, says in check mode that it would, and leaves replicas alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.orderly.services.plugins.modules import redis_failover
from ansible_collections.orderly.services.tests.unit.plugins.module_utils._redis.conversation import (
    Conversation,
)
from ansible_collections.orderly.services.tests.unit.plugins.modules.run_module import run_module

if TYPE_CHECKING:
    import pytest

ADDRESS = "sentinel sentinel get-master-addr-by-name shop"
REPLICA = "slave0:ip=r2,port=6379,state=online,offset=900,lag=0"
ANSWERS: dict[str, Any] = {
    "server info": f"run_id:aa\nrole:master\nmaster_repl_offset:900\n{REPLICA}",
    "sentinel info": "run_id:ss",
    "sentinel sentinel masters": "name\nshop\nrunid\naa",
    "sentinel sentinel slaves shop": "",
    "sentinel sentinel ckquorum shop": "OK 3 usable",
    ADDRESS: ["r1\n6379", "r2\n6379"],
    "server client pause 30000 write": "OK",
    "sentinel sentinel failover shop": "OK",
    "server replicaof r2 6379": "OK",
    "server client unpause": "OK",
    "server config rewrite": "OK",
    "server client kill type normal": "1",
}


def play(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], *, check_mode: bool = False
) -> tuple[dict[str, Any], Conversation]:
    run = Conversation({**ANSWERS, **answers})
    options: dict[str, Any] = {"cli": ["server"], "sentinel_cli": ["sentinel"], "timeout": 30}
    return run_module(redis_failover, monkeypatch, run, check_mode=check_mode, **options), run


def test_a_master_is_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _run = play(monkeypatch, {})
    assert result == {"changed": True, "name": "shop", "master": "r2:6379", "warnings": []}


def test_check_mode_only_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    result, run = play(monkeypatch, {}, check_mode=True)
    assert result == {"changed": True, "name": "shop", "master": "", "warnings": []}
    assert run.asked == list(ANSWERS)[:5]


def test_a_replica_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    result, run = play(monkeypatch, {"server info": "run_id:aa\nrole:slave"})
    assert (result["changed"], run.asked) == (False, list(ANSWERS)[:5])


def test_writes_that_could_not_be_paused_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _run = play(monkeypatch, {"server client pause 30000 write": "ERR syntax error"})
    assert result["warnings"] == [
        "This redis cannot pause writes: what was written to shop in that moment may be lost."
    ]


def test_a_failover_that_is_refused_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _run = play(monkeypatch, {"sentinel sentinel failover shop": "NOGOODSLAVE"})
    assert result["failed"]
    assert result["msg"] == "The sentinel does not fail shop over: NOGOODSLAVE"
