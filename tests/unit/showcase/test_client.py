"""The client of the shop counts what it had to send again, what failed, and what each service behind has done."""

from __future__ import annotations

from itertools import chain, repeat
from typing import Any
from unittest.mock import Mock

import pytest
from ansible_collections.orderly.services.tests.showcase import client
from ansible_collections.orderly.services.tests.showcase.client import BadAnswerError, Load, look_for_all


class Shop:
    """Answers, or raises, what it is told to; then as a shop does in which all is well. Time passes with each sleep."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answer = Mock(side_effect=chain(answers, repeat({})))
        self.now = 0.0

    def ask(self, method: str, path: str) -> dict[str, Any]:
        number = int(path.rpartition("/")[2])
        answer: dict[str, Any] = self.answer()
        good = {"number": number, "again": {}} | ({"from": "cache"} if method == "GET" else {})
        return good | answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def load(self) -> Load:
        return Load(self.ask, lambda: self.now, self.sleep)


def ordered(*answers: dict[str, Any] | Exception) -> dict[str, Any]:
    load = Shop(*answers).load()
    load.order()
    return load.numbers()


def counted(numbers: dict[str, Any], name: str) -> tuple[int, int, int, int]:
    one = numbers[name]
    return one["sent"], one["confirmed"], one["again"], one["failed"]


def test_an_order_is_two_requests_a_row_a_message_and_a_lookup() -> None:
    numbers = ordered()
    assert counted(numbers, "requests") == (2, 2, 0, 0)
    assert {counted(numbers, name) for name in ("rows", "messages", "cache")} == {(1, 1, 0, 0)}


def test_a_broken_connection_is_sent_again_and_counted() -> None:
    numbers = ordered(ConnectionResetError("reset"), {}, client.http.client.RemoteDisconnected("gone"))
    assert counted(numbers, "requests") == (2, 2, 2, 0)
    assert numbers["requests"]["reasons"] == {"PUT: ConnectionResetError": 1, "GET: RemoteDisconnected": 1}


@pytest.mark.parametrize("answer", [BadAnswerError("PUT /orders/1: 503"), {"number": 7}])
def test_a_bad_answer_has_failed_and_is_not_sent_again(answer: dict[str, Any] | Exception) -> None:
    numbers = ordered(answer)
    assert counted(numbers, "requests") == (1, 0, 0, 1)
    assert counted(numbers, "rows") == counted(numbers, "messages") == (1, 0, 0, 1)
    assert counted(numbers, "cache") == (0, 0, 0, 0)


def test_what_nobody_answers_for_forty_seconds_has_failed() -> None:
    numbers = ordered(*(OSError("no route") for _attempt in range(1000)))
    assert counted(numbers, "requests")[3] == 1
    assert numbers["requests"]["failures"] == ["PUT /orders/1: no answer, OSError: no route"]
    assert numbers["requests"]["without"] == pytest.approx(40, abs=0.2)


def test_nodes_that_the_shop_asked_in_vain_are_counted_for_their_service() -> None:
    numbers = ordered({"again": {"rows": ["db1: OperationalError"] * 2, "messages": [], "cache": []}})
    assert counted(numbers, "rows") == (1, 1, 2, 0)
    assert numbers["rows"]["reasons"] == {"db1: OperationalError": 2}
    assert counted(numbers, "messages") == (1, 1, 0, 0)


def test_a_lookup_that_the_database_answered_is_not_one_of_the_cache() -> None:
    numbers = ordered({}, {"from": "rows"})
    assert counted(numbers, "requests") == (2, 2, 0, 0)
    assert counted(numbers, "cache") == (1, 0, 0, 1)


@pytest.mark.parametrize(("there", "lost"), [({1, 2, 3}, 0), ({2, 9}, 1), (set(), 2)])
def test_what_was_confirmed_is_looked_for_in_the_end(there: set[int], lost: int) -> None:
    load = Shop().load()
    load.order()
    load.order()
    counted = {"found": 2 - lost, "lost": lost}
    assert look_for_all(load, lambda _path: there) == {"rows": counted, "messages": counted}


def test_messages_that_are_not_shipped_yet_are_waited_for() -> None:
    load = Shop().load()
    load.order()
    shipped: list[set[int]] = [set(), set(), {1}]
    found = look_for_all(load, lambda path: {1} if path == "/orders" else shipped.pop(0))
    assert found["messages"] == {"found": 1, "lost": 0}
