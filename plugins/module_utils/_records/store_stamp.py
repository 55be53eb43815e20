# SPDX-License-Identifier: GPL-3.0-or-later
"""In which store this host is disrupted: written down the first time, and held on to until it is moved on purpose.

Two people with two stores would never see each other's slots, so the host itself says no to the second. And a run that
was asleep while its slots were taken away by force believes that it has them still, so the host remembers the token of
the last slot that it was disrupted under, and says no to an older one.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .._host.documents import read_item, render_document, write_document
from .._host.errors import HostError, NewerFormatError
from .._host.files import PRIVATE, make_folder, sync_folder, write_text

if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

STAMP = "store-stamp.json"
DEFAULT_STAMP = f"/var/lib/orderly/{STAMP}"
HOW_TO_MOVE = (
    "Set orderly_store to that store; or, to move these hosts for good, make sure that nothing rolls in either"
    " store, and run the playbook orderly.services.move_store."
)


@dataclass(frozen=True)
class Stamp:
    """A store: its id, what people call it, and since when the host belongs to it, in seconds since 1970.

    ``tokens`` are the numbers of the last slots of services that this host was disrupted under.
    """

    id: str
    name: str
    since: int
    tokens: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the store for people."""
        return f"{self.name} (id {self.id[:8]})"


@dataclass(frozen=True)
class StampChange:
    """The stamp that a host has, the one that it will have, and whether another store may be given up for it."""

    before: Stamp | None
    after: Stamp | None

    @property
    def changes(self) -> bool:
        """Tell whether the host has another store afterwards; the token of one more slot is no change to it."""
        return (self.before and self.before.id) != (self.after and self.after.id)

    def carry_out(self, path: Path) -> None:
        """Write the stamp; of two that come first at once, one is refused."""
        if self.after is None or self.before == self.after:
            return
        if self.before is not None:
            write_document(path, asdict(self.after))
        elif not _create(path, render_document(asdict(self.after))):
            plan_stamp(read_stamp(path), self.after)

    def diff(self) -> dict[str, str]:
        """Show both."""
        return {"before": f"{self.before or 'no store'}\n", "after": f"{self.after or 'no store'}\n"}


def read_stamp(path: Path) -> Stamp | None:
    """Read the stamp of this host; raises HostError where it is there and tells nothing."""
    try:
        return read_item(path, Stamp)
    except FileNotFoundError:
        return None
    except NewerFormatError:
        raise
    except (OSError, HostError) as exc:
        raise HostError(_unreadable(path, exc), path=str(path)) from exc


def plan_stamp(found: Stamp | None, wanted: Stamp, *, move: bool = False) -> StampChange:
    """Decide about a host that is to be disrupted under the locks of a store.

    Raises HostError for another store, and for slots of it that were given before those which the host knows. Whoever
    moves a host lets it forget these, so that a store that comes from a backup can begin where it was then.

    A store without an id is not there yet: nobody has taken a slot in it, so there is nothing to write down.
    """
    if found is None:
        return StampChange(None, wanted if wanted.id else None)
    if found.id == wanted.id:
        if move:
            return StampChange(found, replace(found, tokens={}))
        if stale := [name for name, token in wanted.tokens.items() if token < found.tokens.get(name, token)]:
            raise HostError(_overtaken(found, wanted, stale), stamped=asdict(found), overtaken=sorted(stale))
        return StampChange(found, replace(found, tokens={**found.tokens, **wanted.tokens}))
    if move:
        return StampChange(found, wanted)
    raise HostError(
        _refusal(found, wanted), stamped=asdict(found), store={"id": wanted.id, "name": wanted.name}
    )


def stamp_of(store: Mapping[str, Any], tokens: Mapping[str, Any] | None = None) -> Stamp:
    """Read what a playbook says of its store and slots; raises HostError where that is none."""
    if set(store) != {"id", "name"} or not all(isinstance(value, str) for value in store.values()):
        raise HostError(
            f"store must be what rolling_lock returns as store, an id and a name, not {dict(store)!r}."
        )
    try:
        numbers = {name: int(token) for name, token in (tokens or {}).items()}
    except (TypeError, ValueError) as exc:
        raise HostError(
            f"tokens must be what rolling_lock returns as tokens for this host, not {tokens!r}."
        ) from exc
    return Stamp(store["id"], store["name"], int(time.time()), numbers)


def _refusal(found: Stamp, wanted: Stamp) -> str:
    since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.since))
    if found.name == wanted.name:
        return (
            f"The locks of this host have been in the store {found} since {since}. There is now another store of"
            f" that name (id {wanted.id[:8] or 'none yet'}), which does not know who held slots in the old one."
            " Nothing was touched here. Restore the old store from a backup; or make sure that nobody is working on"
            " these hosts, and run the playbook orderly.services.move_store."
        )
    return (
        f"The locks of this host have been in the store {found} since {since}, and this run takes its slots in"
        f" {wanted.name}:"
        " runs in two stores do not see each other, and may take a service down together. Nothing was touched here. "
        + HOW_TO_MOVE
    )


def _overtaken(found: Stamp, wanted: Stamp, stale: Sequence[str]) -> str:
    slots = ", ".join(
        f"{name} (token {wanted.tokens[name]}, but the host knows {found.tokens[name]})"
        for name in sorted(stale)
    )
    return (
        f"This run works under slots of {found.name} that were taken from it, and others have worked here since:"
        f" {slots}."
        " Nothing was touched here. Run it again to request new slots. If the store was restored from a backup, make"
        " sure that nothing rolls, and run the playbook orderly.services.move_store."
    )


def _unreadable(path: Path, why: object) -> str:
    return (
        f"{path} does not say in which store the locks of this host are: {why}. Nothing was touched here. If you are"
        " sure that it is the store of this run, remove the file."
    )


def _create(path: Path, text: str) -> bool:
    """Write a file unless somebody else has just done so."""
    try:
        make_folder(path.parent, PRIVATE)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=str(path.parent)) as aside:
            draft = Path(aside) / path.name
            write_text(draft, text)
            os.link(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as exc:
        raise HostError(f"{path} cannot be written: {exc.strerror}.", path=str(path)) from exc
    return True
