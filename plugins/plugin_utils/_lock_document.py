# This is a private utility of the orderly.services collection; it may change without notice.
"""Rolling locks as documents of a store.

A document that is not exactly a lock is refused and named, never reset.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from ._lock import Freeze, Holder, Lock, LockError, Outcome, Waiter
from ._run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._lock import Locks
    from ._store import Document, Documents

PREFIX = "lock/"
FORMAT = 1
Record = TypeVar("Record", Freeze, Holder, Waiter, Outcome)


class BrokenLockError(LockError):
    """What the store holds is not a lock."""


def read_locks(documents: Documents) -> Locks:
    """Read every lock among *documents*, by service."""
    return {
        key.removeprefix(PREFIX): _read_lock(key, document)
        for key, document in documents.items()
        if key.startswith(PREFIX)
    }


def write_locks(locks: Locks) -> Documents:
    """Write locks as documents, by key."""
    return {f"{PREFIX}{service}": _write_lock(lock) for service, lock in locks.items()}


def _write_lock(lock: Lock) -> Document:
    return {
        "format": FORMAT,
        "max_unavailable": lock.max_unavailable,
        "failure_budget": lock.failure_budget,
        "members": sorted(lock.members),
        "holders": {host: _plain(holder) for host, holder in lock.holders.items()},
        "queue": [{**_plain(waiter), "hosts": list(waiter.hosts)} for waiter in lock.queue],
        "out_of_service": dict(lock.out_of_service),
        "frozen": dict(vars(lock.frozen)) if lock.frozen else None,
        "outcomes": [dict(vars(outcome)) for outcome in lock.outcomes],
        "sequence": lock.sequence,
    }


def _plain(one: Holder | Waiter) -> Document:
    return {**vars(one), "run": one.run.as_document(), "arguments": dict(one.arguments)}


def _read_lock(key: str, document: Document) -> Lock:
    try:
        return _parse_lock(key.removeprefix(PREFIX), dict(document))
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        what = f"{exc} is missing" if isinstance(exc, KeyError) else str(exc)
        raise BrokenLockError(
            f'The lock "{key}" in the store is broken, and was left as it is: {what}. Nothing is disrupted'
            " meanwhile. Restore the store from a backup, or use the version that wrote it.",
            lock=key,
        ) from exc


def _parse_lock(service: str, document: Document) -> Lock:
    if document.pop("format") != FORMAT:
        raise ValueError(f"it is not of format {FORMAT}")
    lock = Lock(
        service=service,
        max_unavailable=_budget(document.pop("max_unavailable")),
        failure_budget=_number(document.pop("failure_budget")),
        members=frozenset(_strings(document.pop("members"))),
        holders={host: _record(Holder, plain) for host, plain in document.pop("holders").items()},
        queue=tuple(_record(Waiter, plain) for plain in document.pop("queue")),
        out_of_service={host: _string(why) for host, why in document.pop("out_of_service").items()},
        frozen=_record(Freeze, frozen) if (frozen := document.pop("frozen")) is not None else None,
        outcomes=tuple(_record(Outcome, plain) for plain in document.pop("outcomes")),
        sequence=_number(document.pop("sequence")),
    )
    if document:
        raise ValueError(f"it has the unknown keys {', '.join(sorted(document))}")
    if any(host != holder.host for host, holder in lock.holders.items()):
        raise ValueError("a holder is under the name of another host")
    if any(one > lock.sequence for one in (*_tokens(lock), *_tickets(lock))):
        raise ValueError("its sequence is behind its own tokens")
    return lock


def _tokens(lock: Lock) -> list[int]:
    return [holder.token for holder in lock.holders.values()]


def _tickets(lock: Lock) -> list[int]:
    return [waiter.ticket for waiter in lock.queue]


def _record(kind: type[Record], plain: Mapping[str, Any]) -> Record:
    values = {name: read(plain[name]) for name, read in READERS[kind]}
    if odd := plain.keys() - values.keys():
        raise ValueError(f"a {kind.__name__.lower()} has the unknown keys {', '.join(sorted(odd))}")
    return kind(**values)


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(map(_string, value))


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _number_or_none(value: object) -> int | None:
    return None if value is None else _number(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _dictionary(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a dictionary")
    return value


def _budget(value: object) -> int | str:
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return value
    return _number(value)


# By the written type of a field, which is how dataclasses tell it.
TYPES: dict[str, Callable[[Any], Any]] = {
    "str": _string,
    "int": _number,
    "int | None": _number_or_none,
    "bool": _flag,
    "tuple[str, ...]": _strings,
    "Mapping[str, Any]": _dictionary,
    "Run": Run.from_document,
}
READERS = {
    kind: tuple((each.name, TYPES[str(each.type)]) for each in fields(kind))
    for kind in (Freeze, Holder, Waiter, Outcome)
}
