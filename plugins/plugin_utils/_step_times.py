# This is a private utility of the orderly.services collection; it may change without notice.
"""How long each step of a change takes, by the times that hosts note in it. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TIMES = (
    "orderly_step_times"  # the fact of a host: by service, when its steps began, in seconds since the epoch
)
END = "end"  # what the moment is called at which the last step ends


def step_seconds(noted: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Give the seconds that each step took on the slowest host; *noted* is what each host noted of one service.

    A host that did not come to the end tells nothing of the step it was in.
    """
    seconds: dict[str, float] = {}
    for times in noted:
        moments = sorted((time, step) for step, time in times.items())
        for (begin, step), (end, _next) in pairwise(moments):
            seconds[step] = max(seconds.get(step, 0.0), round(end - begin, 1))
    return seconds
