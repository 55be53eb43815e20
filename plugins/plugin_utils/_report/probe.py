"""How long services were unavailable: what questions that are asked again and again add up to. Pure."""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._roll.blockers import ask, on_controller, parse_blockers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._roll.blockers import Blocker


@dataclass
class Outages:
    """The answers of one service, by a clock that never goes back.

    It is unavailable from the question that had the first bad answer until the question that had the next good one.
    """

    name: str
    asked: int = 0
    began: float | None = None  # of the outage that goes on
    why: str = ""  # the last bad answer
    ended: list[float] = field(default_factory=list)  # seconds of each outage that is over

    def hear(self, complaint: str, asked_at: float) -> None:
        """Take an answer: a complaint, or nothing where it was good."""
        self.asked += 1
        if complaint:
            self.why = complaint
            self.began = asked_at if self.began is None else self.began
        elif self.began is not None:
            self.ended.append(asked_at - self.began)
            self.began = None

    def told(self, now: float) -> dict[str, Any]:
        """Give plain data; seconds are rounded to tenths."""
        outages = [*self.ended, *([] if self.began is None else [now - self.began])]
        return {
            "service": self.name,
            "seconds_unavailable": round(sum(outages), 1),
            "outages": len(outages),
            "longest": round(max(outages, default=0.0), 1),
            "unavailable_in_the_end": self.began is not None,
            "asked": self.asked,
            "why": self.why,
        }


def say(told: dict[str, Any]) -> str:
    """Say in a line how long a service was unavailable."""
    if not told["asked"]:
        return f"{told['service']} was never probed: the run was too short."
    if not told["outages"]:
        return f"{told['service']} was available throughout ({told['asked']} answers)."
    times = (
        "once" if told["outages"] == 1 else f"{told['outages']} times, the longest for {told['longest']} s"
    )
    still = ", and still is" if told["unavailable_in_the_end"] else ""
    return f"{told['service']} was unavailable for {told['seconds_unavailable']} s, {times}{still} ({told['why']})."


def watch(probe: Blocker, outages: Outages, every: float, end: threading.Event) -> None:
    """Ask a probe until the end."""
    while not end.is_set():
        asked_at = time.monotonic()
        outages.hear(ask(probe, on_controller), asked_at)
        end.wait(max(0.0, asked_at + every - time.monotonic()))


def main(arguments: Sequence[str]) -> None:
    """Watch the probes of the first argument, JSON, each so many seconds as the second says, until stdin ends."""
    probes = parse_blockers(json.loads(arguments[0]), "probes")
    end = threading.Event()
    watched = [(probe, Outages(probe.name)) for probe in probes]
    for probe, outages in watched:
        threading.Thread(target=watch, args=(probe, outages, float(arguments[1]), end), daemon=True).start()
    sys.stdin.read()
    now = time.monotonic()
    end.set()
    json.dump([outages.told(now) for _probe, outages in watched], sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
