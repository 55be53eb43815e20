"""The store: where locks and journal live, behind one small protocol.

A store maps keys (``lock/nginx``, ``campaign/…``) to JSON documents. Every change is a transaction: a pure
function sees the documents it asked for and answers with the documents to write. A store that cannot be
reached raises :class:`StoreError`: there is no second place to look, so there is no new disruption either.
"""

from __future__ import annotations

import importlib
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from .._common.errors import ControllerError
from .._common.places import home_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

Document = dict[str, Any]
Documents = dict[str, Document]
Result = TypeVar("Result")


class Span(NamedTuple):
    """The keys from the *first* to the *last*, these included."""

    first: str
    last: str


Part = str | Span
"""Some of a store: the keys that begin with a prefix, or those of a span."""


def only(key: str) -> Span:
    """Give the part of a store that is one document: a prefix also takes in those whose keys go on."""
    return Span(key, key)


def is_in(key: str, parts: Iterable[Part]) -> bool:
    """Tell whether a key is in one of these parts."""
    return any(
        part.first <= key <= part.last if isinstance(part, Span) else key.startswith(part) for part in parts
    )


class StoreError(ControllerError):
    """The store cannot be used: what was tried, where, what to do."""


class Store(Protocol):
    """What the state machine and the journal need of a store."""

    url: str
    name: str
    """What people call it, on whichever machine they are."""
    shared: bool
    """Whether other machines use it too."""

    def store_id(self, *, create: bool = True) -> str:
        """Tell the id of this store, which never changes; without *create*, nothing where there is no store yet.

        :raises StoreError: when the store cannot be used
        """

    def read(self, *parts: Part) -> Documents:
        """Read every document of these parts, at one instant.

        :raises StoreError: when the store cannot be used, or holds something other than documents
        """

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Documents], tuple[Mapping[str, Document | None], Result]],
        *,
        upon: Collection[str] | None = None,
    ) -> Result:
        """Apply what *decide* answers to the documents of *parts*, atomically; ``None`` deletes one.

        *decide* must be pure: a store may call it again with newer documents when another writer came first. What it
        raises comes out as it is, and nothing is written. *upon* names the documents that the decision rests on, there
        or not, where not all that were read do: what others write meanwhile matters in these, and in those that are
        written, and nowhere else. So writers that have none of them in common do not slow each other.

        :raises StoreError: when the store cannot be used
        :raises ValueError: when *decide* answers with a key that is in none of *parts*
        """

    def wait_for_change(self, timeout: float, keys: Collection[str] = ()) -> bool:
        """Wait up to *timeout* seconds until some document may have changed; tell whether one may have.

        Where *keys* are named, some of these: who waits for little is not woken, and sent, by what all others do.

        A change by someone else since this store was last used counts, so none is missed between two calls.

        :raises StoreError: when the store cannot be used
        """

    def close(self) -> None:
        """Give connections and files back; the store opens again when it is used again."""


class Rehearsal:
    """A store seen in check mode: decisions are made as ever, and what they would write is forgotten."""

    def __init__(self, store: Store) -> None:
        self.url, self.name = store.url, store.name
        self.shared = False  # nobody is told of a run that takes nothing
        self.store_id = partial(store.store_id, create=False)
        self.read = store.read
        self.wait_for_change = store.wait_for_change
        self.close = store.close

    def transact(
        self,
        parts: tuple[Part, ...],
        decide: Callable[[Documents], tuple[Mapping[str, Document | None], Result]],
        *,
        upon: Collection[str] | None = None,  # noqa: ARG002 - nothing is written, so nothing can come first
    ) -> Result:
        _changes, result = decide(self.read(*parts))
        return result


# Scheme -> module beside this one whose ``from_url`` makes the store. Named, not imported: the library that a
# store needs is only needed where that store is used.
BACKENDS = {
    "sqlite": "sqlite",
    "etcd": "etcd",
}


def open_store(url: str) -> Store:
    """Name the store at *url*; whether it can be used shows at its first use.

    :raises StoreError: when *url* is not a store address
    """
    scheme, separator, _rest = url.partition("://")
    if not separator or scheme not in BACKENDS:
        known = ", ".join(f"{name}://" for name in BACKENDS)
        raise StoreError(f'"{url}" is not a store address: orderly_store must begin with one of {known}.')
    backend = importlib.import_module(f"{__package__}.{BACKENDS[scheme]}")
    store: Store = backend.from_url(url)
    return store


def stamp_of(store: Store) -> dict[str, str]:
    """Tell a store from every other, by its id, and by a name for people, as hosts remember it.

    :raises StoreError: when the store cannot be used
    """
    return {"id": store.store_id(), "name": store.name}


def default_url(environ: Mapping[str, str] | None = None, *, root: bool | None = None) -> str:
    """Tell where locks and journal live when ``orderly_store`` does not say."""
    if os.geteuid() == 0 if root is None else root:
        return "sqlite:///var/lib/orderly/store.db"
    environ = os.environ if environ is None else environ
    home = Path(environ["HOME"]) if environ.get("HOME") else None
    state = environ.get("XDG_STATE_HOME") or (home or home_folder("HOME", "orderly_store")) / ".local/state"
    return f"sqlite://{state}/orderly/store.db"


PREFIX = "run/"
