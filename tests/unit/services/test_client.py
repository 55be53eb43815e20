"""The client counts what it had to send again, what failed, and for how long nothing succeeded."""

from __future__ import annotations

import json
import re
import smtplib
import threading
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.tests.services import client
from ansible_collections.orderly.services.tests.services.client import Tally, Worker, lost

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Clock:
    """A clock that moves when somebody sleeps, and with each attempt."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Nodes:
    """Nodes, some of which are down; a row is on all of them."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.down: set[str] = set()
        self.rows: set[int] = set()
        self.opened: list[str] = []

    def connect(self, name: str) -> client.Connection:
        nodes = self

        class Node:
            def write(self, number: int) -> None:
                if name in nodes.down:
                    nodes.clock.now += 1.0
                    raise OSError("gone")
                nodes.rows.add(number)

            def found(self) -> set[int]:
                return nodes.rows

            def close(self) -> None:
                raise OSError("it is broken")

        nodes.opened.append(name)
        return Node()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nodes(clock: Clock) -> Nodes:
    return Nodes(clock)


def worker(nodes: Nodes, tally: Tally) -> Worker:
    return Worker(nodes.connect, ["a", "b", "c"], 0, tally)


def operate(nodes: Nodes, count: int) -> tuple[Tally, dict[str, object]]:
    tally = Tally(nodes.clock())
    one = worker(nodes, tally)
    for _number in range(count):
        one.operate(nodes.clock, nodes.clock.sleep)
        nodes.clock.now += 0.2
    return tally, tally.numbers(nodes.clock())


def test_each_node_is_used_in_its_turn_over_one_connection(nodes: Nodes) -> None:
    _tally, numbers = operate(nodes, 6)
    assert nodes.opened == ["b", "c", "a"]
    assert numbers["sent"] == numbers["confirmed"] == 6
    assert numbers["again"] == numbers["failed"] == 0


def test_what_a_node_does_not_answer_is_sent_to_the_next_one_and_counted(nodes: Nodes) -> None:
    nodes.down = {"b"}
    _tally, numbers = operate(nodes, 3)
    assert numbers["confirmed"] == 3
    assert numbers["again"] == 1, "and the node is left alone for a while"
    assert numbers["failed"] == 0
    assert numbers["reasons"] == {"b: OSError": 1}


def test_what_no_node_answers_has_failed_and_the_service_was_down(nodes: Nodes) -> None:
    nodes.down = {"a", "b", "c"}
    tally, numbers = operate(nodes, 1)
    assert numbers["failed"] == 1
    assert numbers["confirmed"] == 0
    without = numbers["without"]
    assert isinstance(without, float)
    assert without >= client.OPERATION_SECONDS
    nodes.down = set()
    worker(nodes, tally).operate(nodes.clock, nodes.clock.sleep)
    nodes.clock.now += 0.5
    assert tally.numbers(nodes.clock())["without"] == pytest.approx(without, abs=0.1), "it is over"


def test_a_short_pause_is_not_an_outage(clock: Clock) -> None:
    tally = Tally(clock())
    for now in (0.5, 1.4, 2.3):
        tally.succeeded(tally.number(), now - 0.1, now)
    assert tally.numbers(3.0)["without"] == 0.0


def test_rows_that_were_confirmed_and_are_not_there_are_lost(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Callable[[str], client.Connection] = nodes.connect
    nodes.rows = {1, 2}

    class Quiet:
        def __init__(self, name: str) -> None:
            self.node = found(name)
            self.found = self.node.found

        def close(self) -> None:
            pass

    monkeypatch.setattr(nodes, "connect", Quiet)
    assert lost({1, 2, 3}, nodes.connect, ["a"]) == {"a": 1}


def test_numbers_are_written_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "load.json"
    client.write(file, {"sent": 1})
    client.write(file, {"sent": 2})
    assert json.loads(file.read_text()) == {"sent": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["load.json"]


def test_an_unknown_protocol_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        client.parse(["telepathy", "a", "--numbers", "x"])
    assert re.search("invalid choice: '?telepathy", capsys.readouterr().err)


def test_a_name_and_the_time_are_asked_for_in_one_datagram_and_answers_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: dict[str, bytes] = {}

    def by_udp(node: str, port: int, asked: bytes) -> bytes:
        assert (node, port) in (("ns1", 53), ("time1", 123))
        said["asked"] = asked
        return said["answer"]

    monkeypatch.setattr(client, "by_udp", by_udp)
    said["answer"] = bytes.fromhex("0007 8180 0001 0001")
    client.Dns("ns1").write(7)
    assert b"\x04shop\x07example\x00" in said["asked"]
    said["answer"] = bytes.fromhex("0007 8182 0001 0000")
    with pytest.raises(OSError, match="status 2 and 0 records"):
        client.Dns("ns1").write(7)
    said["answer"] = bytes([0o44, 8]) + bytes(22) + (7).to_bytes(8, "big") + bytes(16)
    client.Ntp("time1").write(7)
    assert len(said["asked"]) == 48
    said["answer"] = bytes([0o344, 0]) + said["answer"][2:]
    with pytest.raises(OSError, match="not the time"):
        client.Ntp("time1").write(7)


def test_messages_that_are_relayed_arrive_and_every_tenth_has_to_be_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("arrived", "kept_waiting"):
        monkeypatch.setattr(client.Smtp, name, set())
    monkeypatch.setattr(client.Smtp, "last", 0.0)
    with client.Mailboxes(("127.0.0.1", 0), client.Mailbox) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        for number in (9, 10):
            with smtplib.SMTP("127.0.0.1", port, timeout=5) as relay:
                letter = ("load@client", [f"load-{number}@shop.example"], "Subject: load\r\n\r\n.\r\n")
                if number == 10:
                    with pytest.raises(smtplib.SMTPDataError, match="later"):
                        relay.sendmail(*letter)
                    assert client.Smtp.arrived == {9}
                relay.sendmail(*letter)
        server.shutdown()
    assert client.Smtp.arrived == {9, 10}
