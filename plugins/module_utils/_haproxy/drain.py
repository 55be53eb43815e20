# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose drain is it? What to do to a server of haproxy, and the records of what we did to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from .._host.documents import read_document, write_document
from .._host.files import attempt, remove_file

if TYPE_CHECKING:
    from pathlib import Path

    from .api import Server


@dataclass(frozen=True)
class Decision:
    """What the server shall be afterwards; ``set_state`` is haproxy's word for getting there."""

    ours: bool
    """Drained, by us: there is a record of it."""
    in_service: bool
    set_state: str | None = None

    def changes(self, recorded: bool) -> bool:
        return self.set_state is not None or self.ours != recorded


def decide(wanted: bool, server: Server, recorded: bool) -> Decision:
    """Decide what to do to a server that shall be drained (*wanted*) or given back.

    A drain belongs to whoever made it. Ours has a record; a server that somebody else put into maintenance,
    before our drain or during it, is left to that somebody. A reload of haproxy forgets drains, so ours may
    be recorded and gone.
    """
    if server.is_administered and not (recorded and server.is_draining):
        return Decision(ours=False, in_service=False)
    if wanted:
        return Decision(ours=True, in_service=False, set_state=None if server.is_draining else "drain")
    return Decision(ours=False, in_service=True, set_state="ready" if server.is_draining else None)


class DrainRecord:
    """The adapter: one small file per server that we drained."""

    def __init__(self, folder: Path, server: str) -> None:
        self.path = folder / f"haproxy-{quote(server, safe='')}.json"
        self.server = server

    def exists(self) -> bool:
        return attempt(self.path, read_document) is not None

    def keep(self, since: int) -> None:
        """Write the record; a reader sees all of it or nothing."""
        write_document(self.path, {"server": self.server, "since": since})

    def forget(self) -> None:
        remove_file(self.path)
