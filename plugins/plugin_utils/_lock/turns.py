"""Hosts of one batch that ask each for itself, in processes that know nothing of each other.

They leave marks in a folder of the run: who has asked, so that they ask in the order in which they were planned, and
who was refused, so that the others need not find that out, and the reason is told once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

FIRST_PAUSE = 1.0
LONGER = (
    1.25  # so that whoever waits for hours asks some dozens of times, each of them a task within the last
)
POLITE = 5.0
"""Seconds to wait for those before: a host that skips its task, as with ``--step``, never asks."""
POLL = 0.02


@dataclass(frozen=True)
class Patience:
    """How long a host has waited for other runs by now, and for how long it waits before it asks again, in seconds."""

    waited: float = 0.0
    pause: float = FIRST_PAUSE

    @classmethod
    def after(cls, answer: Mapping[str, Any]) -> Patience:
        """Go on where an answer that said to wait has left off; any other answer is from before."""
        return cls(answer["waited"], answer["pause"]) if answer.get("waits") else cls()

    def spent(self, seconds: float, *, for_others: bool) -> Patience:
        """Add a pause: only what was waited for other runs counts, and one without an event makes the next longer."""
        return Patience(
            self.waited + seconds if for_others else self.waited,
            self.pause * LONGER if seconds >= self.pause else self.pause,
        )

    def as_result(self) -> dict[str, float]:
        """Give plain data for :meth:`after`."""
        return {"waited": round(self.waited, 1), "pause": self.pause}


class Marks:
    """The marks of a batch, below *folder*, each of its processes adding its own."""

    def __init__(self, folder: Path) -> None:
        """Make the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self._asked = folder / "asked"
        self._refused = folder / "refused"

    def has_asked(self, host: str) -> None:
        """Tell those behind that they may ask."""
        with self._asked.open("a", encoding="utf-8") as file:
            file.write(json.dumps(host) + "\n")

    def wait_for(
        self,
        hosts: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Let those before ask first, or for :data:`POLITE` seconds at most."""
        end = clock() + POLITE
        missing = set(hosts)
        while (missing := missing - self._have_asked()) and clock() < end:
            sleep(POLL)

    def was_refused(self, host: str) -> None:
        """Tell the others, unless somebody has."""
        try:
            with self._refused.open("x", encoding="utf-8") as file:
                file.write(host)
        except FileExistsError:
            return

    def refused(self) -> str:
        """Name the host that was refused first; empty where none was."""
        return self._refused.read_text(encoding="utf-8") if self._refused.exists() else ""

    def _have_asked(self) -> set[str]:
        lines = self._asked.read_text(encoding="utf-8").splitlines() if self._asked.exists() else []
        return set(map(json.loads, lines))
