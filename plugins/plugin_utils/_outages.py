# This is a private utility of the orderly.services collection; it may change without notice.
"""How long services were unavailable: what questions that are asked again and again add up to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
        return f"{told['service']} was never asked: the run was too short."
    if not told["outages"]:
        return f"{told['service']} was available all the time ({told['asked']} answers)."
    times = (
        "once" if told["outages"] == 1 else f"{told['outages']} times, for {told['longest']} s at the longest"
    )
    still = ", and still is" if told["unavailable_in_the_end"] else ""
    return f"{told['service']} was unavailable for {told['seconds_unavailable']} s, {times}{still} ({told['why']})."
