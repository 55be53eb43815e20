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
from ansible_collections.orderly.services.plugins.plugin_utils._store import etcd_client, gateway
from ansible_collections.orderly.services.plugins.plugin_utils._store.etcd_client import (
    parse_address,
    under,
)
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import (
    StoreError,
    open_store,
)
from real_etcd import Etcd

from .store_world import (
    increment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


# --- Where the cluster is ---


def test_an_address_names_endpoints_prefix_and_files() -> None:
    address = parse_address("etcd://a:1,[::1]:2,c/fleet/north/?ca=/ca.pem&cert=/c.pem&key=/k.pem")
    assert address.endpoints == (("a", 1), ("::1", 2), ("c", 2379))
    assert (address.prefix, address.protocol) == ("fleet/north", "https")
    assert (address.ca, address.cert, address.key) == ("/ca.pem", "/c.pem", "/k.pem")
    assert parse_address("etcd://a/x").protocol == "http"


WRONG = {
    "etcd://": "is not a store address",
    "etcd://a:2379": "has no key prefix",
    "etcd://a:2379/": "has no key prefix",
    "etcd://a:b/x": '"a:b" is not a host and port',
    "etcd://a,,b/x": '"" is not a host and port',
    "etcd://user@a/x": '"user@a" is not a host and port',
    "etcd://a/x?ca": "is not a store address",
    "etcd://a/x?tsl=system": "tsl is not an option; the options are ca, tls, cert, key, user, password_file",
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
    with pytest.raises(StoreError, match=r"is not a store address|has no key prefix|is refused") as refused:
        open_store(wrong)
    assert WRONG[wrong] in str(refused.value)


def test_files_that_cannot_be_read_are_named() -> None:
    with pytest.raises(StoreError, match=r"/no/ca.pem \(ca\) is not a file that can be read here"):
        open_store("etcd://127.0.0.1:1/x?ca=/no/ca.pem").read("a")


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
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 3.0)
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
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 2.0)
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
    ("", "It requires authentication: add user and password_file"),
    ("alice bob", "authentication failed.*Check user and password_file"),
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
        with pytest.raises(StoreError, match="accepts only client certificates without a common name"):
            open_store(url).read("a")


def test_no_password_is_shown(guarded: Etcd) -> None:
    with pytest.raises(StoreError) as told:
        open_store(as_user(guarded, "bob", "alice")).read("a")
    assert "wonder land" not in str(told.value)
