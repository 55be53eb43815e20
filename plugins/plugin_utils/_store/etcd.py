"""The store in an etcd cluster, for controllers and hosts that share it over the network.

Under the prefix are the documents and two keys more. Every change of the store writes the *head*, which says whose
store it is and which attempt came last; every change that deletes documents also writes the *trace*. No change compares
the head's revision, so those that have no document in common do not hold each other up. What is compared is what was
read: each document by its own revision, or, where a change rests on all that it read, whole ranges of them. A range
tells what is new in it, but not what is gone from it: that shows in the trace.

Whether a change was made whose answer got lost shows in the head's history, where every attempt left its name.

Everything is read through the leader, as etcd does by default; no lock, lease or clock of etcd decides anything.
"""

from __future__ import annotations

import json
import time
import uuid
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from .._common.version import collection_version
from .etcd_client import Cluster, decoded, encoded, parse_address, under
from .store import PREFIX as LENT
from .store import Span, StoreError, is_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from .etcd_client import Address, Json
    from .store import Document, Documents, Part

Result = TypeVar("Result")

LAYOUT = 1
LARGE = 32 * 1024  # bytes; a longer document is stored compressed, as etcd takes 1.5 MB at a time
LARGEST = 64 << 20  # bytes of a document that was compressed
OPERATIONS = (
    60  # etcd takes 128 in a transaction, counted along each path of transactions within transactions
)
SHORTEST_WAIT = 0.05
UNSEEN = -1


@dataclass(frozen=True)
class Head:
    """What every change of the store writes: whose store it is, and which attempt wrote it last."""

    store: str
    attempt: str
    created: int  # the revision; 0: there is no store yet
    revision: int

    def value(self) -> str:
        said = {"layout": LAYOUT, "store": self.store, "attempt": self.attempt}
        return json.dumps({**said, "version": collection_version()})


@dataclass(frozen=True)
class Snapshot:
    """The head and some documents, at one revision, and the revisions of these documents, by key."""

    head: Head
    documents: Documents
    revisions: Mapping[str, int]
    revision: int


@dataclass(frozen=True)
class Lease:
    """The time for which etcd keeps a document without hearing of its writer."""

    number: int
    seconds: int


def from_url(url: str) -> EtcdStore:
    """Name the store that ``etcd://HOST:PORT[,HOST:PORT…]/PREFIX`` means; no cluster is asked yet.

    :raises StoreError: when *url* is not of that form
    """
    return EtcdStore(parse_address(url))


class EtcdStore:
    """A :class:`~.store.Store` under a prefix of a cluster's keys, which its first transaction creates."""

    shared = True

    def __init__(self, address: Address, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = address.url
        self.name = address.url.partition("?")[0]
        self.prefix = address.prefix
        self._cluster = Cluster(address)
        self._head_key = f"/{address.prefix}/store"
        self._trace_key = f"/{address.prefix}/removed"
        self._folder = f"/{address.prefix}/documents/"
        # Whoever watches documents is sent the whole of each that changes. So only what is small is watched, the keys
        # from those that are lent to the head: these change by themselves, and every other change writes the head.
        self._news = {"key": encoded(self._folder + LENT), "range_end": encoded(self._head_key + "\0")}
        self._clock = clock
        self._seen = UNSEEN
        self._revisions: dict[str, int] = {}  # of the documents that were last read, and written since
        self._id = ""

    def store_id(self, *, create: bool = True) -> str:
        while not self._id:
            snapshot = self._look(())
            if not snapshot.head.created:
                if not create:
                    break
                self._commit(snapshot, (), {}, [])
        return self._id

    def read(self, *parts: Part) -> Documents:
        return self._look(parts).documents

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Documents], tuple[Mapping[str, Document | None], Result]],
        *,
        upon: Collection[str] | None = None,
    ) -> Result:
        snapshot: Snapshot | None = self._look(parts)
        while snapshot:
            changes, result = decide(snapshot.documents)
            for key in changes:
                if not is_in(key, parts):
                    raise ValueError(f"{key} was written but not read: it is in none of {parts}")
            if not changes:
                break
            rests = self._unchanged(snapshot, parts, None if upon is None else {*upon, *changes})
            snapshot = self._commit(snapshot, parts, changes, rests)
        return result

    def wait_for_change(self, timeout: float, keys: Collection[str] = ()) -> bool:
        if self._seen == UNSEEN:
            return True
        end = self._clock() + timeout
        watch = self._watch_keys if keys else self._watch_news
        for news in watch(max(timeout, SHORTEST_WAIT), keys):
            if news:
                return True
        if (left := end - self._clock()) > 0:  # the endpoint went away
            time.sleep(min(left, SHORTEST_WAIT))
            return True
        return False

    def _watch_news(self, seconds: float, _keys: Collection[str]) -> Iterator[bool]:
        """Tell at each word of etcd whether something has changed since the last look."""
        watch = {"create_request": {**self._news, "start_revision": self._seen + 1}}
        for response in self._cluster.stream("/watch", [watch], seconds):
            # A watch that is cancelled has been overtaken by a compaction: what happened nobody can tell.
            yield bool(response.get("events") or response.get("canceled"))

    def _watch_keys(self, seconds: float, keys: Collection[str]) -> Iterator[bool]:
        """Tell at each word of etcd whether one of these documents is not as it was last seen.

        They are watched from now on, and compared once they are: etcd lets a watch that begins in the past wait for a
        tenth of a second.
        """
        seen = {key: self._revisions.get(key, 0) for key in sorted(keys)}
        watches = [{"create_request": {"key": encoded(self._folder + key)}} for key in seen]
        begun = 0
        for response in self._cluster.stream("/watch", watches, seconds):
            yield bool(response.get("events") or response.get("canceled"))
            begun += bool(response.get("created"))
            if begun == len(watches) and response.get("created"):
                compare = {"compare": _as_they_were(self._folder, seen)}
                yield not self._cluster.call("/kv/txn", compare).body.get("succeeded")

    def close(self) -> None:
        self._cluster.close()
        self._seen = UNSEEN
        self._id = ""

    # --- Documents that are there while their writer is heard of ---

    def lend(self, key: str, document: Document, seconds: int) -> Lease:
        """Write a document that etcd deletes when :meth:`renew` has not been called for so many seconds.

        :raises StoreError: when the store cannot be used
        """
        answer = self._cluster.call("/lease/grant", {"TTL": seconds})
        with self._understood():
            lease = Lease(int(answer.body["ID"]), seconds)
        self._cluster.call("/kv/put", {**self._put(key, document), "lease": lease.number})
        return lease

    def renew(self, lease: Lease) -> bool:
        """Keep the documents of a lease; ``False`` if they are gone.

        :raises StoreError: when the store cannot be used
        """
        answer = self._cluster.call("/lease/keepalive", {"ID": lease.number})
        with self._understood():
            return int(answer.body["result"].get("TTL", 0)) > 0

    # --- Reading ---

    def _look(self, parts: tuple[Part, ...]) -> Snapshot:
        answer = self._cluster.call("/kv/txn", {"success": _nested(self._reads(parts))})
        return self._snapshot(answer.body)

    def _reads(self, parts: tuple[Part, ...]) -> list[Json]:
        ranges = [self._range(part) for part in parts]
        return [{"request_range": what} for what in ({"key": encoded(self._head_key)}, *ranges)]

    def _range(self, part: Part) -> Json:
        if not isinstance(part, Span):
            return under(self._folder + part)
        first, last = (self._folder + key for key in part)
        end = {} if first == last else {"range_end": encoded(last + "\0")}
        return {"key": encoded(first), **end}

    def _snapshot(self, body: Json) -> Snapshot:
        with self._understood():
            return self._read_snapshot(body)

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say in a sentence that an answer is not etcd's, whatever is wrong with it."""
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
            raise StoreError(
                f"The store {self.url} cannot be used: what answers there is not etcd, or not one that is known"
                f" ({exc!r:.80}). Nothing was changed."
            ) from exc

    def _read_snapshot(self, body: Json) -> Snapshot:
        head = Head(str(uuid.uuid4()), "", 0, 0)
        documents: Documents = {}
        revisions: dict[str, int] = {}
        for pair in _pairs(body):
            key = decoded(pair["key"]).decode("utf-8", "replace")
            value = decoded(pair.get("value", ""))
            if key == self._head_key:
                head = self._read_head(value, int(pair["create_revision"]), int(pair["mod_revision"]))
                self._id = head.store
            else:
                name = key.removeprefix(self._folder)
                documents[name], revisions[name] = self._document(key, value), int(pair["mod_revision"])
        if documents and not head.created:
            raise StoreError(
                f"The store {self.url} is broken, and was left as it is: there are documents, but not the key"
                f" {self._head_key}."
                ' Restore etcd from a backup, or see "If the store is lost" in docs/rolling.md.'
            )
        self._seen, self._revisions = int(body["header"]["revision"]), revisions
        return Snapshot(head, documents, revisions, self._seen)

    def _read_head(self, value: bytes, created: int, revision: int) -> Head:
        document = self._document(self._head_key, value)
        layout = document.get("layout")
        if layout != LAYOUT:
            raise StoreError(
                f"The store {self.url} has layout {layout}, but this version of orderly.services knows {LAYOUT}: use"
                f" the version that wrote it ({document.get('version', 'unknown')}), or a newer one."
            )
        try:
            return Head(document["store"], document["attempt"], created, revision)
        except KeyError as exc:
            raise self._broken(self._head_key, f"{exc} is missing") from exc

    def _document(self, key: str, value: bytes) -> Document:
        try:
            document = json.loads(value if value.startswith(b"{") else _inflated(value))
        except (ValueError, RecursionError, zlib.error) as exc:
            raise self._broken(key, str(exc)) from exc
        if not isinstance(document, dict):
            raise self._broken(key, "it is not an object")
        return document

    def _broken(self, key: str, what: str) -> StoreError:
        return StoreError(f"Key {key} of the store {self.url} is broken, and was left as it is: {what}.")

    # --- Writing ---

    def _unchanged(
        self, snapshot: Snapshot, parts: tuple[Part, ...], keys: Collection[str] | None
    ) -> list[Json]:
        """Say what must be as it was in *snapshot*: documents of these *keys*, or else all that was read."""
        if keys is not None and len(keys) < OPERATIONS:
            return _as_they_were(self._folder, {key: snapshot.revisions.get(key, 0) for key in sorted(keys)})
        ranges = map(self._range, parts if len(parts) < OPERATIONS else ("",))
        older = {"target": "MOD", "result": "LESS", "mod_revision": snapshot.revision + 1}
        return [{**each, **older} for each in (*ranges, {"key": encoded(self._trace_key)})]

    def _commit(
        self,
        snapshot: Snapshot,
        parts: tuple[Part, ...],
        changes: Mapping[str, Document | None],
        unchanged: Sequence[Json],
    ) -> Snapshot | None:
        """Make the changes in the very store that was read, unless what they rest on has changed; then read anew."""
        attempt = Head(snapshot.head.store, uuid.uuid4().hex, 0, 0)
        head_key = encoded(self._head_key)
        writes = [{"request_put": {"key": head_key, "value": encoded(attempt.value())}}]
        if None in changes.values():
            writes.append({"request_put": {"key": encoded(self._trace_key), "value": ""}})
        writes += [self._write(key, document) for key, document in changes.items()]
        compare = {"key": head_key, "target": "CREATE", "create_revision": snapshot.head.created}
        answer = self._cluster.call(
            "/kv/txn",
            {
                "compare": [compare, *unchanged],
                "success": _nested(writes),
                "failure": _nested(self._reads(parts)),
            },
        )
        if answer.body.get("succeeded"):
            with self._understood():
                self._seen = int(answer.body["header"]["revision"])
            self._revisions |= {key: self._seen if each else 0 for key, each in changes.items()}
            return None
        newer = self._snapshot(answer.body)
        if answer.repeated and self._was_made(attempt, snapshot, newer):
            self._seen = snapshot.revision  # so that whatever others changed since is not missed
            return None
        return newer

    def _write(self, key: str, document: Document | None) -> Json:
        if document is None:
            return {"request_delete_range": {"key": encoded(self._folder + key)}}
        return {"request_put": self._put(key, document)}

    def _put(self, key: str, document: Document) -> Json:
        body = json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()
        return {
            "key": encoded(self._folder + key),
            "value": encoded(zlib.compress(body, level=1) if len(body) > LARGE else body),
        }

    def _was_made(self, attempt: Head, before: Snapshot, now: Snapshot) -> bool:
        """Tell whether *attempt* was among the changes of the head between two snapshots."""
        if now.head.revision <= before.revision:
            return False  # no change at all: what was read went by itself, as what is lent does
        watch = {"create_request": {"key": encoded(self._head_key), "start_revision": before.revision + 1}}
        for response in self._cluster.stream("/watch", [watch], seconds=8):
            for event in response.get("events", ()):
                with self._understood():
                    value, revision = decoded(event["kv"].get("value", "")), int(event["kv"]["mod_revision"])
                    if self._read_head(value, 0, revision).attempt == attempt.attempt:
                        return True
                    if revision >= now.head.revision:
                        return False
            if response.get("canceled"):
                break
        raise StoreError(
            f"An answer of the store {self.url} was lost, and whether the change was made cannot be determined"
            " any more, because other changes followed. Run again; the locks show what is held."
        )


def _as_they_were(folder: str, revisions: Mapping[str, int]) -> list[Json]:
    """Compare documents with what is known of them; 0 is for one that is not there."""
    return [
        {"key": encoded(folder + key), "target": "MOD", "mod_revision": revision}
        for key, revision in revisions.items()
    ]


def _inflated(value: bytes) -> bytes:
    inflater = zlib.decompressobj()
    text = inflater.decompress(value, LARGEST)
    if not inflater.eof:
        raise ValueError(f"it is cut off, or longer than {LARGEST >> 20} MiB")
    return text


def _nested(operations: Sequence[Json]) -> list[Json]:
    """Put operations into transactions within a transaction where they are too many for one."""
    if len(operations) <= OPERATIONS:
        return list(operations)
    parts = [operations[start : start + OPERATIONS] for start in range(0, len(operations), OPERATIONS)]
    return [{"request_txn": {"success": list(part)}} for part in parts]


def _pairs(body: Json) -> Iterator[Json]:
    """Give the keys and values of every range in the answer to a transaction, wherever it is nested."""
    for response in body.get("responses", ()):
        yield from response.get("response_range", {}).get("kvs", ())
        yield from _pairs(response.get("response_txn", {}))
