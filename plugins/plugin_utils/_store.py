# This is a private utility of the orderly.services collection; it may change without notice.
"""The store: where locks and journal live, behind one small protocol.

A store maps keys (``lock/nginx``, ``campaign/…``) to JSON documents. Every change is a transaction: a pure function
sees the documents it asked for and answers with the documents to write. A store that cannot be reached raises
:class:`StoreError`: there is no second place to look, so there is no new disruption either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Document = dict[str, Any]
Documents = dict[str, Document]
Result = TypeVar("Result")


class StoreError(Exception):
    """The store cannot be used: what was tried, where, what to do."""


class Store(Protocol):
    """What the state machine and the journal need of a store."""

    url: str

    def store_id(self) -> str:
        """Tell the id of this store; it never changes."""

    def read(self, *prefixes: str) -> Documents:
        """Read every document whose key starts with one of the prefixes, at one instant."""

    def transact(
        self,
        prefixes: tuple[str, ...],
        decide: Callable[[Documents], tuple[Mapping[str, Document | None], Result]],
    ) -> Result:
        """Apply what *decide* answers to the documents under *prefixes*, atomically; ``None`` deletes a document.

        *decide* must be pure: a store may call it again with newer documents when another writer came first.
        """

    def wait_for_change(self, timeout: float) -> bool:
        """Wait up to *timeout* seconds until some document may have changed; tell whether one may have."""


def open_store(url: str) -> Store:
    """Open the store that ``orderly_store`` names.

    Raises :class:`StoreError` for an unknown scheme or a store that cannot be used.
    """
    raise NotImplementedError(url)
