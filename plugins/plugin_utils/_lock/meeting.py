"""Where changes of locks meet that are about one roll, or one run, whatever services they are in.

What a roll is granted depends on all that it holds, and a run waits for one thing at a time: so two requests of one
roll or run must not overlook each other, though they have no lock in common. For that each change writes a document
that is the same for all of its roll, and one for its run. There are few such documents for all rolls there ever are, so
now and then two rolls share one, which costs them no more than a second look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from .._store.formats import written

if TYPE_CHECKING:
    from .._run.run import Run
    from .._store.store import Documents

PREFIX = "meet/"
PLACES = 4096


def meeting(roll: str, run: Run) -> Documents:
    """Give the documents, by key, that every change for *roll* and *run* writes."""
    return {_key(name): written({"last": name}) for name in sorted({roll, run.id})}


def _key(name: str) -> str:
    return f"{PREFIX}{crc32(name.encode()) % PLACES:03x}"
