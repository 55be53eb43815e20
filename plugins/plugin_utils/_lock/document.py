"""Rolling locks as documents of a store.

Each lock has a document ``lock/SERVICE``, which says who holds it, and stays small: its members, who rarely change, are
in ``members/SERVICE``, and each request that waits is in ``queue/SERVICE/TURN``, so that the keys of a queue are in its
order. Earlier versions kept all of it in the first one, which is still read, and divided before anything is changed.

A document that is not exactly a lock is refused and named, never reset.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from operator import contains
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

from .._run.run import Run
from .._service.budget import read_size
from .._store.formats import check_format, checked, named, way_back, written
from .lock import Freeze, Holder, Lock, LockError, Outcome, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._store.store import Document, Documents
    from .lock import Locks

FORMAT = 2  # of the first document; the others have the first of all documents
PREFIX = "lock/"
MEMBERS = "members/"
QUEUES = "queue/"
LOCKS = (PREFIX, MEMBERS, QUEUES)
Changes = dict[str, dict[str, Any] | None]
Record = TypeVar("Record", Freeze, Holder, Waiter, Outcome)
Checked = TypeVar("Checked")
Kinds = frozenset[type]


class BrokenLockError(LockError):
    """What the store holds is not a lock."""


def read_locks(documents: Documents) -> Locks:
    """Read every lock among *documents*, by service, as far as they are there: without its document, no members.

    :raises BrokenLockError: when one of them is not exactly a lock
    :raises StoreError: when the format of one of them is not known
    """
    queues: dict[str, Documents] = {}
    for key, document in documents.items():
        if key.startswith(PREFIX):
            queues.setdefault(key.removeprefix(PREFIX), {})
        elif key.startswith(QUEUES):
            queues.setdefault(service_of(key), {})[key] = document
    return {service: _read_lock(service, documents, tickets) for service, tickets in queues.items()}


def write_locks(locks: Locks, before: Documents | None = None) -> Changes:
    """Write locks as documents, by key, as far as they are not as they were *before*; None is for what is to go.

    What newer versions have added to documents stays in them.
    """
    known = before or {}
    changes: Changes = {}
    for service, lock in locks.items():
        documents = _documents(lock, known)
        queue = queue_prefix(service)
        gone = [key for key in known if key.startswith(queue) and key not in documents]
        changes |= {key: each for key, each in documents.items() if each != known.get(key)}
        changes |= dict.fromkeys(gone)
    return changes


def lock_key(service: str) -> str:
    """Name the document of a lock that says who holds it."""
    return f"{PREFIX}{service}"


def members_key(service: str) -> str:
    """Name the document that lists the hosts of a service."""
    return f"{MEMBERS}{service}"


def queue_prefix(service: str) -> str:
    """Tell how the documents of the requests begin that wait for a lock."""
    return f"{QUEUES}{service}/"


def queue_key(service: str, waiter: Waiter) -> str:
    """Name the document of a request that waits for a lock: who comes first has the lesser name."""
    last, tried, ticket = waiter.turn
    return f"{queue_prefix(service)}{last:d}{tried:d}-{ticket:012}"


def service_of(key: str) -> str:
    """Tell the service of a request by the name of its document."""
    return key.removeprefix(QUEUES).partition("/")[0]


def _documents(lock: Lock, known: Documents) -> Documents:
    key, members = lock_key(lock.service), members_key(lock.service)
    before = {name: value for name, value in known.get(key, {}).items() if name not in ("members", "queue")}
    documents = {key: written(_write_lock(lock), before, FORMAT)}
    if lock.members:
        documents[members] = written({"members": sorted(lock.members)}, known.get(members))
    for waiter in lock.queue:
        place = queue_key(lock.service, waiter)
        plain = {**_plain(waiter), "hosts": list(waiter.hosts)}
        documents[place] = written(plain, known.get(place))
    return documents


def _write_lock(lock: Lock) -> Document:
    return {
        "max_unavailable": lock.max_unavailable,
        "failure_budget": lock.failure_budget,
        "holders": {host: _plain(holder) for host, holder in lock.holders.items()},
        "out_of_service": dict(lock.out_of_service),
        "frozen": dict(vars(lock.frozen)) if lock.frozen else None,
        "outcomes": [dict(vars(outcome)) for outcome in lock.outcomes],
        "sequence": lock.sequence,
    }


def _plain(one: Holder | Waiter) -> Document:
    return {**vars(one), "run": one.run.as_document(), "arguments": dict(one.arguments)}


def _read_lock(service: str, documents: Documents, tickets: Documents) -> Lock:
    key = lock_key(service)
    document = documents.get(key, {})
    check_format(named(key), document, FORMAT)
    waiting = [_read_ticket(place, ticket) for place, ticket in tickets.items()]
    if document["format"] == FORMAT:
        document = {**document, "members": _read_members(service, documents), "queue": []}
    with _whole(key, document):
        lock = _parse_lock(service, dict(document))
        lock = replace(lock, queue=tuple(sorted((*lock.queue, *waiting), key=lambda one: one.turn)))
        if any(one > lock.sequence for one in (*_tokens(lock), *_tickets(lock))):
            raise ValueError("its sequence is behind its own tokens")
    return lock


def _read_ticket(key: str, document: Document) -> Waiter:
    checked(key, document)
    with _whole(key, document):
        return _record(Waiter, {name: document[name] for name in FORMS[Waiter].names})


def _read_members(service: str, documents: Documents) -> list[str]:
    key = members_key(service)
    members: list[str] = checked(key, documents[key], members=list)["members"] if key in documents else []
    return members


@contextmanager
def _whole(key: str, document: Document) -> Iterator[None]:
    """Say in a sentence that a document of a lock is broken, whatever is wrong with it."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        what = f"{exc} is missing" if isinstance(exc, KeyError) else str(exc)
        raise BrokenLockError(
            f'The lock "{key}" in the store is broken, and was left as it is: {what}. Nothing is disrupted'
            f" meanwhile. {way_back(document)}",
            lock=key,
        ) from exc


def _parse_lock(service: str, document: Document) -> Lock:
    lock = Lock(
        service=service,
        max_unavailable=_budget(document.pop("max_unavailable")),
        failure_budget=_number(document.pop("failure_budget")),
        members=frozenset(_strings(document.pop("members"))),
        holders={
            host: _record(Holder, {"domain": "", **plain})  # stores of earlier releases tell no domains
            for host, plain in document.pop("holders").items()
        },
        queue=tuple(_record(Waiter, plain) for plain in document.pop("queue")),
        out_of_service={host: _string(why) for host, why in document.pop("out_of_service").items()},
        frozen=_record(Freeze, frozen) if (frozen := document.pop("frozen")) is not None else None,
        outcomes=tuple(_record(Outcome, plain) for plain in document.pop("outcomes")),
        sequence=_number(document.pop("sequence")),
    )
    if any(host != holder.host for host, holder in lock.holders.items()):
        raise ValueError("a holder is stored under the name of another host")
    return lock


def _tokens(lock: Lock) -> list[int]:
    return [holder.token for holder in lock.holders.values()]


def _tickets(lock: Lock) -> list[int]:
    return [waiter.ticket for waiter in lock.queue]


def _record(kind: type[Record], plain: Mapping[str, Any]) -> Record:
    """Read a record whose values have just the types that JSON gives to those of its fields."""
    form = FORMS[kind]
    values = list(map(plain.__getitem__, form.names))
    if not all(map(contains, form.accepted, map(type, values))):
        pairs = zip(values, form.accepted, strict=True)
        raise next(_odd(value, kinds) for value, kinds in pairs if type(value) not in kinds)
    if len(plain) > len(values):
        odd = ", ".join(sorted(plain.keys() - set(form.names)))
        raise ValueError(f"a {kind.__name__.lower()} has the unknown keys {odd}")
    for place, read in form.readers:
        values[place] = read(values[place])
    return kind(*values)


def _odd(value: object, kinds: Kinds) -> TypeError:
    wanted = " or ".join(sorted(NAMES[kind] for kind in kinds))
    return TypeError(f"{value!r} is not {wanted}")


def _checked(value: Checked, kind: type[Checked]) -> Checked:
    kinds = frozenset({kind})
    if type(value) not in kinds:  # true and false are whole numbers of Python
        raise _odd(value, kinds)
    return value


def _string(value: str) -> str:
    return _checked(value, str)


def _strings(value: list[str]) -> tuple[str, ...]:
    # Long lists are read whenever somebody looks at a lock, so only what is wrong is looked at one by one.
    if set(map(type, _checked(value, list))) - {str}:
        raise next(_odd(each, frozenset({str})) for each in value if not isinstance(each, str))
    return tuple(value)


def _number(value: int) -> int:
    return _checked(value, int)


def _budget(value: Any) -> int | str:
    try:
        return read_size(value)
    except ValueError as exc:
        raise ValueError(f"{exc} is not a whole number or a percentage") from None


NAMES = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a dictionary",
    NoneType: "null",
}

# By the written type of a field, which is how dataclasses tell it: the types of its values in JSON.
TYPES: dict[str, Kinds] = {
    "str": frozenset({str}),
    "int": frozenset({int}),
    "int | None": frozenset({int, NoneType}),
    "bool": frozenset({bool}),
    "tuple[str, ...]": frozenset({list}),
    "Mapping[str, Any]": frozenset({dict}),
    "Run": frozenset({dict}),
}
READERS: dict[str, Callable[[Any], Any]] = {"tuple[str, ...]": _strings, "Run": Run.from_document}


@dataclass(frozen=True)
class Form:
    """What is known beforehand of the records of a kind: the names of their values, and how to read these."""

    names: tuple[str, ...]
    accepted: tuple[Kinds, ...]
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]


def _form(kind: type) -> Form:
    written = {each.name: str(each.type) for each in fields(kind)}
    return Form(
        tuple(written),
        tuple(TYPES[name] for name in written.values()),
        tuple((place, READERS[name]) for place, name in enumerate(written.values()) if name in READERS),
    )


FORMS = {kind: _form(kind) for kind in (Freeze, Holder, Waiter, Outcome)}
