from __future__ import annotations

import socket
import threading
import uuid
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._lock.manager import (
    RefusedError,
    TimedOutError,
    acquire,
    freeze,
)
from ansible_collections.orderly.services.plugins.plugin_utils._lock.request import Claim, Request
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import document_of
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import RunState
from ansible_collections.orderly.services.plugins.plugin_utils._store import etcd_client
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd_client import (
    encoded,
    parse_address,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    PREFIX,
    Documents,
    Store,
    StoreError,
    open_store,
)

from .store_world import (
    HERE,
    increment,
    put,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
    from real_etcd import Etcd


# --- What it keeps ---


def set_key(etcd: Etcd, key: str, value: str) -> None:
    etcd.ask(etcd.members[0], "kv/put", {"key": encoded(key), "value": encoded(value)})


def prefix_of(store: Store) -> str:
    return parse_address(store.url).prefix


def key_of(store: EtcdStore, name: str) -> str:
    return f"/{prefix_of(store)}/{name}"


def test_reading_creates_nothing(etcd: Etcd, store: EtcdStore) -> None:
    assert store.read("lock/") == {}
    found = etcd.ask(etcd.members[0], "kv/range", etcd_client.under(key_of(store, "")))
    assert "kvs" not in found


def test_a_change_of_hundreds_of_documents_is_one(store: EtcdStore) -> None:
    keys = tuple(f"journal/{n}" for n in range(700))
    store.transact(keys, lambda _documents: ({key: {"n": key} for key in keys}, None))
    assert store.read(*keys) == store.read("journal/") == {key: {"n": key} for key in keys}
    store.transact(("journal/",), lambda documents: (dict.fromkeys(documents), None))
    assert store.read("journal/") == {}


def test_a_journal_of_ten_thousand_hosts_fits(store: EtcdStore) -> None:
    entry = {
        "state": "done",
        "play": "wave 12: nginx",
        "at": "2026-01-31T03:12:45+00:00",
        "run": "ctl1-9f86d081-4711",
    }
    hosts = {f"host{n}.example.org": {**entry, "n": n} for n in range(10_000)}
    store.transact(("journal/",), lambda _documents: ({"journal/1": {"hosts": hosts}}, None))
    assert store.read("journal/") == {"journal/1": {"hosts": hosts}}


def test_what_is_too_large_for_etcd_is_refused_and_said(store: EtcdStore) -> None:
    for documents in (90_000, 160_000):  # etcd has two limits, and words for each
        noise = "".join(uuid.uuid4().hex for _time in range(documents))
        with pytest.raises(StoreError, match="larger than etcd accepts: raise its --max-request-bytes"):
            put(store, "a", noise)
    assert store.read("a") == {}


BROKEN = {
    "store": ("{", "is broken, and was left as it is"),
    "store ": ('{"layout": 9}', "has layout 9, but this version of orderly.services knows 1"),
    "store  ": ('{"layout": 1, "store": "x"}', "'attempt' is missing"),
    "documents/a": ("{", "is broken, and was left as it is"),
    "documents/a ": ("[]", "is broken, and was left as it is"),
    "documents/a  ": ("", "is broken, and was left as it is"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named_and_left_as_it_is(etcd: Etcd, store: EtcdStore, name: str) -> None:
    value, message = BROKEN[name]
    put(store, "a", 1)
    set_key(etcd, key_of(store, name.strip()), value)
    for use in (lambda: store.read("a"), lambda: put(store, "a", 2)):
        with pytest.raises(StoreError, match=message):
            use()
    kept = etcd.ask(etcd.members[0], "kv/range", {"key": encoded(key_of(store, name.strip()))})["kvs"][0]
    assert kept.get("value", "") == encoded(value)


def test_documents_without_a_head_are_refused(etcd: Etcd, store: EtcdStore) -> None:
    put(store, "a", 1)
    etcd.ask(etcd.members[0], "kv/deleterange", {"key": encoded(key_of(store, "store"))})
    with pytest.raises(StoreError, match="there are documents, but not the key"):
        put(store, "a", 2)


def test_two_prefixes_are_two_stores(etcd: Etcd) -> None:
    name = uuid.uuid4()
    with closing(open_store(etcd.url(f"{name}/a"))) as a, closing(open_store(etcd.url(f"{name}/ab"))) as b:
        put(a, "x", 1)
        assert b.read("x") == {}
        assert a.store_id() != b.store_id()


# --- Who comes in whose way ---

RESTS = [
    (("a",), None, 1),
    (("a", "c/"), None, 1),
    (("a", "b/"), None, 2),
    (("",), None, 2),
    (tuple(f"a{n}" for n in range(100)), None, 2),  # too many to compare each
    (("a", "b/"), (), 1),
    (("a", "b/"), ("c/x",), 1),
    (("a", "b/"), ("b/x",), 2),
    (("a", "b/"), ("b/new",), 1),
    (("a", "b/"), tuple(f"a{n}" for n in range(100)), 2),
]


@pytest.mark.parametrize(("prefixes", "upon", "times"), RESTS)
def test_only_what_a_change_rests_on_makes_it_decide_again(
    etcd: Etcd, store: EtcdStore, prefixes: tuple[str, ...], upon: tuple[str, ...] | None, times: int
) -> None:
    put(store, "b/x", 1)
    made = []

    def decide(documents: Documents) -> tuple[Documents, None]:
        if not made:
            with closing(open_store(etcd.url(prefix_of(store)))) as other:
                put(other, "b/x", 2)
        made.append(documents)
        return {f"{prefixes[0]}1": {}}, None

    store.transact(prefixes, decide, upon=upon)
    assert len(made) == times


def wave(pid: int, service: str, roll: str) -> Request:
    host = frozenset({service})
    return Request(roll, replace(HERE, pid=pid), "restart", (Claim(service, host, host, 1),))


@pytest.mark.parametrize(
    ("other", "first"),
    [
        (wave(2, "db", "other"), True),
        (wave(2, "web", "other"), False),
        (wave(2, "db", "roll"), False),
        (wave(HERE.pid, "db", "other"), False),
    ],
)
def test_only_requests_for_one_service_roll_or_run_come_in_each_others_way(
    etcd: Etcd, store: EtcdStore, monkeypatch: pytest.MonkeyPatch, other: Request, first: bool
) -> None:
    asks = wave(HERE.pid, "web", "roll")
    for each in (asks.run, other.run):
        write(store, PREFIX + each.id, document_of(each, RunState.LIVE))
    freeze(store, ["cache"], reason="the first change of a store rests on all of it", by="me")
    commit, made = store._commit, []

    def overtaken(*arguments: Any) -> Any:
        if not made:
            with closing(open_store(etcd.url(prefix_of(store)))) as theirs:
                acquire(theirs, other, wait=0, state_of=lambda _run: RunState.LIVE)
        newer = commit(*arguments)
        made.append(newer is None)
        return newer

    monkeypatch.setattr(store, "_commit", overtaken)
    with suppress(RefusedError, TimedOutError):
        acquire(store, asks, wait=0, state_of=lambda _run: RunState.LIVE)
    assert made[0] is first


# --- Documents that go when their writer is not heard of ---


def test_a_lent_document_goes_with_its_lease_and_wakes_who_waits(etcd: Etcd, store: EtcdStore) -> None:
    store.store_id()
    lease = store.lend("run/x", {"state": "live"}, seconds=600)
    assert store.renew(lease)
    assert store.read("run/") == {"run/x": {"state": "live"}}
    etcd.ask(etcd.members[0], "lease/revoke", {"ID": lease.number})
    assert store.wait_for_change(10)
    assert store.read("run/") == {}
    assert not store.renew(lease)


# --- Answers that get lost ---


class Proxy:
    """A hop in front of etcd that can pass a request on and lose the answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.losing: Callable[[], object] | None = None
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"etcd://127.0.0.1:{self.listener.getsockname()[1]}/test/{uuid.uuid4()}"

    def _serve(self) -> None:
        while True:
            near, _address = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self._requests, args=(near, far), daemon=True).start()
            threading.Thread(target=self._answers, args=(far, near), daemon=True).start()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        while data := near.recv(65536):
            far.sendall(data)

    def _answers(self, far: socket.socket, near: socket.socket) -> None:
        while data := far.recv(65536):
            if self.losing and b'"succeeded":true' in data and b"response_put" in data:
                then, self.losing = self.losing, None
                then()
                near.shutdown(socket.SHUT_RDWR)
                return
            near.sendall(data)


@pytest.fixture
def proxy(etcd: Etcd) -> Proxy:
    return Proxy(etcd.members[0].port)


def test_a_change_whose_answer_is_lost_is_made_once(proxy: Proxy) -> None:
    with closing(open_store(proxy.url)) as store:
        assert increment(store) == 1
        proxy.losing = lambda: None
        assert increment(store) == 2
        assert proxy.losing is None, "an answer was lost"
        assert store.read("n") == {"n": {"value": 2}}


def test_it_is_made_once_though_others_changed_the_store_meanwhile(etcd: Etcd, proxy: Proxy) -> None:
    with closing(open_store(proxy.url)) as store:
        increment(store)
        other = open_store(etcd.url(prefix_of(store)))
        proxy.losing = lambda: [increment(other) for _time in range(3)]
        assert increment(store) == 2
        assert proxy.losing is None, "an answer was lost"
        assert store.wait_for_change(5), "the others' changes are news"
        assert store.read("n") == {"n": {"value": 5}}


def test_where_history_is_compacted_nobody_claims_to_know(etcd: Etcd, proxy: Proxy) -> None:
    with closing(open_store(proxy.url)) as store:
        increment(store)
        other = open_store(etcd.url(prefix_of(store)))

        def overtake() -> None:
            increment(other)
            increment(other)
            compact(etcd)

        proxy.losing = overtake
        with pytest.raises(StoreError, match="whether the change was made cannot be determined any more"):
            increment(store)


def compact(etcd: Etcd) -> None:
    status = etcd.ask(etcd.members[0], "maintenance/status")
    etcd.ask(etcd.members[0], "kv/compaction", {"revision": status["header"]["revision"]})


def test_a_compaction_hides_no_change_from_those_who_wait(etcd: Etcd, store: EtcdStore) -> None:
    put(store, "a", 1)
    with closing(open_store(store.url)) as other:
        put(other, "a", 2)
        put(other, "a", 3)
    compact(etcd)
    assert store.wait_for_change(10)
    assert store.read("a") == {"a": {"value": 3}}
    assert not store.wait_for_change(0)
