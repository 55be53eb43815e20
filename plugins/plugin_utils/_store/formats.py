"""What every document says of itself: its format, and the version of the collection that wrote it.

Within a format, a newer version may add keys to a document; an older one keeps them when it writes the document again.
Whatever else changes is a new format, and who does not know it leaves the document as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.text import printable
from .._common.version import collection_version
from .store import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .store import Document
FORMAT = 1


def written(
    document: Mapping[str, Any], before: Mapping[str, Any] | None = None, number: int = FORMAT
) -> Document:
    """Give a document as the store gets it, with what a newer version has added to the one *before*."""
    own = {**document, "format": number, "version": collection_version()}
    return {**{key: value for key, value in (before or {}).items() if key not in own}, **own}


def check_format(what: str, document: Mapping[str, Any], newest: int = FORMAT) -> None:
    """Refuse what a newer version wrote in a format of its own, and what has no format.

    :raises StoreError: when it is so; nothing was changed
    """
    found = document.get("format")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise broken(what, "it does not say its format", document)
    if found > newest:
        raise StoreError(
            f"{what} has format {found}, and orderly.services {collection_version()} knows {newest}. It was written by "
            f"orderly.services {_writer(document) or 'of unknown version'}; nothing was changed. Use that version or a "
            "newer one here too.",
            format=found,
        )


def checked(key: str, document: Mapping[str, Any], **kinds: type) -> Mapping[str, Any]:
    """Give a document of the store whose format is known, and whose values are of some *kinds*.

    :raises StoreError: when it is not so; nothing was changed
    """
    what = named(key)
    check_format(what, document)
    for name, kind in kinds.items():
        if not isinstance(document.get(name), kind):
            raise broken(what, f"its {name} cannot be read", document)
    return document


def named(key: str) -> str:
    """Name a document to people."""
    return f'The document "{key}" in the store'


def broken(what: str, why: str, document: Mapping[str, Any]) -> StoreError:
    """Make the error for what cannot be understood."""
    return StoreError(f"{what} is broken, and was left as it is: {why}. {way_back(document)}")


def way_back(document: Mapping[str, Any]) -> str:
    """Say what to do about a document that cannot be understood: a backup is not for what a newer version wrote."""
    writer = _writer(document)
    if not writer:
        return "No released version of orderly.services wrote it: see what else writes there."
    if writer == collection_version():
        return "Something else wrote to the store, or it was damaged: restore it from a backup."
    return f"It was written by orderly.services {writer}: use that version, or a newer one."


def _writer(document: Mapping[str, Any]) -> str:
    return printable(str(document.get("version") or ""), 80)
