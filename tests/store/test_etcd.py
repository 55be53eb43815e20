from __future__ import annotations

import signal
import socket
import threading
import uuid
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._run.presence import announce
from ansible_collections.orderly.services.plugins.plugin_utils._run.run import this_run
from ansible_collections.orderly.services.plugins.plugin_utils._store import etcd_client
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd import EtcdStore
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd_client import (
    encoded,
    parse_address,
    under,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    Store,
    StoreError,
    open_store,
)
from real_etcd import Etcd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def put(store: Store, key: str, value: object) -> None:
    store.transact((key,), lambda _documents: ({key: {"value": value}}, None))


def increment(store: Store) -> int:
    def decide(documents: dict[str, dict[str, int]]) -> tuple[dict[str, dict[str, int]], int]:
        n = documents.get("n", {"value": 0})["value"] + 1
        return {"n": {"value": n}}, n

    return store.transact(("n",), decide)


# --- Where the cluster is ---


def test_an_address_names_endpoints_prefix_and_files() -> None:
    address = parse_address("etcd://a:1,[::1]:2,c/fleet/north/?ca=/ca.pem&cert=/c.pem&key=/k.pem")
    assert address.endpoints == (("a", 1), ("::1", 2), ("c", 2379))
    assert (address.prefix, address.protocol) == ("fleet/north", "https")
    assert (address.ca, address.cert, address.key) == ("/ca.pem", "/c.pem", "/k.pem")
    assert parse_address("etcd://a/x").protocol == "http"


WRONG = {
    "etcd://": "names no store",
    "etcd://a:2379": "names no prefix",
    "etcd://a:2379/": "names no prefix",
    "etcd://a:b/x": '"a:b" is no host and port',
    "etcd://a,,b/x": '"" is no host and port',
    "etcd://user@a/x": '"user@a" is no host and port',
    "etcd://a/x?ca": "names no store",
    "etcd://a/x?tsl=system": "tsl is no option; there are ca, tls, cert, key, user, password_file, plaintext",
    "etcd://a/x?tls=yes": "tls has the one value system",
    "etcd://a/x?plaintext=no": "plaintext has the one value true",
    "etcd://a/x?tls=system&ca=/ca": "not both",
    "etcd://a/x?user=u&password_file=/p": "the password of u would be sent to a without TLS",
    "etcd://127.0.0.1,b/x?user=u&password_file=/p": "the password of u would be sent to b without TLS",
    "etcd://a/x?ca=/ca&cert=/c": "cert and key go together",
    "etcd://a/x?user=u": "user and password_file go together",
    "etcd://a/x?cert=/c&key=/k": "needs ca=FILE or tls=system, which turn TLS on",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_address_that_names_no_store_is_refused(wrong: str) -> None:
    with pytest.raises(StoreError, match=r"names no|is refused") as refused:
        open_store(wrong)
    assert WRONG[wrong] in str(refused.value)


def test_a_missing_library_is_one_clear_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(etcd_client, "import_module", fail)
    with pytest.raises(
        StoreError, match=r"needs the Python library etcd3gw, which .* does not have: install"
    ):
        open_store("etcd://127.0.0.1:1/x").read("a")


def test_files_that_cannot_be_read_are_named() -> None:
    with pytest.raises(StoreError, match=r"/no/ca.pem \(ca\) is not a file that can be read here"):
        open_store("etcd://127.0.0.1:1/x?ca=/no/ca.pem").read("a")


# --- What it keeps ---


@pytest.fixture
def store(etcd: Etcd) -> Iterator[EtcdStore]:
    with closing(open_store(etcd.url(f"test/{uuid.uuid4()}"))) as opened:
        assert isinstance(opened, EtcdStore)
        yield opened


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
        with pytest.raises(StoreError, match="larger than etcd takes: raise its --max-request-bytes"):
            put(store, "a", noise)
    assert store.read("a") == {}


BROKEN = {
    "store": ("{", "is broken, and was left as it is"),
    "store ": ('{"layout": 9}', "has layout 9, this version of orderly.services knows 1"),
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
        with pytest.raises(StoreError, match="cannot tell any more whether the change was made"):
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


# --- Members that fail ---


@pytest.fixture(scope="module")
def _hurt() -> Iterator[Etcd]:
    with Etcd(members=3) as cluster:
        yield cluster


@pytest.fixture
def hurt(_hurt: Etcd) -> Iterator[Etcd]:
    """Give three members that a test may kill and pause."""
    yield _hurt
    for member in _hurt.members:
        member.signal(signal.SIGCONT)
    _hurt.start()


def test_a_killed_leader_costs_time_and_nothing_else(hurt: Etcd) -> None:
    with closing(open_store(hurt.url(str(uuid.uuid4())))) as store:
        assert [increment(store) for _time in range(5)] == [1, 2, 3, 4, 5]
        leader = hurt.leader()
        assert leader
        leader.kill()
        assert [increment(store) for _time in range(5)] == [6, 7, 8, 9, 10]


def test_a_paused_leader_costs_time_and_nothing_else(hurt: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "ANSWER_SECONDS", 3.0)
    with closing(open_store(hurt.url(str(uuid.uuid4())))) as store:
        assert increment(store) == 1
        leader = hurt.leader()
        assert leader
        leader.signal(signal.SIGSTOP)
        assert increment(store) == 2
        leader.signal(signal.SIGCONT)
        assert increment(store) == 3


def test_a_minority_neither_answers_nor_changes_anything(hurt: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(etcd_client, "ANSWER_SECONDS", 2.0)
    with closing(open_store(hurt.url(str(uuid.uuid4())))) as store:
        increment(store)
        for member in hurt.members[:2]:
            member.kill()
        for use in (lambda: store.read("n"), lambda: increment(store)):
            with pytest.raises(StoreError) as refused:
                use()
            for member in hurt.members:
                assert f"127.0.0.1:{member.port}: " in str(refused.value)
            assert "Connection refused" in str(refused.value)
            assert "bring a majority of the etcd members back" in str(refused.value)
        hurt.start()
        assert increment(store) in {2, 3}, "what was asked of a minority is made at most once"


def test_no_member_at_all_is_said_with_every_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(StoreError, match=r"127.0.0.1:1: Connection refused; 127.0.0.1:2: Connection refused"):
        open_store("etcd://127.0.0.1:1,127.0.0.1:2/x").read("a")


def test_what_is_not_etcd_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "PATIENCE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _address = server.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(StoreError, match="what answers there is not etcd"):
            open_store(f"etcd://127.0.0.1:{server.getsockname()[1]}/x").read("a")


# --- Who may talk to it ---


@pytest.fixture(scope="module")
def secured() -> Iterator[Etcd]:
    with Etcd(tls=True) as cluster:
        yield cluster


def test_tls_with_client_certificates(secured: Etcd) -> None:
    with closing(open_store(secured.url())) as store:
        assert increment(store) == 1
        increment(open_store(secured.url()))
        assert store.wait_for_change(10)


def test_a_client_without_certificate_is_told(secured: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_client, "PATIENCE_SECONDS", 0.0)
    url = secured.url().partition("&cert")[0]
    with pytest.raises(StoreError, match="certificate"):
        open_store(url).read("a")


def test_a_server_of_another_authority_is_told_at_once(secured: Etcd) -> None:
    assert secured.tls
    query = secured.tls.query.replace("/ca.pem", "/client.pem")
    url = secured.url().partition("?")[0]
    with pytest.raises(StoreError, match="certificate verify failed"):
        open_store(url + query).read("a")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Etcd]:
    """Give an etcd that wants passwords; alice may write under /orderly/, bob nowhere."""
    secret = {"root": "r", "alice": "wonder land", "bob": "b"}
    with Etcd() as cluster:
        ask = partial(cluster.ask, cluster.members[0])
        for name, password in secret.items():
            ask("auth/user/add", {"name": name, "password": password})
            ask("auth/role/add", {"name": name})
            ask("auth/user/grant", {"user": name, "role": name})
            (cluster.folder / name).write_text(f"{password}\n")
            (cluster.folder / name).chmod(0o600)
        ask("auth/role/grant", {"name": "alice", "perm": {"permType": "READWRITE", **under("/orderly/")}})
        ask("auth/enable")
        yield cluster


def as_user(cluster: Etcd, user: str, password_of: str = "", prefix: str = "orderly") -> str:
    return f"{cluster.url(prefix)}?user={user}&password_file={cluster.folder / (password_of or user)}"


def test_a_user_with_a_password_reads_writes_and_waits(guarded: Etcd) -> None:
    with closing(open_store(as_user(guarded, "alice"))) as store:
        first = increment(store)
        increment(open_store(as_user(guarded, "alice")))
        assert store.wait_for_change(10)
        assert increment(store) == first + 2


def test_a_user_whose_token_has_ended_logs_in_anew(guarded: Etcd) -> None:
    with closing(open_store(as_user(guarded, "alice"))) as store:
        first = increment(store)
        guarded.members[0].kill()  # it forgets the tokens that it gave
        guarded.start()
        assert increment(store) == first + 1


def test_a_run_that_logs_in_is_seen_alive_elsewhere(guarded: Etcd) -> None:
    with closing(open_store(as_user(guarded, "alice"))) as store:
        announce(store, this_run())
        assert store.read("run/")["run/" + this_run().id]["state"] == "live"


STRANGERS = [
    ("", "It wants to know who asks: add user and password_file"),
    ("alice bob", "authentication failed.*Look at user and password_file"),
    ("bob bob", "permission denied.*Grant this user's role readwrite on the prefix"),
]


@pytest.mark.parametrize(("names", "words"), STRANGERS, ids=["nobody", "wrong password", "no right"])
def test_who_may_not_is_told_at_once_what_to_do(guarded: Etcd, names: str, words: str) -> None:
    url = as_user(guarded, *names.split()) if names else guarded.url()
    with pytest.raises(StoreError, match=words):
        open_store(url).read("a")


def test_a_certificate_that_etcd_refuses_beside_users_is_told() -> None:
    with Etcd(tls=True) as cluster:
        ask = partial(cluster.ask, cluster.members[0])
        ask("auth/user/add", {"name": "root", "password": "r"})
        ask("auth/user/grant", {"user": "root", "role": "root"})
        ask("auth/enable")
        (cluster.folder / "root").write_text("r\n")
        (cluster.folder / "root").chmod(0o600)
        url = f"{cluster.url()}&user=root&password_file={cluster.folder}/root"
        with pytest.raises(StoreError, match="client certificates without a common name only"):
            open_store(url).read("a")


def test_no_password_is_shown(guarded: Etcd) -> None:
    with pytest.raises(StoreError) as told:
        open_store(as_user(guarded, "bob", "alice")).read("a")
    assert "wonder land" not in str(told.value)
