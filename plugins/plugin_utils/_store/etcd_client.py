"""Talk to an etcd cluster: several endpoints, one after the other until one answers.

Through the library etcd3gw, which knows one endpoint at a time and speaks etcd's JSON gateway (etcd 3.4 and later).
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API_PATH = "/v3/"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 8.0  # a member without a leader says so after seven
PATIENCE_SECONDS = 15.0  # a cluster has another leader after two or three
PAUSE_SECONDS = 0.2
OPTIONS = ("ca", "cert", "key", "user", "password_file")
FORM = "etcd://HOST:PORT[,HOST:PORT…]/PREFIX"

Json = dict[str, Any]


@dataclass(frozen=True)
class Address:
    """Where a cluster is, and by which files client and servers prove who they are."""

    url: str
    endpoints: tuple[tuple[str, int], ...]
    prefix: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    user: str = ""
    password_file: str = ""

    @property
    def protocol(self) -> str:
        return "https" if self.ca else "http"


def parse_address(url: str) -> Address:
    """Read ``etcd://HOST:PORT[,HOST:PORT…]/PREFIX[?ca=FILE&cert=FILE&key=FILE&user=NAME&password_file=FILE]``."""
    where, _mark, query = url.removeprefix("etcd://").partition("?")
    hosts, _slash, prefix = where.partition("/")
    prefix = prefix.strip("/")
    try:
        endpoints = tuple(map(_endpoint, hosts.split(",")))
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError as exc:
        raise StoreError(f'"{url}" is not a store address ({exc}): write {FORM}.') from exc
    if not prefix:
        raise StoreError(f'"{url}" has no key prefix: write {FORM}, for example with /orderly at the end.')
    if strangers := sorted(options.keys() - set(OPTIONS)):
        raise StoreError(
            f'"{url}" is not a store address: {", ".join(strangers)} is not an option;'
            f" the options are {', '.join(OPTIONS)}."
        )
    address = Address(url, endpoints, prefix, **options)
    for pair in (("cert", "key"), ("user", "password_file")):
        if len(options.keys() & set(pair)) == 1:
            raise StoreError(f'"{url}" is not a store address: {" and ".join(pair)} go together.')
    if address.cert and not address.ca:
        raise StoreError(
            f'"{url}" is not a store address: a client certificate needs ca=FILE, which turns TLS on.'
        )
    return address


def _endpoint(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]@\s]+)(?::(\d{1,5}))?", text)
    if not found:
        raise ValueError(f'"{text}" is not a host and port')
    return found[1].strip("[]"), int(found[2] or 2379)


@dataclass(frozen=True)
class Answer:
    """What etcd said; *repeated* where it was asked more than once, so that it may have done it before."""

    body: Json
    repeated: bool


class Cluster:
    """The endpoints of an etcd cluster; the one that answered last is asked first."""

    def __init__(
        self,
        address: Address,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address
        self._clock = clock
        self._sleep = sleep
        self._clients: list[Any] = []

    def call(self, path: str, body: Json) -> Answer:
        """Ask, if need be several times and several endpoints; whatever is asked must bear being repeated.

        :raises StoreError: when no endpoint does what is asked; it says of each what was wrong
        """
        end = self._clock() + PATIENCE_SECONDS
        tries = 0
        while True:
            failures = []
            for _turn in self.address.endpoints:
                client = self._client()
                tries += 1
                try:
                    return Answer(self._ask(client, path, body), tries > 1)
                except (_library(self.address.url).exceptions.Etcd3Exception, OSError, ValueError) as exc:
                    failures.append((client, self._complaint(client, exc)))
                    self._clients.append(self._clients.pop(0))
            if self._clock() >= end or all("certificate" in message for _client, message in failures):
                tried = "; ".join(f"{client.host}:{client.port}: {message}" for client, message in failures)
                raise StoreError(
                    f"The store {self.address.url} cannot be used, none of its endpoints works"
                    f" ({tried}). Nothing is disrupted without the store: bring a majority of the etcd members"
                    " back, then run again."
                )
            self._sleep(PAUSE_SECONDS)

    def stream(self, path: str, body: Json, seconds: float) -> Iterator[Json]:
        """Give what one endpoint says, piece by piece, until it is silent for so many seconds or goes away."""
        client = self._client()
        timeout = (CONNECT_SECONDS, seconds)
        with (
            suppress(OSError),  # every error of requests is one, its time-outs too
            client.session.post(client.get_url(path), json=body, stream=True, timeout=timeout) as response,
        ):
            for line in filter(None, response.iter_lines()):
                yield json.loads(line).get("result", {})

    def close(self) -> None:
        for client in self._clients:
            client.session.close()
        self._clients = []

    def _client(self) -> Any:
        if not self._clients:
            self._clients = [self._connected(host, port) for host, port in self.address.endpoints]
        return self._clients[0]

    def _connected(self, host: str, port: int) -> Any:
        address = self.address
        for name in ("ca", "cert", "key", "password_file"):
            path = getattr(address, name)
            if path and not os.access(path, os.R_OK):
                raise StoreError(
                    f"The store {address.url} cannot be used: {path} ({name}) is not a file that can be read here."
                )
        client = _library(address.url).Etcd3Client(
            host,
            port,
            protocol=address.protocol,
            ca_cert=address.ca or None,
            cert_cert=address.cert or None,
            cert_key=address.key or None,
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            api_path=API_PATH,
        )
        client.session.trust_env = False  # no proxy, and no password that somebody keeps for another program
        return client

    def _ask(self, client: Any, path: str, body: Json) -> Json:
        if self.address.user and "Authorization" not in client.session.headers:
            self._log_in(client)
        return client.post(client.get_url(path), json=body)

    def _log_in(self, client: Any) -> None:
        password = Path(self.address.password_file).read_text(encoding="utf-8").rstrip("\n")
        login = {"name": self.address.user, "password": password}
        answer = client.post(client.get_url("/auth/authenticate"), json=login)
        client.session.headers["Authorization"] = answer["token"]

    def _complaint(self, client: Any, exc: Exception) -> str:
        """Say in a few words why an endpoint was of no use; raise what no other endpoint would do better."""
        library = _library(self.address.url).exceptions
        message = _words(exc)
        if isinstance(exc, ValueError):
            return "what answers there is not etcd"
        if "invalid auth token" in message:  # it lasts for some minutes only
            client.session.headers.pop("Authorization", None)
        elif exc.__class__ is library.Etcd3Exception:  # every error that may pass has a class of its own
            raise StoreError(
                f"The store {self.address.url} cannot be used: etcd says: {message}. {_advice(message)}"
            ) from exc
        return message


def _library(url: str) -> Any:
    try:
        import_module("etcd3gw")
        return import_module("etcd3gw.client")
    except ImportError as exc:
        raise StoreError(
            f"The store {url} needs the Python library etcd3gw, which {sys.executable} does not have: install it"
            " there (pip install etcd3gw). It is needed only where ansible-playbook or ansible-pull runs."
        ) from exc


def _words(exc: Exception) -> str:
    text = getattr(exc, "detail_text", None) or str(exc)
    with suppress(ValueError, KeyError, TypeError):
        return str(json.loads(text)["error"])
    if "timed out" in text:
        return "no answer in time"
    if "SSLEOFError" in text:
        return "TLS was refused; it may require a client certificate (cert and key)"
    found = re.search(r"\[(?:Errno -?\d+|SSL[^\]]*)\] ([^'\")]+)", text)
    return found[1].strip() if found else " ".join(text.split())[:200]


def _advice(message: str) -> str:
    advice = {
        "larger than max": "One change is larger than etcd accepts: raise its --max-request-bytes.",
        "too large": "One change is larger than etcd accepts: raise its --max-request-bytes.",
        "space exceeded": "Compact and defragment it, or raise its --quota-backend-bytes.",
        "permission denied": "Grant this user's role readwrite on the prefix.",
        "user name is empty": "It requires authentication: add user and password_file.",
        "CommonName": "When users are enabled, etcd's gateway accepts only client certificates without a common name.",
        "authentication failed": "Check user and password_file.",
    }
    return next((text for part, text in advice.items() if part in message), "Nothing was changed.")


# --- Etcd's words in JSON ---


def encoded(value: str | bytes) -> str:
    """Write a key or a value as the gateway wants it."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def decoded(value: str) -> bytes:
    """Read a key or a value from the gateway."""
    return b64decode(value)


def under(prefix: str) -> Json:
    """Name the range of the keys that begin with *prefix*, which ends in no byte 255: text never does."""
    key = prefix.encode()
    return {"key": encoded(key), "range_end": encoded(key[:-1] + bytes([key[-1] + 1]))}
