from __future__ import annotations

import pytest
from ansible_collections.orderly.services.tests.demo import client

KILL = client.Kill(begin=100.0, end=101.0, host="web1")


def failure(started: float, seconds: float, balancer: str = "lb1", served_by: str = "web1") -> client.Outcome:
    return client.Outcome(started, seconds, balancer, served_by, "status 504")


CASES = [
    # started, seconds, balancer, server → counts as in flight to web1
    (99.5, 2.0, "lb1", "web1", True),
    (102.9, 0.5, "lb1", "web1", True),
    (103.1, 0.5, "lb1", "web1", False),  # the balancers had to know by then
    (98.0, 1.0, "lb1", "web1", False),  # over before the kill
    (99.5, 2.0, "lb1", "web2", False),
    (99.5, 2.0, "lb1", "", False),  # nobody knows where it went
    (99.5, 2.0, "web1", "", True),  # the connection was to the killed host itself
]


@pytest.mark.parametrize(("started", "seconds", "balancer", "served_by", "expected"), CASES)
def test_only_requests_to_the_killed_host_at_that_time_count_as_in_flight(
    started: float, seconds: float, balancer: str, served_by: str, expected: bool
) -> None:
    assert KILL.explains(failure(started, seconds, balancer, served_by), detection=2.0) is expected


def test_summary_counts_failures_in_flight_apart() -> None:
    tally = client.Tally(detection=2.0, sent=3)
    tally.add(client.Outcome(99.0, 0.1, "lb1", "web2", ""))
    tally.add(failure(100.5, 0.5))
    tally.add(failure(150.0, 0.5))
    summary = tally.summary([KILL])
    assert (summary["sent"], summary["ok"], summary["failed"]) == (3, 1, 1)
    assert summary["in_flight"] == {"web1": 1}
    assert [each["in_flight_to"] for each in summary["failures"]] == ["web1", None]


def test_healthy_balancers_are_tried_first() -> None:
    lb1, lb2 = client.Balancer("lb1", ""), client.Balancer("lb2", "")
    poller = client.Client([lb1, lb2], 8404, client.Tally(2.0))
    assert [poller.candidates() for _time in range(2)] == [[lb1, lb2], [lb2, lb1]]
    poller.healthy.discard(lb1)
    assert [poller.candidates() for _time in range(2)] == [[lb2, lb1], [lb2, lb1]]


def test_answer_that_is_cut_off_is_told_from_a_complete_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Served-By: web1\r\n\r\n"
    assert client.Answer.parse(head + b"hello") == client.Answer(200, "web1", complete=True)
    assert not client.Answer.parse(head + b"hel").complete
