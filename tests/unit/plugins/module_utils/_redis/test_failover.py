"""A master is handed over without losing what it has confirmed; where that fails, it accepts writes again."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._redis.client import Client
from ansible_collections.orderly.services.plugins.module_utils._redis.failover import (
    Failover,
    online,
    plan_failover,
    with_everything,
)
from ansible_collections.orderly.services.plugins.module_utils._redis.state import State, Watched
from ansible_collections.orderly.services.tests.unit.plugins.module_utils._redis.conversation import (
    Conversation,
)

INFO = {
    "run_id": "aa", "role": "master", "master_repl_offset": "900",
    "slave0": "ip=r2,port=6379,state=online,offset=890,lag=0",
    "slave1": "ip=r3,port=6379,state=wait_bgsave,offset=0,lag=0",
    "slave_priority": "100",
}  # fmt: skip
SHOP = Watched({"name": "shop", "runid": "aa"}, [], "")
BEFORE = "run_id:aa\nmaster_repl_offset:900\nslave0:ip=r2,port=6379,state=online,offset=890,lag=0"
AWAY = BEFORE.replace("\nslave0:ip=r2,port=6379,state=online,offset=890,lag=0", "")
AFTER = BEFORE.replace("offset=890", "offset=900")
ADDRESS = "sentinel sentinel get-master-addr-by-name shop"
ANSWERS: dict[str, Any] = {
    ADDRESS: ["r1\n6379", "r1\n6379", "r2\n6379"],
    "server client pause 5000 write": "OK",
    "server info": [BEFORE, BEFORE, AFTER],
    "sentinel sentinel failover shop": "OK",
    "server replicaof r2 6379": "OK",
    "server client unpause": "OK",
    "server config rewrite": "OK",
    "server client kill type normal": "3",
}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def hand_over(answers: dict[str, Any]) -> tuple[Failover, Conversation]:
    run, clock = Conversation({**ANSWERS, **answers}), Clock()
    return Failover(Client(run, ["server"]), Client(run, ["sentinel"]), 5, clock, clock.sleep), run


def test_only_replicas_that_are_online_count_and_may_be_behind() -> None:
    assert [each["ip"] for each in online(INFO)] == ["r2"]
    assert with_everything(INFO, 900) == 0
    assert with_everything(INFO, 890) == 1


def test_a_master_with_a_replica_is_handed_over() -> None:
    assert plan_failover(State(info=INFO, has_sentinel=True, watched=[SHOP])) == "shop"


@pytest.mark.parametrize(
    "state",
    [
        State(info=INFO),
        State(info={**INFO, "role": "slave"}, watched=[SHOP]),
        State(info={**INFO, "run_id": "xx"}, watched=[SHOP]),
    ],
)
def test_a_replica_and_a_server_that_nobody_watches_are_left_alone(state: State) -> None:
    assert plan_failover(state) == ""


def test_a_master_without_replicas_and_one_that_does_not_answer_are_refused() -> None:
    alone = {name: value for name, value in INFO.items() if name != "slave0"}
    with pytest.raises(HostError, match="The master shop has no replica that is online"):
        plan_failover(State(info=alone, watched=[SHOP]))
    with pytest.raises(HostError, match="Nobody knows whether this is the master: it is gone"):
        plan_failover(State(unanswered=["it is gone"]))


def test_writes_are_paused_until_the_replica_has_all_and_is_followed() -> None:
    failover, run = hand_over({})
    assert failover.hand_over("shop") == "r2:6379"
    assert failover.paused
    kept = list(dict.fromkeys(run.asked))
    assert kept == [
        ADDRESS,
        "server client pause 5000 write",
        "server info",
        "sentinel sentinel failover shop",
        "server replicaof r2 6379",
        "server client unpause",
        "server config rewrite",
        "server client kill type normal",
    ]
    assert run.asked.index("sentinel sentinel failover shop") > run.asked.index("server info") + 2


def test_a_server_that_cannot_pause_writes_is_not_unpaused() -> None:
    failover, run = hand_over({"server client pause 5000 write": "ERR syntax error"})
    assert failover.hand_over("shop") == "r2:6379"
    assert not failover.paused
    assert "server client unpause" not in run.asked


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"server info": BEFORE}, "The replicas of shop are still behind it, or away, after 5 s"),
        ({"server info": [BEFORE, AWAY]}, "The replicas of shop are still behind it, or away, after 5 s"),
        ({"server info": AWAY}, "The replicas of shop are still behind it, or away, after 5 s"),
        ({"sentinel sentinel failover shop": "NOGOODSLAVE No suitable replica to promote"}, "NOGOODSLAVE"),
        ({ADDRESS: "r1\n6379"}, "shop has no other master after 5 s"),
        ({"server replicaof r2 6379": "ERR no"}, "replicaof r2 6379 was answered with: ERR no"),
    ],
)
def test_what_goes_wrong_is_named_and_writes_are_accepted_again(answers: dict[str, Any], words: str) -> None:
    failover, run = hand_over(answers)
    with pytest.raises(HostError, match=words):
        failover.hand_over("shop")
    assert run.asked[-1] == "server client unpause"


def test_an_unknown_master_is_refused_before_anything_is_paused() -> None:
    failover, run = hand_over({ADDRESS: ""})
    with pytest.raises(HostError, match="The sentinel does not know where shop is: nothing"):
        failover.hand_over("shop")
    assert run.asked == [ADDRESS]
