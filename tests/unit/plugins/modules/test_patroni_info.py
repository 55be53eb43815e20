from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ansible_collections.orderly.services.plugins.modules.patroni_info import NoAnswerError, getter, look

HERE = "http://127.0.0.1:8008"
RUNNING = {"state": "running", "role": "replica"}
LEADER = {"name": "pg1", "role": "leader", "state": "running", "api_url": "http://pg1:8008/patroni"}
PG2 = {
    "name": "pg2",
    "role": "replica",
    "state": "streaming",
    "api_url": "http://pg2:8008/patroni",
    "lag": 10,
}
PG3 = {**PG2, "name": "pg3", "api_url": "http://pg3:8008/patroni"}


class FakeCluster:
    """A cluster of three of which pg1 leads, seen from a member."""

    def __init__(self, *members: dict[str, Any], me: str = "pg1", **cluster: Any) -> None:
        self.pages: dict[str, tuple[int, dict[str, Any]]] = {
            f"{HERE}/patroni": (200, RUNNING),
            f"{HERE}/cluster": (200, {"members": list(members), **cluster}),
            f"{HERE}/leader": (200 if me == "pg1" else 503, RUNNING),
            f"{HERE}/replica?lag=100": (503 if me == "pg1" else 200, RUNNING),
            **{each["api_url"]: (200, RUNNING) for each in members},
        }

    def __call__(self, url: str) -> tuple[int, dict[str, Any]]:
        if url not in self.pages:
            raise NoAnswerError(f"{url} does not answer: refused")
        return self.pages[url]


def seen(cluster: FakeCluster, name: str = "pg1") -> dict[str, Any]:
    return look(cluster, HERE, name, 100)


def test_a_leader_with_two_replicas_may_go() -> None:
    assert seen(FakeCluster(LEADER, PG2, PG3)) == {
        "wrong": [],
        "leads": True,
        "paused": False,
        "members": ["pg1", "pg2", "pg3"],
        "others_wrong": [],
        "candidates": ["pg2", "pg3"],
    }


def test_a_replica_that_is_close_enough_is_well() -> None:
    found = seen(FakeCluster(LEADER, PG2, PG3, me="pg2"), "pg2")
    assert (found["wrong"], found["leads"]) == ([], False)


def test_a_pause_is_told() -> None:
    assert seen(FakeCluster(LEADER, PG2, pause=True))["paused"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"lag": 101}, "pg2 is 101 bytes behind, and 100 are allowed"),
        ({"lag": "unknown"}, "pg2 is an unknown number of bytes behind, and 100 are allowed"),
        ({"state": "starting"}, "pg2 is starting"),
        ({"api_url": "http://pg9:8008/patroni"}, None),
    ],
)
def test_a_replica_that_is_not_well_is_named_and_cannot_lead(
    change: dict[str, Any], wrong: str | None
) -> None:
    cluster = FakeCluster(LEADER, {**PG2, **change}, PG3)
    if wrong is None:  # the cluster still knows it, as it forgets the dead late
        del cluster.pages["http://pg9:8008/patroni"]
        wrong = "pg2 does not answer (http://pg9:8008/patroni does not answer: refused)"
    found = seen(cluster)
    assert (found["others_wrong"], found["candidates"]) == ([wrong], ["pg3"])


def test_a_replica_whose_server_is_down_is_named() -> None:
    cluster = FakeCluster(LEADER, PG2)
    cluster.pages[PG2["api_url"]] = (503, {"state": "stopped"})
    assert seen(cluster)["others_wrong"] == ["pg2 is stopped"]


def test_who_must_not_lead_is_no_candidate() -> None:
    assert seen(FakeCluster(LEADER, {**PG2, "tags": {"nofailover": True}}, PG3))["candidates"] == ["pg3"]


def test_with_synchronous_replication_the_synchronous_take_over() -> None:
    assert seen(FakeCluster(LEADER, {**PG2, "role": "sync_standby"}, PG3))["candidates"] == ["pg2"]


def test_a_replica_that_clients_are_kept_from_is_well_by_what_the_cluster_says() -> None:
    cluster = FakeCluster(LEADER, PG2, me="pg2")
    cluster.pages[f"{HERE}/replica?lag=100"] = (503, RUNNING)
    assert seen(cluster, "pg2")["wrong"] == [
        "it is neither the leader nor a replica that is close enough (lag: 10)"
    ]
    cluster.pages[f"{HERE}/patroni"] = (200, {**RUNNING, "tags": {"noloadbalance": True}})
    assert seen(cluster, "pg2")["wrong"] == []


@pytest.mark.parametrize(
    ("pages", "name", "wrong"),
    [
        ({}, "db1", "it is not called db1: the members of its cluster are pg1, pg2"),
        ({"cluster": (200, {"members": [PG2]})}, "pg2", "its cluster has no leader"),
        ({"cluster": (200, {})}, "pg1", "it is not called pg1: the members of its cluster are none"),
        ({"cluster": (503, {})}, "pg1", "it has lost the store of its cluster (etcd, ZooKeeper, Consul)"),
        ({"patroni": (503, {"state": "stopped"})}, "pg1", "its PostgreSQL is stopped"),
    ],
)
def test_what_is_wrong_with_this_member_is_told(pages: dict[str, Any], name: str, wrong: str) -> None:
    cluster = FakeCluster(LEADER, PG2)
    cluster.pages.update({f"{HERE}/{page}": answer for page, answer in pages.items()})
    assert seen(cluster, name)["wrong"] == [wrong]


def test_a_patroni_that_does_not_answer_is_not_well() -> None:
    cluster = FakeCluster(LEADER, PG2)
    del cluster.pages[f"{HERE}/leader"]
    found = seen(cluster)
    assert (found["wrong"], found["members"]) == ([f"{HERE}/leader does not answer: refused"], [])


def test_what_is_no_address_of_a_page_is_not_read() -> None:
    with pytest.raises(NoAnswerError, match="file:///etc/passwd is no address"):
        getter(1, None)("file:///etc/passwd")


def test_a_no_is_an_answer_and_what_is_no_json_is_none() -> None:
    texts = iter([b'{"state": "stopped"}', b"<html>", b"[]"])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(next(texts))

        def log_message(self, *_words: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        get, url = getter(5, None), f"http://127.0.0.1:{server.server_port}/patroni"
        assert get(url) == (503, {"state": "stopped"})
        with pytest.raises(NoAnswerError, match="does not answer"):
            get(url)
        with pytest.raises(NoAnswerError, match="does not answer as Patroni does"):
            get(url)
        server.shutdown()
    with pytest.raises(NoAnswerError, match="refused"):
        get(url)
