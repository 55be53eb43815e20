"""Where changes of locks meet that are about one roll, or one run, whatever services they are in.

What a roll is granted depends on all that it holds, and a run waits for one thing at a time: so two requests of one
roll or run must not overlook each other, though they have no lock in common. For that each change writes a document
that is the same for all of its roll, and one for its run. They list where the two have something, so that nobody
searches all locks for it. There are few such documents for all rolls there ever are, so now and then two rolls share
one, which costs them no more than a second look.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from .._store.formats import checked, written
from .document import lock_key, queue_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .._run.run import Run
    from .._store.store import Documents
    from .lock import Locks, Waiter

PREFIX = "meet/"
PLACES = 4096
ALL = f"{PREFIX}all"  # says that whatever is in the locks of a store is listed


def meeting(roll: str, run: Run) -> frozenset[str]:
    """Name the documents that every change for *roll* and *run* writes."""
    return frozenset(map(_place, (roll, run.id)))


def listed(documents: Documents, places: Iterable[str]) -> frozenset[str]:
    """Name the documents of locks and queues in which rolls and runs that meet in these *places* have something.

    It may be gone, where others have ended it.

    :raises StoreError: when a list cannot be read
    """
    found = [
        documents[place]
        for place in places
        if place in documents and checked(place, documents[place], keys=list)
    ]
    return frozenset(key for each in found for key in each["keys"])


def is_all_listed(documents: Documents) -> bool:
    """Tell whether whatever is in the locks of a store is listed, as it says.

    :raises StoreError: when that is said in a way which is not known
    """
    return ALL in documents and bool(checked(ALL, documents[ALL], listed=bool)["listed"])


def lists(locks: Locks, places: Iterable[str], before: Documents) -> Documents:
    """Write anew what those who meet in these *places* have in *locks*, which must be all that they have it in."""
    found: dict[str, set[str]] = {place: set() for place in places}
    for place, key in _entries(locks):
        if place in found:
            found[place].add(key)
    return {place: written({"keys": sorted(keys)}, before.get(place)) for place, keys in found.items()}


def all_lists(locks: Locks, before: Documents) -> Documents:
    """Write down what everybody has, in *locks* that are all locks of a store."""
    everybody = {place for place, _key in _entries(locks)}
    return {**lists(locks, everybody, before), ALL: written({"listed": True}, before.get(ALL))}


def _entries(locks: Locks) -> Iterator[tuple[str, str]]:
    for service, lock in locks.items():
        for holder in lock.holders.values():
            yield from ((place, lock_key(service)) for place in meeting(holder.roll, holder.run))
        for waiter in lock.queue:
            yield from ((place, queue_key(service, waiter)) for place in _places_of(waiter))


def _places_of(waiter: Waiter) -> frozenset[str]:
    """Name the places of a request: that of its roll only if it stays when its run ends, as crowds are of one roll."""
    return meeting(waiter.roll, waiter.run) if waiter.kept else frozenset({_place(waiter.run.id)})


@lru_cache(maxsize=PLACES)
def _place(name: str) -> str:
    return f"{PREFIX}{crc32(name.encode()) % PLACES:03x}"
