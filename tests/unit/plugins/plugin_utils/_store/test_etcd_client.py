"""What answers in place of etcd is data of a stranger: whatever it says, a sentence names the store."""

from __future__ import annotations

import gzip
import json
import os
import socket
import ssl
import threading
import zlib
from base64 import b64encode
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.orderly.services.plugins.plugin_utils._store import etcd, etcd_client, gateway
from ansible_collections.orderly.services.plugins.plugin_utils._store.sqlite import SqliteStore
from ansible_collections.orderly.services.plugins.plugin_utils._store.store import StoreError, open_store
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LARGEST = 1 << 20
STORE_KEY, DOCUMENT = b64encode(b"/x/store").decode(), b64encode(b"/x/documents/lock/web").decode()
HEAD = b64encode(b'{"layout": 1, "store": "s", "attempt": "a"}').decode()


class Stranger:
    """Answers every question with the same words."""

    def __init__(self) -> None:
        self.body = b""
        self.headers = ""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def says(self, answer: Any) -> None:
        self.headers = ""
        self.body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    def _serve(self) -> None:
        while True:
            try:
                near, _address = self.listener.accept()
            except OSError:
                return
            with near:
                near.settimeout(2)
                near.recv(65536)
                head = f"HTTP/1.1 200 OK\r\nConnection: close\r\n{self.headers}Content-Length: {len(self.body)}\r\n\r\n"
                with suppress(OSError):
                    near.sendall(head.encode() + self.body)


@pytest.fixture(scope="module")
def _stranger() -> Iterator[Stranger]:
    stranger = Stranger()
    yield stranger
    stranger.listener.close()


@pytest.fixture
def stranger(_stranger: Stranger, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    monkeypatch.setattr(etcd_client, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(gateway, "LARGEST", LARGEST)
    monkeypatch.setattr(etcd, "LARGEST", LARGEST)
    return _stranger


def lend(store: Any) -> None:
    store.renew(store.lend("run/x", {}, 30))


def wait(store: Any) -> None:
    store._seen = 1
    store.wait_for_change(0.05)


USES: list[Callable[[Any], object]] = [
    lambda store: store.read("lock/"),
    lambda store: store.store_id(),
    lambda store: store.transact(("lock/",), lambda _documents: ({"lock/a": {"n": 1}}, None)),
    lend,
    wait,
]


def use(port: int, how: Callable[[Any], object]) -> str:
    """Use the store; what comes out is nothing, or one error of ours."""
    with closing(open_store(f"etcd://127.0.0.1:{port}/x")) as store:
        try:
            how(store)
        except StoreError as exc:
            return str(exc)
    return ""


def keys(*pairs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"header": {"revision": "5"}, "responses": [{"response_range": {"kvs": list(pairs)}}], **more}


def value(body: bytes) -> dict[str, Any]:
    return keys(
        {"key": STORE_KEY, "value": HEAD, "create_revision": "1", "mod_revision": "1"},
        {"key": DOCUMENT, "value": b64encode(body).decode(), "mod_revision": "1"},
    )


ODD: dict[str, Any] = {
    "a list": [],
    "null": None,
    "nothing of etcd": {"message": "hello"},
    "no revision": keys() | {"header": {}},
    "a revision that is none": keys() | {"header": {"revision": "x"}},
    "responses that are none": keys() | {"responses": 5},
    "a response that is none": keys() | {"responses": ["x"]},
    "keys that are none": keys() | {"responses": [{"response_range": {"kvs": [1]}}]},
    "a key in no base64": keys({"key": "!", "value": "x", "mod_revision": "1"}),
    "a key that is a number": keys({"key": 5}),
    "a head that is none": keys(
        {"key": STORE_KEY, "value": HEAD, "create_revision": "1", "mod_revision": None}
    ),
    "deep": b"[" * 200_000,
    "deep within": value(b'{"a":' + b"[" * 200_000),
    "deep nesting of responses": b'{"responses":[{"response_txn":' * 50_000,
    "no JSON": b"<html>",
    "cut off": b'{"responses": [',
    "a bomb within": value(zlib.compress(b'{"a": "' + b"x" * (8 * LARGEST) + b'"}')),
    "half of what is compressed": value(zlib.compress(b'{"a": 1}' * 50)[:-9]),
    "too long": b"[" + b" " * (2 * LARGEST) + b"]",
}


@pytest.mark.parametrize("odd", ODD)
def test_an_answer_that_is_not_etcds_ends_in_a_sentence_that_names_the_store(
    stranger: Stranger, odd: str
) -> None:
    stranger.says(ODD[odd])
    for how in USES[:3]:
        said = use(stranger.port, how)
        assert f"etcd://127.0.0.1:{stranger.port}/x" in said
        assert "\n" not in said
        assert len(said) < 500


def test_what_is_inflated_on_the_way_is_refused(stranger: Stranger) -> None:
    stranger.says(gzip.compress(b"[" + b" " * (64 * LARGEST) + b"]"))
    stranger.headers = "Content-Encoding: gzip\r\n"
    assert "the answer is compressed" in use(stranger.port, USES[0])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["header", "revision", "responses", "response_range", "response_txn", "kvs", "key", "value"]
            )
            | st.sampled_from(
                [
                    "create_revision",
                    "mod_revision",
                    "succeeded",
                    "result",
                    "events",
                    "canceled",
                    "kv",
                    "ID",
                    "TTL",
                    "token",
                ]
            ),
            inner | st.sampled_from([STORE_KEY, DOCUMENT, HEAD, "5"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(answer=ANY, how=st.sampled_from(USES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_answer_of_a_stranger_is_an_exception_of_python(stranger: Stranger, answer: Any, how: Any) -> None:
    stranger.says(answer)
    if how is USES[2] and isinstance(answer, dict) and "succeeded" not in answer:
        answer["succeeded"] = (
            True  # or it would be tried for ever, as against a store that always was changed
        )
        stranger.says(answer)
    use(stranger.port, how)


# --- Secrets ---


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_password_that_others_can_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(
        StoreError, match=rf"{file} \(password_file\) is no secret, others have access"
    ) as told:
        open_store(f"etcd://127.0.0.1:1/x?user=u&password_file={file}").read("a")
    assert f"mode {mode:04o}" in str(told.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_password_of_somebody_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret")
    file.chmod(0o600)
    os.chown(file, 12345, 12345)
    with pytest.raises(StoreError, match="belongs to the user 12345"):
        open_store(f"etcd://127.0.0.1:1/x?user=u&password_file={file}").read("a")


def test_a_password_goes_to_others_in_the_clear_only_where_the_url_says_so() -> None:
    login = "user=u&password_file=/p"
    for url in (f"etcd://etcd1/x?{login}&plaintext=true", f"etcd://etcd1/x?{login}&tls=system"):
        etcd_client.parse_address(url)
    for host in ("127.0.0.1", "127.1.2.3", "[::1]", "localhost"):
        etcd_client.parse_address(f"etcd://{host}/x?{login}")
        assert etcd_client.warning(f"etcd://{host}/x") == ""
    for host in ("etcd1", "10.0.0.1", "[2001:db8::1]", "127.0.0.1.example.org"):
        with pytest.raises(StoreError, match="without TLS, for all on the way to read"):
            etcd_client.parse_address(f"etcd://{host}/x?{login}")
        assert "is used without TLS" in etcd_client.warning(f"etcd://{host}/x")
    assert etcd_client.warning("etcd://etcd1/x?tls=system") == ""
    assert etcd_client.warning("sqlite:///x") == ""


def test_tls_with_the_authorities_of_the_machine() -> None:
    context = etcd_client._tls_of(etcd_client.parse_address("etcd://etcd1/x?tls=system"))
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_certificate_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate")
    with pytest.raises(StoreError, match=r"its certificates or its key cannot be read \(.+\)\.$"):
        open_store(f"etcd://127.0.0.1:1/x?ca={file}").read("a")


def test_a_document_of_sqlite_that_is_too_deep_is_named(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        store.transact(("a",), lambda _documents: ({"a": {}}, None))
        store._connected().execute("UPDATE documents SET body = ?", ('{"a":' + "[" * 200_000,))
        with pytest.raises(StoreError, match=r"Document a in .* is broken, and was left as it is"):
            store.read("a")
