"""Talk to an etcd cluster: several endpoints, one after the other until one answers.

Each of them is a :class:`~.gateway.Endpoint`.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .gateway import NOT_HEARD, PASSING, Endpoint, OddAnswerError, StatusError
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

PATIENCE_SECONDS = 15.0  # a cluster has another leader after two or three
PAUSE_SECONDS = 0.2
OPTIONS = ("ca", "tls", "cert", "key", "user", "password_file", "plaintext")
WORDS = {"tls": "system", "plaintext": "true"}
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"  # of Debian and Ubuntu
FORM = "etcd://HOST:PORT[,HOST:PORT…]/PREFIX"

Json = dict[str, Any]


@dataclass(frozen=True)
class Address:
    """Where a cluster is, and by which files client and servers prove who they are."""

    url: str
    endpoints: tuple[tuple[str, int], ...]
    prefix: str
    ca: str = ""
    tls: str = ""  # "system": the servers are known to the authorities that this machine trusts
    cert: str = ""
    key: str = ""
    user: str = ""
    password_file: str = ""
    plaintext: str = ""  # "true": the password may be sent for all to read

    @property
    def protocol(self) -> str:
        return "https" if self.ca or self.tls else "http"

    @property
    def read_by_others(self) -> tuple[str, ...]:
        """Name the endpoints to which all that is said can be read, and changed, on the way."""
        return tuple(host for host, _port in self.endpoints if self.protocol == "http" and not _is_here(host))


def parse_address(url: str) -> Address:
    """Read ``etcd://HOST:PORT[,HOST:PORT…]/PREFIX`` and its options.

    These are ``?ca=FILE`` or ``tls=system``, ``cert=FILE&key=FILE``, ``user=NAME&password_file=FILE``, and
    ``plaintext=true``, without which no password is sent where others can read it.

    :raises StoreError: when *url* names no cluster, or one that would be told a password in the clear
    """
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
    if wrong := next(_odd(address, options), ""):
        raise StoreError(f'"{url}" is not a store address: {wrong}.')
    if address.user and address.read_by_others and not address.plaintext:
        raise StoreError(
            f'"{url}" is refused: the password of {address.user} would be sent to {", ".join(address.read_by_others)}'
            " without TLS, for all on the way to read. Add ca=FILE, or tls=system for the authorities that this machine"
            " trusts; or say plaintext=true, if nobody else is on that network."
        )
    return address


def _odd(address: Address, options: Mapping[str, str]) -> Iterator[str]:
    """Say which options do not go together."""
    for pair in (("cert", "key"), ("user", "password_file")):
        if len(options.keys() & set(pair)) == 1:
            yield f"{' and '.join(pair)} go together"
    yield from (
        f"{name} has the one value {word}" for name, word in WORDS.items() if options.get(name, word) != word
    )
    if address.ca and address.tls:
        yield "give ca=FILE or tls=system, not both"
    if address.cert and address.protocol == "http":
        yield "a client certificate needs ca=FILE or tls=system, which turn TLS on"


def warning(url: str) -> str:
    """Tell whoever uses a store that others can read and change on the way; empty where nobody can."""
    address = parse_address(url) if url.startswith("etcd://") else None
    if address is None or not address.read_by_others:
        return ""
    return (
        f"The store {url.partition('?')[0]} is used without TLS: who is on the way to"
        f" {', '.join(address.read_by_others)} can read and change locks and journal. Add ?ca=FILE or ?tls=system."
    )


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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
        self._endpoints: list[Endpoint] = []

    def call(self, path: str, body: Json) -> Answer:
        """Ask, if need be several times and several endpoints; whatever is asked must bear being repeated.

        :raises StoreError: when no endpoint does what is asked; it says of each what was wrong
        """
        end = self._clock() + PATIENCE_SECONDS
        tries = 0
        while True:
            failures = []
            for _turn in self.address.endpoints:
                endpoint = self._first()
                tries += 1
                try:
                    return Answer(self._ask(endpoint, path, body), tries > 1)
                except NOT_HEARD as exc:
                    failures.append(f"{endpoint}: {self._complaint(endpoint, exc)}")
                    self._endpoints.append(self._endpoints.pop(0))
            if self._clock() >= end or all("certificate" in message for message in failures):
                raise StoreError(
                    f"The store {self.address.url} cannot be used, none of its endpoints works"
                    f" ({'; '.join(failures)}). Nothing is disrupted without the store: bring a majority of the etcd"
                    " members back, then run again."
                )
            self._sleep(PAUSE_SECONDS)

    def stream(self, path: str, questions: Iterable[Json], seconds: float) -> Iterator[Json]:
        """Give what one endpoint says to these, piece by piece, until it is silent for so many seconds or goes away."""
        with suppress(*NOT_HEARD):
            for line in self._first().lines(path, questions, seconds):
                yield self._read_line(line)

    def _read_line(self, line: bytes) -> Json:
        try:
            result = json.loads(line).get("result", {})
            if not all(isinstance(event, dict) for event in result.get("events", ())):
                raise TypeError("an event is no object")
        except (ValueError, TypeError, AttributeError, RecursionError) as exc:
            raise StoreError(
                f"The store {self.address.url} cannot be used: what answers there is not etcd ({exc!r:.80})."
            ) from exc
        return dict(result)

    def close(self) -> None:
        for endpoint in self._endpoints:
            endpoint.close()
        self._endpoints = []

    def _first(self) -> Endpoint:
        if not self._endpoints:
            tls = _tls_of(self.address)
            self._endpoints = [Endpoint(host, port, tls) for host, port in self.address.endpoints]
        return self._endpoints[0]

    def _ask(self, endpoint: Endpoint, path: str, body: Json) -> Json:
        if self.address.user and not endpoint.token:
            self._log_in(endpoint)
        answer = endpoint.post(path, body)
        if not isinstance(answer, dict):
            raise OddAnswerError("what answers there is not etcd")
        return answer

    def _log_in(self, endpoint: Endpoint) -> None:
        password = Path(self.address.password_file).read_text(encoding="utf-8").rstrip("\n")
        answer = endpoint.post("/auth/authenticate", {"name": self.address.user, "password": password})
        if not isinstance(answer, dict) or not isinstance(answer.get("token"), str):
            raise OddAnswerError("what answers there is not etcd")
        endpoint.token = answer["token"]

    def _complaint(self, endpoint: Endpoint, exc: Exception) -> str:
        """Say in a few words why an endpoint was of no use; raise what no other endpoint would do better."""
        message = _words(exc)
        if "invalid auth token" in message:  # it lasts for some minutes only
            endpoint.token = ""
        elif isinstance(exc, StatusError) and exc.status not in PASSING:
            raise StoreError(
                f"The store {self.address.url} cannot be used: etcd says: {message}. {_advice(message)}"
            ) from exc
        return message


def _tls_of(address: Address) -> ssl.SSLContext | None:
    """Read the files by which client and servers prove who they are.

    :raises StoreError: when one of them cannot be read or used, or is a secret that others can read
    """
    _check_files(address)
    if address.protocol == "http":
        return None
    authorities = address.ca or _authorities()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if Path(authorities).is_dir():
            context.load_verify_locations(capath=authorities)
        else:
            context.load_verify_locations(authorities)
        if address.cert:
            context.load_cert_chain(address.cert, address.key)
    except OSError as exc:  # of which an ssl.SSLError is one
        raise StoreError(
            f"The store {address.url} cannot be used: its certificates or its key cannot be read ({_words(exc)})."
        ) from exc
    return context


def _check_files(address: Address) -> None:
    for name in ("ca", "cert", "key", "password_file"):
        path = getattr(address, name)
        if path and not os.access(path, os.R_OK):
            raise StoreError(
                f"The store {address.url} cannot be used: {path} ({name}) is not a file that can be read here."
            )
    for name, others in (("password_file", 0o077), ("key", 0o007)):
        if path := getattr(address, name):
            _check_private(address, name, Path(path), others)


def _check_private(address: Address, name: str, path: Path, others: int) -> None:
    """Refuse a secret that *others* can read or write, or that is somebody else's."""
    status = path.stat()
    if status.st_mode & others:
        why = f"others have access to it (mode {status.st_mode & 0o7777:04o}): chmod 600 it"
    elif status.st_uid not in (0, os.geteuid()):
        why = f"it belongs to the user {status.st_uid}, not to the one who runs this, nor to root"
    else:
        return
    raise StoreError(f"The store {address.url} cannot be used: {path} ({name}) is no secret, {why}.")


def _authorities() -> str:
    """Find the authorities that this machine trusts, not those that a Python library brings."""
    paths = ssl.get_default_verify_paths()
    found = next(
        (path for path in (paths.cafile, SYSTEM_AUTHORITIES, paths.capath) if path and Path(path).exists()),
        "",
    )
    if not found:
        raise StoreError(
            "tls=system: this machine has no authorities of its own (apt install ca-certificates)."
        )
    return found


def _words(exc: Exception) -> str:
    """Say what was wrong with one question at one endpoint, in a few words."""
    return next((say(exc) for kind, say in _SAID if isinstance(exc, kind)), "what answers there is not etcd")


def _said_by_etcd(exc: Exception) -> str:
    with suppress(ValueError, KeyError, TypeError, RecursionError):
        return str(json.loads(str(exc))["error"])
    return " ".join(str(exc).split())[:200]


def _said_by_tls(exc: Exception) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {exc.verify_message}"
    return f"TLS failed: {getattr(exc, 'reason', None) or exc}".replace("_", " ").lower()


_SAID: tuple[tuple[type[Exception], Callable[[Exception], str]], ...] = (  # the first that fits
    (OddAnswerError, str),
    (StatusError, _said_by_etcd),
    (TimeoutError, lambda _exc: "no answer in time"),
    (ssl.SSLEOFError, lambda _exc: "TLS was refused; it may require a client certificate (cert and key)"),
    (ssl.SSLError, _said_by_tls),
    (OSError, lambda exc: getattr(exc, "strerror", None) or "it ended the connection"),
)


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
