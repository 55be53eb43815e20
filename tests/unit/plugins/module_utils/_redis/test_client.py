"""An answer is read as what it is: what cannot be asked, and what wants a password, is not an answer."""

from __future__ import annotations

import pytest
from ansible_collections.orderly.services.plugins.module_utils._host.errors import HostError
from ansible_collections.orderly.services.plugins.module_utils._redis.client import Client, look
from ansible_collections.orderly.services.tests.unit.plugins.module_utils._redis.conversation import (
    Conversation,
)

ANSWERS = {
    "server info": "run_id:aa\r\nrole:master\r",
    "sentinel info": "run_id:ss\r",
    "sentinel sentinel masters": "name\nshop\nrunid\naa\nflags\nmaster\nnum-other-sentinels\n2\nquorum\n2",
    "sentinel sentinel slaves shop": "name\nr2:6379\nrunid\nbb\nflags\nslave\nmaster-link-status\nok",
    "sentinel sentinel ckquorum shop": "OK 3 usable Sentinels.\n",
}


def test_server_and_sentinel_are_asked() -> None:
    run = Conversation(ANSWERS)
    state = look(Client(run, ["server"]), Client(run, ["sentinel"]))
    assert state.faults() == []
    assert state.role == "master"
    assert run.asked == list(ANSWERS)


def test_who_does_not_answer_is_a_fault() -> None:
    run = Conversation(ANSWERS, dead=["server"])
    state = look(Client(run, ["server"]), Client(run, ["sentinel"]))
    assert state.faults() == ["server info does not answer: Could not connect: Connection refused"]


@pytest.mark.parametrize("who", ["server", "sentinel"])
def test_an_error_is_not_taken_for_an_answer(who: str) -> None:
    run = Conversation({**ANSWERS, f"{who} info": "NOAUTH Authentication required."})
    state = look(Client(run, ["server"]), Client(run, ["sentinel"]))
    assert state.faults() == [f"{who} info was answered with: NOAUTH Authentication required."]


def test_what_must_succeed_and_does_not_is_an_error_with_the_answer() -> None:
    run = Conversation({"server replicaof r2 6379": "ERR no"})
    with pytest.raises(HostError, match=r"server replicaof r2 6379 was answered with: ERR no"):
        Client(run, ["server"]).do("replicaof", "r2", "6379")


@pytest.mark.parametrize(
    ("said", "count"),
    [("__sentinel__:hello\n3", 3), ("__sentinel__:hello\n0", 0), ("NOPERM no permissions", 0), ("", 0)],
)
def test_a_server_whose_sentinels_nobody_named_says_how_many_there_are(said: str, count: int) -> None:
    run = Conversation(
        {"server info": "run_id:aa\nrole:master", "server pubsub numsub __sentinel__:hello": said}
    )
    state = look(Client(run, ["server"]), None)
    assert state.watchers == count
    assert len(state.faults()) == bool(count)
