"""The last row of a terminal, kept apart from what scrolls above it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# ECMA-48 and VT100: save and restore the cursor, let only the rows above the last one scroll.
SAVE, RESTORE, ERASE = "\x1b7", "\x1b8", "\x1b[2K"


UNWATCHED = ("CI", "AWX_ISOLATED_DATA_DIR")
"""Set in the jobs of a CI, and in those of ansible-runner and AWX, which give each a terminal that nobody looks at."""


def can_show(is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Tell whether a live line makes sense: on a terminal that moves its cursor, and not in the log of a job."""
    moves = is_terminal and environ.get("TERM", "dumb") not in ("", "dumb")
    return moves and not any(environ.get(name) for name in UNWATCHED)


class LiveLine:
    """Writes past Python's own buffers and locks, whole, so that a fork in the middle of it harms nobody."""

    def __init__(self, terminal: int, size: Callable[[int], os.terminal_size] = os.get_terminal_size) -> None:
        """Take the file descriptor of a terminal; nothing is written before there is something to show."""
        self._terminal = terminal
        self._size = size
        self._rows = 0

    def show(self, text: str, style: Callable[[str], str] = str) -> None:
        """Show *text*, cut to the terminal's width, in place of what was shown before."""
        columns, rows = self._size(self._terminal)
        if rows < 3:
            return
        shown = style(text if len(text) < columns else text[: columns - 2] + "…")
        self._write(self._reserve(rows) + f"{SAVE}\x1b[{rows};1H{ERASE}{shown}{RESTORE}")

    def clear(self) -> None:
        """Give the row back."""
        if self._rows:
            self._write(f"{SAVE}\x1b[r\x1b[{self._rows};1H{ERASE}{RESTORE}")
            self._rows = 0

    def _reserve(self, rows: int) -> str:
        """Keep the last row from scrolling; the cursor must not stand in it, so what is there moves up first."""
        if rows == self._rows:
            return ""
        self._rows = rows
        return f"\n\x1b[1A{SAVE}\x1b[1;{rows - 1}r{RESTORE}"

    def _write(self, text: str) -> None:
        os.write(self._terminal, text.encode(errors="replace"))
